"""Searches for hyper-parameters: read from Optuna or a table of trials, and kept as an activity with its trials.

Herdbook runs no search; it keeps what one found, so that a model shows how its parameters were chosen.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from herdbook.kernel import canonical, times
from herdbook.kernel.errors import InvalidError, MissingError, UnavailableError
from herdbook.model.activities import Activity, ActivityEntry, Part
from herdbook.model.base import Json
from herdbook.model.identifiers import Identifier
from herdbook.model.studies import Dimension, Study, Trial
from herdbook.ports.registry import Registry

KIND = "hyper-parameter-search"
MOST = 1_000_000
"""Lines of a table that are read."""
BEYOND = 2.0**53
"""From here on whole numbers are written as text."""
_STATES = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed", "RUNNING": "running", "WAITING": "waiting"}


def of_optuna(study: Any) -> tuple[Study, list[Trial]]:  # noqa: ANN401 - an optuna.Study, which need not be installed
    """Return what an ``optuna.Study`` holds, by its public attributes (Optuna 4 and 5)."""
    trials = [_optuna_trial(trial) for trial in study.trials]
    single = len(study.directions) == 1
    complete = [trial for trial in trials if trial.state == "complete"]
    space: dict[str, Dimension] = {}
    for trial in study.trials:
        for name, distribution in trial.distributions.items():
            space.setdefault(name, _dimension(name, distribution))
    tool = {"name": "optuna", "version": _version()}
    value = {
        "name": study.study_name,
        "objectives": tuple(study.metric_names or ()),
        "directions": tuple("minimise" if item.name == "MINIMIZE" else "maximise" for item in study.directions),
        "space": [space[name].json_object() for name in sorted(space)],
        "trials": len(trials),
        "complete": len(complete),
        "chosen": study.best_trial.number if single and complete else None,
        "chosen_by": "best value" if single and complete else None,
        "tool": {key: item for key, item in tool.items() if item},
    }
    return Study.read({key: item for key, item in value.items() if item is not None}), trials


def open_optuna(storage: str, name: str | None = None) -> Any:  # noqa: ANN401 - an optuna.Study
    """Open a study of an Optuna storage: ``sqlite:///FILE`` or another URL, or the path of a journal file.

    Raises:
        UnavailableError: ``no-extra``, when Optuna is not installed.
        MissingError: ``no-study``, when there is none of that name, or several and no name is given.
    """
    try:
        import optuna  # noqa: PLC0415 - an extra
        from optuna.storages.journal import JournalFileBackend  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise UnavailableError("Optuna is not installed", code="no-extra", hint="Install herdbook[optuna].") from error
    if "://" in storage and not storage.startswith("sqlite:"):
        place: Any = storage
    elif storage.startswith("sqlite:"):
        _must_be_there(storage.removeprefix("sqlite:///"))
        place = storage
    else:
        _must_be_there(storage)
        place = optuna.storages.JournalStorage(JournalFileBackend(storage))
    names = optuna.get_all_study_names(place)
    if name is None and len(names) == 1:
        name = names[0]
    if name not in names:
        raise MissingError(
            f"there is no study {name!r} in {storage}" if name else f"{storage} holds {len(names)} studies",
            code="no-study",
            hint=f"Say which with --name: {', '.join(names[:10])}." if names else "It holds none.",
        )
    return optuna.load_study(study_name=name, storage=place)


def _must_be_there(path: str) -> None:
    if not Path(path).is_file():  # Optuna would make an empty one
        raise MissingError(f"{path} is not there", code="no-path", hint="Check the path of the storage.")


def of_table(
    text: str, *, name: str, objective: str, direction: str, chosen: int | None = None
) -> tuple[Study, list[Trial]]:
    """Return the study that a table tells: CSV with a head, or JSON lines, a trial each.

    The column ``objective`` has the values; ``number`` (else the line), ``state`` and columns ``parameter.NAME``, or
    else all others, are what they say. The space is what the trials span: it is marked by no interval of its own.

    Raises:
        InvalidError: ``bad-table``, naming the line.
    """
    rows = _rows(text)
    if not rows:
        raise InvalidError("the table has no trial", code="bad-table", hint="Give a head and a line for each trial.")
    if all(objective not in row for row in rows):
        raise InvalidError(
            f"no line has the objective {objective!r}", code="bad-table", hint="Columns: " + ", ".join(rows[0]) + "."
        )
    marked = any(key.startswith("parameter.") for row in rows for key in row)
    trials = [_table_trial(row, number, objective, marked=marked) for number, row in enumerate(rows)]
    if len({trial.number for trial in trials}) < len(trials):
        raise InvalidError("two trials have the same number", code="bad-table", hint="Number them, or leave it out.")
    complete = [trial for trial in trials if trial.state == "complete" and trial.values]
    comparable = [trial for trial in complete if not math.isnan(_first(trial))]
    if chosen is None and comparable:
        best = min if direction == "minimise" else max
        chosen, by = best(comparable, key=_first).number, "best value"
    else:
        by = "said"
    if chosen is not None and chosen not in {trial.number for trial in trials}:
        raise InvalidError(f"there is no trial {chosen}", code="bad-table", hint="Choose one by its number.")
    value = {
        "name": name,
        "objectives": (objective,),
        "directions": (direction,),
        "trials": len(trials),
        "complete": len(complete),
        "chosen": chosen,
        "chosen_by": by if chosen is not None else None,
    }
    return Study.read({key: item for key, item in value.items() if item is not None}), trials


def _first(trial: Trial) -> float:
    return float(trial.values[0])


def _rows(text: str) -> list[dict[str, Any]]:
    lines = text.lstrip("\ufeff").strip()
    if not lines.startswith("{"):
        found = [dict(row) for row in csv.DictReader(io.StringIO(lines))]
        if any(None in row for row in found):
            raise InvalidError("a line has more cells than the head", code="bad-table", hint="Check its separators.")
        return found[:MOST]
    rows = []
    for number, line in enumerate(lines.splitlines()[:MOST], 1):
        try:
            row = canonical.loads(line)
        except InvalidError as error:
            raise InvalidError(f"line {number} is no JSON: {error}", code="bad-table") from error
        if not isinstance(row, dict):
            raise InvalidError(f"line {number} is no object", code="bad-table", hint="Write one object a line.")
        rows.append(row)
    return rows


def _table_trial(row: Mapping[str, Any], number: int, objective: str, *, marked: bool) -> Trial:
    cells = {key: item for key, item in row.items() if item not in {None, ""}}
    given = cells.pop("number", number)
    state = str(cells.pop("state", "complete" if objective in cells else "failed")).lower()
    value = cells.pop(objective, None)
    parameters = {
        key.removeprefix("parameter."): _number(item)
        for key, item in cells.items()
        if not marked or key.startswith("parameter.")
    }
    try:
        told = {"number": int(given), "state": _STATES.get(state.upper(), state), "parameters": parameters}
        return Trial.read(told if value is None else {**told, "values": (_value(float(value)),)})
    except ValueError as error:
        raise InvalidError(f"trial {number}: {error}", code="bad-table", hint="Values are numbers.") from error


def _number(text: Any) -> Any:  # noqa: ANN401 - a cell
    if not isinstance(text, str):
        return text
    try:
        found = json.loads(text)
    except ValueError:
        return text
    plain = isinstance(found, bool) or (isinstance(found, int | float) and abs(found) < BEYOND)
    return found if plain else text


def _plain(item: Any) -> Any:  # noqa: ANN401 - what a trial was given
    return _value(float(item)) if isinstance(item, int | float) and abs(item) >= BEYOND else item


def _value(number: float) -> float | str:
    if math.isfinite(number):
        return number if abs(number) < BEYOND or not number.is_integer() else str(int(number))
    return {"inf": "Infinity", "-inf": "-Infinity"}.get(str(number), "NaN")


def _optuna_trial(trial: Any) -> Trial:  # noqa: ANN401 - an optuna.trial.FrozenTrial
    value: Json = {
        "number": trial.number,
        "state": _STATES[trial.state.name],
        "parameters": {name: _plain(item) for name, item in trial.params.items()},
        "values": tuple(_value(float(item)) for item in trial.values or ()),
    }
    for key, moment in (("started", trial.datetime_start), ("ended", trial.datetime_complete)):
        if isinstance(moment, datetime):
            value[key] = times.write(moment.astimezone(UTC))
    return Trial.read(value)


def _dimension(name: str, distribution: Any) -> Dimension:  # noqa: ANN401 - an optuna distribution
    if hasattr(distribution, "choices"):
        return Dimension(name=name, kind="categorical", choices=tuple(distribution.choices))
    kind = "int" if type(distribution).__name__.startswith("Int") else "float"
    step = distribution.step
    return Dimension.read(
        {
            "name": name,
            "kind": kind,
            "low": float(distribution.low),
            "high": float(distribution.high),
            "log": distribution.log,
            **({"step": float(step)} if step is not None else {}),
        }
    )


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - only here

    try:
        return version("optuna")
    except PackageNotFoundError:
        return ""


def begun(trials: Sequence[Trial]) -> str:
    """Return when the first trial began, which tells two studies of one name apart; empty when nobody knows."""
    return min((trial.started for trial in trials if trial.started), default="")


def table(trials: Iterable[Trial]) -> bytes:
    """Return the table of trials: canonical JSON lines, by number."""
    ordered = sorted(trials, key=lambda trial: trial.number)
    return b"".join(canonical.dumps(trial.json_object()) + b"\n" for trial in ordered)


def read_table(data: bytes) -> list[Trial]:
    """Return the trials of a table.

    Raises:
        InvalidError: when it is none.
    """
    return [Trial.read_json(line) for line in data.splitlines()]


def register(
    registry: Registry,
    namespace: str,
    study: Study,
    trials: Sequence[Trial],
    *,
    chosen_for: str | None = None,
    ids: Sequence[Identifier] = (),
) -> ActivityEntry:
    """Keep a study in a namespace, with its trials; with ``chosen_for`` it says which version came out of it.

    Raises:
        MissingError: when there is no such version.
    """
    held = registry.files.put(io.BytesIO(table(trials)))
    outputs = [Part(blob=held.sha256, role="trials", path="trials.ndjson")]
    if chosen_for:
        outputs.append(Part(record=registry.versions.get(chosen_for).record, role="chosen"))
    ends = [trial.ended for trial in trials if trial.ended]
    activity = Activity(
        kind=KIND,
        status="finished",
        started=begun(trials) or None,
        ended=max(ends, default=None),
        outputs=tuple(outputs),
        search=study.json_object(),
        ids=tuple(ids) or None,
    )
    return registry.activities.register(namespace, activity)
