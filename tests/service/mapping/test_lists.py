"""Lists of packages and of datasets: each line is told with its number, or becomes a finding."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdbook.model import kinds
from herdbook.model.activities import Activity
from herdbook.service.mapping.lists import ListDrafts, dataset_list, release_list

PACK = Path(os.environ.get("HERDBOOK_DATA") or Path(__file__).resolve().parents[4] / "shared" / "data")
WHERE = "git-sha1:" + "1" * 40 + ":list.txt"
DATED = "2021-03-04T05:06:07Z"


def _expected(name: str) -> Any:
    path = PACK / "expected" / "systems" / name
    if not path.exists():
        pytest.skip("there is no data pack (HERDBOOK_DATA)")
    return json.loads(path.read_text("utf-8"))


@pytest.mark.datapack
def test_the_release_lists_of_the_pack_are_read_line_by_line() -> None:
    cycles = _expected("releases.json")["release_cycles"]
    found = {}
    for cycle, told in cycles.items():
        text = (PACK / "systems" / "cmsdist" / told["file"]).read_text("utf-8")
        said, findings = release_list(text, cycle, "cms-release-cycle", WHERE)
        assert findings == []
        assert str(said.subject[0].id) == f"cms-release-cycle:{cycle}"
        packages: dict[str, list[dict[str, object]]] = {}
        for item in said.body["packages"]:
            packages.setdefault(item["package"], []).append({key: item[key] for key in ("tag", "section", "line")})
        found[cycle] = packages
    assert len(found) == 6
    assert found == {cycle: told["packages"] for cycle, told in cycles.items()}


def test_a_release_list_keeps_what_stands_twice_and_finds_what_is_no_package() -> None:
    text = (
        "#rules\r\nA-B=V00-01\r\n[default]\r\n\r\n A-B = V00-02 \r\njunk\x1b[0m\r\nC-D=\r\n=V1\r\n[new]\nE=F=G\r[open"
    )
    said, findings = release_list(text, "X", "cycle", WHERE, DATED)
    kinds.check(said.type, said.body)
    assert said.body["packages"] == [
        {"package": "A-B", "tag": "V00-01", "line": 2},
        {"package": "A-B", "tag": "V00-02", "section": "default", "line": 5},
        {"package": "E", "tag": "F=G", "section": "new", "line": 10},
    ]
    assert said.issued == DATED
    assert [(one.code, one.where.rpartition("#")[2]) for one in findings] == [
        ("list-line", line) for line in ("L6", "L7", "L8", "L11")
    ]
    assert "\x1b" not in findings[0].message


def test_a_release_list_without_packages_says_so() -> None:
    said, findings = release_list("# nothing\n", "X", "cycle", WHERE)
    assert said.body == {"packages": []}
    assert [one.code for one in findings] == ["list-empty"]


def _told(drafts: ListDrafts) -> list[dict[str, object]]:
    """Return the datasets of a list as the data pack has them."""
    names = {draft.dataset.digest: draft.dataset.id.value for draft in drafts.datasets if draft.dataset.id}
    (draft,) = drafts.activities
    evidence = draft.evidence or {}
    found = []
    for index, part in enumerate(Activity.read(draft.activity).inputs or ()):
        line = str(evidence[f"/inputs/{index}"].where).rpartition("#L")[2]
        used = part.used or {}
        name = names[str(part.record)]
        found.append({"line": int(line), "name": used["name"], "dataset": name, "rest": used.get("rest")})
    return found


@pytest.mark.datapack
def test_the_dataset_lists_of_the_pack_are_read_line_by_line() -> None:
    expected = _expected("TauMLTools-datasets.json")
    count = 0
    for item in expected:
        text = (PACK / "systems" / item["file"]).read_text("utf-8")
        drafts = dataset_list(text, item["file"], "", WHERE)
        assert _told(drafts) == item["datasets"]
        parameters = Activity.read(drafts.activities[0].activity).parameters or ()
        assert {one.name: one.text for one in parameters} == item["options"]
        assert drafts.findings == tuple(item["other_lines"]) == ()
        kind = item["options"]["sampleType"]
        data = "mc" if kind == "MC_18" else "embedded" if kind.startswith("Emb") else "data"
        assert {said.body["data"]["kind"] for draft in drafts.datasets for said in draft.said} == {data}
        count += len(drafts.datasets)
    assert (len(expected), count) == (13, 116)


LIST = """sampleType=MC_18 sieve=True
sieve=False odd
# DY /not/a-v1/AOD
DY  /DY_M-50/Run-x-v1/AOD   9 of 10
DYagain /DY_M-50/Run-x-v1/AOD
All /DY_*/Run-x-v1/AOD
Mine /nobody/knows
Atlas mc16_13TeV.410470.Toy.deriv.DAOD_PHYS.e1_p2
Files /store/user/toys/file.root

