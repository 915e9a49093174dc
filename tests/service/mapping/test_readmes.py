"""READMEs: datasets in running text with their counts, selectors kept as such, and other words left alone."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdbook.model.activities import Activity
from herdbook.service.mapping.readmes import activity, mentions

PACK = Path(os.environ.get("HERDBOOK_DATA") or Path(__file__).resolve().parents[4] / "shared" / "data")
WHERE = "git-sha1:" + "1" * 40 + ":README.md"

README = """# Toy tagger

Trained on `/TT_Tune/Run-x-v1/MINIAODSIM` (1,200 files, 3.5M events) and /WW_Tune/Run-x-v1/MINIAODSIM.
Uses 20 files of /ZZ_Tune/Run-x-v1/MINIAODSIM and see https://example.org/a/b/RAW or /eos/cms/models/NET.
  - `/QCD_M-X_Tune/Run-x-v1/MINIAODSIM` (X = 100, 200; 5 files each)
  - /BulkGraviton{600,700}_Tune/Run-x-v1/MINIAODSIM, `/Signal…/…/MINIAODSIM`

## Validation

The samples:
  - mc16_13TeV.410470.Toy.deriv.DAOD_PHYS.e1_p2 (10k events)
  - tested on LHC22o_pass7
  - https://opendata.cern.ch/record/12350 and doi:10.7483/OPENDATA.CMS.JGJX; the paper is doi:10.1103/PhysRev.1

## Files

/store/user/toys/file.root, model.onnx, pt/eta/PHI, /models/net_*/1, a*b
"""


def test_names_are_mentioned_with_what_stands_beside_them() -> None:
    found = [
        (one.line, one.parsed.scheme, one.parsed.kind, one.files, one.events, one.role) for one in mentions(README)
    ]
    assert found == [
        (3, "cms-dbs", "dataset", 1200, 3_500_000, "train"),
        (3, "cms-dbs", "dataset", None, None, "train"),
        (4, "cms-dbs", "dataset", 20, None, "train"),
        (5, "cms-dbs", "selector", 5, None, "train"),
        (6, "cms-dbs", "selector", None, None, "train"),
        (6, "cms-dbs", "selector", None, None, "train"),
        (11, "atlas", "dataset", None, 10_000, "validation"),
        (12, "alice", "dataset", None, None, "test"),
        (13, "cod", "record", None, None, "validation"),
        (13, "doi", "record", None, None, "validation"),
        (17, "lfn", "file", None, None, "train"),
    ]


def test_the_raw_text_is_kept_without_the_words_around_it() -> None:
    found = mentions(README)
    assert found[1].raw == "/WW_Tune/Run-x-v1/MINIAODSIM"
    assert found[4].raw == "/BulkGraviton{600,700}_Tune/Run-x-v1/MINIAODSIM"
    assert (found[3].note, found[3].each) == ("X = 100, 200; 5 files each", True)
    assert all(one.raw == one.parsed.value for one in found)


def test_a_readme_that_mentions_datasets_tells_of_a_training() -> None:
    drafts = activity(README, WHERE, "2021-03-04T05:06:07Z")
    assert drafts is not None
    (draft,) = drafts.activities
    told = Activity.read(draft.activity)
    assert (told.kind, told.status, told.outputs) == ("training", "unknown", None)
    inputs = told.inputs or ()
    records = {one.dataset.digest for one in drafts.datasets}
    assert {part.record for part in inputs if part.record} == records
    assert len(records) == 7
    assert [part.used for part in inputs[:4]] == [
        {"files": 1200, "events": 3_500_000}, None, {"files": 20},
        {"files": 5, "each": True, "selection": "X = 100, 200; 5 files each"},
    ]  # fmt: skip
    evidence = draft.evidence or {}
    assert [evidence[f"/inputs/{index}"].where for index in (0, 6)] == [WHERE + "#L3", WHERE + "#L11"]
    assert evidence["/kind"].how == "inferred"


def test_a_readme_without_datasets_tells_of_none() -> None:
    assert activity("# Model\n\nTrained in 2017\n\tQCD:120M\n", WHERE) is None


@given(st.text(max_size=300))
def test_any_text_is_survived(text: str) -> None:
    drafts = activity(text, WHERE)
    if drafts is not None:
        Activity.read(drafts.activities[0].activity)


def test_hostile_texts_take_no_time() -> None:
    start = time.process_time()
    one_line = ("/a" * 50_000, "`" * 100_000, "{" * 100_000, "(" * 100_000, "1," * 50_000, "/A/B-v1/RAW " * 8_000)
    for text in (*one_line, "/A/B-v1/RAW\n" * 8_000, "`/A*`\n" * 10_000, "\n" * 100_000):
        mentions(text)
    assert time.process_time() - start < 10


@pytest.mark.datapack
def test_the_particlenet_readme_names_two_datasets_and_two_selectors() -> None:
    path = PACK / "models" / "onnx" / "particlenet_AK4" / "CHS_V00" / "README.md"
    if not path.exists():
        pytest.skip("there is no data pack (HERDBOOK_DATA)")
    found = mentions(path.read_text("utf-8"))
    assert [(one.line, one.parsed.kind, one.files, one.each, one.role) for one in found] == [
        (4, "dataset", 300, False, "train"),
        (5, "dataset", 300, False, "train"),
        (6, "selector", 50, True, "train"),
        (7, "selector", 300, True, "train"),
    ]
    drafts = activity(path.read_text("utf-8"), WHERE)
    assert drafts is not None
    inputs = Activity.read(drafts.activities[0].activity).inputs or ()
    assert [part.used for part in inputs] == [
        {"files": 300}, {"files": 300},
        {"files": 50, "each": True, "selection": "min_X=30, maxY=1400, 50 files each"}, {"files": 300, "each": True},
    ]  # fmt: skip
    assert len(drafts.datasets) == 2


@pytest.mark.datapack
def test_sample_sizes_by_process_are_no_datasets() -> None:
    path = PACK / "models" / "onnx" / "deepdoublex_102X_V02" / "model_info.txt"
    if not path.exists():
        pytest.skip("there is no data pack (HERDBOOK_DATA)")
    assert mentions(path.read_text("utf-8")) == []
