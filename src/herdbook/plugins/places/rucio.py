"""Datasets, containers and files in Rucio: ``rucio:SCOPE:NAME``, as ``rucio.cfg`` and the environment reach it."""

from __future__ import annotations

import contextlib
import re
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from herdbook.kernel.errors import HerdbookError, InvalidError, MissingError
from herdbook.model.datasets import ManifestLine
from herdbook.model.places import Sending, Standing
from herdbook.plugins.places import rucio_names as names
from herdbook.plugins.places import rucio_session as session
from herdbook.plugins.places.rucio_names import Did

_ADLER32 = re.compile("[0-9a-f]{8}")
_LOST = {"BAD", "BEING_DELETED"}
"""States of copies that are there no more, or not as they were."""
_MOST_CHILDREN = 10_000
"""Datasets of a container that are asked whether they are closed."""


class RucioPlace:
    """What a Rucio server says, and what its storage elements hold."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._client: Any = None
        self._made_with = ""

    def look(self, uri: str) -> Standing:
        """Ask the server for a DID; see ``Place.look``."""
        did = names.read(uri)
        try:
            client = self._connected()
            with session.asked(did.text):
                found = client.get_did(did.scope, did.name, dynamic_depth="FILE")
                closed = None if found["type"] == "FILE" else self._closed(client, found)
        except MissingError:
            return Standing(state="gone", detail=self._why_gone(did))
        except HerdbookError as error:
            return Standing(state="unknown", detail=error.message)
        return Standing(
            state="exists",
            detail=_detail(found, closed),
            closed=closed,
            files=1 if found["type"] == "FILE" else int(found["length"] or 0),
            size_bytes=int(found["bytes"] or 0),
            checked="size",
        )

    def listing(self, uri: str) -> Iterator[ManifestLine]:
        """Yield the files of a dataset, or of all datasets of a container, as the server sends them."""
        whole = names.read(uri)
        client = self._connected()
        with session.asked(whole.text):
            for file in client.list_files(whole.scope, whole.name):
                yield _line(whole, file)

    def absent(self, uri: str) -> Iterator[str]:
        """Yield paths of files of which Rucio has no copy, or bad ones only; one that is only unavailable has one."""
        whole = names.read(uri)
        client = self._connected()
        with session.asked(whole.text):
            if _complete(client, whole):
                return
            listed: set[tuple[str, str]] = set()
            for file in client.list_replicas([whole.asked], all_states=True):
                listed.add((file["scope"], file["name"]))
                if set(file["states"].values()) <= _LOST:
                    yield names.path(whole, file["scope"], file["name"])
            for file in client.list_files(whole.scope, whole.name):  # those without any copy are not listed before
                if (file["scope"], file["name"]) not in listed:
                    yield names.path(whole, file["scope"], file["name"])

    def copies(self, uri: str, path: str = "") -> Iterator[str]:
        """Yield a file's copies, by storage element, in the server's order."""
        whole = names.read(uri)
        for did, rse, _ in self._replicas(names.files(whole, path) if path else [whole]):
            if whole.rse in {"", rse}:
                yield f"rucio:{did.text}?rse={rse}"

    def open(self, uri: str, path: str = "") -> BinaryIO:
        """Bring a file from the first copy that can be had, or from the one that is meant; see ``Place.open``."""
        whole = names.read(uri)
        trouble: HerdbookError | None = None
        for did, rse, pfn in self._replicas(names.files(whole, path) if path else [whole]):
            if whole.rse in {"", rse}:
                try:
                    return self._brought(did, rse, pfn)
                except HerdbookError as error:
                    trouble = error
        raise trouble or MissingError(
            f"Rucio knows no copy of {uri} {path}".rstrip(), code="gone", hint="Look for another place that has it."
        )

    def default(self, name: str) -> str:
        """Return the URI in the scope of the account that acts; see ``Depot.default``."""
        client = self._connected()
        with session.asked("the account"):
            account = client.account or client.whoami()["account"]
        return f"rucio:user.{account}:{name}"

    def put(self, uri: str, files: Sequence[Sending], target: str) -> None:
        """Upload or register files as a dataset; see ``Depot.put``."""
        from herdbook.plugins.places import rucio_put  # noqa: PLC0415 - only `data put` needs it

        rucio_put.put(self._connected(), names.read(uri), files, target)

    def close(self) -> None:
        """End the session."""
        with self._lock:
            if self._client is not None:
                self._client.session.close()
            self._client = None

    def _connected(self) -> Any:  # noqa: ANN401 - rucio has no types
        with self._lock:
            now = session.configured()
            if self._client is None or now != self._made_with:
                if self._client is not None:
                    self._client.session.close()
                self._client, self._made_with = session.connect(), now
            return self._client

    def _replicas(self, dids: Sequence[Did]) -> Iterator[tuple[Did, str, str]]:
        client = self._connected()
        found: list[tuple[int, Did, str, str]] = []
        with session.asked(dids[0].text):
            for file in client.list_replicas([did.asked for did in dids]):
                did = Did(file["scope"], file["name"])
                if did.text not in {each.text for each in dids}:
                    raise InvalidError(
                        f"{dids[0].text} is no file", code="not-a-file", hint="Say which of its files is meant."
                    )
                for pfn, told in file.get("pfns", {}).items():
                    found.append((int(told.get("priority") or 0), did, str(told["rse"]), str(pfn)))
        for _, did, rse, pfn in sorted(found, key=lambda each: each[0]):
            yield did, rse, pfn

    def _brought(self, did: Did, rse: str, pfn: str) -> BinaryIO:
        """Return the bytes of one copy, as the protocol of its storage element gives them; nothing compares them."""
        client = self._connected()
        with session.asked(f"{did.text} at {rse}"), tempfile.TemporaryDirectory(prefix="herdbook-rucio-") as folder:
            from rucio.rse import rsemanager  # noqa: PLC0415 - see rucio_session

            # Its DownloadClient asks for all scopes at each call, and lets a name say where in the folder it writes.
            element = rsemanager.get_rse_info(rse, vo=client.vo)
            token = client.auth_token if client.auth_token.count(".") == 2 else None  # only a JWT is for storage
            protocol = rsemanager.create_protocol(
                element, operation="read", scheme=pfn.partition(":")[0], auth_token=token, logger=session.Quiet()
            )
            target = Path(folder, "file")
            protocol.connect()
            try:
                protocol.get(pfn, str(target))
            finally:
                protocol.close()
            return target.open("rb")  # it lives as long as the stream

    def _closed(self, client: Any, found: dict[str, Any]) -> bool | None:  # noqa: ANN401 - rucio has no types
        """Say whether nothing can be added: of a container, to none of its datasets either."""
        if found["open"]:
            return False
        todo, count = [(found["scope"], found["name"])] if found["type"] == "CONTAINER" else [], 0
        while todo:
            for child in client.list_content(*todo.pop()):
                count += 1
                if count > _MOST_CHILDREN:
                    return None
                if child["type"] != "FILE" and client.get_did(child["scope"], child["name"])["open"]:
                    return False
                if child["type"] == "CONTAINER":
                    todo.append((child["scope"], child["name"]))
        return True

    def _why_gone(self, did: Did) -> str:
        """Return how much Rucio can say of a name that it does not have."""
        with contextlib.suppress(HerdbookError), session.asked(did.text):
            client = self._connected()
            if rules := list(client.list_replication_rule_full_history(did.scope, did.name)):
                last = max(str(rule["updated_at"]) for rule in rules)
                return f"Rucio had it, under rules that last changed on {last[:10]}, and has it no more"
            if did.scope not in client.list_scopes():
                return f"Rucio has no scope {did.scope}"
        return "Rucio has no such name; whether it ever had one it does not say"


def _complete(client: Any, whole: Did) -> bool:  # noqa: ANN401 - rucio has no types
    """Say whether one storage element has a good copy of each file: one question, where a list takes 10 ms a file."""
    found = client.get_did(whole.scope, whole.name, dynamic_depth="FILE")
    if found["type"] != "DATASET":
        return False
    held = client.list_dataset_replicas(whole.scope, whole.name, deep=True)
    return any(int(each["available_length"] or 0) >= int(found["length"] or 0) for each in held)


def _detail(found: dict[str, Any], closed: bool | None) -> str:
    said = [str(found["type"]).lower()]
    if closed is False:
        said.append("not closed: files can still be added")
    if found.get("expired_at"):
        said.append(f"expires on {found['expired_at']}")
    return "; ".join(said)


def _line(whole: Did, file: dict[str, Any]) -> ManifestLine:
    adler32 = str(file.get("adler32") or "").lower()
    told = {
        "path": names.path(whole, file["scope"], file["name"]),
        "size": file.get("bytes"),
        "adler32": adler32 if _ADLER32.fullmatch(adler32) else None,
        "events": file.get("events"),
    }
    return ManifestLine.read({name: value for name, value in told.items() if value is not None})
