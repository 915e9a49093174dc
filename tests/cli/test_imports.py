"""Importing at the prompt: what is shown, what is written, what a script sees, and what is said when it goes wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from herdbook.testing.repositories import Repository

from .conftest import Run, run_here

NAME = ("--name", "lab/taggers")
RULES = r"""
schema: herdbook/import-rules/1
name: taggers
source: lab/taggers
namespace: demo
models:
  - id: tau
    paths: ['TauNet/tau_(?P<version>v\d+)\.txt']
    model: demo/tau/net
    label: '{version}'
skip:
  - paths: ['notes\.txt']
    reason: notes of people
identity:
  scheme: lab-path
  value: 'taggers/{path}'
messages:
  - pattern: 'training hash: (?P<id>[0-9a-f]{32})'
    scheme: mlflow-run
fallback: false
tests:
  - path: TauNet/tau_v1.txt
    model: demo/tau/net
    label: v1
"""
FIRST, SECOND = b"0.5 1.5\n", b"0.6 1.5\n"
RUN = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no line be folded, wherever the tests run."""
    monkeypatch.setenv("COLUMNS", "200")


class Source:
    """A repository with a network that changed once, and the options that import it."""

    def __init__(self, folder: Path) -> None:
        self.made = Repository(folder / "taggers.git")
        tree = {"TauNet/tau_v1.txt": FIRST, "notes.txt": b"ask Bo\n"}
        self.commit = self.made.commit(tree, f"First training, training hash: {RUN}")
        self.made.tag("V01-00-00", self.commit)
        self.change("TauNet/tau_v1.txt", SECOND, "Fix wrong weights", "V01-01-00")
        self.rules = folder / "taggers.yaml"
        self.rules.write_text(RULES, "utf-8")
        self.options = (str(self.made.folder), *NAME, "--rules", str(self.rules))

    def change(self, path: str, data: bytes, message: str, tag: str) -> None:
        self.commit = self.made.commit({path: data}, message, onto=self.commit)
        self.made.tag(tag, self.commit)


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return Source(tmp_path)


@pytest.fixture
def bring(herdbook: Run, source: Source) -> Callable[..., Any]:
    """Return the import command on the repository."""

    def run(*words: str, status: int = 0) -> Any:
        return herdbook("import", "git", *source.options, *words, status=status)

    return run


def test_a_look_shows_every_version_and_every_file_and_writes_nothing(bring: Callable[..., Any], herdbook: Run) -> None:
    said = bring()
    assert "2 versions of 1 model" in said.out
    assert "3 = 2 + 0 + 0 + 1" in said.out
    assert "1  notes of people  notes.txt" in said.out
    assert "nothing was written" in said.err
    assert "--name lab/taggers" in said.err, "the hint must be the command that works"
    assert herdbook("list").out == ""


