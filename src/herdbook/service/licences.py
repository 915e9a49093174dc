"""Licences: whether an SPDX expression names licences that exist."""

from __future__ import annotations

import re
from functools import cache

from herdbook.kernel.errors import InvalidError

_WORD = re.compile(r"[A-Za-z0-9.+:-]+")


@cache
def check(expression: str) -> str:
    """Return the expression when every identifier is on the SPDX list, or begins with ``LicenseRef-``.

    Raises:
        InvalidError: naming those that are not.
    """
    from license_expression import get_spdx_licensing  # noqa: PLC0415 - reads a list of 2,000 licences

    known = {
        key.lower() for key in get_spdx_licensing().known_symbols
    }  # the list itself, without the library's aliases
    named = [word for word in _WORD.findall(expression) if word not in {"AND", "OR", "WITH"}]
    unknown = [
        word for word in named if not word.startswith("LicenseRef-") and word.removesuffix("+").lower() not in known
    ]
    if unknown:
        raise InvalidError(
            f"not on the SPDX list of licences: {', '.join(unknown)}",
            code="unknown-licence",
            hint="See spdx.org/licenses; write LicenseRef-NAME for another, or leave it out when unknown.",
        )
    return expression
