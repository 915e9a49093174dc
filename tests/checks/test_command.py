"""``herdbook check`` as people and machines use it: what it prints, what it writes, and how it ends."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from tests.checks.models import model
from tests.checks.sarif_shape import SCHEMA
from tests.cli.conftest import run_here
from tests.servers.served import thread_server

from herdbook.bootstrap.checks import checks
from herdbook.model.checks import Report, Rule
from herdbook.ports.checks import Subject
from herdbook.service import checking, sarif

Make = Callable[..., Path]
GOOD = {"model.onnx": model({"eta": ["N", 3]}, {"score": ["N", 1]}), "LICENSE": "Apache-2.0\n"}
TURNED = {"model.onnx": model({"b": ["N", 3], "a": ["N", 3]}), "LICENSE": "Apache-2.0\n"}
BAD = {**GOOD, "labels.txt": "a\nb\n", "sub dir/wé.txt": "x"}


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "registry"
    monkeypatch.setenv("HERDBOOK_REGISTRY", str(folder))
    run_here("init", "--namespace", "demo")
    return folder


@pytest.fixture(params=["embedded", "http"])
def anywhere(request: pytest.FixtureRequest, registry: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a registry that the command uses, in its folder and over HTTP."""
    if request.param == "embedded":
        yield registry
        return
    with thread_server(registry) as served:
        monkeypatch.setenv("HERDBOOK_REGISTRY", served.url)
        yield registry


def test_a_folder_without_a_trap_ends_well_and_one_with_an_error_ends_with_1(folder_of: Make) -> None:
    assert " clean " in run_here("check", str(folder_of(GOOD, "good"))).out
    said = run_here("check", str(folder_of(BAD, "bad")), status=1)
    assert "error    labels-differ  labels.txt\n" in said.out
    assert "it has 2 labels; model.onnx answers 1 numbers" in said.out


def test_a_warning_fails_only_when_one_is_strict(folder_of: Make) -> None:
    folder = folder_of({"model.onnx": GOOD["model.onnx"]})
    assert "licence-missing" in run_here("check", str(folder)).out
    run_here("check", str(folder), "--strict", status=1)


