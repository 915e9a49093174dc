"""Git repositories for tests, made without the git program: real objects, references, packs and bundles on disk."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

FILE, PROGRAM, FOLDER, LINK, SUBMODULE = 0o100644, 0o100755, 0o040000, 0o120000, 0o160000
Entry = tuple[int, bytes, str]
"""Mode, name and id of what stands in a tree."""


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link in a tree, by the text it holds."""

    target: str


@dataclass(frozen=True, slots=True)
class Submodule:
    """A commit of another repository in a tree."""

    commit: str


Content = bytes | Link | Submodule


class Repository:
    """A bare git directory that grows commit by commit.

    Args:
        folder: where it is made; a work tree's folder with ``bare=False``, whose ``.git`` is then ``self.folder``.
        packed: keep objects in memory until ``pack`` is called, which is quicker for many.
    """

    def __init__(self, folder: Path, *, bare: bool = True, packed: bool = False) -> None:
        self.folder = folder if bare else folder / ".git"
        self._waiting: dict[str, tuple[str, bytes]] | None = {} if packed else None
        self._trees: dict[str, dict[bytes, tuple[int, str]]] = {}
        self._tree_of: dict[str, str] = {}
        self._branches: dict[str, str] = {}
        self._clock = 1_500_000_000
        for name in ("objects/info", "objects/pack", "refs/heads", "refs/tags"):
            (self.folder / name).mkdir(parents=True)
        self.head("refs/heads/master")
        self.write("config", b"[core]\n\trepositoryformatversion = 0\n\tbare = %d\n" % bare)
        self.empty = self.tree([])

    def commit(
        self,
        files: Mapping[str, Content | None],
        message: str | bytes = "A change",
        *,
        author: str | bytes = "Ada Lovelace <ada@example.org>",
        time: int | None = None,
        parents: Sequence[str] | None = None,
        branch: str = "master",
        onto: str | None = None,
        tree: str | None = None,
        headers: bytes = b"",
    ) -> str:
        """Make a commit and move its branch there; return its id.

        Args:
            files: the complete tree by path; with ``onto`` (a commit) only what differs from there, ``None`` removes.
            message: what it says; bytes are taken as they are.
            author: ``Name <mail>``, also the committer.
            time: seconds since 1970 in UTC; a minute after the one before if not given.
            parents: ids; by default the branch's commit.
            branch: name of the branch; an empty one moves none.
            onto: the commit whose tree is changed.
            tree: the id of a tree that was put by hand, which is changed like that of ``onto``.
            headers: further lines of the commit's head, each with its line feed: ``encoding latin-1``.
        """
        tree = self.edit(tree or (self._tree_of[onto] if onto else self.empty), files)
        if parents is None:
            parents = [self._branches[branch]] if branch in self._branches else []
        self._clock = self._clock + 60 if time is None else time
        who = (author.encode() if isinstance(author, str) else author) + b" %d +0000" % self._clock
        above = b"".join(b"parent %s\n" % parent.encode() for parent in parents)
        body = message.encode() if isinstance(message, str) else message
        head = b"tree %s\n%sauthor %s\ncommitter %s\n%s\n" % (tree.encode(), above, who, who, headers)
        made = self.put("commit", head + body)
        self._tree_of[made] = tree
        if branch:
            self._branches[branch] = made
            self.ref(f"refs/heads/{branch}", made)
        return made

    def edit(self, tree: str, files: Mapping[str, Content | None]) -> str:
        """Return the id of a tree in which some paths were put, or removed with ``None``."""
        below: dict[bytes, dict[str, Content | None]] = {}
        if not files:
            return tree
        entries = dict(self._trees[tree])
        for path, content in files.items():
            name, _, rest = path.partition("/")
            if rest:
                below.setdefault(name.encode(), {})[rest] = content
            elif content is None:
                entries.pop(name.encode(), None)
            else:
                entries[name.encode()] = self._entry(content)
        for folder, inside in below.items():
            old = entries.get(folder, (0, ""))
            new = self.edit(old[1] if old[0] == FOLDER else self.empty, inside)
            entries[folder] = (FOLDER, new)
            if new == self.empty:
                del entries[folder]
        return self.tree((mode, name, digest) for name, (mode, digest) in entries.items())

    def _entry(self, content: Content) -> tuple[int, str]:
        if isinstance(content, Submodule):
            return SUBMODULE, content.commit
        if isinstance(content, Link):
            return LINK, self.put("blob", content.target.encode())
        return FILE, self.put("blob", content)

    def tree(self, entries: Iterable[Entry]) -> str:
        """Put a tree and return its id; names and modes may be any, and stand as git sorts them."""
        ordered = sorted(entries, key=lambda entry: entry[1] + (b"/" if entry[0] == FOLDER else b""))
        lines = (b"%o %s\0%s" % (mode, name, bytes.fromhex(digest)) for mode, name, digest in ordered)
        made = self.put("tree", b"".join(lines))
        self._trees[made] = {name: (mode, digest) for mode, name, digest in ordered}
        return made

    def put(self, kind: str, data: bytes) -> str:
        """Put an object of any kind, right or wrong; return its id."""
        raw = b"%s %d\0" % (kind.encode(), len(data)) + data
        digest = hashlib.sha1(raw, usedforsecurity=False).hexdigest()
        if self._waiting is not None:
            self._waiting[digest] = (kind, data)
        elif not self.loose(digest).exists():
            self.write(f"objects/{digest[:2]}/{digest[2:]}", zlib.compress(raw, 1))
        return digest

    def tag(self, name: str, target: str, *, annotated: bool = False, kind: str = "commit") -> str:
        """Make a tag; return the id of what the reference holds: the target's, or that of the annotated tag."""
        if annotated:
            head = (
                f"object {target}\ntype {kind}\ntag {name}\ntagger Ada Lovelace <ada@example.org> {self._clock} +0000"
            )
            target = self.put("tag", f"{head}\n\nTag {name}\n".encode())
        self.ref(f"refs/tags/{name}", target)
        return target

    def ref(self, name: str, target: str) -> None:
        """Write a loose reference."""
        self.write(name, target.encode() + b"\n")

    def head(self, target: str) -> None:
        """Let HEAD lead to a reference, or to a commit."""
        self.write("HEAD", (f"ref: {target}" if target.startswith("refs/") else target).encode() + b"\n")

    def pack_refs(self, more: Iterable[tuple[str, str]] = ()) -> None:
        """Move all loose references, and any further ones, into ``packed-refs``."""
        found = sorted(path for path in (self.folder / "refs").rglob("*") if path.is_file())
        lines = {path.relative_to(self.folder).as_posix(): path.read_text().strip() for path in found}
        lines.update(more)
        self.write("packed-refs", "".join(f"{target} {name}\n" for name, target in sorted(lines.items())).encode())
        for path in found:
            path.unlink()

    def write(self, name: str, data: bytes) -> None:
        """Write any file of the git directory."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def loose(self, digest: str) -> Path:
        """Return where a loose object lies."""
        return self.folder / "objects" / digest[:2] / digest[2:]

    def drop(self, digest: str) -> None:
        """Remove an object, as a partial clone lacks it; before ``pack``."""
        if self._waiting is not None:
            del self._waiting[digest]
        else:
            self.loose(digest).unlink()

    def _all(self) -> dict[str, tuple[str, bytes]]:
        found = dict(self._waiting or {})
        for path in sorted((self.folder / "objects").glob("??/*")):
            head, _, data = zlib.decompress(path.read_bytes()).partition(b"\0")
            found[path.parent.name + path.name] = (head.split()[0].decode(), data)
        return found

    def pack(self, *, deltas: bool = False) -> Path:
        """Put all loose objects into one pack; return its path."""
        from dulwich.pack import write_pack_index  # noqa: PLC0415 - an extra of the tests

        objects = self._all()
        pack = self.folder / "objects/pack/pack-new.pack"
        with pack.open("wb") as stream:
            entries, checksum = _write_pack(stream, objects, deltas=deltas)
        pack = pack.rename(pack.with_name(f"pack-{checksum.hex()}.pack"))
        with pack.with_suffix(".idx").open("wb") as stream:
            write_pack_index(stream, sorted((name, *where) for name, where in entries.items()), checksum)
        for digest in objects:
            self.loose(digest).unlink(missing_ok=True)
        if self._waiting is not None:
            self._waiting = {}
        return pack

    def bundle(
        self,
        path: Path,
        *,
        version: int = 2,
        without: Iterable[str] = (),
        prerequisites: Iterable[str] = (),
        capabilities: Iterable[str] = (),
    ) -> Path:
        """Write a bundle of all loose objects but those ``without``, and of all loose references."""
        left = set(without)
        objects = {digest: each for digest, each in self._all().items() if digest not in left}
        refs = sorted(each for each in (self.folder / "refs").rglob("*") if each.is_file())
        lines = [f"# v{version} git bundle", *(f"@{each}" for each in capabilities)]
        lines += [f"-{commit} " for commit in prerequisites]
        lines += [f"{each.read_text().strip()} {each.relative_to(self.folder).as_posix()}" for each in refs]
        with path.open("wb") as stream:
            stream.write("\n".join(lines).encode() + b"\n\n")
            _write_pack(stream, objects, deltas=False)
        return path


def _write_pack(
    stream: BinaryIO, objects: Mapping[str, tuple[str, bytes]], *, deltas: bool
) -> tuple[dict[bytes, tuple[int, int]], bytes]:
    from dulwich.object_format import SHA1  # noqa: PLC0415 - an extra of the tests
    from dulwich.objects import ShaFile  # noqa: PLC0415 - the same
    from dulwich.pack import write_pack_objects  # noqa: PLC0415 - the same

    numbers = {"commit": 1, "tree": 2, "blob": 3, "tag": 4}
    made = [ShaFile.from_raw_string(numbers[kind], data) for kind, data in objects.values()]
    return write_pack_objects(stream, made, SHA1, deltify=deltas)
