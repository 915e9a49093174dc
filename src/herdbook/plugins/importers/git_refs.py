"""References: what the names in a repository lead to. Nothing is opened that a name does not stand for."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field

from herdbook.kernel import paths
from herdbook.plugins.importers.git_files import Directory
from herdbook.plugins.importers.git_troubles import Troubles

_ID = re.compile(rb"[0-9a-f]{40}")
_PACKED = re.compile(rb"([0-9a-f]{40}) (\S[^\n]*)\n(?:\^([0-9a-f]{40})\n)?")
_CONTROL = re.compile(r"[\x00-\x20\x7f-\x9f]")
MOST_PACKED = 256 << 20
MAX_HOPS = 5
REPLACE = "refs/replace/"


@dataclass
class References:
    """Where all names lead: ``ids`` by name; ``peeled`` what annotated tags lead to, where the source says so.

    ``head`` is the name that HEAD stands for (it may lead nowhere yet), or ``HEAD`` itself when it is detached.
    """

    ids: dict[str, str] = field(default_factory=dict)
    peeled: dict[str, str] = field(default_factory=dict)
    head: str = ""


def name_of(raw: bytes) -> str:
    """Return a reference's name; bytes that are not UTF-8 are escaped as in paths."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return paths.escape(raw)


def read(private: Directory, shared: Directory, troubles: Troubles) -> References:
    """Read HEAD, ``packed-refs`` and all loose references.

    Args:
        private: the git directory, where HEAD is.
        shared: where the rest is; another one for a further work tree only.
        troubles: takes what leads nowhere.

    Raises:
        InvalidError: when there is more than any real repository has.
    """
    found = References()
    packed = shared.read("packed-refs", MOST_PACKED) or b""
    for target, raw, peeled in _PACKED.findall(packed if packed.endswith(b"\n") else packed + b"\n"):
        name = name_of(raw)
        if _usable(name, troubles):
            found.ids[name] = target.decode()
            if peeled:
                found.peeled[name] = peeled.decode()
    links: dict[str, bytes] = {}
    for place in shared.walk("refs"):
        name = name_of(os.fsencode(place))
        if not name.endswith(".lock") and _usable(name, troubles):
            _loose(shared.read(place, 4096) or b"", name, found, links, troubles)
    _follow(found, links, troubles)
    _head(private.read("HEAD", 4096) or b"", found, troubles)
    if replaced := [name for name in found.ids if name.startswith(REPLACE)]:
        troubles.add("replace-refs", f"{len(replaced)} objects have a replacement, which is not looked at", REPLACE)
    for name in replaced:
        del found.ids[name]
    return found


def _usable(name: str, troubles: Troubles) -> bool:
    if _CONTROL.search(name) or not name.startswith("refs/") or len(name) > 1000:
        troubles.add("bad-ref", "this is no name of a reference", repr(name[:200]))
        return False
    return True


def _loose(text: bytes, name: str, found: References, links: dict[str, bytes], troubles: Troubles) -> None:
    text = text.strip()
    if text.startswith(b"ref:"):
        links[name] = text[4:].strip()
    elif _ID.fullmatch(text):
        found.ids[name] = text.decode()
        found.peeled.pop(name, None)
    else:
        troubles.add("bad-ref", "the reference does not hold an id", name)


def _follow(found: References, links: dict[str, bytes], troubles: Troubles) -> None:
    for name in links:
        at = name
        for _ in range(MAX_HOPS):
            at = name_of(links[at]) if at in links else at
        if at in found.ids and at not in links:
            found.ids[name] = found.ids[at]
        else:
            troubles.add("ref-absent", "the reference stands for one that leads nowhere", name)


def _head(text: bytes, found: References, troubles: Troubles) -> None:
    text = text.strip()
    if text.startswith(b"ref:"):
        found.head = name_of(text[4:].strip())
        if found.head not in found.ids:
            troubles.add("ref-absent", f"HEAD stands for {found.head!r}, which leads nowhere", "HEAD")
    elif _ID.fullmatch(text):
        found.head = "HEAD"
        found.ids["HEAD"] = text.decode()
    else:
        troubles.add("bad-ref", "HEAD holds neither an id nor the name of a reference", "HEAD")


def state_lines(found: References) -> list[str]:
    """Return one line for each name and where it leads, in an order that everybody finds."""
    return sorted([f"{name} {target}" for name, target in found.ids.items()] + [f"HEAD {found.head}"])
