"""Files into Rucio: as a dataset, uploaded to a storage element, or registered where they lie already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from herdbook.kernel.errors import ConflictError
from herdbook.model.places import Sending
from herdbook.plugins.places import rucio_session as session
from herdbook.plugins.places.rucio_names import Did

_AT_ONCE = 1000
"""Files in one request."""


def put(client: Any, did: Did, files: Sequence[Sending], rse: str) -> None:  # noqa: ANN401 - rucio has no types
    """Make the dataset ``did`` of files, with copies at a storage element; see ``Depot.put``."""
    with session.asked(f"{did.text} at {rse}"):
        there = _there(client, did)
        wanted = {(file.name, file.size, file.adler32) for file in files}
        if there is not None and (there - wanted or (there != wanted and not _open(client, did))):
            raise ConflictError(
                f"{did.text} is in Rucio already, with other files", code="other-content", hint="Choose another --name."
            )
        new = [file for file in files if there is None or (file.name, file.size, file.adler32) not in there]
        if there is None:
            _make(client, did, rse)
        _upload(client, did, [file for file in new if file.at is None], rse)
        _register(client, did, [file for file in new if file.at is not None], rse)
        if _open(client, did):
            client.close(did.scope, did.name)


def _there(client: Any, did: Did) -> set[tuple[str, int, str]] | None:  # noqa: ANN401 - rucio has no types
    from rucio.common.exception import DataIdentifierNotFound  # noqa: PLC0415 - see rucio_session

    try:
        if client.get_did(did.scope, did.name)["type"] != "DATASET":
            raise ConflictError(f"{did.text} is no dataset", code="other-content", hint="Choose another --name.")
    except DataIdentifierNotFound:
        return None
    found = client.list_files(did.scope, did.name)
    return {(str(file["name"]), int(file["bytes"]), str(file["adler32"])) for file in found}


def _open(client: Any, did: Did) -> bool:  # noqa: ANN401 - rucio has no types
    return bool(client.get_did(did.scope, did.name)["open"])


def _make(client: Any, did: Did, rse: str) -> None:  # noqa: ANN401 - rucio has no types
    """Make the empty dataset, with a rule that keeps one copy of each file at the storage element."""
    rule = {"account": client.account, "copies": 1, "rse_expression": rse, "grouping": "DATASET", "lifetime": None}
    client.add_dataset(scope=did.scope, name=did.name, rules=[rule])


def _upload(client: Any, did: Did, files: Sequence[Sending], rse: str) -> None:  # noqa: ANN401 - rucio has no types
    """Bring files; each is attached after its bytes are there. What an attempt before this one brought stays."""
    if not files:
        return
    from rucio.client.uploadclient import UploadClient  # noqa: PLC0415 - see rucio_session
    from rucio.common.exception import NoFilesUploaded, NotAllFilesUploaded  # noqa: PLC0415 - the same

    loader = UploadClient(_client=client, logger=session.Quiet(), tracing=False)
    items = [
        {
            "path": file.source,
            "rse": rse,
            "did_scope": did.scope,
            "did_name": file.name,
            "dataset_scope": did.scope,
            "dataset_name": did.name,
            "register_after_upload": True,
        }
        for file in files
    ]
    try:
        loader.upload(items)
    except (NoFilesUploaded, NotAllFilesUploaded):
        known = {str(file["name"]) for file in client.list_files(did.scope, did.name)}
        left = [{"scope": did.scope, "name": file.name} for file in files if file.name not in known]
        if not _all_there(client, left, files, rse):
            raise
        if left:
            client.attach_dids(did.scope, did.name, left)


def _all_there(client: Any, left: list[dict[str, str]], files: Sequence[Sending], rse: str) -> bool:  # noqa: ANN401 - rucio has no types
    """Say whether an earlier attempt brought those that were not uploaded now, as they are."""
    facts = {file.name: (file.size, file.adler32) for file in files}
    here = {
        str(file["name"])
        for file in (client.list_replicas(left) if left else ())
        if rse in file.get("rses", {}) and facts[file["name"]] == (file["bytes"], file["adler32"])
    }
    return here == {each["name"] for each in left}


def _register(client: Any, did: Did, files: Sequence[Sending], rse: str) -> None:  # noqa: ANN401 - rucio has no types
    for begin in range(0, len(files), _AT_ONCE):
        told = []
        for file in files[begin : begin + _AT_ONCE]:
            facts = {"scope": did.scope, "name": file.name, "bytes": file.size, "adler32": file.adler32}
            if file.md5 is not None:
                facts["md5"] = file.md5
            told.append({**facts, "pfn": file.at})
        client.add_replicas(rse=rse, files=told)
        client.attach_dids(did.scope, did.name, [{"scope": did.scope, "name": file["name"]} for file in told])
