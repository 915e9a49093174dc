"""Words and figures as a person reads them: sizes, times, digests, counts, states, shapes."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from herdbook.model.base import Json
from herdbook.model.versions import Entry

DIM = "dim"
HEAD = "bold"
LOUD = "bold red"
WARM = "yellow"
GOOD = "green"
TIMES = "\u00d7"
READING_WIDTH = 96
"""Prose is folded here even where the terminal is wider."""

_ERRORS = ("stat", "stat_low", "stat_high", "syst", "syst_low", "syst_high")
_FAR = 12
"""Places before and behind the point beyond which figures are written with an exponent."""
_LONG = re.compile(r"((?:sha256|git-sha1):[0-9a-f]{12})[0-9a-f]{28,52}")

Names = Mapping[str, str]
"""What actors are called, by id."""


def size(count: int | None) -> str:
    """Return bytes in decimal units with three digits: ``3.14 MB``."""
    if count is None:
        return "?"
    if count < 1000:
        return f"{count} B"
    value, units = count / 1000, iter(("kB", "MB", "GB", "TB", "PB", "EB"))
    unit = next(units)
    while value >= 999.5 and unit != "EB":
        value, unit = value / 1000, next(units)
    return f"{value:.3g} {unit}"


def number(count: int) -> str:
    """Return a count with its thousands parted."""
    return f"{count:,}"


def many(count: int, noun: str, plural: str = "") -> str:
    """Return a count with its noun."""
    return f"{number(count)} {noun if count == 1 else plural or noun + 's'}"


def when(time: str) -> str:
    """Return a record's time to the minute, in UTC as it is kept."""
    return f"{time[:10]} {time[11:16]}"


def short(digest: str) -> str:
    """Return a digest by the first 12 hex digits, which serve at the prompt too."""
    algorithm, _, hexes = digest.partition(":")
    return f"{algorithm}:{hexes[:12]}"


def bare(digest: str) -> str:
    """Return the first 12 hex digits of a digest."""
    return digest.partition(":")[2][:12]


def shape(axes: object) -> str:
    """Return a tensor's shape: axes with a sign of multiplication between; nothing known of it: ``?``."""
    if not isinstance(axes, list | tuple):
        return "?"
    return f" {TIMES} ".join("?" if axis is None else str(axis) for axis in axes) or "scalar"


def place(path: str) -> str:
    """Return a path with the user's own folder as ``~``."""
    home = os.path.expanduser("~").rstrip("/")  # noqa: PTH111 - a text, and no path is asked for
    return "~" + path.removeprefix(home) if home and path.startswith(home + "/") else path


def who(actor: str, names: Names) -> str:
    """Return what an actor is called, or the beginning of the id."""
    return names.get(actor) or f"actor:{bare(actor)[:8]}"


def state(entry: Entry) -> Text:
    """Return a version's state as a loud word, or nothing when it is current."""
    return state_word(entry.state)


def state_word(word: str) -> Text:
    """Return a state as a loud word, or nothing when it is current."""
    return {"withdrawn": Text("WITHDRAWN", style=LOUD), "deprecated": Text("deprecated", style=WARM)}.get(word, Text())


def joined(parts: Iterable[str], between: str = " · ") -> str:
    """Return the parts that are there, in one line."""
    return between.join(part for part in parts if part)


def line(*parts: Text | str | tuple[str, str]) -> Text:
    """Return parts in one line with two spaces between those that are not empty."""
    texts = [
        Text(*part) if isinstance(part, tuple) else part if isinstance(part, Text) else Text(part) for part in parts
    ]
    return Text("  ").join([text for text in texts if text])


def table(*heads: str, right: Iterable[int] = ()) -> Table:
    """Return a table without lines; the columns whose index is in ``right`` hold figures."""
    result = Table(box=None, padding=(0, 2, 0, 0), header_style=DIM, show_edge=False, pad_edge=False)
    figures = set(right)
    for index, head in enumerate(heads):
        result.add_column(head, justify="right" if index in figures else "left", overflow="fold")
    return result


def pairs(rows: Iterable[tuple[str, RenderableType | None]]) -> Table:
    """Return names with their values, leaving out those that are empty."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style=DIM, no_wrap=True)
    grid.add_column(overflow="fold", max_width=READING_WIDTH)
    for name, value in rows:
        if value is not None and value != "":
            grid.add_row(name, value)
    return grid


def section(title: str, content: RenderableType, aside: str = "") -> Group:
    """Return content under a heading, indented, with an empty line before."""
    return Group(Text(), line((title, HEAD), (aside, DIM)), Padding(content, (0, 0, 0, 2)))


def prose(text: str) -> Table:
    """Return running text, folded where it reads well."""
    grid = Table.grid()
    grid.add_column(overflow="fold", max_width=READING_WIDTH)
    grid.add_row(Text(text))
    return grid


def compact(value: Any, limit: int = 72) -> str:  # noqa: ANN401 - any JSON
    """Return a JSON value in a few words."""
    if isinstance(value, Mapping):
        text = ", ".join(f"{key} {compact(item, 40)}" for key, item in value.items() if item is not None)
    elif isinstance(value, list | tuple):
        text = ", ".join(compact(item, 40) for item in value)
    elif isinstance(value, float):
        text = f"{value:.6g}"
    else:
        text = str(value)
    text = _LONG.sub(r"\1", " ".join(text.split()))
    return text if len(text) <= limit else text[: limit - 1] + "…"


def rounded(value: Any, *errors: Any) -> list[str]:  # noqa: ANN401 - any JSON
    """Return a figure and its uncertainties: the smallest of these with two significant digits, all to its place.

    Without an uncertainty that is a number, and where the place is far from the point, each with six digits.
    """
    places = [_place(error) for error in errors if isinstance(error, int | float) and error and math.isfinite(error)]
    place = min(places, default=_FAR + 1)
    if abs(place) > _FAR or not isinstance(value, int | float) or not math.isfinite(value):
        return [compact(item) for item in (value, *errors)]
    return [_to_place(item, place) if isinstance(item, int | float) else compact(item) for item in (value, *errors)]


def _place(error: float) -> int:
    """Return the power of ten at which the second significant digit stands, once rounded: -4 of 0.0011."""
    return Decimal(f"{error:.1e}").adjusted() - 1


def _to_place(number: float, place: int) -> str:
    if not math.isfinite(number):
        return compact(number)
    with localcontext(prec=400, rounding=ROUND_HALF_EVEN):  # wide enough for the largest float to any place
        exact = Decimal(repr(number)).quantize(Decimal(1).scaleb(place))
    return f"{exact:f}" if place <= 0 else str(int(exact))


def metric(value: Json) -> str:
    """Return a figure of merit with its uncertainties: ``auc 0.9745 ± 0.0011 (stat) on test``."""
    told = [key for key in _ERRORS if value.get(key) is not None]
    figure, *errors = rounded(value.get("value", "?"), *(value[key] for key in told))
    shown = dict(zip(told, errors, strict=True))
    text = f"{value.get('name', '?')} {figure}"
    for kind in ("stat", "syst"):
        if kind in shown:
            text += f" ± {shown[kind]} ({kind})"
        elif f"{kind}_low" in shown or f"{kind}_high" in shown:
            text += f" +{shown.get(f'{kind}_high', '?')} -{shown.get(f'{kind}_low', '?')} ({kind})"
    text += f" {value['unit']}" if "unit" in value else ""
    return text + (f" on {value['split']}" if "split" in value else "")
