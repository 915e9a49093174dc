"""Repositories that no rules know, in memory: a line of commits told by what each changes, drafted by the fallback."""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from herdbook.bootstrap.importers import load_rules
from herdbook.kernel import names
from herdbook.kernel.errors import MissingError
from herdbook.model.drafts import Drafts, DraftVersion, SourceState
from herdbook.model.histories import Author, Blob, Change, Commit, Tag, Trouble
from herdbook.service.mapping import draft


@dataclass(frozen=True)
class To:
    """A symbolic link, by its text."""

    text: str


@dataclass(frozen=True)
class Gone:
    """A file whose content the clone lacks, told from others by its name."""

    name: str


Value = bytes | To | Gone | None
"""What a commit puts at a path; ``None`` takes it away."""

TMVA = b'<?xml version="1.0"?>\n<MethodSetup Method="BDT::%s">'
FOREST = b"root\0\0\1\0TKey\0GBRForest %s"
WEAVER = b'{"input_names": ["x"], "var_infos": {}, "var_names": ["%s"]}'
LWTNN = b'{"inputs": [{"name": "%s", "offset": 0, "scale": 1}], "layers": [{"bias": []}]}'
TRITON = b'name: "%s"\nplatform: "onnxruntime_onnx"\nmax_batch_size: 10\n'
TABLE = b"# %s\n0.0 2.5 0.1\n2.5 3.0 0.2\n"


def made(path: str, salt: str = "") -> bytes:
    """Return what a file of that name begins with; other salt gives other bytes."""
    told, low = f"{path}{salt}".encode(), path.lower()
    if low.endswith(".xml"):
        return TMVA % told
    if low.endswith(".xml.gz"):
        return gzip.compress(TMVA % told, mtime=0)
    for end, kind in ((".root", FOREST), ("preprocess.json", WEAVER), (".json", LWTNN), ("config.pbtxt", TRITON)):
        if low.endswith(end):
            return kind % told.replace(b'"', b"'")
    return TABLE % told if low.endswith((".txt", ".csv", ".dat")) else b"\x08\x07 stands for " + told


@dataclass
class Line:
    """A history without branches; costs what its commits change."""

    commits: Sequence[Commit] = ()
    tags: Sequence[Tag] = ()
    heads: Sequence[tuple[str, str]] = ()
    troubles: Sequence[Trouble] = ()
    deltas: list[dict[str, Change]] = field(default_factory=list)
    now: dict[str, Blob] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)

    def commit(self, files: Mapping[str, Value], message: str = "A change", tag: str = "") -> Line:
        """Add a commit that changes these paths."""
        number = len(self.commits)
        id_ = hashlib.sha1(b"%d" % number, usedforsecurity=False).hexdigest()
        time = f"20{10 + number // 8760:02}-01-01T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}Z"
        above = (self.commits[-1].id,) if self.commits else ()
        self.commits = [*self.commits, Commit(id_, above, Author("Ada", "ada@example.org"), time, time, message)]
        delta = {}
        for path, value in files.items():
            new = None if value is None else self._blob(value)
            if self.now.get(path) != new:
                delta[path] = Change(path, self.now.get(path), new)
            if new is None:
                self.now.pop(path, None)
            else:
                self.now[path] = new
        self.deltas.append(delta)
        self.heads = [("refs/heads/master", id_)]
        if tag:
            self.tags = [*self.tags, Tag(tag, id_)]
        return self

    def _blob(self, value: bytes | To | Gone) -> Blob:
        content = value.text.encode() if isinstance(value, To) else str(value).encode()
        content = value if isinstance(value, bytes) else content
        digest = "git-sha1:" + hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
        if not isinstance(value, Gone):
            self.contents[digest] = content
        return Blob(digest, link=isinstance(value, To))

    def changes(self, old: str | None, new: str | None) -> list[Change]:
        at = {commit.id: number for number, commit in enumerate(self.commits)}
        first, last = (at[old] + 1 if old else 0), (at[new] + 1 if new else 0)
        if last - first == 1:
            return sorted(self.deltas[first].values(), key=lambda change: change.path)
        assert first <= last, "tags stand in the order of commits"
        joined: dict[str, Change] = {}
        for delta in self.deltas[first:last]:
            for path, change in delta.items():
                joined[path] = Change(path, joined[path].old if path in joined else change.old, change.new)
        return sorted((each for each in joined.values() if each.old != each.new), key=lambda change: change.path)

    def size(self, digest: str) -> int | None:
        return len(self.contents[digest]) if digest in self.contents else None

    def open(self, digest: str) -> BinaryIO:
        if digest not in self.contents:
            raise MissingError(f"{digest} is not here")
        return io.BytesIO(self.contents[digest])

    def drafts(self, name: str = "cms-data/Reco-Unseen") -> Drafts:
        """Return what the rules for any data package of CMS make of it, checked as a registry would."""
        rules = load_rules("cms-data", name, "git")
        found = draft(self, SourceState(kind="git", name=name, state="state"), rules)
        check(self, found)
        return found


def tree(*paths: str, salt: str = "") -> dict[str, Value]:
    """Return files that begin as their names promise."""
    return {path: made(path, salt) for path in paths}


def check(history: Line, drafts: Drafts) -> None:
    """Check what must hold whatever a tree is called."""
    seen = {change.new.digest for delta in history.deltas for change in delta.values() if change.new}
    assert sorted(blob.digest for blob in drafts.blobs) == sorted(seen), "every blob has one fate"
    held = {file.digest for version in drafts.versions for file in version.files}
    assert held == {blob.digest for blob in drafts.blobs if blob.versions}
    assert all(blob.reason for blob in drafts.blobs if blob.fate != "taken")
    models = [model.name for model in drafts.models]
    assert {version.model for version in drafts.versions} == set(models)
    low = [names.check_model(name).lower() for name in models]
    assert len(set(low)) == len(low), "names are apart without case"
    above = {"/".join(name.split("/")[:count]) for name in low for count in range(1, name.count("/") + 1)}
    assert not above & set(low), "no model is a folder of another"
    labels = [(each.model, names.check_label(label).casefold()) for each in drafts.versions for label in each.labels]
    assert len(set(labels)) == len(labels), "a label leads to one version"
    assert all(version.labels for version in drafts.versions)
    keys = [version.key for version in drafts.versions]
    assert len(set(keys)) == len(keys)


def short(drafts: Drafts) -> dict[str, list[str]]:
    """Return model (without the prefix) → the first label of each of its versions."""
    found: dict[str, list[str]] = {}
    for version in drafts.versions:
        found.setdefault(version.model.split("/", 2)[2], []).append(version.labels[0])
    return found


def one(drafts: Drafts, model: str, label: str = "") -> DraftVersion:
    """Return the version of a model (its name without the prefix) under a label, or its only one."""
    found = [v for v in drafts.versions if v.model.split("/", 2)[2] == model and (not label or label in v.labels)]
    assert len(found) == 1, short(drafts)
    return found[0]


def inside(version: DraftVersion) -> list[str]:
    return sorted(file.path for file in version.files)


def skipped(drafts: Drafts) -> dict[str, str]:
    """Return path → why it is no model's."""
    return {path: blob.reason for blob in drafts.blobs if blob.fate == "skipped" for path in blob.paths}
