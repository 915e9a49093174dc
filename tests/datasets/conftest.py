"""The same toy data in every format, and the command on an empty registry."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import awkward as ak
import h5py
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import uproot
from click.testing import CliRunner

from herdbook.apps.cli.main import cli
from herdbook.bootstrap import data
from herdbook.ports.dataset_readers import DataFiles
from herdbook.service.dataset_files import DataPath

Columns = dict[str, Any]
FORMATS = ["toy.root", "toy_ntuple.root", "toy.parquet", "toy.h5", "toy_struct.h5", "toy.npz", "toy.csv"]


@dataclass(frozen=True)
class Said:
    """What a run of the command said."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def problem(self) -> Any:
        return json.loads(self.err.splitlines()[-1])


class Run(Protocol):
    """Runs the command in this process."""

    def __call__(self, *words: str, status: int | None = 0) -> Said: ...


def run_here(*words: str, status: int | None = 0) -> Said:
    result = CliRunner().invoke(cli, list(words), prog_name="herdbook")
    said = Said(result.exit_code, result.stdout, result.stderr)
    assert status is None or said.status == status, f"{words}\n{said.status}\n{said.out}\n{said.err}"
    return said


@pytest.fixture
def herdbook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return the command, run in this process on an empty registry with a namespace."""
    monkeypatch.setenv("HERDBOOK_REGISTRY", str(tmp_path / "registry"))
    run_here("init", "--namespace", "demo")
    return run_here


@pytest.fixture(scope="module")
def files() -> Iterator[DataFiles]:
    """Return what opens files of data, with its worker processes for the tests of a module."""
    with contextlib.closing(data.open_files()) as opened:
        yield opened


def columns(first: int = 0, count: int = 1000) -> Columns:
    """Return columns of numbers that depend on nothing but the entry."""
    random = np.random.Generator(np.random.PCG64(first))
    pt = random.exponential(30, count).astype(np.float32)
    pt[::50] = np.nan
    return {
        "event": np.arange(first, first + count, dtype=np.int64),
        "run": np.full(count, 300_000, np.uint32),
        "pt": pt,
        "weight": random.normal(1, 0.5, count),
        "tag": random.integers(0, 2, count).astype(np.bool_),
    }


def at(path: Path) -> DataPath:
    return DataPath(path.name, path, path.stat().st_size)


def write(path: Path, given: Columns) -> Path:
    """Write columns in the format that a file's name says."""
    writers: dict[str, Callable[[Path, Columns], None]] = {
        ".parquet": _parquet,
        ".npz": lambda where, what: np.savez(where, **what),
        ".csv": lambda where, what: pa.csv.write_csv(pa.table(what), where),
        ".h5": _hdf5,
        ".root": _root,
    }
    writers[path.suffix](path, given)
    return path


def _parquet(path: Path, given: Columns) -> None:
    fields = [pa.field(name, pa.array(values).type) for name, values in given.items()]
    fields = [each.with_metadata({"unit": "GeV"}) if each.name == "pt" else each for each in fields]
    pq.write_table(pa.table(list(map(pa.array, given.values())), schema=pa.schema(fields)), path, row_group_size=300)


def _hdf5(path: Path, given: Columns) -> None:
    with h5py.File(path, "w") as file:
        if "struct" in path.stem:
            kinds = [(name, values.dtype) for name, values in given.items()]
            rows = np.zeros(len(given["event"]), kinds)
            for name, values in given.items():
                rows[name] = values
            file.create_dataset("toys", data=rows)
            file["toys"].attrs["units"] = ["1" if name != "pt" else "GeV" for name in given]
            return
        for name, values in given.items():
            file.create_dataset(name, data=values, chunks=True, compression="gzip")
        file["pt"].attrs["unit"] = "GeV"


def _root(path: Path, given: Columns) -> None:
    with uproot.recreate(path) as file:
        if "ntuple" in path.stem:
            file.mkrntuple("toys", given)
            return
        tree = file.mktree("toys", {name: values.dtype for name, values in given.items()})
        half = len(given["event"]) // 2
        tree.extend({name: values[:half] for name, values in given.items()})
        tree.extend({name: values[half:] for name, values in given.items()})


def jagged(lengths: list[int]) -> Any:
    """Return an array of lists, counting up."""
    return ak.unflatten(np.arange(sum(lengths), dtype=np.float32), lengths)
