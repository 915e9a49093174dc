"""CatBoost's cbm, true and lying."""

from __future__ import annotations

import struct

import pytest
from tests.plugins.conftest import Bytes
from tests.plugins.formats.tree_files import fixture, read

from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.plugins.formats import flatbuffer
from herdbook.plugins.formats.catboost import Catboost
from herdbook.plugins.formats.flatbuffer import Flatbuffer

MODEL = fixture("catboost_binary.cbm")


def test_kinds_of_features_parameters_and_version_are_read() -> None:
    facts = read("m.cbm", MODEL)
    assert facts.values["feature_types"] == ["float", "float", "float", "categorical"]
    assert facts.values["options"]["tree_learner_options.depth"] == "2"
    assert facts.values["options"]["boosting_options.boost_from_average"] == "false"
    assert facts.values["producer"] == {"name": "catboost", "version": "1.2.10"}
    assert facts.safety == "safe"
    assert facts.findings == ()


def test_leaves_and_tables_behind_the_model_are_not_read() -> None:
    size = int.from_bytes(MODEL[4:8], "little")
    file = Bytes(MODEL[: 8 + size] + bytes(4_000_000))
    Catboost().read(file, "m.cbm", {})
    assert file.bytes_read < 20_000


@pytest.mark.parametrize("size", [0, 3, 2**32 - 1])
def test_a_lying_size_is_refused(size: int) -> None:
    with pytest.raises(CorruptError):
        read("m.cbm", MODEL[:4] + struct.pack("<I", size) + MODEL[8:])


def test_a_model_without_trees_is_refused() -> None:
    vtable = struct.pack("<HH", 4, 4)
    buffer = struct.pack("<I", 8) + vtable + struct.pack("<i", 4)
    with pytest.raises(CorruptError, match="no trees"):
        read("m.cbm", b"CBM1" + struct.pack("<I", len(buffer)) + buffer)


def table_with_vector(count: int) -> bytes:
    """Return a root table whose field 0 is a vector that says it has `count` elements."""
    return struct.pack("<IHHHHiII", 12, 6, 8, 4, 0, 8, 4, count)


def test_counts_that_do_not_fit_and_references_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = table_with_vector(2**31)
    buffer = Flatbuffer(Bytes(data), 0, len(data))
    with pytest.raises(CorruptError, match="does not fit"):
        buffer.length(buffer.root(), 0)
    monkeypatch.setattr(flatbuffer, "MAX_READS", 5)
    buffer = Flatbuffer(Bytes(table_with_vector(1)), 0, 24)
    with pytest.raises(InvalidError):
        _ = [buffer.length(buffer.root(), 0) for _ in range(10)]


def test_text_and_pages_across_their_borders_are_whole() -> None:
    body = b"x" * 10_000
    data = struct.pack("<IHHHHiI", 12, 6, 8, 4, 0, 8, 4) + struct.pack("<I", len(body)) + body
    buffer = Flatbuffer(Bytes(data), 0, len(data))
    assert buffer.text(buffer.root(), 0, 20_000) == body.decode()
    assert buffer.text(buffer.root(), 0, 5) == "xxxxx"
    assert buffer.text(buffer.root(), 7, 5) is None