def test_the_table_is_no_wider_than_a_terminal(folder_of: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    said = run_here("check", str(folder_of(TURNED)), "--for", "athena,cmssw,o2", status=1)
    assert "inputs stand as b, a;" in said.out
    assert max(map(len, said.out.splitlines())) <= 80
    listed = run_here("check", "--rules").out
    assert max(map(len, listed.splitlines())) <= 80


def test_folders_are_checked_one_by_one_and_files_of_a_folder_together(folder_of: Make) -> None:
    good, bad = folder_of(GOOD, "good"), folder_of(BAD, "bad")
    reports = run_here("check", "--json", str(good), str(bad), status=1).lines
    assert [(each["of"], each["files"]) for each in reports] == [(str(good), 2), (str(bad), 4)]
    files = [str(bad / "model.onnx"), str(bad / "labels.txt")]
    (report,) = run_here("check", "--json", *files, status=1).lines
    assert (report["of"], report["files"]) == (str(bad), 2)


def test_many_folders_are_read_at_once_and_told_in_order(folder_of: Make) -> None:
    folders = [str(folder_of(GOOD if number % 3 else BAD, f"m{number}")) for number in range(17)]
    reports = run_here("check", "--json", *folders, status=1).lines
    assert [each["of"] for each in reports] == folders
    assert [bool(each.get("findings")) for each in reports] == [number % 3 == 0 for number in range(17)]


@pytest.mark.usefixtures("anywhere")
def test_a_version_is_checked_with_the_one_before_that_was_not_withdrawn(folder_of: Make) -> None:
    ordered = {**TURNED, "model.onnx": model({"a": ["N", 3], "b": ["N", 3]})}
    run_here("register", "demo/m:v1", str(folder_of(ordered, "v1")))
    run_here("register", "demo/m:v2", str(folder_of(GOOD, "v2")))
    run_here("register", "demo/m:v3", str(folder_of(TURNED, "v3")))
    run_here("register", "demo/other:v1", str(folder_of(TURNED, "copy")))
    run_here("undo", "demo/m:v2", "--reason", "a slip", "--yes")
    (report,) = run_here("check", "--json", "demo/m:v3", status=1).lines
    told = {each["rule"]: each for each in report["findings"]}
    assert report["of"] == "demo/m:v3"
    assert "in the version before as 'a', 'b'" in told["order-changed"]["message"]
    assert "demo/other:v1" in told["same-bytes-elsewhere"]["message"]


@pytest.mark.usefixtures("anywhere")
def test_the_policy_of_a_namespace_decides(folder_of: Make) -> None:
    run_here("register", "demo/m:v1", str(folder_of(TURNED)))
    run_here("check", "demo/m:v1")
    policy = {"consumers": ["athena"], "severities": {"generic-name": "off"}}
    run_here("statement", "add", "demo", "--kind", "check-policy", "--body", json.dumps(policy))
    (report,) = run_here("check", "--json", "demo/m:v1", status=1).lines
    assert "graph-order" in {each["rule"] for each in report["findings"]}
    assert report["consumers"] == ["athena"]
    run_here("check", str(folder_of(TURNED)), "--policy", "demo", status=1)
    policy = {"consumers": ["athena"], "severities": {"graph-order": "warning"}}
    run_here("statement", "add", "demo", "--kind", "check-policy", "--body", json.dumps(policy))
    run_here("check", "demo/m:v1")
    run_here("statement", "add", "demo", "--kind", "check-policy", "--body", json.dumps({**policy, "strict": True}))
    run_here("check", "demo/m:v1", status=1)


@pytest.mark.usefixtures("anywhere")
def test_the_release_that_a_person_names_goes_before_that_of_the_policy(folder_of: Make) -> None:
    run_here("register", "demo/m:v1", str(folder_of({"model.onnx": model(opset=19)})))
    body = json.dumps({"consumers": ["cmssw"], "runtimes": {"cmssw": {"release": "CMSSW_13_3_X"}}})
    run_here("statement", "add", "demo", "--kind", "check-policy", "--body", body)
    assert "ONNX Runtime 1.14 of CMSSW_13_3_X knows 18" in run_here("check", "demo/m:v1", status=1).out
    assert "runtime-" not in run_here("check", "demo/m:v1", "--for", "cmssw=15_0", status=None).out
    said = run_here("check", "demo/m:v1", "--for", "hls4ml=1.2", status=2)
    assert "of hls4ml no releases are known here" in said.err
    assert "a release has numbers" in run_here("check", "demo/m:v1", "--for", "cmssw=", status=2).err
    body = json.dumps({"runtimes": {"cmssw": {"library": "onnxruntime"}}})
    said = run_here("--json", "statement", "add", "demo", "--kind", "check-policy", "--body", body, status=2)
    assert "needs `release`, or `library` and `version`" in said.err


@pytest.mark.usefixtures("anywhere")
def test_a_policy_of_a_namespace_that_is_not_there_is_no_policy_but_a_slip(folder_of: Make) -> None:
    said = run_here("--json", "check", str(folder_of(GOOD)), "--policy", "dmeo", status=3)
    assert "there is no namespace 'dmeo' here" in said.err
    assert "demo" in json.loads(said.err)["hint"]


@pytest.mark.usefixtures("registry")
def test_a_policy_that_names_an_unknown_consumer_is_refused() -> None:
    body = json.dumps({"consumers": ["cms"]})
    said = run_here("--json", "statement", "add", "demo", "--kind", "check-policy", "--body", body, status=2)
    assert "no consumer is called 'cms'" in said.err


@pytest.mark.usefixtures("anywhere")
def test_a_policy_that_misspells_a_rule_is_told_to_who_says_it_and_to_who_checks(folder_of: Make) -> None:
    run_here("register", "demo/m:v1", str(folder_of(GOOD)))
    slip = "the policy names 'licence-mising', and no rule is called so; did you mean 'licence-missing'?"
    body = json.dumps({"severities": {"licence-mising": "error", "words-cut": "off"}})
    assert slip in run_here("statement", "add", "demo", "--kind", "check-policy", "--body", body).err
    assert slip in run_here("check", "demo/m:v1").err
    assert slip in run_here("check", str(folder_of(GOOD)), "--policy", "demo").err
    body = json.dumps({"severities": {"licence-missing": "error", "words-cut": "off"}})
    assert not run_here("statement", "add", "demo", "--kind", "check-policy", "--body", body).err
    assert not run_here("check", "demo/m:v1").err


def document(file: Path) -> Any:
    found = json.loads(file.read_text("utf-8"))
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    jsonschema.Draft202012Validator(SCHEMA, format_checker=checker).validate(found)
    return found


def test_sarif_has_relative_places_rules_and_lasting_fingerprints(
    folder_of: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder_of({**BAD, "sub dir/wé_labels.txt": "a\nb\n"}, "bad")
    monkeypatch.chdir(tmp_path)
    run_here("check", "bad", "--sarif", "out.sarif", status=1)
    run = document(tmp_path / "out.sarif")["runs"][0]
    places = [each["locations"][0]["physicalLocation"]["artifactLocation"] for each in run["results"]]
    assert {"uri": "bad/labels.txt"} in places
    assert {"uri": "bad/sub%20dir/w%C3%A9_labels.txt"} in places
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    prints = [result["partialFingerprints"]["herdbookFinding/v1"] for result in run["results"]]
    assert len(set(prints)) == len(prints)
    run_here("check", "bad", "--sarif", "again.sarif", status=1)
    assert document(tmp_path / "again.sarif") == document(tmp_path / "out.sarif")


def test_sarif_that_cannot_be_written_is_told_and_a_device_takes_it(folder_of: Make, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = run_here("--json", "check", str(folder_of(GOOD)), "--sarif", str(tmp_path / "file" / "out.sarif"), status=5)
    assert json.loads(said.err)["code"] == "unwritable"
    run_here("check", str(folder_of(GOOD)), "--sarif", os.devnull)


@pytest.mark.usefixtures("registry")
def test_sarif_of_a_folder_elsewhere_and_of_a_version_has_a_base_for_each(
    folder_of: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of(BAD, "bad")
    run_here("register", "demo/m:v1", str(folder))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    run_here("check", str(folder), "demo/m:v1", "--sarif", "out.sarif", status=1)
    run = document(tmp_path / "here" / "out.sarif")["runs"][0]
    assert run["originalUriBaseIds"] == {
        "FOLDER0": {"uri": folder.as_uri() + "/"},
        "VERSION1": {"description": {"text": "demo/m:v1"}},
    }
    places = [each["locations"][0]["physicalLocation"]["artifactLocation"] for each in run["results"]]
    assert {"uri": "labels.txt", "uriBaseId": "FOLDER0"} in places
    assert {"uri": "labels.txt", "uriBaseId": "VERSION1"} in places


def test_sarif_names_the_line_and_the_published_page(subject: Callable[..., Subject]) -> None:
    config = 'name: "m"\nmax_batch_size: 8\ninput [{ name: "x" data_type: TYPE_FP32 dims: [3] }]\n'
    made = subject({"config.pbtxt": config})
    rule = Rule(id="x-rule", title="A rule", severity="note", consumers=("triton",))
    finding = rule.found("said", path="config.pbtxt", where="/inputs")
    report = Report(of="m", files=1, rules=("x-rule",), findings=(finding,))
    about = sarif.About(version="1", rules=[rule], page=lambda _: "# x-rule\n", pages="https://example.org/docs/")
    found = sarif.document([sarif.Result(report, made, "m")], about, "/")
    jsonschema.Draft202012Validator(SCHEMA).validate(found)
    assert found["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"] == {"startLine": 3}
    described = found["runs"][0]["tool"]["driver"]["rules"][0]
    assert described["helpUri"] == "https://example.org/docs/reference/rules/x-rule/"
    assert described["properties"] == {"tags": ["triton"]}


def test_a_rule_is_explained_by_its_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    said = run_here("check", "--explain", "graph-order")
    assert "The real case" in said.out
    assert max(map(len, said.out.splitlines())) <= 80
    rules = run_here("check", "--rules", "--json").lines
    assert {"id": "fixed-batch", "title": "The batch is fixed", "severity": "warning"} in [
        {key: each[key] for key in ("id", "title", "severity")} for each in rules
    ]
    missing = run_here("--json", "check", "--explain", "graph-oder", status=3)
    assert "graph-order" in json.dumps(missing.problem)


def test_a_framework_that_is_unknown_is_refused(folder_of: Make) -> None:
    said = run_here("check", str(folder_of(GOOD)), "--for", "cmsw", status=2)
    assert "cmssw" in said.err


def test_a_check_that_raises_is_a_finding_and_the_others_go_on(subject: Callable[..., Subject]) -> None:
    class Broken:
        rules = (Rule(id="broken", title="Breaks", severity="note"),)

        def look(self, _subject: Subject) -> list[Any]:
            raise ValueError("an odd fact")

    report = checking.check(subject(BAD), [Broken(), *checks()])
    told = {each.rule: each.message for each in report.findings}
    assert told["check-failed"] == "Broken could not look: ValueError: an odd fact"
    assert "labels-differ" in told


def test_a_folder_that_is_not_there_is_told_as_a_folder(tmp_path: Path) -> None:
    said = run_here("--json", "check", str(tmp_path / "gone"), status=3)
    assert "no-path" in said.err
