"""Query parameters that several calls take, with what the interface's description says of them.

``ge`` and ``le`` are held to here. Where the façade itself refuses what is out of bounds, with a code of its own, they
stand in ``json_schema_extra`` and are only told.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from herdbook.model.pages import MAX_LIMIT

Reference = Annotated[
    str,
    Query(
        description="A version: `MODEL:label`, `MODEL@ordinal`, `MODEL@sha256:…`, `MODEL@alias`, or `MODEL` alone.",
        examples=["demo/tau/toy:v1"],
    ),
]
Model = Annotated[str, Query(description="A model's name.", examples=["demo/tau/toy"])]
Namespace = Annotated[str, Query(description="A namespace.", examples=["demo"])]
Prefix = Annotated[str, Query(description="Only those that begin so; empty: all.")]
Cursor = Annotated[str | None, Query(description="`cursor` of the page before; without it the first page.")]
Limit = Annotated[
    int,
    Query(
        description=f"How many items a page has, 1 to {MAX_LIMIT}.",
        json_schema_extra={"minimum": 1, "maximum": MAX_LIMIT},
    ),
]
After = Annotated[int, Query(ge=0, description="The sequence of the last event that is known; 0: from the beginning.")]
