"""Types of numbers in high-level synthesis: width, integer bits, sign, rounding, overflow.

Source: the template parameters of AMD's `ap_fixed<W, I, Q, O, N>`, `ap_ufixed`, `ap_int<W>`, `ap_uint<W>`, and of
Siemens' `ac_fixed<W, I, S, Q, O>`, `ac_int<W, S>`; hls4ml's `fixed<…>` and `ufixed<…>` in configurations, and its
`nnet::array<T, N>` around them. What is left out has the type's default: truncation (TRN), wrap-around (WRAP) and, for
`ac_`, a sign.
"""

from __future__ import annotations

import re
from typing import Any

_FIXED = re.compile(r"(?:(?P<kind>ap|ac)_)?(?P<sign>u?)(?P<form>fixed|int)\s*<(?P<arguments>[^<>]{1,400})>")
_ARRAY = re.compile(r"(?:nnet::array|std::array)\s*<\s*(?P<of>.+),\s*(?P<size>[\d\s*]{1,100})>")
_MODES = re.compile(r"(?:A[PC]_)?(?P<name>[A-Z][A-Z_]*)")
_PLAIN = {"float": 32, "double": 64}


def parse(text: str) -> dict[str, Any] | None:
    """Return what a type says, or ``None`` when it is none of these.

    Args:
        text: as in C++, or as in a configuration of hls4ml.
    """
    text = text.strip()
    if len(text) > 1000:
        return None
    if array := _ARRAY.fullmatch(text):
        inner = parse(array["of"])
        return None if inner is None or "elements" in inner else {**inner, "elements": _product(array["size"])}
    if text in _PLAIN:
        return {"type": text, "width": _PLAIN[text]}
    found = _FIXED.fullmatch(text)
    if found is None:
        return None
    arguments = [each.strip() for each in found["arguments"].split(",")]
    return _integer(found, arguments) if found["form"] == "int" else _fixed(found, arguments)


def _fixed(found: re.Match[str], arguments: list[str]) -> dict[str, Any] | None:
    if len(arguments) < 2 or not _is_number(arguments[0]) or not _is_number(arguments[1]):
        return None
    rest = arguments[2:]
    signed = found["sign"] == ""
    if found["kind"] == "ac":
        signed = rest.pop(0).lower() in {"true", "1"} if rest else True
    modes = [mode["name"] if (mode := _MODES.fullmatch(each)) else None for each in rest[:2]]
    modes += ["TRN", "WRAP"][len(modes) :]
    return {
        "type": f"{found['kind'] or 'ap'}_{found['sign']}fixed",
        "width": int(arguments[0]),
        "integer": int(arguments[1]),
        "signed": signed,
        "rounding": modes[0],
        "overflow": modes[1],
    }


def _integer(found: re.Match[str], arguments: list[str]) -> dict[str, Any] | None:
    if not _is_number(arguments[0]):
        return None
    signed = found["sign"] == ""
    if found["kind"] == "ac" and len(arguments) > 1:
        signed = arguments[1].lower() in {"true", "1"}
    width = int(arguments[0])
    return {"type": f"{found['kind'] or 'ap'}_{found['sign']}int", "width": width, "integer": width, "signed": signed}


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d{1,5}", text) is not None


def _product(text: str) -> int:
    value = 1
    for part in text.split("*"):
        value *= int(part) if part.strip().isdigit() else 0
    return min(value, 2**53 - 1)
