"""Contracts of folders and of versions: assembled, declared, and said."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace

from herdbook.kernel.errors import ConflictError, HerdbookError, HerdbookWarning
from herdbook.kernel.names import namespace_of
from herdbook.model.dossiers import Dossier
from herdbook.model.facts import Finding, Severity
from herdbook.model.statements import StatementEntry, Subject
from herdbook.ports.formats import Readers
from herdbook.ports.registry import Registry
from herdbook.service import checking_subjects
from herdbook.service.contracts import agreeing, members
from herdbook.service.contracts.assembling import Assembled, assemble
from herdbook.service.contracts.declared import Declared
from herdbook.service.contracts.saying import TYPE, said


def of_paths(readers: Readers, given: Sequence[str], mine: Declared | None = None) -> Assembled:
    """Return what files tell of their contract, and with ``mine`` what an author says, kept and filled up.

    Raises:
        HerdbookError: as ``service.intake.plan`` says.
    """
    place = checking_subjects.Place(given[0], tuple(given))
    told = assemble(checking_subjects.of_place(readers, place).files)
    return _with_sets(agreeing.agree(mine, told, fill=True) if mine else told)


def of_version(dossier: Dossier) -> Assembled:
    """Return the contract that is said of a version, with what its files tell otherwise; when none is, what they tell.

    Raises:
        ConflictError: when several current contracts differ.
    """
    told = assemble(dossier.files)
    contract = dossier.contract
    if contract is None:
        return _with_sets(told)
    entry = next(each for each in dossier.statements if each.statement.type == TYPE and each.about == "this")
    evidence = entry.statement.evidence or {}
    whole = evidence.get("")
    name = whole.where if whole and whole.where else f"statement {entry.digest[7:19]}"
    mine = Declared(contract, entry.statement.unknown or (), name=name)
    findings = agreeing.agree(mine, told, fill=False).findings
    return _with_sets(Assembled(contract, evidence, findings, mine.unknown))


def warn(registry: Registry, reference: str) -> None:
    """Warn where the files of a version tell otherwise than the contract that was registered with them."""
    try:
        said = [each.message for each in _grave(of_version(registry.versions.dossier(reference)))]
    except HerdbookError as error:  # the version is registered; what cannot be compared is no failure of that
        said = [error.message]
    if said:
        more = f" ({len(said) - 1} more)" if len(said) > 1 else ""
        words = f"{reference}: {said[0]}{more}. Correct it, and say it with herdbook contract add."
        warnings.warn(words, HerdbookWarning, stacklevel=4)


def add(
    registry: Registry, reference: str, mine: Declared, *, confirm: bool = False
) -> tuple[StatementEntry, Assembled]:
    """Say a contract of a version, in place of an earlier one of the same issuer.

    Args:
        registry: the registry, embedded or remote.
        reference: of the version.
        mine: what the author declares.
        confirm: say it although the files tell otherwise.

    Raises:
        ConflictError: when the files of the version tell otherwise, or members overlap, and nobody confirmed.
        MissingError: when there is no such version.
    """
    dossier = registry.versions.dossier(reference)
    found = _with_sets(agreeing.agree(mine, assemble(dossier.files), fill=False))
    grave = _grave(found)
    if grave and not confirm:
        more = f" ({len(grave) - 1} more)" if len(grave) > 1 else ""
        raise ConflictError(
            f"{grave[0].message}{more}",
            code=grave[0].rule,
            hint="Correct the file, or say it all the same with --confirm.",
            findings=[each.json_object() for each in grave],
        )
    record = dossier.entry.record
    issuer = registry.principal.id
    old = tuple(
        each.digest
        for each in dossier.statements
        if each.current
        and each.about == "this"
        and each.statement.type == TYPE
        and each.statement.issuer == issuer
        and each.statement.subject == (Subject(record=record),)
    )
    statement = said(found, record).model_copy(update={"supersedes": old or None})
    return registry.statements.add(namespace_of(dossier.entry.model), [statement])[0], found


def _grave(found: Assembled) -> list[Finding]:
    return [each for each in found.findings if each.rule == "contract-conflict" or each.severity is Severity.ERROR]


def _with_sets(found: Assembled) -> Assembled:
    """Return it with what is wrong with its set; of a set whose conditions nobody knows, nothing is."""
    known = not any(pointer.startswith("/members/") and pointer.endswith("/when") for pointer in found.unknown)
    wrong = members.findings(found.contract.members or ()) if known else ()
    return replace(found, findings=(*found.findings, *wrong))
