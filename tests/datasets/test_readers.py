"""Each format gives the same numbers, types and units of the same data; what a file says of units is read, no more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot

from herdbook.bootstrap import data
from herdbook.kernel.errors import HerdbookError
from herdbook.plugins.data.csv import Csv
from herdbook.plugins.data.reading import unit_in
from herdbook.ports.dataset_readers import DataFiles

from .conftest import FORMATS, columns, jagged, write


def _read(files: DataFiles, path: Path, entries: int = 300) -> dict[str, Any]:
    """Return the columns of a file's only table, put together."""
    opened = files.open(path)
    try:
        (table,) = opened.tables
        chunks = list(table.chunks([column.name for column in table.columns], entries))
        names = chunks[0].keys()
        return {name: _joined([chunk[name] for chunk in chunks]) for name in names}
    finally:
        opened.close()


def _joined(parts: list[Any]) -> Any:
    return np.ma.concatenate(parts)  # type: ignore[no-untyped-call]  # numpy ships no types for it


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_numbers_that_were_written(files: DataFiles, tmp_path: Path, name: str) -> None:
    given = columns()
    found = _read(files, write(tmp_path / name, given))
    for column in ("event", "run", "weight"):
        assert np.array_equal(found[column], given[column]), column
    assert np.array_equal(np.ma.filled(found["pt"].astype(np.float32), np.nan), given["pt"], equal_nan=True)


@pytest.mark.parametrize("name", FORMATS)
def test_types_units_and_counts_are_those_of_the_file(files: DataFiles, tmp_path: Path, name: str) -> None:
    opened = files.open(write(tmp_path / name, columns()))
    (table,) = opened.tables
    opened.close()
    told = {column.name: column for column in table.columns}
    assert table.entries == 1000
    assert {*told} == {"event", "run", "pt", "weight", "tag"}
    assert told["event"].dtype == "int64"
    if not name.endswith(".csv"):
        assert (told["run"].dtype, told["pt"].dtype, told["weight"].dtype) == ("uint32", "float32", "float64")
        assert told["tag"].dtype == "bool"
    says = name in {"toy.parquet", "toy.h5", "toy_struct.h5"}
    assert told["pt"].unit == ("GeV" if says else None)
    assert told["event"].unit == ("1" if name == "toy_struct.h5" else None)


def test_vectors_come_flattened_with_their_shape(files: DataFiles, tmp_path: Path) -> None:
    lists = jagged([2, 0, 3])
    with uproot.recreate(tmp_path / "a.root") as file:
        file["t"] = {"hits": lists, "p4": np.arange(12, dtype=np.float64).reshape(3, 4)}
    pq.write_table(pa.table({"hits": lists.to_list()}), tmp_path / "a.parquet")
    np.savez(tmp_path / "a.npz", p4=np.arange(12.0).reshape(3, 4))
    shapes = {}
    for path in (tmp_path / "a.root", tmp_path / "a.parquet", tmp_path / "a.npz"):
        opened = files.open(path)
        (table,) = opened.tables
        shapes[path.suffix] = {column.name: column.shape for column in table.columns if column.shape}
        chunks = list(table.chunks([*shapes[path.suffix]]))
        opened.close()
        for name in shapes[path.suffix]:
            assert np.array_equal(
                np.concatenate([chunk[name] for chunk in chunks]), np.arange(12 if name == "p4" else 5)
            )
    assert shapes[".root"] == {"hits": ("var",), "p4": (4,)}
    assert (shapes[".parquet"], shapes[".npz"]) == ({"hits": ("var",)}, {"p4": (4,)})


def test_nulls_of_parquet_and_gaps_of_csv_are_masked(files: DataFiles, tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [1, None, 3], "s": ["a", None, "c"]}), tmp_path / "a.parquet")
    (tmp_path / "a.csv").write_text("x,s\n1,a\n,NA\n3,c\n", "utf-8")
    for name in ("a.parquet", "a.csv"):
        found = _read(files, tmp_path / name)
        assert [value is not np.ma.masked for value in found["x"]] == [True, False, True], name
        assert np.ma.getmaskarray(found["s"]).tolist() == [False, True, False], name
        assert found["x"].dtype == np.int64, name


@pytest.mark.parametrize(
    ("title", "unit", "words"),
    [
        ("pt of the muon [GeV]", "GeV", "pt of the muon"),
        ("[GeV]", "GeV", ""),
        ("pt, unit: GeV", "GeV", "pt"),
        ("pt (units=MeV)", "MeV", "pt"),
        ("Muon_pt[nMuon]/F", None, ""),
        ("x/D", None, ""),
        ("x/I:y/F", None, ""),
        ("momentum in GeV", None, "momentum in GeV"),
        ("momentum [GeV/c]", None, "momentum [GeV/c]"),
        ("hits[m]", None, "hits[m]"),
        ("index [nJet]", None, "index [nJet]"),
        ("", None, ""),
    ],
)
def test_a_unit_is_read_from_a_title_and_never_guessed(title: str, unit: str | None, words: str) -> None:
    assert unit_in(title) == (unit, words)


