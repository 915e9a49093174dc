"""What a repository holds that could not be taken as it stands, and the errors that end the reading of it."""

from __future__ import annotations

from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.model.histories import Trouble

MOST = 1000
"""How many troubles of one code are told one by one."""


class Troubles:
    """Collects troubles: each place once, and of one code not more than anybody reads."""

    def __init__(self) -> None:
        self.items: list[Trouble] = []
        self._seen: set[tuple[str, str]] = set()
        self._count: dict[str, int] = {}

    def add(self, code: str, message: str, where: str = "") -> None:
        """Tell one; where the same was told there already, or too often, it is only counted."""
        if (code, where) in self._seen:
            return
        count = self._count[code] = self._count.get(code, 0) + 1
        if count <= MOST:
            self._seen.add((code, where))
            self.items.append(Trouble(code=code, message=message, where=where))
        elif count == MOST + 1:
            self.items.append(Trouble(code=code, message=f"and more than {MOST} of the same kind, not told one by one"))


def corrupt(what: str) -> CorruptError:
    """Return the error for bytes that are not what the repository promises."""
    return CorruptError(
        f"the source is damaged: {what}",
        code="corrupt-source",
        hint="Run `git fsck` in it, or take it anew from where it comes.",
    )


def too_large(what: str) -> InvalidError:
    """Return the error for a source that asks for more than any real one."""
    return InvalidError(
        f"the source is too large to be read: {what}",
        code="source-too-large",
        hint="Look whether it is what you take it for; import a part of it as a repository of its own.",
    )
