"""Whether a file is a pickle, whatever it is called: by its mark, or because it can be followed and calls something.

Protocols 0 and 1 have no mark, and their opcodes are letters: what a text is must not become a pickle, and what
PyTorch or joblib would load must not pass for a text, or for a damaged model of another format.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from herdbook.kernel.errors import HerdbookError
from herdbook.plugins.formats import torch_legacy
from herdbook.plugins.formats.pickle_packed import UNREAD, compression, unpacked
from herdbook.plugins.formats.pickle_stream import Flat, Streamed
from herdbook.plugins.formats.pickle_walk import Budget, Pickle, Walk

if TYPE_CHECKING:
    from herdbook.ports.formats import ReadAt

SUFFIXES = (".pkl", ".pickle", ".joblib", ".jl", ".dill", ".pt", ".pth")
"""Names that say pickle, so that less evidence does."""
_TAR = (".pt", ".pth", ".tar")
_PLAIN = re.compile(
    rb"\(?[dlt]p?\d*\n?[.sSVKFIc(ag]|[\]})]q."
    rb"|\(*c(?:copy_reg|copyreg|__builtin__|builtins|collections|numpy|torch|sklearn|joblib|__main__)[\w.]*\n\w+\n",
    re.DOTALL,
)
"""How a pickle without a mark begins that holds data, or an object of a library, and may be cut before it calls."""
_HEAD = 4096
_STEPS = 20_000
_MANY = 1000
"""Opcodes in a row that no text happens to be."""


def which(file: ReadAt, path: str) -> str:
    """Return `torch-pickle`, `joblib` or `pickle`, as far as the beginning tells; empty when it is none of them."""
    lower = path.lower()
    head = file.read_at(0, min(_HEAD, file.size))
    if torch_legacy.is_stream(head) or (torch_legacy.is_tar(head) and lower.endswith(_TAR)):
        return "torch-pickle"
    named = lower.endswith(SUFFIXES)
    how = compression(head)
    if how in UNREAD:
        return "joblib" if how == "zfile" or named else ""
    if how:
        head = _unpacked_head(file, how)
        found = _followed(head)
        return "pickle" if _begins(found, head, named=named) or _acts(found, len(head)) else ""
    found = _followed(head)
    if _begins(found, head, named=named) or _acts(found, file.size):
        return "pickle"
    if file.size > len(head) and found.trouble is not None and found.trouble.details.get("ends"):
        found = Walk(Flat(file), Budget(steps=_STEPS)).run()
        if _acts(found, file.size) or (found.steps > _MANY and not found.odd):
            return "pickle"
    return ""


def _unpacked_head(file: ReadAt, how: str) -> bytes:
    try:
        return unpacked(file, how).take(_HEAD)
    except HerdbookError:
        return b""


def _followed(head: bytes) -> Pickle:
    parts = [head]
    return Walk(Streamed(lambda _: parts.pop() if parts else b"", len(head)), Budget()).run()


def _begins(found: Pickle, head: bytes, *, named: bool) -> bool:
    """Say whether enough opcodes of its beginning could be followed. ``named``: it is called like a pickle."""
    steps = found.steps - (found.trouble is not None and found.end < len(head) and not found.globals)
    if len(head) > 1 and head[0] == 0x80 and head[1] <= 5:
        return steps > 1
    if named:
        return steps > 2
    return steps > 3 and not found.odd and _PLAIN.match(head) is not None


def _acts(found: Pickle, size: int) -> bool:
    """Say whether loading this calls something, or names something and ends as a pickle does.

    What calls and breaks later is meant to be overlooked: loading it has called already.
    """
    if found.odd or not all(_identifiers(f"{each.module}.{each.name}") for each in found.globals):
        return False
    return found.calls > 0 or (found.trouble is None and found.end == size and bool(found.globals))


def _identifiers(name: str) -> bool:
    return all(part.isidentifier() for part in name.split("."))
