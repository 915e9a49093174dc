"""Which rules a source is read with when nobody says, and that those which come with Herdbook keep their promises."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from herdbook.bootstrap import importers
from herdbook.kernel.errors import InvalidError, MissingError
from herdbook.service.mapping import rules_file
from herdbook.service.mapping.matching import Matcher
from herdbook.testing.repositories import Repository


@pytest.mark.parametrize("name", importers.rule_names())
def test_ready_made_rules_are_called_as_their_file_and_hold_their_own_tests(name: str) -> None:
    rules = importers.load_rules(name, "")
    assert rules.name == name
    assert len(rules.tests) >= 3
    assert rules_file.check(rules) == []


def test_the_example_of_the_reference_page_holds_its_tests_and_the_page_names_every_ready_made_rule() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "reference" / "import-rules.md").read_text("utf-8")
    example = page.partition("```yaml\n")[2].partition("```")[0]
    rules = rules_file.loads(example, "import-rules.md")
    assert len(rules.tests) == 3
    assert rules_file.check(rules) == []
    assert not [name for name in importers.rule_names() if f"| `{name}` |" not in page]


@pytest.mark.parametrize(
    ("source", "kind", "paths", "name"),
    [
        ("cms-data/RecoTauTag-TrainingFiles", "git", [], "cms-data-RecoTauTag-TrainingFiles"),
        ("L1Trigger-Phase2L1ParticleFlow", "git", [], "cms-data-L1Trigger-Phase2L1ParticleFlow"),
        ("cms-data/RecoBTag-Combined", "git", [], "cms-data"),
        ("github.com/cms-data/RecoBTag-Combined.git", "git", [], "cms-data"),
        ("cms-sw/cmsdist", "git", [], "cmsdist"),
        ("TauMLTools", "folder", [], "taumltools"),
        ("lists", "folder", ["cmsswdata-CMSSW_14_1_X.txt"], "cmsdist"),
        ("lists", "git", ["cmsswdata-CMSSW_14_1_X.txt"], "any"),
        ("my models", "folder", ["a.onnx"], "any"),
        ("", "folder", [], "any"),
        ("line\nfeed", "folder", [], "any"),
    ],
)
def test_a_source_gets_the_most_special_rules_that_fit(source: str, kind: str, paths: list[str], name: str) -> None:
    assert importers.load_rules(None, source, kind, paths=paths).name == name
    assert importers.load_rules("", source, kind, paths=paths).name == name


def test_the_namespace_that_the_user_says_goes_before_the_rules() -> None:
    rules = importers.load_rules(None, "cms-data/RecoTauTag-TrainingFiles", "git", namespace="mine")
    place = Matcher(rules, "cms-data/RecoTauTag-TrainingFiles").place("DeepTauId/deepTau_2018v2p5_core.pb")
    assert place.model == "mine/tau/deeptau"
    with pytest.raises(InvalidError, match="is not the name of a namespace"):
        importers.load_rules("any", "x", "git", namespace="not so/good")


def test_rules_that_leave_the_namespace_open_ask_for_it_when_they_are_put_to_work() -> None:
    rules = importers.load_rules(None, "somebody/models", "git")
    with pytest.raises(InvalidError) as caught:
        Matcher(rules, "somebody/models")
    assert caught.value.code == "no-namespace"
    assert "--namespace" in caught.value.hint


def test_rules_may_be_a_file_of_the_users(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("name: mine\nsource: x\nnamespace: lab\n", "utf-8")
    assert importers.load_rules(str(file), "x", "git").name == "mine"
    with pytest.raises(MissingError, match="no rules 'nowhere'") as caught:
        importers.load_rules("nowhere", "x", "git")
    assert "cms-data" in caught.value.hint


def test_an_unknown_kind_says_which_there_are(tmp_path: Path) -> None:
    assert {"git", "folder"} <= set(importers.kinds())
    with pytest.raises(MissingError, match="no importer for 'tape'") as caught:
        importers.open_source(str(tmp_path), "tape")
    assert "git" in caught.value.hint


def test_without_a_kind_a_repository_is_taken_for_one_and_any_other_folder_for_a_folder(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "made.git")
    repository.head(repository.commit({"a.txt": b"a"}))
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "a.txt").write_text("a", "utf-8")
    for place, kind in ((repository.folder, "git"), (tmp_path / "plain", "folder")):
        source = importers.open_source(str(place), name="lab/it")
        assert (source.kind, source.name) == (kind, "lab/it")
        source.close()
    with pytest.raises(MissingError):
        importers.open_source(str(tmp_path / "none"))


def test_what_is_listed_of_a_folder_is_bounded(tmp_path: Path) -> None:
    for name in ("a/b/c/d/e/deep.txt", "a/x.txt", ".hidden/y.txt", "z.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert sorted(importers.listed(str(tmp_path))) == ["a/x.txt", "z.txt"]
    assert importers.listed(str(tmp_path), most=1) == ["z.txt"]
    assert importers.listed(str(tmp_path / "z.txt")) == ["z.txt"]


def test_to_list_kinds_and_rules_loads_neither_yaml_nor_dulwich() -> None:
    code = (
        "import sys; from herdbook.bootstrap import importers; importers.kinds(); importers.rule_names(); "
        "assert not {'yaml', 'dulwich'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
