"""Symbolic links of a tree: where they lead, which names they give to files, and when that changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from herdbook.model.histories import Blob, Change

MAX_HOPS = 40
MAX_NAMES = 10_000
"""Behind one link at most so many files and links are looked at; links to folders of links would give any number."""
MAX_AT_ONCE = 200_000
"""The same for all links together that one change of the tree concerns."""

Kind = Literal["file", "folder", "dangling", "out", "cycle", "absent"]
Problem = Callable[[str, str, str], None]
"""Takes a code, a message and the link's path."""


class Tree:
    """What stands at paths, by folder."""

    def __init__(self) -> None:
        self._root: dict[str, object] = {}

    def put(self, path: str, blob: Blob) -> None:
        """Put a blob at a path."""
        *folders, name = path.split("/")
        node = self._root
        for folder in folders:
            below = node.get(folder)
            if not isinstance(below, dict):
                below = node[folder] = {}
            node = below
        node[name] = blob

    def drop(self, path: str) -> None:
        """Take away what stands at a path, and the folders that become empty."""
        *folders, name = path.split("/")
        nodes = [self._root]
        for folder in folders:
            below = nodes[-1].get(folder)
            if not isinstance(below, dict):
                return
            nodes.append(below)
        if isinstance(nodes[-1].get(name), Blob):
            del nodes[-1][name]
        for folder, node, above in zip(reversed(folders), reversed(nodes), reversed(nodes[:-1]), strict=False):
            if node:
                break
            del above[folder]

    def get(self, parts: list[str]) -> object:
        """Return the blob or the folder (a dictionary) at a path, ``None`` when nothing is there."""
        node: object = self._root
        for part in parts:
            if not isinstance(node, dict):
                return None
            node = node.get(part)
        return node

    def apply(self, changes: list[Change]) -> None:
        """Make the changes: what goes goes first, a file may become a folder."""
        for change in changes:
            if change.new is None:
                self.drop(change.path)
        for change in changes:
            if change.new is not None:
                self.put(change.path, change.new)


@dataclass(slots=True)
class Lead:
    """Where a link leads: what it is, its path, and the paths that were looked at on the way."""

    kind: Kind
    path: str = ""
    consulted: set[str] = field(default_factory=set)
    looked: int = 0
    """How many files and links were looked at behind it."""


def lead(tree: Tree, link: str, text_of: Callable[[str], str | None]) -> Lead:
    """Follow a link inside a tree, over at most 40 links.

    Args:
        tree: the tree.
        link: the link's path.
        text_of: returns the text of a link by digest, escaped as paths are; ``None`` when it is absent.
    """
    todo = link.split("/")[::-1]
    here: list[str] = []
    consulted: set[str] = set()
    hops = 0
    while todo:
        part = todo.pop()
        if part in {"", "."}:
            continue
        if part == "..":
            if not here:
                return Lead("out", "", consulted)
            here.pop()
            continue
        here.append(part)
        consulted.add("/".join(here))
        entry = tree.get(here)
        if entry is None or (isinstance(entry, Blob) and not entry.link and todo):
            return Lead("dangling", "/".join(here), consulted)
        if isinstance(entry, Blob) and entry.link:
            text, hops = text_of(entry.digest), hops + 1
            if text is None or hops > MAX_HOPS or text.startswith("/"):
                return Lead("absent" if text is None else "cycle" if hops > MAX_HOPS else "out", text or "", consulted)
            here.pop()
            todo.extend(reversed(text.split("/")))
    return Lead("file" if isinstance(tree.get(here), Blob) else "folder", "/".join(here), consulted)


def names(
    tree: Tree,
    link: str,
    led: Lead,
    text_of: Callable[[str], str | None],
    problem: Problem,
    most: int = MAX_NAMES,
) -> dict[str, str]:
    """Return the names that a link gives: name → path of the file it means. ``led`` learns what was looked at."""
    if led.kind == "file":
        return {link: led.path}
    found: dict[str, str] = {}
    waiting: list[tuple[str, str, tuple[str, ...]]] = [(link, led.path, (led.path,))] if led.kind == "folder" else []
    while waiting:
        name, folder, chain = waiting.pop()
        for below, real, blob in _files(tree, folder):
            led.looked += 1
            if led.looked > most:
                problem("link-too-wide", f"leads to more than {most} files and links; further ones are left out", link)
                return found
            if not blob.link:
                found[f"{name}/{below}"] = real
                continue
            further = lead(tree, real, text_of)
            led.consulted |= further.consulted
            if further.kind == "file":
                found[f"{name}/{below}"] = further.path
            elif further.kind == "folder":
                holder = real.rpartition("/")[0]
                if any(at_or_below(step, further.path) for step in (holder, *chain)):
                    problem("link-cycle", f"{real} leads back to {further.path or 'the top'}; it is not followed", link)
                    continue
                led.consulted.add(further.path)
                waiting.append((f"{name}/{below}", further.path, (*chain, further.path)))
    return found


