"""What a namespace declares: a value must stand in what is said, and be one of those that will do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from herdbook.model.audits import Absent, Declared, Score, Stated, Structured
from herdbook.model.base import Json
from herdbook.service.auditing_evidence import Evidence


def declared(e: Evidence, wanted: Declared) -> Score:
    """Score an item that a namespace added: nothing, something else, or a value that will do. Never more than 2."""
    values = [at(body, wanted.field) for body in _bodies(e, wanted)]
    where = f"{wanted.field or '/'} of {wanted.kind or 'the training'}"
    if wanted.about == "datasets" and (not e.datasets or any(value is None for value in values)):
        return Absent(why=f"{where} is not said of each dataset")
    told = [value for value in values if value is not None]
    if not told:
        return Absent(why=f"{where} is not said")
    wrong = [value for value in (told if wanted.about == "datasets" else told[-1:]) if not _will_do(value, wanted)]
    if wrong:
        return Stated(where=f"{where} is {wrong[0]!r}, which will not do"[:200])
    return Structured(where=where)


def _bodies(e: Evidence, wanted: Declared) -> Sequence[Json]:
    if wanted.kind is None:
        return [e.activity.json_object()] if e.activity else []
    if wanted.about == "version":
        return [x.statement.body for x in e.dossier.statements if x.about == "this" and x.statement.type == wanted.kind]
    found = []
    for data in e.datasets:
        merged: Json = {}
        for entry in data.said:
            if entry.statement.type == wanted.kind:
                merged |= entry.statement.body
        found.append(merged)
    return found


def at(value: Any, pointer: str) -> Any:  # noqa: ANN401 - any JSON
    """Return what a JSON pointer (RFC 6901) leads to, or ``None``."""
    for word in pointer.split("/")[1:]:
        key = word.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list | tuple) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            return None
    return None if value in ("", [], {}) else value


def _will_do(value: Any, wanted: Declared) -> bool:  # noqa: ANN401 - any JSON
    if wanted.one_of is not None and value not in wanted.one_of:
        return False
    bounds = wanted.minimum, wanted.maximum
    if bounds != (None, None) and (isinstance(value, bool) or not isinstance(value, int | float)):
        return False
    return (bounds[0] is None or value >= bounds[0]) and (bounds[1] is None or value <= bounds[1])
