"""Splits: numpy and plain Python agree on every rule, and a split is only called checked when all entries were seen."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdbook.kernel.errors import InvalidError
from herdbook.model.splits import Split, SplitRule
from herdbook.ports.dataset_readers import DataFiles
from herdbook.service.split_indices import Indices
from herdbook.service.splitting import contains, mask, read_rule, run

from .conftest import Run, at, columns, write

INT = {"int8": 2**7, "int32": 2**31, "int64": 2**63}
UINT = {"uint8": 2**8, "uint32": 2**32, "uint64": 2**64}


@st.composite
def columns_of_numbers(draw: st.DrawFn) -> Any:
    name = draw(st.sampled_from([*INT, *UINT]))
    low, high = (-INT[name], INT[name] - 1) if name in INT else (0, UINT[name] - 1)
    return np.array(draw(st.lists(st.integers(low, high), max_size=30)), name)


@st.composite
def rules(draw: st.DrawFn) -> SplitRule:
    kind = draw(st.sampled_from(["modulo", "hash", "range", "entries", "files"]))
    bounds = draw(st.tuples(st.integers(-50, 2**40) | st.none(), st.integers(-50, 2**40) | st.none()))
    if kind in {"range", "entries"}:
        told: dict[str, Any] = {"since": bounds[0] if bounds != (None, None) else 0, "until": bounds[1]}
        return SplitRule(kind=kind, columns=("a",) if kind == "range" else None, **told)
    if kind == "files":
        return SplitRule(kind=kind, paths=tuple(draw(st.lists(st.sampled_from(["*", "a/*", "b?.root"]), min_size=1))))
    divisor = draw(st.integers(1, 2**40))
    remainders = draw(st.lists(st.integers(0, divisor - 1), min_size=1, max_size=5))
    names = ("a",) if kind == "modulo" else draw(st.sampled_from([("a",), ("b", "a")]))
    salt = draw(st.text(max_size=3)) if kind == "hash" else None
    return SplitRule(kind=kind, columns=names, divisor=divisor, remainders=tuple(remainders), salt=salt)


@given(rules(), columns_of_numbers(), st.integers(0, 2**40), st.sampled_from(["a/x.root", "b1.root", "c"]))
def test_numpy_and_plain_python_agree(rule: SplitRule, values: Any, first: int, path: str) -> None:
    both = {"a": values, "b": np.arange(len(values), dtype=np.int32)}
    found = mask(rule, both, path, first, len(values))
    rows = zip(*(column.tolist() for column in both.values()), strict=True)
    expected = [contains(rule, dict(zip(both, row, strict=True)), path, first + n) for n, row in enumerate(rows)]
    assert found.tolist() == expected


def test_the_hash_is_what_the_documentation_says() -> None:
    rule = SplitRule(kind="hash", columns=("run", "event"), divisor=10, remainders=(3,), salt="v1")
    key = int.from_bytes(hashlib.sha256(b"v1:316766:2811").digest()[:8], "big")
    assert contains(rule, {"run": 316766, "event": 2811}) is (key % 10 == 3)
    bare = rule.model_copy(update={"salt": None})
    key = int.from_bytes(hashlib.sha256(b"316766:2811").digest()[:8], "big")
    assert contains(bare, {"run": 316766, "event": 2811}) is (key % 10 == 3)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (
            "train:modulo:event:10:0-7",
            {"kind": "modulo", "columns": ["event"], "divisor": 10, "remainders": [*range(8)]},
        ),
        ("test:hash:run+event:10:9:v:1", {"kind": "hash", "columns": ["run", "event"], "salt": "v:1"}),
        ("train:range:run:-5..", {"kind": "range", "columns": ["run"], "since": -5}),
        ("test:files:*_9.root,b/*", {"kind": "files", "paths": ["*_9.root", "b/*"]}),
        ("validation:entries:10..20", {"kind": "entries", "since": 10, "until": 20}),
    ],
)
def test_rules_are_read_as_they_are_written(text: str, rule: dict[str, Any]) -> None:
    part = read_rule(text)
    assert part.role == text.partition(":")[0]
    told = part.rule.json_object()
    assert {name: told[name] for name in rule} == rule


@pytest.mark.parametrize(
    "text",
    [
        "train", "train:odd:event", "train:modulo:event:10", "train:modulo:event:0:0", "train:modulo:event:10:10",
        "train:modulo:event:10:0-99999999", "train:modulo:event:x:1", "train:range:run:1-5", "train:range:run:..",
        "train:entries:a..b", "train:files:", "train:modulo::10:1", "Train Set:entries:..5", "t:modulo:e:10:5-x",
    ],
)  # fmt: skip
def test_what_is_no_rule_is_refused_with_how_it_is_written(text: str) -> None:
    with pytest.raises(InvalidError) as error:
        read_rule(text)
    assert error.value.code == "bad-split"
    assert "Write " in error.value.hint


def test_counts_overlap_and_rest_over_several_files(files: DataFiles, tmp_path: Path) -> None:
    paths = [at(write(tmp_path / f"{name}.parquet", columns(first, 500))) for name, first in (("a", 0), ("b", 500))]
    parts = [read_rule(text) for text in ("train:modulo:event:10:0-6", "test:modulo:event:10:6-8", "b:files:b.*")]
    done = run(files, paths, Split(parts=tuple(parts)))
    assert [part.entries for part in done.parts] == [700, 300, 500]
    assert (done.entries, done.left_over) == (1000, 50)
    assert done.overlap == 50 + 450  # 6 twice in the first file; in the second all that are in any other part


def test_entries_that_have_no_value_are_in_no_part(files: DataFiles, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("event,x\n0,1\n,2\n2,3\n", "utf-8")
    done = run(files, [at(tmp_path / "a.csv")], Split(parts=(read_rule("all:modulo:event:1:0"),)))
    assert (done.entries, done.left_over, done.overlap) == (3, 1, 0)


def test_a_column_of_fractions_is_not_divided(files: DataFiles, tmp_path: Path) -> None:
    path = at(write(tmp_path / "a.npz", columns()))
    for text, code in (
        ("a:modulo:weight:10:1", "bad-split-column"),
        ("a:hash:weight:10:1", "bad-split-column"),
        ("a:modulo:nothing:10:1", "no-column"),
    ):
        with pytest.raises(InvalidError) as error:
            run(files, [path], Split(parts=(read_rule(text),)))
        assert error.value.code == code
        assert "a.npz" in error.value.message
    assert run(files, [path], Split(parts=(read_rule("a:range:weight:0..2"),))).parts[0].entries


def test_exported_numbers_are_those_of_the_parts(files: DataFiles, tmp_path: Path) -> None:
    paths = [at(write(tmp_path / f"{name}.npz", columns(first, 500))) for name, first in (("a", 0), ("b", 500))]
    split = Split(parts=(read_rule("train:modulo:event:3:0-1"), read_rule("test:modulo:event:3:2")))
    with Indices() as indices:
        run(files, paths, split, into=indices)
        indices.write(tmp_path / "out.npz", ["train", "test"])
    with np.load(tmp_path / "out.npz", allow_pickle=False) as found:
        assert np.array_equal(found["train"], [n for n in range(1000) if n % 3 != 2])
        assert np.array_equal(found["test"], np.arange(2, 1000, 3))
        assert found["test"].dtype == np.int64


def test_the_command_states_a_split_that_was_run_over_the_dataset_s_own_files(herdbook: Run, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for name, first in (("a", 0), ("b", 500)):
        write(folder / f"{name}.root", columns(first, 500))
    herdbook("dataset", "register", "demo", "local:toys", "--file", str(folder))
    words = (
        "dataset",
        "split",
        "local:toys",
        "--rule",
        "train:modulo:event:10:0-7",
        "--rule",
        "test:modulo:event:10:8-9",
    )
    planned = herdbook(*words, "--json").json
    assert "checked" not in planned["split"]
    done = herdbook(*words, "--run", str(folder), "--export", str(tmp_path / "s.npz"), "--json").json
    assert [part["entries"] for part in done["split"]["parts"]] == [800, 200]
    assert (done["split"]["entries"], done["split"]["overlap"], done["split"]["left_over"]) == (1000, 0, 0)
    assert done["split"]["checked"]
    said = herdbook("statement", "list", "local:toys", "--kind", "split", "--json").out.splitlines()
    assert len(said) == 1, "what was run takes the place of what was planned"
    assert herdbook(*words, "--json").json["statement"] == done["statement"], "a plan does not replace a run"
    again = herdbook("dataset", "split", "local:toys", "--run", str(folder), "--json").json
    assert again["split"]["parts"] == done["split"]["parts"]
    assert "0 in several parts" in herdbook("dataset", "show", "local:toys").out


def test_a_split_is_not_run_over_other_files_nor_stated_with_an_overlap(herdbook: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "a.npz", columns())
    herdbook("dataset", "register", "demo", "local:toys", "--file", str(path))
    words = ("dataset", "split", "local:toys", "--rule", "train:entries:..800", "--rule", "test:entries:700..")
    overlap = herdbook(*words, "--run", str(path), "--json", status=4).problem
    assert (overlap["code"], "100 of 1000" in overlap["detail"]) == ("split-overlap", True)
    stated = herdbook(*words, "--run", str(path), "--allow-overlap", "--json").json
    assert stated["split"]["overlap"] == 100
    write(path, columns(7))
    assert herdbook(*words, "--run", str(path), "--json", status=4).problem["code"] == "not-the-dataset"
    write(tmp_path / "b.npz", columns())
    beside = herdbook(*words, "--run", str(path), "--run", str(tmp_path / "b.npz"), "--json", status=4).problem
    assert beside["code"] == "not-the-dataset"
    herdbook("dataset", "register", "demo", "local:named")
    named = ("dataset", "split", "local:named")
    assert herdbook(*named, "--json", status=3).problem["code"] == "no-split"
    planned = (*named, "--rule", "train:entries:..5", "--run", str(path), "--json")
    assert herdbook(*planned, status=2).problem["code"] == "no-manifest"
