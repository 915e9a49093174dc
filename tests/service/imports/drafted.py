"""Hand-made drafts and a source in memory, for tests of plans and of applying them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

from herdbook.kernel.errors import MissingError
from herdbook.model.drafts import (
    DraftBlob,
    DraftFile,
    DraftModel,
    Drafts,
    DraftSaid,
    DraftVersion,
    SourceState,
)
from herdbook.model.rules import Rules
from herdbook.service import plans

RULES = Rules.read(
    {"schema": "herdbook/import-rules/1", "name": "toy", "source": "toy/.*", "namespace": "demo", "package": "Toy/Pack"}
)
READ: dict[str, Any] = {"": {"how": "extracted", "where": "commit:" + "c" * 40}}
TAGS = ("V1", "V2", "V3")


def git(data: bytes) -> str:
    """Return git's digest of a blob."""
    return "git-sha1:" + hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def key_of(model: str, files: Mapping[str, bytes]) -> str:
    lines = "".join(sorted(f"{path}\0{git(data)}\n" for path, data in files.items()))
    return hashlib.sha256((model + lines).encode()).hexdigest()[:16]


def identity(path: str, first: str, last: str | None = None) -> DraftSaid:
    body: dict[str, Any] = {"id": {"scheme": "cms-fileinpath", "value": f"Toy/Pack/data/{path}"}, "source": "Toy/Pack"}
    body |= {"path": path, "first": first} | ({"last": last} if last else {})
    return DraftSaid(type="herdbook/identity/1", body=body, issued="2020-01-01T00:00:00Z", evidence=READ)


def origin(**more: Any) -> DraftSaid:
    body = {"source": "toy/tau", "commit": "c" * 40, **more}
    return DraftSaid(
        type="herdbook/origin/1",
        body=body,
        issued="2020-01-01T00:00:00Z",
        evidence=READ,
        people={"/author": "jane <jane@example.org>"},
    )


def version(
    model: str, files: Mapping[str, bytes], *labels: str, absent: Sequence[str] = (), **more: Any
) -> DraftVersion:
    listed = [
        DraftFile(
            path=path,
            source_path=f"{model}/{path}",
            digest=git(data),
            size=None if path in absent else len(data),
            present=path not in absent,
        )
        for path, data in sorted(files.items())
    ]
    given = {"rule": "r", "commit": "c" * 40, "first": "V1", **more}
    return DraftVersion(key=key_of(model, files), model=model, labels=labels, files=tuple(listed), **given)


def drafts(*versions: DraftVersion, state: str = "s1", **more: Any) -> Drafts:
    """Return drafts of these versions, with the fates of their blobs and whatever else is given."""
    blobs: dict[str, DraftBlob] = {}
    for item in versions:
        for file in item.files:
            held = blobs.get(file.digest)
            blobs[file.digest] = DraftBlob(
                digest=file.digest,
                size=file.size,
                paths=(*(held.paths if held else ()), file.source_path),
                fate="taken" if file.present else "absent",
                versions=(*(held.versions if held else ()), item.key),
            )
    given: dict[str, Any] = {
        "source": SourceState(kind="memory", name="toy/tau", state=state),
        "rules": plans.stamp(RULES),
        "namespace": "demo",
        "package": "Toy/Pack",
        "tags": TAGS,
        "models": tuple(DraftModel(name=name, rule="r") for name in dict.fromkeys(item.model for item in versions)),
        "versions": versions,
        "people": {"jane <jane@example.org>": {"name": "Jane", "email": "jane@example.org"}},
        **more,
    }
    given["blobs"] = (*blobs.values(), *given.get("blobs", ()))
    return Drafts(**given)


class MemorySource:
    """A source that is a dictionary."""

    kind = "memory"
    name = "toy/tau"

    def __init__(self, found: Drafts, contents: Sequence[bytes] = ()) -> None:
        self.found = found
        self.contents = {git(data): data for data in contents}
        self.opened: list[str] = []
        self.drafted = 0

    def state(self) -> SourceState:
        return self.found.source

    def drafts(self, rules: Rules) -> Drafts:
        assert rules.name
        self.drafted += 1
        return self.found

    def open(self, digest: str) -> BinaryIO:
        self.opened.append(digest)
        if digest not in self.contents:
            raise MissingError(f"no {digest} in the source")
        return io.BytesIO(self.contents[digest])

    def close(self) -> None:
        """Nothing is held."""