junk
"""


def test_a_dataset_list_is_one_activity_with_datasets_selectors_and_what_fits_nowhere() -> None:
    drafts = dataset_list(LIST, "2018/DY", "our-list", WHERE, DATED)
    (draft,) = drafts.activities
    activity = Activity.read(draft.activity)
    assert (activity.kind, activity.status) == ("dataset-production", "unknown")
    assert [str(one) for one in activity.ids or ()] == ["our-list:2018/DY"]
    inputs = activity.inputs or ()
    assert {part.role for part in inputs} == {"source"}
    assert [next(key for key in ("record", "selector", "id") if getattr(part, key)) for part in inputs] == [
        "record", "record", "selector", "id", "record", "id",
    ]  # fmt: skip
    assert str(inputs[3].id) == "freeform:/nobody/knows"
    assert inputs[0].used == {"name": "DY", "rest": "9 of 10"}
    assert [(one.name, one.text) for one in activity.parameters or ()] == [("sampleType", "MC_18"), ("sieve", "False")]
    evidence = draft.evidence or {}
    assert str(evidence["/parameters/1"].where) == WHERE + "#L2"
    assert str(evidence["/inputs/0"].where) == WHERE + "#L4"
    assert [(one.code, one.where.rpartition("#")[2]) for one in drafts.findings] == [
        ("list-line", "L2"), ("list-line", "L11"), ("dataset-freeform", "L7"),
    ]  # fmt: skip


def test_a_dataset_that_stands_twice_is_one_with_both_short_names() -> None:
    first, second = dataset_list(LIST, "2018/DY", "our-list", WHERE, DATED).datasets
    assert [said.body["title"] for said in first.said] == ["DY", "DYagain"]
    assert second.dataset.title.startswith("atlas:mc16")
    said = first.said[0]
    kinds.check(said.type, said.body)
    assert said.issued == DATED
    assert said.evidence is not None
    assert (said.evidence["/title"].how, said.evidence["/data/kind"].how) == ("extracted", "inferred")
    assert str(said.evidence["/data/kind"].where) == WHERE + "#L1"


@pytest.mark.parametrize("option", ["", "sampleType=Spring\n", "type=MC_18\n", "sampleType=MCMC\n"])
def test_the_kind_of_data_is_said_only_when_the_options_say_it(option: str) -> None:
    drafts = dataset_list(option + "A /A/B-v1/AOD\n", "x", "", WHERE)
    assert drafts.datasets[0].said[0].body == {"title": "A"}


def test_a_list_without_datasets_makes_no_activity() -> None:
    drafts = dataset_list("a=b\n", "x", "", WHERE)
    assert (drafts.datasets, drafts.activities) == ((), ())
    assert [one.code for one in drafts.findings] == ["list-empty"]


@given(st.text(alphabet=st.sampled_from("A/=#[]*\n\r\t b-v1:\x00\x85"), max_size=200))
def test_every_line_of_any_text_is_told_or_found(text: str) -> None:
    drafts = dataset_list(text, "x", "", WHERE)
    for draft in drafts.activities:
        Activity.read(draft.activity)
    said, _ = release_list(text, "x", "cycle", WHERE)
    kinds.check(said.type, said.body)
