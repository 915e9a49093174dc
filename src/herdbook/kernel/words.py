"""The one tokeniser: NFKC, case folding, split at non-alphanumerics and at camelCase; no stemming, no stop words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

MAX_WORD = 64
_RUN = re.compile(r"[^\W_]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def split(text: str) -> Iterator[str]:
    """Yield the words of a text, folded: a run of letters and digits, and its camelCase parts where it has several.

    ``ParticleNetAK4`` gives ``particlenetak4``, ``particle``, ``net``, ``ak4``. A word is cut at 64 characters.
    """
    for match in _RUN.finditer(unicodedata.normalize("NFKC", text)):
        run = match.group()
        yield run.casefold()[:MAX_WORD]
        parts = _CAMEL.split(run)
        if len(parts) > 1:
            for part in parts:
                yield part.casefold()[:MAX_WORD]


def whole(text: str) -> list[str]:
    """Return the words that a query for this text must all find: its runs, not their parts."""
    runs = _RUN.findall(unicodedata.normalize("NFKC", text))
    return [run.casefold()[:MAX_WORD] for run in runs]
