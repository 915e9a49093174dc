"""Real data: 100,000 events of CMS muons in ROOT, Z candidates in CSV, HIGGS in text without heading."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
import uproot

from herdbook.ports.dataset_readers import DataFiles
from herdbook.service.dataset_files import DataPath
from herdbook.service.dataset_profiling import Wanted, profile

from .conftest import at

pytestmark = pytest.mark.datapack


@pytest.fixture(scope="module")
def pack(datapack: Path) -> Path:
    return datapack / "datasets"


def test_muons_in_root_are_summed_as_uproot_reads_them(files: DataFiles, pack: Path) -> None:
    path = pack / "agc_muons" / "open-data-example.root"
    found = profile(files, [at(path)], Wanted(units={"Muon_pt": "GeV"}))
    (table,) = found.tables
    told = {column.name: column for column in table.columns}
    assert (table.name, found.events, told["Muon_pt"].shape) == ("Events", 100_000, ("var",))
    with uproot.open(path) as file:
        pt = np.concatenate(file["Events"]["Muon_pt"].array(library="np"))
    assert told["Muon_pt"].mean == pytest.approx(float(pt.astype(np.float64).mean()))
    assert (told["Muon_pt"].minimum, told["Muon_pt"].maximum) == (float(pt.min()), float(pt.max()))
    assert told["Muon_pt"].sampled == 100_000
    quantiles = [value for value in told["Muon_pt"].quantiles or () if isinstance(value, float)]
    places = np.searchsorted(np.sort(pt), quantiles[1:-1]) / len(pt)
    assert np.abs(places - np.linspace(0.01, 0.99, 99)).max() < 0.01


def test_z_candidates_in_csv_are_as_the_csv_module_reads_them(files: DataFiles, pack: Path) -> None:
    path = pack / "cms_open_data_2011" / "Zmumu_Run2011A.csv"
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    found = profile(files, [at(path)])
    (table,) = found.tables
    told = {column.name: column for column in table.columns}
    assert (found.events, table.entries) == (len(rows), len(rows))
    assert (told["Run"].dtype, told["pt1"].dtype) == ("int64", "float64")
    pt = sorted(float(row["pt1"]) for row in rows)
    assert told["pt1"].quantiles is not None
    assert told["pt1"].quantiles[50] == pt[math.ceil(len(pt) / 2) - 1]
    assert told["pt1"].mean == pytest.approx(math.fsum(pt) / len(pt))


def test_higgs_without_a_heading_is_two_files_of_29_columns(files: DataFiles, pack: Path) -> None:
    folder = pack / "higgs_uci_subset"
    paths = [DataPath(name, folder / name, (folder / name).stat().st_size) for name in ("binary.test", "binary.train")]
    found = profile(files, paths)
    (table,) = found.tables
    assert (found.events, len(table.columns), table.columns[0].name) == (7500, 29, "column_1")
    assert (table.columns[0].minimum, table.columns[0].maximum) == (0, 1)
    assert not found.problems
