"""What an ``OSError`` means to somebody who keeps files in Herdbook."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from herdbook.kernel.errors import CorruptError, DeniedError, HerdbookError, UnavailableError

if TYPE_CHECKING:
    from pathlib import Path

_FULL = {
    errno.ENOSPC: ("disk-full", "the disk is full", "Free some space there, or move the registry, and try again."),
    errno.EDQUOT: ("quota-used-up", "your quota is used up", "Free some space there, or ask for more, and try again."),
    errno.EFBIG: (
        "file-too-large",
        "a file of this size is not allowed",
        "Raise the limit (`ulimit -f`), or use a file system that takes larger files.",
    ),
    errno.EROFS: ("read-only", "the file system is read-only", "Mount it writable, or choose another registry."),
    errno.EMFILE: ("too-many-open-files", "this process has too many files open", "Raise `ulimit -n`."),
    errno.ENFILE: ("too-many-open-files", "this machine has too many files open", "Try again later."),
}


def writing(error: OSError, where: Path) -> HerdbookError:
    """Return our error for one that the system gave while we wrote below ``where``."""
    if error.errno in _FULL:
        code, what, hint = _FULL[error.errno]
        return UnavailableError(f"{where} cannot be written: {what}", code=code, hint=hint)
    if error.errno in {errno.EACCES, errno.EPERM}:
        return DeniedError(
            f"{where} cannot be written: you have no permission",
            code="not-permitted",
            hint="Ask its owner for the right to write there, or choose another registry.",
        )
    return UnavailableError(
        f"{where} cannot be written: {error.strerror or error}",
        code="disk-trouble",
        hint="See the system's log for what the disk says; nothing half-written was kept.",
    )


def reading(error: OSError, where: Path) -> HerdbookError:
    """Return our error for one that the system gave while we read the kept file ``where``."""
    if error.errno in {errno.EMFILE, errno.ENFILE}:
        code, what, hint = _FULL[error.errno]
        return UnavailableError(f"{where} cannot be read: {what}", code=code, hint=hint)
    if error.errno in {errno.EACCES, errno.EPERM}:
        return DeniedError(
            f"{where} cannot be read: you have no permission",
            code="not-permitted",
            hint="Ask its owner for the right to read it.",
        )
    if error.errno in {errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN}:
        return UnavailableError(
            f"{where} cannot be read: {error.strerror}", code="disk-away", hint="Look whether the disk is mounted."
        )
    return CorruptError(
        f"{where} cannot be read: {error.strerror or error}",
        code="unreadable",
        hint="See the system's log for what the disk says, and bring the file back from a backup or a mirror.",
    )
