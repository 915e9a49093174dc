"""The content of a symbolic link, as git stores it: the path of its target, and no line end."""

from __future__ import annotations

import posixpath
import re
from typing import Any

from herdbook.model.facts import Finding, Severity
from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.text_file import TextFile
from herdbook.ports.formats import Listing

FORMAT = "git-symlink"
MAX_TARGET = 1023
_TARGET = re.compile(r"[A-Za-z0-9_.+\-=@~][A-Za-z0-9_.+\-=@~/ ]*")


def fits(content: Any, path: str) -> bool:  # noqa: ANN401 - a kind is asked about anything
    """Say whether it is one path without a line end, and leads up or to a file of the same suffix."""
    if not isinstance(content, TextFile) or not 0 < len(content.data) <= MAX_TARGET:
        return False
    target = content.text
    if not _TARGET.fullmatch(target) or target.endswith((" ", "/")) or "//" in target:
        return False
    if target.startswith(("../", "./")):
        return True
    suffix = posixpath.splitext(path)[1].lower()
    return bool(suffix) and posixpath.splitext(target)[1].lower() == suffix and " " not in target


def read(content: TextFile, path: str, listing: Listing) -> Content:  # noqa: ARG001 - the signature of a kind
    """Read the target. It is not followed."""
    target = content.text
    findings: tuple[Finding, ...] = ()
    if posixpath.normpath(posixpath.join(posixpath.dirname(path), target)).startswith("../"):
        message = f"the link leads out of the folder, to {target[:200]!r}; it is not followed"
        findings = (Finding(rule="symlink-outside", severity=Severity.WARNING, message=message, where="/target"),)
    return Content(format=FORMAT, values={"target": target}, where={"/target": "byte 0"}, findings=findings)
