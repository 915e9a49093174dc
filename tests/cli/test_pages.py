"""What a person reads on a page: inputs by name, figures with sensible digits, one short line for an event."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from herdbook.apps.cli.views import text

from .conftest import MODEL, Run


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no line be folded, wherever the tests run."""
    monkeypatch.setenv("COLUMNS", "200")


@pytest.mark.parametrize(
    ("figures", "shown"),
    [
        ((0.97453412, 0.00112345), ["0.9745", "0.0011"]),
        ((0.97453412, 0.0099631), ["0.975", "0.010"]),
        ((1234567.0, 1234.0), ["1234600", "1200"]),
        ((0.5, 0.2), ["0.50", "0.20"]),
        ((12.0, 3), ["12.0", "3.0"]),
        ((0.9, 0.0012, 0.03), ["0.9000", "0.0012", "0.0300"]),
        ((-0.0049, 0.01), ["-0.005", "0.010"]),
        ((0.97453412,), ["0.974534"]),
        ((0.97453412, 0.0), ["0.974534", "0"]),
        (("NaN", 0.1), ["NaN", "0.1"]),
        ((0.5, "NaN"), ["0.5", "NaN"]),
        ((1.5e300, 1e299), ["1.5e+300", "1e+299"]),
        ((1.5e300, 0.1), ["1" + "5" + "0" * 299 + ".00", "0.10"]),
    ],
)
def test_a_figure_is_given_as_far_as_its_uncertainty_goes(figures: tuple[Any, ...], shown: list[str]) -> None:
    assert text.rounded(*figures) == shown


def test_a_comparison_rounds_for_a_person_and_not_for_a_program(story: Run) -> None:
    for version, auc in (("v1", 0.97453412), ("v2", 0.98)):
        body = json.dumps({"metrics": [{"name": "auc", "value": auc, "stat": 0.00112345}]})
        story("statement", "add", f"{MODEL}:{version}", "--kind", "evaluation", "--body", body)
    drawn = story("diff", f"{MODEL}:v1", f"{MODEL}:v2").out
    assert "auc         0.9745 ± 0.0011  0.9800 ± 0.0011" in drawn
    [change] = [
        item
        for item in story("diff", f"{MODEL}:v1", f"{MODEL}:v2", "--json").json["changes"]
        if item["part"] == "metric" and item["name"] == "auc"
    ]
    assert change["before"] == "0.97453412 ± 0.00112345"
    assert "auc 0.9745 ± 0.0011 (stat)" in story("show", f"{MODEL}:v1").out


def test_show_names_what_a_version_was_made_from_each_on_its_line(story: Run, files: Path, tmp_path: Path) -> None:
    story("dataset", "register", "demo", "local:named", "--title", "Taus of period A")
    record = story("dataset", "show", "local:named", "-q").out.strip()
    inputs = [
        {"record": record, "role": "train", "used": {"events": 80000, "selection": "pt > 20"}},
        {"id": {"scheme": "cms-dbs", "value": "/TT/x/MINIAODSIM"}, "role": "test"},
        {"selector": {"scheme": "cms-dbs", "value": "/QCD*"}, "role": "train"},
    ]
    activity = {"kind": "training", "status": "finished", "inputs": inputs}
    (tmp_path / "a.json").write_text(json.dumps(activity), "utf-8")
    body = json.dumps({"reason": "wrong pile-up"})
    story("statement", "add", f"{MODEL}:v1", "--kind", "withdrawal", "--body", body)
    (files / "weights.txt").write_text("third\n", "utf-8")
    given = ("--activity", str(tmp_path / "a.json"), "--parent", f"{MODEL}:v1")
    story("register", f"{MODEL}:v3", str(files), *given)
    lines = [line.strip() for line in story("show", f"{MODEL}:v3").out.splitlines()]
    begin = lines.index("Made by") + 2
    assert lines[begin : begin + 4] == [
        "train   local:named  Taus of period A  80,000 events  selection pt > 20",
        "test    cms-dbs:/TT/x/MINIAODSIM",
        "train   cms-dbs:/QCD* (a pattern)",
        f"parent  {MODEL}:v1  WITHDRAWN",
    ]


def test_why_an_alias_moved_is_no_note_of_every_version(story: Run) -> None:
    shown = story("show", f"{MODEL}:v2").out
    assert "validated" not in shown
    assert f"1 note about {MODEL} as a whole" in shown
    assert "validated" in story("show", f"{MODEL}:v2", "--all").out
    story("statement", "add", f"{MODEL}:v2", "--kind", "note", "--body", '{"text": "of this one"}')
    assert "of this one" in story("show", f"{MODEL}:v2").out


def test_an_alias_answers_with_the_label_it_leads_to(story: Run) -> None:
    production = f"{MODEL}@production"
    assert story("alias", "set", production, "@2").out == f"{production} leads to {MODEL}:v2\n"
    assert f"{production}  {MODEL}:v2" in story("alias", "list", MODEL).out


def test_the_profile_among_the_pointers_leads_to_its_statement(story: Run) -> None:
    digest = story("profile", "show", MODEL, "-q").out.strip()
    [line] = [line for line in story("alias", "list", MODEL, "--every").out.splitlines() if line.startswith("profile")]
    assert line.split()[:-1] == ["profile", "a", "statement", digest[7:19]]


def test_an_event_is_one_short_line_of_counts_and_names(story: Run, tmp_path: Path) -> None:
    lines = []
    for index in range(4):
        (tmp_path / f"{index}.txt").write_text(f"{index}\n", "utf-8")
        lines.append(json.dumps({"reference": f"demo/bins/b{index}:v1", "path": f"{index}.txt"}))
    (tmp_path / "manifest").write_text("\n".join(lines), "utf-8")
    story("register", "--batch", str(tmp_path / "manifest"))
    story("alias", "remove", f"{MODEL}@production")
    told = [re.split(" {2,}", line)[-2:] for line in story("journal", "log", "demo").out.splitlines()]
    assert told[1] == ["1 beginning", "demo"]
    assert ["1 statement, 1 alias", f"{MODEL}@production"] in told
    assert ["1 batch, 4 records, 4 versions, 4 labels", "demo/bins/b0:v1, demo/bins/b1:v1, and 2 more"] in told
    assert told[-1] == ["1 alias removed", f"{MODEL}@production"]


def test_facets_stand_below_the_results_and_a_count_stays_a_number(story: Run) -> None:
    found = story("search", "--facet", "step", "--facet", "label")
    lines = found.out.splitlines()
    assert lines[0].startswith("version")
    assert lines.index("step") > max(index for index, line in enumerate(lines) if line.startswith(MODEL))
    assert "  2  trigger" in lines
    assert "2 found" in found.err
    assert story("search", "--count", "--facet", "step").out == "2\n"
    assert story("search", "--facet", "step", "-q").out == f"{MODEL}:v2\n{MODEL}:v1\n"
    assert story("search", "nothing-like-it", "--facet", "step").out == ""
    assert story("search", "--facet", "stepp", status=2).out == ""


def test_a_path_of_the_settings_is_never_folded(monkeypatch: pytest.MonkeyPatch, herdbook: Run, tmp_path: Path) -> None:
    place = str(tmp_path / ("long" * 20))
    monkeypatch.setenv("HERDBOOK_CACHE", place)
    monkeypatch.setenv("COLUMNS", "40")
    assert place in herdbook("config", "show").out
    assert place in herdbook("config", "show", "--color", "always").out
