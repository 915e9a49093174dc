"""What differs between two datasets: counts, columns, and W1 of their values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from herdbook.ports.dataset_readers import DataFiles
from herdbook.service.dataset_differences import compare
from herdbook.service.dataset_profiling import Wanted, profile

from .conftest import Run, at, columns, write

NAMES = ("before", "after")


def test_a_shift_of_all_values_is_its_own_distance(files: DataFiles, tmp_path: Path) -> None:
    random = np.random.Generator(np.random.PCG64(3))
    values = random.normal(size=50_000)
    np.savez(tmp_path / "a.npz", x=values, y=values)
    np.savez(tmp_path / "b.npz", x=values + 0.5, y=values)
    a, b = (profile(files, [at(tmp_path / f"{name}.npz")]) for name in "ab")
    (only,) = compare(a, b, NAMES).columns
    assert (only.column, only.change) == ("x", "values")
    assert only.shift == pytest.approx(0.5)
    assert only.shift_deviations == pytest.approx(0.5, rel=0.02)
    assert compare(a, a, NAMES).same


def test_columns_that_came_went_or_changed_are_told(files: DataFiles, tmp_path: Path) -> None:
    first, second = columns(), columns()
    second["pt"] = second["pt"].astype(np.float64)
    second["eta"] = second.pop("tag")
    a = profile(files, [at(write(tmp_path / "a.npz", first))], Wanted(units={"pt": "GeV"}))
    b = profile(files, [at(write(tmp_path / "b.npz", second))], Wanted(units={"pt": "MeV"}, weights="weight"))
    found = compare(a, b, NAMES)
    told = {each.column: each for each in found.columns}
    assert {name: each.change for name, each in told.items()} == {"pt": "dtype, unit", "tag": "removed", "eta": "added"}
    assert (told["pt"].before, told["pt"].after, told["pt"].shift) == ("float32 GeV", "float64 MeV", None)
    assert not found.same
    assert (found.events_before, found.events_after, found.sum_weights_before) == (1000, 1000, None)


def test_the_command_compares_files_and_registered_datasets(herdbook: Run, tmp_path: Path) -> None:
    first = write(tmp_path / "a.npz", columns())
    second = write(tmp_path / "b.parquet", columns(5000))
    herdbook("dataset", "register", "demo", "local:a", "--file", str(first))
    found = herdbook("dataset", "diff", "local:a", str(second), "--json").json
    assert {"event", "pt"} <= {each["column"] for each in found["columns"]}
    assert next(each["shift"] for each in found["columns"] if each["column"] == "event") == 5000
    assert "in deviations" in herdbook("dataset", "diff", "local:a", str(second)).out
    assert herdbook("dataset", "diff", "local:a", str(first), "-q").out == "same\n"
    herdbook("dataset", "register", "demo", "local:bare")
    assert herdbook("dataset", "diff", "local:a", "local:bare", "--json", status=2).problem["code"] == "no-profile"
