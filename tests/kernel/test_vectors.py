"""Bytes and digests against committed vectors of another implementation, and against the data pack's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from herdbook.kernel import canonical, digests, paths, times
from herdbook.kernel.errors import InvalidError

OWN = json.loads((Path(__file__).parent / "vectors.json").read_text("ascii"))["vectors"]

# What the kernel alone refuses, each with the check that does; the rest of the rows are rules of the model.
REFUSED_BY_THE_KERNEL = {
    "null": "canonical",
    "integer beyond 2^53 - 1": "canonical",
    "a number whose canonical text is an integer beyond 2^53 - 1": "canonical",
    "key twice": "canonical",
    "NaN as a number": "canonical",
    "lone surrogate": "canonical",
    "a path twice": "paths",
    "path leaves the folder": "paths",
    "absolute path": "paths",
    "empty segment": "paths",
    "dot segment": "paths",
    "control character in a path": "paths",
    "bare % in a path": "paths",
    "a path that is a folder of another": "paths",
    "paths that collide without case": "paths",
    "paths that collide under NFC": "paths",
    "upper-case hex": "digests",
    "time with an offset": "times",
    "time with trailing zeros": "times",
}


@pytest.mark.parametrize("row", OWN, ids=[row["name"] for row in OWN])
def test_our_bytes_are_those_of_another_implementation(row: dict[str, str]) -> None:
    written = canonical.dumps(json.loads(row["json"]))
    assert written.decode() == row["canonical"]
    assert digests.of(written) == "sha256:" + row["sha256"]


@pytest.fixture(scope="module")
def pack(datapack: Path) -> Any:
    return canonical.loads((datapack / "expected" / "vectors.json").read_bytes())


@pytest.mark.datapack
def test_every_canonical_vector_of_the_data_pack_has_its_bytes_and_digest(pack: Any) -> None:
    rows = [row for row in pack["vectors"] if row["kind"] == "canonical"]
    for row in rows:
        written = canonical.dumps(row["object"])
        assert written.decode() == row["canonical"], row["name"]
        assert digests.of(written) == row["digest"], row["name"]
        assert canonical.dumps(canonical.loads(written)) == written, row["name"]
    assert len(rows) >= 19


@pytest.mark.datapack
def test_every_blob_and_state_vector_of_the_data_pack_has_its_digest(pack: Any) -> None:
    for row in pack["vectors"]:
        if row["kind"] == "blob":
            assert digests.of(row["bytes"].encode()) == row["digest"], row["name"]
        elif row["kind"] == "state":
            lines = "".join(line + "\n" for line in row["lines"])
            assert row["lines"] == sorted(row["lines"])
            assert digests.of(lines.encode()) == row["digest"], row["name"]


def _check(text: str, with_: str) -> None:
    value = canonical.loads(text)
    if with_ == "canonical":
        canonical.dumps(value)
    elif with_ == "times":
        times.check(value["issued"])
    elif with_ == "digests":
        for file in value["files"]:
            digests.check(file["digest"])
    else:
        paths.check_together(paths.check(file["path"]) for file in value["files"])


@pytest.mark.datapack
def test_what_the_kernel_alone_must_refuse_it_refuses(pack: Any) -> None:
    rows = {row["what"]: row["json"] for row in pack["refuse"]}
    assert rows.keys() >= REFUSED_BY_THE_KERNEL.keys()
    for what, with_ in REFUSED_BY_THE_KERNEL.items():
        try:
            _check(rows[what], with_)
        except InvalidError:
            continue
        pytest.fail(f"taken, but must be refused: {what}")
