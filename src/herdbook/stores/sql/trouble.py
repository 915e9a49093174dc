"""What any database says when it cannot, in our words. How each says it, its own ``trouble`` knows."""

from __future__ import annotations

import errno

from herdbook.kernel.errors import ConflictError, DeniedError, HerdbookError, UnavailableError


def of_system(error: OSError, path: object) -> HerdbookError:
    """Return our error for the operating system's, about a file that is made or copied."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return disk_full(path)
    return DeniedError(
        f"{path} cannot be written: {error.strerror}",
        code="cannot-create",
        hint="Choose a folder where you may write.",
    )


def disk_full(place: object) -> UnavailableError:
    """Return the error for a disk without room."""
    return UnavailableError(
        f"the disk of {place} is full; nothing was written",
        code="disk-full",
        hint="Free some space, then do the same again.",
    )


def locked(place: object, hint: str) -> UnavailableError:
    """Return the error for a writer that waited in vain."""
    return UnavailableError(f"another process has been writing {place} for too long", code="locked", hint=hint)


def writing_already() -> UnavailableError:
    """Return the error for a thread that wants to write within its own write."""
    return UnavailableError("this thread is writing already", code="locked", hint="Write everything within one block.")


def read_only(place: object) -> DeniedError:
    """Return the error for writing what may only be read."""
    return DeniedError(
        f"{place} can only be read here",
        code="read-only",
        hint="Ask for write permission on it, or write into a registry of your own.",
    )


def contradiction(cause: object) -> ConflictError:
    """Return the error for what a unique index, or a reference, refuses."""
    return ConflictError(
        f"this contradicts what the catalogue holds: {cause}",
        code="constraint",
        hint="Look at what is there, then try again.",
    )
