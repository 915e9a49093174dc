"""Records, statements, events and states against the vectors of the data pack, and against our own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from herdbook.kernel import canonical, digests
from herdbook.kernel.errors import InvalidError
from herdbook.model.activities import Activity
from herdbook.model.base import Record
from herdbook.model.datasets import Dataset, ManifestLine, write_manifest
from herdbook.model.journal import Event, State
from herdbook.model.statements import Statement
from herdbook.model.versions import Version

SHAPES: dict[str, type[Record]] = {
    "herdbook/version/1": Version,
    "herdbook/dataset/1": Dataset,
    "herdbook/activity/1": Activity,
    "herdbook/statement/1": Statement,
    "herdbook/event/1": Event,
}
OWN = json.loads((Path(__file__).parent / "vectors.json").read_text("utf-8"))


def read(text: str) -> Record:
    """Read a record of whatever schema from JSON text, as a writer must."""
    value = canonical.loads(text)
    return SHAPES[value["schema"]].read_json(text)


@pytest.fixture(scope="module")
def pack(datapack: Path) -> Any:
    return canonical.loads((datapack / "expected" / "vectors.json").read_bytes())


@pytest.mark.datapack
def test_every_canonical_vector_has_its_bytes_and_digest_as_a_value(pack: Any) -> None:
    rows = [row for row in pack["vectors"] if row["kind"] == "canonical"]
    for row in rows:
        value = SHAPES[row["object"]["schema"]].read(row["object"])
        assert value.canonical.decode() == row["canonical"], row["name"]
        assert value.digest == row["digest"], row["name"]
        again = read(row["canonical"])
        assert again == value, row["name"]
        assert again.canonical == value.canonical, row["name"]
    assert len(rows) == 19


@pytest.mark.datapack
def test_events_of_the_vectors_give_the_states_of_the_vectors(pack: Any) -> None:
    state, seen = State(), 0
    for row in pack["vectors"]:
        if row["name"].startswith("event"):
            event = Event.read(row["object"])
            state.apply(event.seq, event.ops)
        elif row["kind"] == "state":
            assert state.lines() == row["lines"], row["name"]
            assert state.digest() == row["digest"], row["name"]
            seen += 1
    assert seen == 6


@pytest.mark.datapack
def test_the_manifest_of_the_vectors_is_written_byte_for_byte(pack: Any) -> None:
    row = next(row for row in pack["vectors"] if row["name"] == "dataset manifest")
    lines = [ManifestLine.read_json(line) for line in reversed(row["bytes"].splitlines())]
    written = b"".join(write_manifest(lines))
    assert written.decode() == row["bytes"]
    assert digests.of(written) == row["digest"]


@pytest.mark.datapack
def test_everything_that_must_be_refused_is_refused(pack: Any) -> None:
    taken = []
    for row in pack["refuse"]:
        try:
            read(row["json"])
        except InvalidError:
            continue
        taken.append(row["what"])
    assert taken == []
    assert len(pack["refuse"]) == 27


@pytest.mark.parametrize("row", OWN["records"], ids=[row["name"] for row in OWN["records"]])
def test_our_records_have_their_bytes_and_digests(row: dict[str, Any]) -> None:
    value = SHAPES[row["object"]["schema"]].read(row["object"])
    assert value.canonical.decode() == row["canonical"]
    assert value.digest == row["digest"]


@pytest.mark.parametrize("row", OWN["refuse"], ids=[row["what"] for row in OWN["refuse"]])
def test_our_refusals_are_refused(row: dict[str, str]) -> None:
    with pytest.raises(InvalidError):
        read(row["json"])


def test_our_events_give_our_states() -> None:
    state = State()
    for step in OWN["states"]:
        event = Event.read(step["event"])
        state.apply(event.seq, event.ops)
        assert state.lines() == step["lines"]
        assert state.digest() == step["digest"]
