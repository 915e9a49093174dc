"""Quarantine: nothing that serves leads to a pickle. Asked wherever an alias moves or a contract names members."""

from __future__ import annotations

from herdbook.kernel.errors import ConflictError
from herdbook.model import quarantine
from herdbook.model.contracts import Contract
from herdbook.model.statements import Statement
from herdbook.model.versions import Entry, Version
from herdbook.ports.blobs import BlobStore
from herdbook.ports.catalogue import Reader
from herdbook.service import bodies, dossiers
from herdbook.service.journal import Draft

_HINT = (
    "Export it (ONNX, TorchScript, safetensors, skops) and register both together: the pickle stays as a checkpoint "
    "beside the model that serves."
)


def check_version(tx: Reader, blobs: BlobStore, entry: Entry) -> None:
    """Refuse a version to which an alias is to lead, when what it serves is a pickle.

    Raises:
        ConflictError: ``unsafe-to-serve``.
    """
    dossier = dossiers.dossier(tx, blobs, entry)
    contracts = [Contract.read(body) for body in dossier.said("contract")]
    why = quarantine.refused(dossier.files, contracts)
    if why:
        raise _refusal(f"{entry.reference} cannot serve: {why}", quarantine.quarantined(dossier.files))


def check_contract(tx: Reader, draft: Draft, statement: Statement) -> None:
    """Refuse a contract that gives a pickle to a member: members are what serves.

    Raises:
        ConflictError: ``unsafe-to-serve``.
    """
    contract = Contract.read(statement.body)
    if not contract.members:
        return
    records = [subject.record for subject in statement.subject if subject.record]
    for version in bodies.load(tx, records, draft.values).values():
        if isinstance(version, Version):
            facts = tx.facts(file.digest for file in version.files if file.resolved)
            pickles = [file.path for file in version.files if quarantine.is_pickle(facts.get(file.digest))]
            for member, path in quarantine.in_members(contract, pickles):
                message = f"{path} cannot be a file of the member {member!r}: it is a pickle, and members serve"
                raise _refusal(message, pickles)


def _refusal(message: str, pickles: tuple[str, ...] | list[str]) -> ConflictError:
    return ConflictError(message, code="unsafe-to-serve", hint=_HINT, files=list(pickles))
