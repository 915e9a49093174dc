"""Licences: whether an SPDX expression names licences that exist."""

from __future__ import annotations

from functools import cache

from herdbook.kernel.errors import InvalidError


@cache
def check(expression: str) -> str:
    """Return the expression when every identifier is on the SPDX list, or begins with ``LicenseRef-``.

    Raises:
        InvalidError: naming those that are not.
    """
    from license_expression import get_spdx_licensing  # noqa: PLC0415 - reads a list of 2,000 licences

    licensing = get_spdx_licensing()
    info = licensing.validate(expression)
    unknown = [name for name in info.invalid_symbols if not name.startswith("LicenseRef-")]
    if unknown or (info.errors and not info.invalid_symbols):
        what = ", ".join(unknown) or "; ".join(info.errors)
        raise InvalidError(
            f"not on the SPDX list of licences: {what}",
            code="unknown-licence",
            hint="See spdx.org/licenses; write LicenseRef-NAME for another, or leave it out when unknown.",
        )
    return expression
