"""Bundles: references and a pack in one file (gitformat-bundle). Read in place; the index is made in memory."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from herdbook.kernel import paths
from herdbook.kernel.errors import InvalidError
from herdbook.plugins.importers import git_places
from herdbook.plugins.importers.git_objects import Objects
from herdbook.plugins.importers.git_packs import KINDS, Entry, MemoryIndex, Pack
from herdbook.plugins.importers.git_refs import References, name_of
from herdbook.plugins.importers.git_troubles import Troubles, corrupt, too_large

_LINE = re.compile(rb"([0-9a-f]{40}) (\S.*)")
_ID = re.compile(rb"-[0-9a-f]{40}(?: .*)?")
MOST_HEAD = 256 << 20
_KNOWN = {b"object-format", b"filter"}


def read(path: Path, troubles: Troubles) -> tuple[References, Objects]:
    """Read a bundle's references and make an index of its pack.

    Raises:
        InvalidError: when it needs what is not known here.
        CorruptError: when it is cut or damaged.
    """
    lines, start = _head(path)
    references = References()
    for line in lines:
        if line.startswith(b"@"):
            _capability(line[1:], path)
        elif _ID.fullmatch(line):
            told = "the bundle stands on this commit, which it does not hold"
            troubles.add("prerequisite", told, line[1:41].decode())
        elif (found := _LINE.fullmatch(line)) is not None:
            name = name_of(found[2])
            if name == "HEAD" or name.startswith("refs/"):
                references.ids[name] = found[1].decode()
            else:
                troubles.add("bad-ref", "this is no name of a reference", repr(name[:200]))
        else:
            raise corrupt(f"a line at its beginning is none of a bundle: {line[:80]!r}")
    references.head = _branch_of_head(references)
    pack = Pack(lambda: os.open(path, os.O_RDONLY | os.O_CLOEXEC), MemoryIndex(), start=start)
    try:
        return references, _index(pack, troubles)
    except BaseException:
        pack.close()
        raise


def _head(path: Path) -> tuple[list[bytes], int]:
    with path.open("rb") as stream:
        stream.readline(64)
        lines = []
        while (line := stream.readline(1 << 16)) != b"\n":
            if not line.endswith(b"\n") or stream.tell() > MOST_HEAD:
                raise corrupt("the head of the bundle does not end")
            lines.append(line[:-1])
        return lines, stream.tell()


def _capability(line: bytes, path: Path) -> None:
    key, _, value = line.partition(b"=")
    shown = paths.escape(os.fsencode(path))
    if key == b"object-format" and value != b"sha1":
        raise git_places.sha256(shown)
    if key not in _KNOWN:
        raise InvalidError(
            f"{shown} needs {key.decode('ascii', 'replace')[:80]!r} of its reader, which is not known here",
            code="no-source",
            hint="Make it anew with `git bundle create FILE --all`.",
        )


def _branch_of_head(references: References) -> str:
    """Return the branch that HEAD stands for: a bundle says only where both lead."""
    branches = sorted(name for name in references.ids if name.startswith("refs/heads/"))
    usual = [name for name in ("refs/heads/master", "refs/heads/main") if name in branches]
    head = references.ids.pop("HEAD", None)
    if head is None:
        return next(iter(usual + branches), "")
    same = [name for name in usual + branches if references.ids[name] == head]
    if not same:
        references.ids["HEAD"] = head
    return same[0] if same else "HEAD"


def _index(pack: Pack, troubles: Troubles) -> Objects:
    start = pack.read(0, 12)
    if len(start) < 12 or start[:4] != b"PACK" or start[4:8] not in {b"\0\0\0\2", b"\0\0\0\3"}:
        raise corrupt("the bundle holds no pack")
    count = int.from_bytes(start[8:])
    if count > 100_000_000:
        raise too_large(f"the bundle declares {count} objects")
    offset, deltas = 12, []
    assert isinstance(pack.index, MemoryIndex), "made above"
    for _ in range(count):
        entry = pack.entry(offset)
        body = pack.inflate(entry)
        if entry.base is None:
            hasher = hashlib.sha1(b"%s %d\0" % (KINDS[entry.kind].encode(), entry.size), usedforsecurity=False)
            for piece in body:
                hasher.update(piece)
            pack.index[hasher.digest()] = offset
        else:
            deltas.append((offset, entry))
            for _ in body:
                pass
        offset = body.end
    objects = Objects([pack])
    _resolve(pack, pack.index, objects, deltas, troubles)
    return objects


def _resolve(
    pack: Pack, index: MemoryIndex, objects: Objects, deltas: list[tuple[int, Entry]], troubles: Troubles
) -> None:
    """Find the ids of what deltas make. One whose base is named by id waits until that is found."""
    waiting: dict[bytes, list[int]] = {}
    ready: list[int] = []
    unknown: dict[int, list[int]] = {}
    for offset, entry in deltas:
        if isinstance(entry.base, bytes):
            waiting.setdefault(entry.base, []).append(offset)
        elif entry.base is not None:
            unknown.setdefault(entry.base, []).append(offset)
    of_delta = {offset for offset, _ in deltas}
    known = [(raw, offset) for raw, offset in index.items()]
    for raw, offset in known:
        ready += waiting.pop(raw, []) + unknown.pop(offset, [])
    while ready:
        offset = ready.pop()
        raw = _id_at(pack, objects, offset)
        index.setdefault(raw, offset)
        of_delta.discard(offset)
        ready += waiting.pop(raw, []) + unknown.pop(offset, [])
    if of_delta:
        troubles.add("delta-without-base", f"{len(of_delta)} objects stand on ones that are not in the bundle")


def _id_at(pack: Pack, objects: Objects, offset: int) -> bytes:
    chain = pack.chain(offset)
    assert chain is not None, "its base was found"
    head = b"%s %d\0" % (KINDS[chain[-1].kind].encode(), pack.result_size(chain[0]))
    hasher = hashlib.sha1(head, usedforsecurity=False)
    for piece in objects.pieces(pack, offset):
        hasher.update(piece)
    return hasher.digest()
