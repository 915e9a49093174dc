"""JSON pointers (RFC 6901) into bodies to be written: where the id of an actor, or of a blob, is put."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from herdbook.kernel.errors import InvalidError
from herdbook.model.base import Json


def steps(pointer: str) -> list[str]:
    """Return the steps of a pointer."""
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def filled(body: Json, values: Mapping[str, Any]) -> Json:
    """Return a copy of a body with values at pointers; the last step may be new.

    Raises:
        InvalidError: when a pointer leads nowhere.
    """
    if not values:
        return body
    body = copy.deepcopy(body)
    for pointer, value in values.items():
        *way, last = steps(pointer)
        place = _at(body, way, pointer)
        if isinstance(place, list):
            place[int(last)] = value
        else:
            place[last] = value
    return body


def value_at(body: Json, pointer: str) -> Any:  # noqa: ANN401 - JSON values
    """Return what stands at a pointer, ``None`` when nothing does."""
    try:
        return _at(body, steps(pointer), pointer)
    except InvalidError:
        return None


def _at(body: Any, way: list[str], pointer: str) -> Any:  # noqa: ANN401 - JSON values
    for step in way:
        try:
            body = body[int(step)] if isinstance(body, list) else body[step]
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise InvalidError(f"the pointer {pointer!r} leads nowhere", code="bad-pointer") from error
    return body