def test_a_look_needs_no_registry(source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERDBOOK_REGISTRY", str(tmp_path / "none"))
    assert "2 versions of 1 model" in run_here("import", "git", *source.options).out
    assert not (tmp_path / "none").exists()


def test_what_is_applied_can_be_asked(bring: Callable[..., Any], herdbook: Run) -> None:
    report = bring("--apply", "--json").json
    assert (report["outcome"], report["new"], report["taken"], report["skipped"]) == ("applied", 2, 2, 1)
    assert herdbook("list", "demo/tau/net", "-q").out.splitlines() == ["demo/tau/net:v1", "demo/tau/net:v1_V01-00-00"]
    page = herdbook("show", "demo/tau/net:v1_V01-00-00").out
    assert "Where it was found" in page
    assert "First training, training hash" in page
    assert "lab-path:taggers/TauNet/" in page
    assert "tau_v1.txt  V01-00-00 until before V01-01-00" in page
    assert f"id  mlflow-run:{RUN}" in page
    assert "commit:" in herdbook("activity", "show", f"mlflow-run:{RUN}").out.partition("How this is known")[2]


def test_a_path_leads_to_other_bytes_from_a_tag_on(bring: Callable[..., Any], herdbook: Run) -> None:
    bring("--apply")
    path = "lab-path:taggers/TauNet/tau_v1.txt"
    said = herdbook("identity", "show", path).out
    assert said.index("V01-00-00 until before V01-01-00") < said.index("since V01-01-00")
    assert said.count("evidence  ") == 2
    assert herdbook("identity", "show", path, "--tag", "V01-01-00", "-q").out == "demo/tau/net:v1\n"
    assert herdbook("identity", "of", "demo/tau/net:v1", "-q").out == f"{path}\n"
    missing = herdbook("identity", "show", path, "--tag", "V09", status=3)
    assert "V09" in missing.err


def test_a_second_run_brings_nothing_and_a_third_what_is_new(bring: Callable[..., Any], source: Source) -> None:
    bring("--apply")
    assert bring("--apply", "--json").json["outcome"] == "unchanged"
    source.change("TauNet/tau_v2.txt", b"0.7\n", "Second training", "V02-00-00")
    assert bring("--apply", "--json").json["new"] == 1


def test_what_a_person_edits_in_a_plan_is_what_is_done(
    bring: Callable[..., Any], herdbook: Run, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.yaml"
    said = bring("--plan", str(plan))
    assert "nothing was written to the registry" in said.err
    assert "proposed  Fix wrong weights" in said.out
    text = plan.read_text("utf-8").replace("name: demo/tau/net", "name: demo/tau/network")
    plan.write_text(text.replace("accept: false", "accept: true"), "utf-8")
    assert "what you edited stays" in bring("--plan", str(plan)).err
    bring("--plan", str(plan), "--apply")
    assert herdbook("list", "-q").out == "demo/tau/network\n"
    assert "WITHDRAWN" in herdbook("show", "demo/tau/network:v1_V01-00-00").out


def test_a_plan_that_is_nonsense_is_refused_with_its_line(bring: Callable[..., Any], tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text("schema: herdbook/import-plan/1\nmodels: [no\n", "utf-8")
    said = bring("--plan", str(plan), "--apply", status=2)
    assert "line" in said.err
    assert plan.read_text("utf-8").endswith("[no\n"), "what a person wrote must not be overwritten"
    bring("--plan", str(tmp_path / "none.yaml"), "--apply", status=3)


def test_a_source_that_moved_since_the_plan_is_not_applied(
    bring: Callable[..., Any], herdbook: Run, source: Source, tmp_path: Path
) -> None:
    plan = str(tmp_path / "plan.yaml")
    bring("--plan", plan)
    source.change("TauNet/tau_v2.txt", b"0.7\n", "Second training", "V02-00-00")
    assert "lan again" in bring("--plan", plan, "--apply", status=4).err
    assert herdbook("list").out == ""


@pytest.mark.parametrize("suffix", ["md", "json"])
def test_the_whole_report_goes_into_a_file(bring: Callable[..., Any], tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"report.{suffix}"
    bring("--report", str(file))
    text = file.read_text("utf-8")
    assert "notes of people" in text
    if suffix == "json":
        assert json.loads(text)["distinct"] == 3


def test_a_report_of_another_form_is_refused_before_anything_is_done(
    bring: Callable[..., Any], herdbook: Run, tmp_path: Path
) -> None:
    assert ".md or .json" in bring("--apply", "--report", str(tmp_path / "r.pdf"), status=2).err
    assert herdbook("list").out == ""


def test_status_says_what_is_new_and_alarms_once_the_registry_is_master(
    bring: Callable[..., Any], herdbook: Run, source: Source
) -> None:
    assert "never imported" in herdbook("import", "status", *source.options).out
    bring("--apply")
    assert "agree" in herdbook("import", "status", *source.options).out
    assert "agree" in herdbook("import", "verify", *source.options).out
    source.change("TauNet/tau_v2.txt", b"0.7\n", "Second training", "V02-00-00")
    said = herdbook("import", "status", *source.options)
    assert "moved since it was imported" in said.out
    assert "new" in said.out
    assert "shows what an import would bring" in said.err
    herdbook("profile", "set", "demo/tau/net", "--master", "registry")
    assert "ALARM" in herdbook("import", "status", *source.options, status=4).out


def test_a_batch_is_listed_shown_and_taken_back_as_a_whole(bring: Callable[..., Any], herdbook: Run) -> None:
    bring("--apply")
    batch = herdbook("import", "list", "-q").out.strip()
    assert "2 versions" in herdbook("import", "show", batch[:8]).out
    assert "needs a yes" in herdbook("import", "undo", batch[:8], "--reason", "wrong rules", status=2).err
    herdbook("import", "undo", batch[:8], "--reason", "wrong rules", "--yes")
    assert "UNDONE" in herdbook("import", "list").out
    assert herdbook("import", "list", "-q").out.splitlines()[-1] == batch
    herdbook("import", "undo", batch, "--reason", "again", "--yes", status=4)
    herdbook("import", "show", "ffffffff", status=3)


def test_sources_are_surveyed_side_by_side_without_a_registry(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HERDBOOK_REGISTRY", str(tmp_path / "none"))
    folder = tmp_path / "RecoX-Files.git"
    other = Repository(folder)
    other.tag("V1", other.commit({"net.pb": b"1\n"}, "Only one"))
    renamed = source.made.folder.rename(tmp_path / "RecoTau-Files.git")
    said = run_here("import", "survey", str(renamed), str(folder))
    assert said.out.splitlines()[0].split() == ["field", "RecoTau-Files", "RecoX-Files"]
    markdown = run_here("import", "survey", str(renamed), str(folder), "--markdown").out.splitlines()
    assert markdown[1] == "| --- | ---: | ---: |"
    assert len(run_here("import", "survey", str(renamed), str(folder), "--json").lines) == 2


def test_rules_are_checked_by_their_own_tests(herdbook: Run, source: Source) -> None:
    assert "pass" in herdbook("import", "rules").out
    assert "1 test pass" in herdbook("import", "rules", str(source.rules)).out
    source.rules.write_text(RULES.replace("label: v1\n", "label: v9\n"), "utf-8")
    assert "FAIL" in herdbook("import", "rules", str(source.rules), status=1).out
    herdbook("import", "rules", "no-such-rules", status=3)


def test_an_unknown_kind_is_guessed_at(herdbook: Run) -> None:
    assert "Did you mean git" in herdbook("import", "gti", "x", status=2).err
    herdbook("import", "git", "/no/such/place", status=3)


def test_escapes_in_a_message_do_not_steer_the_terminal(herdbook: Run, tmp_path: Path) -> None:
    evil = Repository(tmp_path / "RecoEvil-Files.git")
    commit = evil.commit({"net_v1.pb": b"1\n"}, b"Remove \x1b[2J\x07 wrong\x00 weights")
    evil.tag("V1", commit)
    evil.tag("V2", evil.commit({"net_v1.pb": b"2\n"}, b"Fix \x1b]0;owned\x07wrong", onto=commit))
    words = ("import", "git", str(evil.folder), "--namespace", "demo")
    shown = [herdbook(*words), herdbook(*words, "--apply")]
    shown += [herdbook("show", reference) for reference in herdbook("search", "-q").out.split()]
    assert len(shown) > 2
    for said in shown:
        assert not {"\x1b", "\x07", "\x00"} & set(said.out + said.err)
