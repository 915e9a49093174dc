"""The one tokeniser: NFKC, case folding, split at non-alphanumerics and at camelCase; no stemming, no stop words."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_WORD = 64
_RUN = re.compile(r"[^\W_]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def fold(run: str) -> str:
    """Return a run of letters and digits as the index keeps it: case folded, at most 64 characters."""
    # İ alone folds to two characters, of which the second, a combining dot, would split the word when it is read again.
    return run.casefold().replace("i\u0307", "i")[:MAX_WORD]


def split(text: str) -> Iterator[str]:
    """Yield the words of a text, folded: a run of letters and digits, and its camelCase parts where it has several.

    ``ParticleNetAK4`` gives ``particlenetak4``, ``particle``, ``net``, ``ak4``. A word is cut at 64 characters.
    """
    for match in _RUN.finditer(unicodedata.normalize("NFKC", text)):
        run = match.group()
        yield fold(run)
        parts = _CAMEL.split(run)
        if len(parts) > 1:
            for part in parts:
                yield fold(part)


def whole(text: str) -> list[str]:
    """Return the words that a query for this text must all find: its runs, not their parts."""
    runs = _RUN.findall(unicodedata.normalize("NFKC", text))
    return [fold(run) for run in runs]
