"""A contract as a statement; the one that a folder's ``contract.yaml`` makes when the folder is registered."""

from __future__ import annotations

from collections.abc import Sequence

from herdbook.kernel import paths
from herdbook.kernel.errors import DeniedError
from herdbook.model.registrations import Intake
from herdbook.model.statements import Evidence, Said, Subject
from herdbook.service.contracts import declared
from herdbook.service.contracts.assembling import Assembled

TYPE = "herdbook/contract/1"


def said(contract: Assembled, record: str) -> Said:
    """Return a contract as a statement about a version."""
    return Said(
        type=TYPE,
        subject=(Subject(record=record),),
        body=contract.contract.json_object(),
        unknown=contract.unknown or None,
        evidence=dict(contract.evidence) or None,
    )


def beside(taken: Sequence[Intake], record: str) -> list[Said]:
    """Return the statement that a folder's ``contract.yaml`` makes about the version of the folder, if it has one.

    Raises:
        InvalidError: when the file is a contract, and one that cannot be read.
    """
    item = next((each for each in taken if each.path == declared.FILE), None)
    if item is None:
        return []
    try:
        with open(paths.unescape(item.source), "rb") as stream:  # noqa: PTH123 - a name need not be text
            data = stream.read(declared.MAX_BYTES + 1)
    except OSError as error:
        raise DeniedError(f"{item.path!r} cannot be read: {error.strerror}", code="unreadable") from error
    if not declared.is_contract(data):
        return []
    mine = declared.read(data)
    whole = Evidence(how="declared", where=declared.FILE)
    return [said(Assembled(mine.contract, {"": whole, **mine.inferred}, unknown=mine.unknown), record)]
