"""Profiles: exact where values are few, the same on every run where they are many, in memory that does not grow."""

from __future__ import annotations

import math
import tracemalloc
from fractions import Fraction
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from herdbook.kernel.errors import InvalidError
from herdbook.model.dataset_profiles import DatasetProfile, ProfiledColumn
from herdbook.ports.dataset_readers import DataFiles
from herdbook.service.dataset_profiling import Wanted, profile
from herdbook.service.quantiles import Sketch
from herdbook.service.tallies import ColumnTally, figure

from .conftest import FORMATS, at, columns, write

FINITE = st.floats(allow_nan=True, allow_infinity=True, width=32)


def _told(values: Any, dtype: str, *, room: int = 1000, cuts: tuple[int, ...] = ()) -> ProfiledColumn:
    tally = ColumnTally(ProfiledColumn(name="x", dtype=dtype), room, 0, (-999.0,))
    for part in np.split(values, cuts):
        tally.add(part, numbers=True)
    tally.entries = len(values)
    return tally.told(len(values), None)


@given(
    arrays.arrays(np.float32, st.integers(0, 200), elements=FINITE | st.just(-999.0)),
    st.lists(st.integers(0, 200), max_size=4),
)
def test_figures_of_few_values_are_those_of_numpy(values: Any, cuts: list[int]) -> None:
    told = _told(values, "float32", cuts=tuple(sorted(min(cut, len(values)) for cut in cuts)))
    present = values[~np.isnan(values) & (values != -999)]
    assert told.missing == (pytest.approx(1 - len(present) / len(values)) if len(values) else None)
    if not len(present):
        assert told.quantiles is None
        return
    ordered = np.sort(present).tolist()  # numpy's own inverted_cdf takes 0.7 for a little more than 70 %
    expected = [ordered[max(0, math.ceil(Fraction(percent * len(ordered), 100)) - 1)] for percent in range(101)]
    assert told.quantiles == tuple(map(figure, expected))
    assert (told.minimum, told.maximum) == (figure(present.min().item()), figure(present.max().item()))
    finite = present[np.isfinite(present)].astype(np.float64)
    if len(finite) and np.abs(finite).max() < 1e15:
        assert told.mean == pytest.approx(finite.mean(), rel=1e-6, abs=1e-9 * max(1.0, np.abs(finite).max()))
        assert told.deviation == pytest.approx(finite.std(), rel=1e-6, abs=1e-6 * max(1.0, np.abs(finite).max()))
    assert told.sampled is None


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_whole_numbers_beyond_what_json_holds_stay_exact(dtype: str) -> None:
    top = 2**63 - 1 if dtype == "int64" else 2**64 - 1
    told = _told(np.array([0, 7, top], dtype), dtype)
    assert told.maximum == str(top)
    assert (told.minimum, told.quantiles and told.quantiles[50]) == (0.0, 7.0)
    assert ProfiledColumn.read_json(__import__("json").dumps(told.json_object())) == told


@given(st.integers(1, 6), st.integers(0, 2**32))
def test_a_sample_depends_on_the_values_places_and_not_on_chunks(parts: int, seed: int) -> None:
    values = np.random.Generator(np.random.PCG64(seed)).normal(size=5000)
    whole, pieces = Sketch(200), Sketch(200)
    whole.add(values)
    for part in np.array_split(values, parts):
        pieces.add(part)
    assert np.array_equal(whole.quantiles(), pieces.quantiles())
    assert (whole.sampled, whole.count) == (200, 5000)


def test_a_sample_is_fair_also_of_several_files() -> None:
    random = np.random.Generator(np.random.PCG64(1))
    total, values = Sketch(20_000, 0), []
    for origin in range(4):
        part = random.normal(origin, 1, 100_000 * (origin + 1))
        values.append(part)
        one = Sketch(20_000, origin)
        one.add(part)
        total.merge(one)
    quantiles: Any = total.quantiles()
    exact = np.quantile(np.concatenate(values), np.linspace(0, 1, 101))
    # The share below a quantile of n values is right to sqrt(p (1 - p) / n): here 0.35 % at the median.
    place = np.searchsorted(np.sort(np.concatenate(values)), quantiles) / total.count
    assert np.abs(place - np.linspace(0, 1, 101)).max() < 0.02
    assert total.sampled == 20_000
    assert np.abs(quantiles[10:90] - exact[10:90]).max() < 0.1


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_the_same_figures(files: DataFiles, tmp_path: Path, name: str) -> None:
    given = columns()
    found = profile(files, [at(write(tmp_path / name, given))], Wanted(weights="weight", units={"weight": "1"}))
    (table,) = found.tables
    told = {column.name: column for column in table.columns}
    assert (found.events, found.files, found.unread) == (1000, 1, None)
    assert table.sum_weights == pytest.approx(float(given["weight"].sum()))
    assert told["pt"].missing == 0.02
    assert told["pt"].mean == pytest.approx(float(np.nanmean(given["pt"].astype(np.float64))))
    assert (told["event"].minimum, told["event"].maximum, told["event"].quantiles[50]) == (0.0, 999.0, 499.0)  # type: ignore[index]  # there are some
    assert told["weight"].unit == "1"


