"""Repositories of CVMFS that an environment points into, and the revision of each as it is mounted here."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from herdbook.model.base import Json

ROOTS = ("/cvmfs",)
TIMEOUT_S = 2.0
MOST = 30
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.[A-Za-z0-9-]+")
_ATTRIBUTES = {"revision": "user.revision", "root_hash": "user.root_hash", "tag": "user.tag"}


def repositories(variables: Mapping[str, str], roots: Sequence[str] = ROOTS, paths: Iterable[str] = ()) -> list[Json]:
    """Return the repositories that variables or paths name, each with its revision where it can be read.

    A mounted repository answers for itself by extended attributes (``user.revision``, ``user.root_hash``); a
    published tree has a manifest ``.cvmfspublished``. Others are not touched: looking would mount them. A mount that
    hangs is given up after two seconds.
    """
    found: dict[str, Path] = {}
    for text in (*variables.values(), *paths):
        for root in roots:
            start = 0
            while (start := text.find(root + "/", start)) >= 0:
                match = _NAME.match(text, start + len(root) + 1)
                if match and (start == 0 or text[start - 1] in ":;, =\"'"):
                    found.setdefault(match[0], Path(root) / match[0])
                start += len(root)
    told: dict[str, Json] = {name: {"repository": name} for name in sorted(found)[:MOST]}
    threads = [
        threading.Thread(target=lambda name=name: told[name].update(_revision(found[name])), daemon=True)
        for name in told
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT_S)
    return [dict(item) for item in told.values()]


def _revision(path: Path) -> Json:
    told: Json = {}
    for name, attribute in _ATTRIBUTES.items():
        try:
            value = os.getxattr(path, attribute).decode("utf-8", "replace").strip("\0\n ")
        except (OSError, AttributeError):  # no such attribute; no such function on macOS
            continue
        if value:
            told[name] = int(value) if name == "revision" and value.isascii() and value.isdigit() else value
    return told or _manifest(path / ".cvmfspublished")


def _manifest(path: Path) -> Json:
    """Read a manifest: a letter and a value in each line, ``--`` before the signature; S revision, C root catalogue."""
    try:
        with path.open("rb") as file:
            lines = file.read(65536).partition(b"\n--")[0].decode("utf-8", "replace").split("\n")
    except OSError:
        return {}
    fields = {line[:1]: line[1:] for line in lines if line}
    told: Json = {"root_hash": fields["C"]} if "C" in fields else {}
    if (revision := fields.get("S", "")).isascii() and revision.isdigit():
        told["revision"] = int(revision)
    return told
