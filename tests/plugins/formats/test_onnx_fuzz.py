"""Broken models: whatever is done to the bytes, the reader answers or refuses; it never crashes and never hangs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.model.facts import Facts
from herdbook.plugins.formats.onnx import Onnx

from . import onnx_models as models

ORIGINALS = [
    models.rich().SerializeToString(),
    models.small().SerializeToString(),
    models.nested(4).SerializeToString(),
]
LONG = os.environ.get("HERDBOOK_LONG") == "1"

mutation = st.one_of(
    st.tuples(st.just("set"), st.floats(0, 1), st.binary(min_size=1, max_size=12)),
    st.tuples(st.just("insert"), st.floats(0, 1), st.binary(min_size=1, max_size=12)),
    st.tuples(st.just("drop"), st.floats(0, 1), st.integers(1, 40)),
    st.tuples(st.just("repeat"), st.floats(0, 1), st.integers(1, 200)),
    st.tuples(st.just("cut"), st.floats(0, 1), st.none()),
)


def mutate(data: bytes, changes: list[tuple[str, float, Any]]) -> bytes:
    for kind, where, what in changes:
        at = int(where * len(data))
        if kind == "set":
            data = data[:at] + what + data[at + len(what) :]
        elif kind == "insert":
            data = data[:at] + what + data[at:]
        elif kind == "drop":
            data = data[:at] + data[at + what :]
        elif kind == "repeat":
            data = data[:at] + data[at : at + what] * 3 + data[at + what :]
        else:
            data = data[:at]
    return data


def survive(file: Any) -> None:
    started = time.perf_counter()
    Onnx().probe(file, "model")
    try:
        facts = Onnx().read(file, "model.onnx", {})
    except (CorruptError, InvalidError):
        return
    finally:
        assert time.perf_counter() - started < 5
    assert Facts.model_validate_json(facts.model_dump_json()) == facts


@settings(max_examples=20_000 if LONG else 400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(original=st.sampled_from(ORIGINALS), changes=st.lists(mutation, min_size=1, max_size=6))
def test_a_mutated_model_is_read_or_refused(
    in_memory: Callable[[bytes], Any], original: bytes, changes: list[tuple[str, float, Any]]
) -> None:
    survive(in_memory(mutate(original, changes)))


@settings(max_examples=20_000 if LONG else 200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=300))
def test_any_bytes_inside_a_graph_are_read_or_refused(in_memory: Callable[[bytes], Any], data: bytes) -> None:
    length = len(data)
    prefix = bytes([8, 8, 0x3A, length & 0x7F | 0x80, length >> 7])
    survive(in_memory(prefix + data))


@pytest.mark.slow
def test_every_single_byte_of_a_model_may_be_any_other(in_memory: Callable[[bytes], Any]) -> None:
    for original in ORIGINALS[1:]:
        for at in range(len(original)):
            for byte in range(256):
                survive(in_memory(original[:at] + bytes([byte]) + original[at + 1 :]))
