"""A pointer of Git LFS: three lines in place of a file whose bytes are elsewhere.

Source: Git LFS specification, version 1: `version`, then keys in order, among them `oid sha256:…` and `size`.
"""

from __future__ import annotations

import re
from typing import Any

from herdbook.model.facts import Finding, Severity
from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.text_file import TextFile
from herdbook.ports.formats import Listing

_BEGINS = b"version https://git-lfs.github.com/spec/v1"
_POINTER = re.compile(r"^oid sha256:([0-9a-f]{64})$.*^size (\d{1,16})$", re.MULTILINE | re.DOTALL)


def fits(content: Any, path: str) -> bool:  # noqa: ANN401, ARG001 - a kind is asked about anything
    """Say whether it is a small file that begins as a pointer does."""
    return isinstance(content, TextFile) and len(content.data) <= 1024 and content.data.startswith(_BEGINS)


def read(content: TextFile, path: str, listing: Listing) -> Content:  # noqa: ARG001 - the signature of a kind
    """Read which bytes it stands for."""
    found = _POINTER.search(content.text)
    values = {"lfs": {"oid": f"sha256:{found[1]}", "size": int(found[2])}} if found else {}
    message = "a pointer of Git LFS stands here in place of the file; `git lfs pull` in the checkout fetches it"
    said = Finding(rule="git-lfs-pointer", severity=Severity.WARNING, message=message)
    return Content(format="other", values={"kind": "git-lfs-pointer", **values}, findings=(said,))
