"""Parameters and metrics out of files that a training, or its author, wrote: JSON, TOML, YAML."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from herdbook.capture import seen, terms
from herdbook.kernel.errors import HerdbookError, InvalidError
from herdbook.model.activities import Metric, Parameter
from herdbook.model.base import Json

MOST = 2000
"""So many parameters are told of one file."""
LONGEST = 200
"""Characters of a list's JSON that still make a parameter."""


def document(data: bytes, name: str) -> Any:  # noqa: ANN401 - whatever stands in it
    """Return what a file of settings holds; ``None`` when it is of no kind that can be read here.

    Raises:
        InvalidError: when it is of a kind that can be read, and is not well formed.
    """
    end = name.lower().rpartition(".")[2]
    try:
        if end in {"json", "jsonc"}:
            return json.loads(data)
        if end == "toml":
            return tomllib.loads(data.decode("utf-8"))
        if end in {"yaml", "yml"}:
            return import_module("yaml").safe_load(data)
    except ImportError:
        return None
    except Exception as error:
        raise InvalidError(
            f"{name} cannot be read: {error}", code="bad-config", hint="Correct it, or leave it out."
        ) from error
    return None


def parameters(data: bytes, name: str) -> list[Parameter]:
    """Return the parameters of a configuration, with dots between the names of its levels.

    Raises:
        InvalidError: as `document` says.
    """
    found = []
    for key, value in leaves(document(data, name)):
        if (made := parameter(key, value)) is not None:
            found.append(made)
        if len(found) >= MOST:
            break
    return found


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - JSON, TOML, YAML
    """Yield (dotted name, value) of all that is no table."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{name}.{key}" if name else str(key))
    elif name and value is not None:
        yield name, value


def parameter(name: str, value: Any, source: str = "") -> Parameter | None:  # noqa: ANN401 - whatever a program passes
    """Return a parameter of a value as a program has it; nothing for what is too long to be one."""
    if isinstance(value, str):
        text, kind = value, "str"
    elif isinstance(value, bool):
        text, kind = str(value).lower(), "bool"
    elif isinstance(value, int | float):
        text, kind = repr(value), type(value).__name__
    else:
        try:
            text, kind = json.dumps(value), type(value).__name__
        except (TypeError, ValueError):
            text, kind = repr(value), type(value).__name__
        if len(text) > LONGEST:
            return None
    clean = text[: seen.LONGEST].encode("utf-8", "replace").decode("utf-8")
    return Parameter(name=name, type=kind, text=clean, term=terms.term(name, source))


def metrics(data: bytes, name: str) -> list[Metric]:
    """Return the metrics of a file: ``{"auc": 0.9}``, ``{"test": {"auc": 0.9}}``, or a list of records' metrics.

    In place of a number may stand ``{"value": 0.9, "stat": 0.01}``.

    Raises:
        InvalidError: when it is none of these.
    """
    value = document(data, name if "." in Path(name).name else f"{name}.json")
    if isinstance(value, dict) and isinstance(value.get("metrics"), list | dict):
        value = value["metrics"]
    if isinstance(value, list):
        return [Metric.read(item) for item in value]
    if not isinstance(value, dict):
        raise InvalidError(
            f"{name} holds no metrics",
            code="bad-metrics",
            hint='Write {"auc": 0.91}, {"test": {"auc": 0.91}} or [{"name": "auc", "value": 0.91, "stat": 0.002}].',
        )
    found = []
    for key, told in _figures(value):
        split, _, last = key.rpartition(".")
        try:
            whole = {**told, "value": seen.figure(told["value"])}
            found.append(Metric.read({"name": last, "split": split or None, **whole}))
        except (TypeError, ValueError, HerdbookError):
            continue
    return found


_UNCERTAIN = frozenset({"value", "stat", "stat_low", "stat_high", "syst", "syst_low", "syst_high", "unit"})


def _figures(value: Any, name: str = "") -> Iterator[tuple[str, Json]]:  # noqa: ANN401 - JSON, TOML, YAML
    """Yield (dotted name, fields of a metric): a number, or a table with a ``value``, whose other fields qualify it."""
    if not isinstance(value, dict):
        if name and value is not None:
            yield name, {"value": value}
    elif name and isinstance(value.get("value"), int | float | str):
        params = {key: item for key, item in value.items() if key not in _UNCERTAIN}
        told = {key: item for key, item in value.items() if key in _UNCERTAIN and item is not None}
        yield name, {**told, **({"params": params} if params else {})}
    else:
        for key, inner in value.items():
            yield from _figures(inner, f"{name}.{key}" if name else str(key))
