"""Models of trees, TMVA's and ROOT's files: read as a worker does, damaged at random, and made by hand."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from tests.plugins.conftest import Bytes

from herdbook.kernel.errors import CorruptError, InvalidError, UnavailableError
from herdbook.model.facts import Facts
from herdbook.plugins.formats.catboost import Catboost
from herdbook.plugins.formats.json import Json
from herdbook.plugins.formats.lightgbm import Lightgbm
from herdbook.plugins.formats.pmml import Pmml
from herdbook.plugins.formats.root import Root
from herdbook.plugins.formats.tmva import Tmva
from herdbook.plugins.formats.xgboost import Xgboost
from herdbook.ports.formats import Format, Listing

TREES = Path(__file__).resolve().parents[2] / "fixtures" / "formats" / "trees"
READERS: tuple[Format, ...] = (Catboost(), Json(), Lightgbm(), Pmml(), Root(), Tmva(), Xgboost())

mutation = st.one_of(
    st.tuples(st.just("set"), st.floats(0, 1), st.binary(min_size=1, max_size=9)),
    st.tuples(st.just("insert"), st.floats(0, 1), st.binary(min_size=1, max_size=9)),
    st.tuples(st.just("drop"), st.floats(0, 1), st.integers(1, 40)),
    st.tuples(st.just("repeat"), st.floats(0, 1), st.integers(1, 200)),
    st.tuples(st.just("cut"), st.floats(0, 1), st.none()),
)


def fixture(name: str) -> bytes:
    return (TREES / name).read_bytes()


def expected(name: str = "expected.json") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((TREES / name).read_text())
    return found


def read(path: str, data: bytes, listing: Listing | None = None) -> Facts:
    """Return the facts of the reader that takes it; ``LookupError`` when none does."""
    file = Bytes(data)
    for reader in READERS:
        if reader.probe(file, path) is not None:
            return reader.read(file, path, listing or {})
    raise LookupError(path)


def taken(path: str, data: bytes) -> str | None:
    """Return the format for which a file is taken."""
    probes = (reader.probe(Bytes(data), path) for reader in READERS)
    return next((probe.format for probe in probes if probe is not None), None)


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


def survive(reader: Format, data: bytes, path: str = "model") -> None:
    """Read, or be refused with an error of ours; nothing else, and not for long."""
    file = Bytes(data)
    started = time.process_time()
    reader.probe(file, path)
    try:
        facts = reader.read(file, path, {})
    except (CorruptError, InvalidError, UnavailableError):
        return
    finally:
        assert time.process_time() - started < 5
    assert Facts.model_validate_json(facts.model_dump_json()) == facts


def rules(facts: Facts) -> list[str]:
    return [finding.rule for finding in facts.findings]


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value
