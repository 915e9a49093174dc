"""The commands `audit` and `recheck`, in this process."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # tests are no package that is installed
from tests.cli.conftest import Run, run_here

from herdbook.model.audits import Audited, AuditLine, Item
from herdbook.model.rechecks import Looked, RecheckReport

MODEL = "demo/tau/toy"
REFERENCE = f"{MODEL}:v1"


@pytest.fixture
def herdbook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return the command on a registry with one version and a dataset that lies in a folder."""
    monkeypatch.setenv("HERDBOOK_REGISTRY", str(tmp_path / "registry"))
    run_here("init", "--namespace", "demo")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "points.csv").write_text("0,1\n")
    (tmp_path / "weights.txt").write_text("0.5\n")
    run_here("dataset", "register", "demo", "local:toy", "--file", str(tmp_path / "data"))
    run_here("register", REFERENCE, str(tmp_path / "weights.txt"), "--dataset", "local:toy", "--licence", "MIT")
    body = json.dumps({"uri": f"file://{tmp_path / 'data'}", "state": "exists", "asked": "2026-01-01T00:00:00Z"})
    run_here("statement", "add", "local:toy", "--kind", "location", "--body", body)
    return run_here


def test_what_is_missing_comes_first_with_the_command_then_the_profile_and_the_level(herdbook: Run) -> None:
    out = herdbook("audit", REFERENCE).out
    places = [out.index(word) for word in ("Missing", "T1 ", "--code FOLDER", "Profile", "Level", "T1 (The training")]
    assert places == sorted(places)
    assert f"{REFERENCE}  R0" in out
    assert f"herdbook activity add demo --kind training --output {REFERENCE} --code FOLDER" in out
    assert "R1 " not in out[: out.index("Profile")], "the licence is there"
    assert "SPDX list: MIT" in herdbook("audit", REFERENCE, "--all").out


def test_json_is_the_audit_and_a_line_for_each_model_of_a_table(herdbook: Run) -> None:
    found = Audited.read(herdbook("audit", REFERENCE, "--json").json)
    assert (found.reference, found.audit.checklist, len(found.audit.items)) == (REFERENCE, "core-1", 47)
    lines = [AuditLine.read(line) for line in herdbook("audit", "--namespace", "demo", "--json").lines]
    assert lines == [AuditLine.of(found)]
    assert herdbook("audit", REFERENCE, "--quiet").out == "R0\n"
    assert herdbook("audit", "--namespace", "demo", "-q").out == f"{REFERENCE} R0\n"
    assert REFERENCE in herdbook("audit", "--namespace", "demo/tau").out
    assert "There is no version." in herdbook("audit", "--namespace", "other").err


def test_a_level_or_a_minimum_that_is_not_reached_ends_with_one(herdbook: Run) -> None:
    herdbook("audit", REFERENCE, "--min-level", "0")
    herdbook("audit", REFERENCE, "--min-level", "1", status=1)
    herdbook("audit", "--namespace", "demo", "--min-level", "1", status=1)
    herdbook("audit", REFERENCE, "--check")
    body = json.dumps({"version": "1", "minima": {"F3": 1}})
    herdbook("statement", "add", "demo", "--kind", "checklist", "--body", body)
    assert "F3 is 0, and 1 is demanded" in herdbook("audit", REFERENCE, "--check", status=1).out
    herdbook("audit", "--namespace", "demo", "--check", status=1)


def test_reading_the_files_again_is_asked_for(herdbook: Run) -> None:
    def item(name: str, *more: str) -> int:
        found = Audited.read(herdbook("audit", REFERENCE, "--json", *more).json)
        return next(each.score.score or 0 for each in found.audit.items if each.item == name)

    assert (item("F1"), item("F1", "--verify")) == (2, 3)


def test_a_frozen_audit_is_a_statement_and_takes_the_place_of_the_earlier_one(herdbook: Run) -> None:
    first = Audited.read(herdbook("audit", REFERENCE, "--freeze", "--json").json)
    second = Audited.read(herdbook("audit", REFERENCE, "--freeze", "--json").json)
    listed = herdbook("statement", "list", REFERENCE, "--kind", "audit", "--json").lines
    assert [each["digest"] for each in listed] == [second.statement]
    assert first.statement != second.statement
    assert listed[0]["statement"]["body"]["level"] == 0
    assert (second.audit.as_of or 0) > (first.audit.as_of or 0)


def test_an_item_explains_itself(herdbook: Run) -> None:
    assert "a manifest with a checksum of each file" in herdbook("audit", "--explain", "t3").out
    assert Item.read(herdbook("audit", "--explain", "T3", "--json").json).weight == 3
    assert herdbook("audit", "--explain", "T99", "--json", status=3).problem["code"] == "no-item"


@pytest.mark.parametrize(
    "words", [("audit",), ("audit", REFERENCE, "--namespace", "demo"), ("audit", "--namespace", "demo", "--freeze"),
              ("recheck",), ("recheck", REFERENCE, "--older-than", "soon")]
)  # fmt: skip
def test_what_makes_no_sense_is_refused(herdbook: Run, words: tuple[str, ...]) -> None:
    herdbook(*words, status=2)


def test_recheck_ends_with_three_when_something_was_lost(herdbook: Run, tmp_path: Path) -> None:
    lines = herdbook("recheck", REFERENCE, "--json").lines
    looked, report = Looked.read(lines[0]), RecheckReport.read(lines[-1])
    assert (looked.of, looked.after, report.written, report.sound) == ("dataset", "exists", 1, True)
    assert "1 fresh" in herdbook("recheck", "--namespace", "demo").out
    shutil.rmtree(tmp_path / "data")
    said = herdbook("recheck", REFERENCE, "--older-than", "0m", status=3)
    assert "gone, was exists" in said.out
    herdbook("recheck", REFERENCE)
