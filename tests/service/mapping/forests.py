"""Histories in memory: whole trees, from which every difference is computed, and strategies that make them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from hypothesis import strategies as st

from herdbook.kernel.errors import MissingError
from herdbook.model.histories import Author, Blob, Change, Commit, Tag, Trouble

Tree = Mapping[str, Blob]


@dataclass
class Forest:
    """A history whose trees are all known: the slow, plain truth."""

    commits: Sequence[Commit] = ()
    tags: Sequence[Tag] = ()
    heads: Sequence[tuple[str, str]] = ()
    troubles: Sequence[Trouble] = ()
    trees: dict[str, Tree] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)

    def add(self, tree: Mapping[str, bytes], parents: tuple[str, ...], links: Mapping[str, str]) -> str:
        """Add a commit with a whole tree."""
        number = len(self.commits)
        id_ = hashlib.sha1(b"%d" % number, usedforsecurity=False).hexdigest()
        time = f"2020-01-01T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}Z"
        author = Author("Ada", "ada@example.org")
        self.commits = [*self.commits, Commit(id_, parents, author, time, time, f"Commit {number}")]
        files = {path: Blob(self.put(content)) for path, content in tree.items()}
        self.trees[id_] = files | {path: Blob(self.put(text.encode()), link=True) for path, text in links.items()}
        return id_

    def put(self, content: bytes) -> str:
        digest = "git-sha1:" + hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
        self.contents[digest] = content
        return digest

    def changes(self, old: str | None, new: str | None) -> list[Change]:
        before = self.trees[old] if old else {}
        after = self.trees[new] if new else {}
        paths = sorted(before.keys() | after.keys())
        return [Change(p, before.get(p), after.get(p)) for p in paths if before.get(p) != after.get(p)]

    def size(self, digest: str) -> int | None:
        return len(self.contents[digest]) if digest in self.contents else None

    def open(self, digest: str) -> BinaryIO:
        if digest not in self.contents:
            raise MissingError(f"{digest} is not here")
        return io.BytesIO(self.contents[digest])


FILES = [
    "nets/tau_v1_core.pb",
    "nets/tau_v1_inner.pb",
    "nets/tau_v2_core.pb",
    "nets/preprocess.json",
    "nets/README.md",
    "Jet/V00/net.onnx",
    "Jet/V01/net.onnx",
    "Fat/V00/preprocess.json",
    "models/tau/1/net.onnx",
    "models/tau/config.pbtxt",
    "models/fat/2/net.onnx",
    "table.csv",
]
LINKS = ["Fat/V00/modelfile", "Jet/V00/modelfile", "models/x", "Jet/net.onnx", "top"]
TARGETS = ["../../models/tau/1", "../../models/x/1", "fat", "tau/2", "V00/net.onnx", "models", "../..", "x", "Jet/V00"]


@st.composite
def forests(draw: st.DrawFn, *, linked: bool) -> Forest:
    """Draw a history of some commits, branches, roots and merges, with tags in any order of commits."""
    forest = Forest()
    states: dict[str, tuple[dict[str, bytes], dict[str, str]]] = {}
    for _ in range(draw(st.integers(1, 9))):
        known = [commit.id for commit in forest.commits]
        parents = tuple(draw(st.lists(st.sampled_from(known), max_size=2, unique=True))) if known else ()
        files, links = _merged([states[parent] for parent in parents])
        for path, content in draw(_edits(st.sampled_from(FILES), st.sampled_from([b"1", b"2", b"3"]))):
            _put(files, path, content)
        if linked:
            for path, text in draw(_edits(st.sampled_from(LINKS), st.sampled_from(TARGETS))):
                _put(links, path, text)
        id_ = forest.add(files, parents, links)
        states[id_] = files, links
    ids = [commit.id for commit in forest.commits]
    tagged = draw(st.lists(st.sampled_from(ids), max_size=6))
    forest.tags = [Tag(f"T{number}", commit) for number, commit in enumerate(tagged)]
    forest.heads = [("refs/heads/master", draw(st.sampled_from(ids)))]
    return forest


def _edits(paths: st.SearchStrategy[str], values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[tuple[str, Any]]]:
    return st.lists(st.tuples(paths, st.none() | values), max_size=4)


def _put(into: dict[str, Any], path: str, value: Any) -> None:
    if value is None:
        into.pop(path, None)
    else:
        into[path] = value


def _merged(
    states: list[tuple[dict[str, bytes], dict[str, str]]],
) -> tuple[dict[str, bytes], dict[str, str]]:
    files: dict[str, bytes] = {}
    links: dict[str, str] = {}
    for held, led in reversed(states):
        files.update(held)
        links.update(led)
    return files, links
