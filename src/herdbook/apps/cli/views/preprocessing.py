"""What ``preprocessing`` shows: inputs, their features, and the formula of each."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from herdbook.apps.cli.views import text as t
from herdbook.model.contracts import Bounds, Feature
from herdbook.model.contracts import Sequence as Objects
from herdbook.model.preprocessing import Exported, Preparation, PreparedInput


def preparations(found: Sequence[Preparation]) -> RenderableType:
    """Return a table for each input of each source."""
    parts: list[RenderableType] = []
    for each in found:
        parts += [*([Text()] if parts else []), *_preparation(each)]
    return Group(*parts)


def _preparation(found: Preparation) -> list[RenderableType]:
    kind = "contract" if found.contract else found.format or ""
    below: list[RenderableType] = [_input(given) for given in found.spec.inputs]
    below += [
        t.line(("outputs", t.DIM), (f"{output.name}: " if output.name else "") + ", ".join(output.labels))
        for output in found.spec.outputs or ()
    ]
    below += [t.line((finding.rule, t.WARM), finding.message) for finding in found.findings]
    return [t.line((found.path or found.of, t.HEAD), (kind, t.DIM)), Padding(Group(*below), (0, 0, 0, 2))]


def exported(made: Exported) -> RenderableType:
    """Return what was written, and what was left out."""
    left = f"{t.many(len(made.left_out), 'field')} left out" if made.left_out else ""
    return t.line(("written", t.GOOD), (made.file or "", t.HEAD), (left, t.DIM))


def _input(given: PreparedInput) -> RenderableType:
    table = t.table("feature", "is prepared as", "pad", "unit")
    for feature in given.features:
        pad = "" if feature.pad_value is None else _number(feature.pad_value)
        table.add_row(Text(feature.name), Text(formula(feature)), Text(pad), Text(feature.unit or ""))
    head = t.line((given.name, t.HEAD), (_objects(given.sequence), t.DIM))
    return Group(head, Padding(table, (0, 0, 0, 2)))


def _objects(sequence: Objects | None) -> str:
    if sequence is None:
        return ""
    least, most = sequence.min_length, sequence.max_length
    length = "" if least is None and most is None else f"{'?' if least is None else least} to {most or '?'} objects"
    if least is not None and least == most:
        length = f"{most} objects"
    key = f"by {sequence.sort_key}, {sequence.sort_order or 'either way'}" if sequence.sort_key else ""
    return t.joined(["sequence", length, key, f"filled up by {sequence.pad_mode}" if sequence.pad_mode else ""])


def formula(feature: Feature) -> str:
    """Return what is done to a feature, as one formula with words behind it."""
    said = "x"
    if feature.transform:
        said = feature.transform
    if feature.offset:
        said = f"({said} {'-' if feature.offset < 0 else '+'} {_number(abs(feature.offset))})"
    if feature.scale not in {None, 1}:
        said = f"{said} {t.TIMES} {_number(feature.scale or 0)}"
    if feature.divisor not in {None, 1}:
        said = f"{said} / {_number(feature.divisor or 0)}"
    parts = [said, _clip(feature.clip)]
    if feature.missing_value is not None:
        parts.append(f"missing: {_number(feature.missing_value)}")
    if feature.replace_non_finite is not None:
        parts.append(f"not finite: {_number(feature.replace_non_finite)}")
    return t.joined(parts, ", ")


def _clip(clip: Bounds | None) -> str:
    if clip is None:
        return ""
    ends = ["" if end is None else _number(end) for end in (clip.lower, clip.upper)]
    return f"in [{ends[0]}, {ends[1]}]"


def _number(value: float) -> str:
    return f"{value:.6g}"