def at_or_below(path: str, folder: str) -> bool:
    """Say whether a path is a folder or lies below it; the empty folder is the top."""
    return not folder or path == folder or path.startswith(folder + "/")


def _files(tree: Tree, folder: str) -> Iterator[tuple[str, str, Blob]]:
    """Yield what stands below a folder: path from there, path from the top, blob."""
    top = tree.get(folder.split("/") if folder else [])
    waiting: list[tuple[str, object]] = [("", top)]
    while waiting:
        below, node = waiting.pop()
        if isinstance(node, Blob):
            yield below, f"{folder}/{below}" if folder else below, node
        elif isinstance(node, dict):
            waiting.extend((f"{below}/{name}" if below else name, node[name]) for name in sorted(node, reverse=True))


class Links:
    """All links of a tree that changes: which lead where, and which of them a change concerns."""

    def __init__(self, text_of: Callable[[str], str | None], problem: Problem, *, named: bool) -> None:
        self.tree = Tree()
        self.leads: dict[str, Lead] = {}
        self.names_of: dict[str, dict[str, str]] = {}
        """Link → name → path; filled when ``named``."""
        self.aliases: dict[str, set[str]] = {}
        """Path → names."""
        self._text_of, self._problem, self._named = text_of, problem, named
        self._looked: dict[str, set[str]] = {}
        self._below: dict[str, set[str]] = {}
        self._left = MAX_AT_ONCE

    def apply(self, changes: list[Change]) -> tuple[set[str], set[str]]:
        """Make the changes; return the links that lead elsewhere now, or may, and the files whose names changed."""
        self.tree.apply(changes)
        concerned: set[str] = set()
        for change in changes:
            if (change.old and change.old.link) or (change.new and change.new.link):
                concerned.add(change.path)
            if self._looked:
                concerned |= self._concerned(change.path)
        renamed: set[str] = set()
        self._left = MAX_AT_ONCE
        for link in sorted(concerned):
            renamed |= self._forget(link)
            entry = self.tree.get(link.split("/"))
            if isinstance(entry, Blob) and entry.link:
                renamed |= self._learn(link)
        return concerned, renamed

    def file(self, path: str) -> tuple[str, str] | None:
        """Return path and digest of the file that a path leads to, over links; ``None`` when there is none."""
        led = lead(self.tree, path, self._text_of)
        blob = self.tree.get(led.path.split("/")) if led.kind == "file" else None
        return (led.path, blob.digest) if isinstance(blob, Blob) else None

    def _concerned(self, path: str) -> set[str]:
        found = set(self._looked.get(path, ())) | self._below.get("", set())
        parts = path.split("/")
        for count in range(1, len(parts) + 1):
            found |= self._below.get("/".join(parts[:count]), set())
        return found

    def _forget(self, link: str) -> set[str]:
        led = self.leads.pop(link, None)
        if led is None:
            return set()
        for watch, path in ((self._below, led.path), *((self._looked, path) for path in led.consulted)):
            if (links := watch.get(path)) is not None:
                links.discard(link)
                if not links:
                    del watch[path]
        # A folder that a link inside the link's folder leads to is watched as a whole, too.
        for path in led.consulted & self._below.keys():
            self._below[path].discard(link)
        gone = self.names_of.pop(link, {})
        for name, path in gone.items():
            self.aliases[path].discard(name)
        return set(gone.values())

    def _learn(self, link: str) -> set[str]:
        led = lead(self.tree, link, self._text_of)
        if led.kind not in {"file", "folder"}:
            self._problem(f"link-{led.kind}", _SAID[led.kind].format(path=led.path), link)
        direct = set(led.consulted)
        given: dict[str, str] = {}
        if self._named:
            given = names(self.tree, link, led, self._text_of, self._problem, min(MAX_NAMES, self._left))
            self._left -= min(led.looked, self._left)
        self.leads[link] = led
        for path in led.consulted:
            self._looked.setdefault(path, set()).add(link)
        if led.kind in {"folder", "dangling"}:
            for path in {led.path, *(led.consulted - direct)}:
                self._below.setdefault(path, set()).add(link)
        if given:
            self.names_of[link] = given
        for name, path in given.items():
            self.aliases.setdefault(path, set()).add(name)
        return set(given.values())


_SAID = {
    "dangling": "leads to {path}, where nothing is",
    "out": "leads out of the tree; it is not followed",
    "cycle": "leads in a circle",
    "absent": "its text is absent from the source",
}
