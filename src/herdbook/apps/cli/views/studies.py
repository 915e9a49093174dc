"""A study on one screen: what was searched, how it went, and which trial was chosen."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from herdbook.apps.cli.views import text as t
from herdbook.model.studies import Dimension, Study, Trial


def study(value: Study, trials: Sequence[Trial], count: int) -> RenderableType:
    """Return the page, with the best ``count`` trials by the first objective."""
    rows = [
        ("objective", ", ".join(value.objectives) or "value"),
        ("direction", ", ".join(value.directions)),
        ("trials", f"{value.trials}, {value.complete} complete"),
        ("chosen", gist(value)),
        ("sampler", value.sampler),
        ("pruner", value.pruner),
    ]
    parts: list[RenderableType] = [
        t.line((value.name, t.HEAD), ("hyper-parameter search", t.DIM)),
        t.pairs((name, Text(words)) for name, words in rows if words),
    ]
    if value.space:
        parts.append(t.section("Space", t.pairs((item.name, Text(interval(item))) for item in value.space)))
    if best := _best(value, trials)[:count]:
        names = list(dict.fromkeys(name for trial in best for name in trial.parameters))
        table = t.table("trial", "value", *names)
        for trial in best:
            style = t.GOOD if trial.number == value.chosen else ""
            cells = [str(trial.number), ", ".join(map(t.compact, trial.values))]
            cells += [t.compact(trial.parameters.get(name, "")) for name in names]
            table.add_row(*(Text(cell, style=style) for cell in cells))
        parts.append(t.section("Best trials", table, f"of {value.trials}"))
    return Group(*parts)


def gist(value: Study) -> str:
    """Return which trial was chosen, and how, in a few words."""
    if value.chosen is None:
        return ""
    return f"trial {value.chosen} of {value.trials}" + (f", {value.chosen_by}" if value.chosen_by else "")


def interval(item: Dimension) -> str:
    """Return a parameter's space in a few words."""
    if item.choices is not None:
        return "one of " + ", ".join(map(t.compact, item.choices))
    step = f" in steps of {item.step:g}" if isinstance(item.step, float) else ""
    return f"{item.low:g} to {item.high:g}{step}{', logarithmic' if item.log else ''} ({item.kind})"


def _best(value: Study, trials: Sequence[Trial]) -> list[Trial]:
    sign = 1 if value.directions[0] == "minimise" else -1

    def key(trial: Trial) -> tuple[bool, float]:
        first = float(trial.values[0])
        return math.isnan(first), sign * first

    return sorted((trial for trial in trials if trial.state == "complete" and trial.values), key=key)