def test_titles_of_branches_give_units_and_descriptions(files: DataFiles, tmp_path: Path) -> None:
    path = tmp_path / "titled.root"
    with uproot.recreate(path, compression=None) as file:
        file.mktree("t", {"pt_of_the_leading": np.float32}).extend({"pt_of_the_leading": np.ones(3, np.float32)})
    old, new = b"pt_of_the_leading/F", b"leading jet's [GeV]"
    data = path.read_bytes()
    assert len(old) == len(new)
    assert data.count(old) >= 1
    path.write_bytes(data.replace(old, new))
    opened = files.open(path)
    (column,) = opened.tables[0].columns
    opened.close()
    assert (column.name, column.unit, column.description) == ("pt_of_the_leading", "GeV", "leading jet's")


def test_a_unit_that_is_not_ucum_stays_a_word(files: DataFiles, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("pt", data=np.ones(2)).attrs["units"] = "GeV/c"
    opened = files.open(tmp_path / "a.h5")
    (column,) = opened.tables[0].columns
    opened.close()
    assert (column.unit, column.description) == (None, "[GeV/c]")


def test_arrays_of_one_length_are_one_table_and_others_are_their_own(files: DataFiles, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["jets"] = np.zeros(4, [("pt", "f4"), ("eta", "f4")])
        file["in/x"], file["in/y"], file["in/classes"] = np.ones((7, 2)), np.ones(7), np.arange(3)
        file["scalar"] = 1.0
        file["again"] = file["jets"]
        file["soft"] = h5py.SoftLink("/in")
    opened = files.open(tmp_path / "a.h5")
    told = {table.name: (table.entries, [column.name for column in table.columns]) for table in opened.tables}
    opened.close()
    assert told == {"again": (4, ["pt", "eta"]), "in/classes": (3, ["classes"]), "in/x": (7, ["x", "y"])}


def test_csv_finds_types_from_all_lines_and_headings_only_where_they_are(files: DataFiles, tmp_path: Path) -> None:
    late = "a,b [GeV],c\n" + "1,2,3\n" * 300_000 + "1,2.5,x\n"
    (tmp_path / "late.csv").write_text(late, "utf-8")
    opened = files.open(tmp_path / "late.csv")
    (table,) = opened.tables
    opened.close()
    assert table.entries == 300_001
    assert [(c.name, c.dtype, c.unit) for c in table.columns] == [
        ("a", "int64", None),
        ("b [GeV]", "float64", "GeV"),
        ("c", "str", None),
    ]
    (tmp_path / "bare.tsv").write_text("1\t2.5\n3\t4\n", "utf-8")
    opened = files.open(tmp_path / "bare.tsv")
    (table,) = opened.tables
    opened.close()
    assert ([c.name for c in table.columns], table.entries) == (["column_1", "column_2"], 2)


@pytest.mark.parametrize(
    ("name", "head", "fits"),
    [
        ("a.csv", b"x\n1\n", True),
        ("binary.train", b"1\t0.5\n0\t1.5\n", True),
        ("a.txt", b"x,y\n1,2\n", True),
        ("README.txt", b"Data, as they were\n\nof 2018\n", False),
        ("weights.txt", b"0.25 0.75\n", False),
        ("README.md", b"# Title\n", False),
        ("a.bin", b"1,2\0", False),
        ("a.csv", b"", False),
    ],
)
def test_a_text_is_taken_for_a_table_only_where_it_looks_like_one(name: str, head: bytes, fits: bool) -> None:
    assert Csv().fits(Path(name), head) is fits


def test_readers_of_others_are_asked_before_ours_and_all_are_installed() -> None:
    assert [*data.readers()][-5:] == ["root", "parquet", "hdf5", "npz", "csv"]


def test_looking_at_the_command_s_help_loads_no_numbers() -> None:
    script = (
        "import sys; sys.argv = ['herdbook', 'dataset', 'register', '--help']\n"
        "from herdbook.apps.cli.main import run\n"
        "try: run()\n"
        "except SystemExit: pass\n"
        "assert 'numpy' not in sys.modules, 'numpy'"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_an_unknown_format_is_refused_with_what_is_known(files: DataFiles, tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_bytes(b"\x00\x01")
    with pytest.raises(HerdbookError, match="no format") as refused:
        files.open(tmp_path / "a.xyz")
    assert refused.value.code == "no-reader"
    assert "parquet" in refused.value.hint
