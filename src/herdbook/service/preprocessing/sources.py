"""Where a preprocessing stands: in a contract (of a version, or ``contract.yaml``), and in files beside a model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from herdbook.kernel.errors import DeniedError, InvalidError
from herdbook.model.contracts import Contract
from herdbook.model.dossiers import FileView
from herdbook.model.preprocessing import Preparation
from herdbook.model.versions import Entry
from herdbook.ports.formats import Readers
from herdbook.ports.registry import Registry
from herdbook.service import checking_subjects
from herdbook.service.contracts import declared
from herdbook.service.preprocessing.contracts import to_spec
from herdbook.service.preprocessing.importing import prepares, read

CONTRACT = "contract"
"""What the preprocessing of a ``contract.yaml`` has for a format."""


def of_paths(readers: Readers, paths: Iterable[str]) -> Iterator[Preparation]:
    """Yield the preprocessing of each file, or file of a folder, that has one; a ``contract.yaml`` comes first.

    Raises:
        HerdbookError: as ``service.intake.plan`` and ``service.contracts.declared.read`` say.
    """
    places = checking_subjects.places(paths)
    for place, subject in zip(places, checking_subjects.of_places(readers, places), strict=True):
        if any(view.path == declared.FILE for view in subject.files):
            yield from _declared(place)
        yield from of_files(place.name, subject.files)


def _declared(place: checking_subjects.Place) -> Iterator[Preparation]:
    """Yield what the author of a folder declares, where that is a contract of ours."""
    folder = Path(place.name)
    try:
        data = (folder / declared.FILE).read_bytes()
    except OSError as error:
        raise DeniedError(f"{declared.FILE} cannot be read: {error.strerror}", code="unreadable") from error
    if declared.is_contract(data):
        contract = declared.read(data).contract
        if any(tensor.features for tensor in contract.inputs or ()):
            yield Preparation(of=place.name, path=declared.FILE, format=CONTRACT, spec=to_spec(contract))


def of_version(registry: Registry, reference: str) -> tuple[Entry, list[Preparation]]:
    """Return a version and its preprocessing: of its newest contract, then of its files.

    Raises:
        MissingError: when there is no such version.
    """
    dossier = registry.versions.dossier(reference)
    entry = dossier.entry
    said = [
        each
        for each in dossier.statements
        if each.current and each.about == "this" and each.statement.kind == "contract"
    ]
    found = []
    for each in said[-1:]:
        contract = Contract.read(each.statement.body)
        if any(tensor.features for tensor in contract.inputs or ()):
            found.append(Preparation(of=entry.reference, contract=each.digest, spec=to_spec(contract)))
    return entry, [*found, *of_files(entry.reference, dossier.files)]


def of_files(of: str, files: Sequence[FileView]) -> Iterator[Preparation]:
    """Yield the preprocessing of each file that has one."""
    for view in files:
        if view.facts is not None and prepares(view.facts):
            told = read(view.facts)
            yield Preparation(of=of, path=view.path, format=view.facts.format, spec=told.spec, findings=told.findings)


def the_one(found: Sequence[Preparation], path: str = "") -> Preparation:
    """Return the preprocessing that is meant: that of ``path``, else the contract's, else the only one.

    Raises:
        InvalidError: when there is none, or there are several.
    """
    wanted = [each for each in found if each.path == path] if path else list(found)
    contracts = [each for each in wanted if each.contract or each.format == CONTRACT]
    if len(contracts) == 1:
        return contracts[0]
    if len(wanted) == 1:
        return wanted[0]
    if not wanted:
        raise InvalidError(
            "nothing there prepares inputs",
            code="preprocessing-none",
            hint="Name a sidecar (preprocess.json, scaler.txt …), or a version whose contract has features.",
        )
    raise InvalidError(
        f"{len(wanted)} files there prepare inputs",
        code="preprocessing-several",
        hint=f"Choose one: {', '.join(str(each.path) for each in wanted[:10])} (--file PATH).",
    )
