"""Units in UCUM, case sensitive: whether a text is one. Nothing is converted; ``GeV`` and ``MeV`` are two units.

Source: The Unified Code for Units of Measure, version 2.2: syntax of §2 and the atoms that physics uses, of §4.
"""

from __future__ import annotations

import re

from herdbook.kernel.errors import InvalidError

_WORD = re.compile(r"\S+")
PREFIXES = frozenset(_WORD.findall("Y Z E P T G M k h da d c m u n p f a z y Ki Mi Gi Ti"))
METRIC = frozenset(
    _WORD.findall(
        "m s g rad K C cd mol sr Hz N Pa J W A V F Ohm S Wb Cel T H lm lx Bq Gy Sv l L ar t bar u eV pc b dyn erg P G "
        "Mx Oe St Gal Ci R RAD REM B Np bit By Bd [c] [h] [k] [eps_0] [mu_0] [e] [m_e] [m_p] [G]"
    )
)
"""Atoms that take a prefix."""
OTHER = frozenset(
    _WORD.findall("% [pi] [ppth] [ppm] [ppb] gon deg ' '' min h d wk mo a AU [in_i] [ft_i] [lb_av] [degF] 10* 10^")
)
"""Atoms that take none."""

_TOKEN = re.compile(
    r"[./()]|\{[\x21-\x7a|~]*\}"
    r"|(?:10[*^]|[A-Za-z%'\[][A-Za-z0-9_%'\[\]]*?|[0-9]+)(?:[+-]?[0-9]+)?(?=[./(){]|$)"
)
_SIMPLE = re.compile(r"(10[*^]|[0-9]+|.*?)([+-]?[0-9]+)?")


def check(text: str) -> str:
    """Return the text when it is a unit in UCUM; ``1`` stands for a number.

    Raises:
        InvalidError: when it is not.
    """
    if not _is_unit(text):
        raise InvalidError(
            f"{text!r} is not a unit",
            code="bad-unit",
            hint="Write UCUM: GeV, mm, ns, rad, T, fb-1, m/s2, or 1 for a number; annotations in braces, as {events}.",
        )
    return text


def _is_unit(text: str) -> bool:
    pieces: list[str] = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None or not match.group():
            return False
        pieces.append(match.group())
        place = match.end()
    return bool(pieces) and _fits(pieces)


def _fits(pieces: list[str]) -> bool:
    """Say whether operators stand between operands: ``a.b/c``, a slash may also begin; braces follow an operand."""
    depth, operand = 0, False  # whether the piece before ended an operand
    for index, piece in enumerate(pieces):
        if piece in {".", "/"}:
            if not operand and not (piece == "/" and (index == 0 or pieces[index - 1] == "(")):
                return False
            operand = False
        elif piece == "(":
            if operand:
                return False
            depth += 1
        elif piece == ")":
            depth -= 1
            if not operand or depth < 0:
                return False
        elif piece.startswith("{"):
            operand = True
        else:
            if operand or not _is_simple(piece):
                return False
            operand = True
    return operand and depth == 0


def _is_simple(piece: str) -> bool:
    if piece.isdigit():
        return int(piece) > 0
    match = _SIMPLE.fullmatch(piece)
    if match is None:
        return False
    atom = match[1]
    if atom in METRIC or atom in OTHER:
        return True
    return any(atom.startswith(prefix) and atom[len(prefix) :] in METRIC for prefix in PREFIXES)