def test_equal_data_have_an_equal_fingerprint_and_other_data_another(files: DataFiles, tmp_path: Path) -> None:
    given = columns()
    prints = {}
    for name in ("toy.parquet", "toy.h5", "toy.npz", "toy_struct.h5", "toy.root", "toy_ntuple.root"):
        prints[name] = profile(files, [at(write(tmp_path / name, given))]).fingerprint
    assert len(set(prints.values())) == 1
    split = [{key: values[:400] for key, values in given.items()}, {key: values[400:] for key, values in given.items()}]
    parts = [at(write(tmp_path / f"part{number}.npz", part)) for number, part in enumerate(split)]
    assert profile(files, parts).fingerprint == prints["toy.npz"]
    given["pt"][3] *= 1.01
    assert profile(files, [at(write(tmp_path / "toy.npz", given))]).fingerprint != prints["toy.npz"]


def test_files_are_summed_and_what_they_say_differently_is_told(files: DataFiles, tmp_path: Path) -> None:
    first, second = columns(0, 300), columns(300, 700)
    second["pt"] = second["pt"].astype(np.float64)
    del second["tag"]
    (tmp_path / "notes.xyz").write_bytes(b"\0")
    paths = [write(tmp_path / "a.npz", first), tmp_path / "notes.xyz", write(tmp_path / "b.npz", second)]
    found = profile(files, map(at, paths), Wanted(weights="weight"))
    (table,) = found.tables
    told = {column.name: column for column in table.columns}
    assert (found.files, found.events, found.unread_files) == (3, 1000, 1)
    assert found.unread is not None
    assert found.unread[0].startswith("notes.xyz: ")
    assert table.sum_weights == pytest.approx(float(first["weight"].sum() + second["weight"].sum()))
    assert (told["pt"].dtype, told["tag"].missing, told["event"].maximum) == ("float64", 0.7, 999.0)
    assert found.problems is not None
    assert [text.partition(" ")[0] for text in found.problems] == ["pt", "tag"]
    assert DatasetProfile.read(found.json_object()) == found


def test_what_is_said_of_columns_that_are_not_there_is_refused(files: DataFiles, tmp_path: Path) -> None:
    path = write(tmp_path / "toy.npz", columns())
    for wanted, code in (
        (Wanted(weights="w"), "no-column"),
        (Wanted(units={"w": "GeV"}), "no-column"),
        (Wanted(gaps={"w": (-1.0,)}), "no-column"),
        (Wanted(events="Events"), "no-table"),
    ):
        with pytest.raises(InvalidError) as error:
            profile(files, [at(path)], wanted)
        assert error.value.code == code


def test_events_of_several_tables_are_only_known_when_they_are_said(files: DataFiles, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["jets"] = np.zeros(4, [("pt", "f4")])
        file["runs"] = np.zeros(2, [("run", "i4")])
    assert profile(files, [at(tmp_path / "a.h5")]).events is None
    assert profile(files, [at(tmp_path / "a.h5")], Wanted(events="jets")).events == 4


def test_a_weight_that_is_missing_makes_no_number_of_the_sum(files: DataFiles, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", weight=np.array([1.0, math.nan]))
    (table,) = profile(files, [at(tmp_path / "a.npz")], Wanted(weights="weight")).tables
    assert table.sum_weights == "NaN"


def test_memory_does_not_grow_with_the_file(files: DataFiles, tmp_path: Path) -> None:
    peaks = []
    for count in (2_000_000, 8_000_000):
        np.save(tmp_path / "a.npy", np.arange(count, dtype=np.float64))
        tracemalloc.start()
        found = profile(files, [at(tmp_path / "a.npy")])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert found.tables[0].columns[0].sampled == 100_000
    assert peaks[1] < 1.3 * peaks[0], peaks
