"""Everything that is told beside the files: checksums, trainings, READMEs, lists, people, troubles; and the speed."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import Any

import pytest
from tests.counting import calls
from tests.service.mapping.drafting import codes, drafted, files, history, opened, rules, said, version

from herdbook.model.activities import Activity
from herdbook.service.mapping import draft
from herdbook.testing.repositories import Content, Link, Repository

NET = "models/tau/1/net.onnx"
RUN = "e1f3ddb3c4c94128a34a7635c56322eb"


def config(**md5s: str) -> bytes:
    lines = [f'parameters {{ key: "MD5:{name.replace("__", "/")}.onnx" value: "{md5}" }}' for name, md5 in md5s.items()]
    return f"model_repository_agents {{ agents [ {{ name: 'checksum' {' '.join(lines)} }} ] }}".encode()


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def test_declared_md5s_match_or_do_not_or_name_nothing(tmp_path: Path) -> None:
    declared = config(**{"1__net": md5(b"net"), "1__other": md5(b"x"), "2__net": md5(b"x"), "1__gone": md5(b"gone")})
    tree: dict[str, Content] = {
        NET: b"net",
        "models/tau/1/other.onnx": b"other",
        "models/tau/1/gone.onnx": b"gone",
        "models/tau/config.pbtxt": declared,
    }
    repository, _ = history(tmp_path / "r", tree)
    repository.drop(repository.put("blob", b"gone"))
    drafts = drafted(repository)
    (note,) = said(drafts.versions[0], "note")
    assert {each["file"]: each["status"] for each in note.body["declared"]} == {
        "1/net.onnx": "match",
        "1/other.onnx": "mismatch",
        "2/net.onnx": "absent",
        "1/gone.onnx": "content-missing",
    }
    assert [(each.code, each.where) for each in drafts.findings] == [("md5-mismatch", "models/tau/1/other.onnx")]
    assert str((note.evidence or {})["/declared/0"].where).endswith(":models/tau/config.pbtxt")


def test_a_declared_file_that_is_a_link_is_followed(tmp_path: Path) -> None:
    tree: dict[str, Content] = {
        NET: b"net",
        "models/tau/config.pbtxt": config(**{"2__net": md5(b"fat")}),
        "models/tau/2/net.onnx": Link("../../fat/1/net.onnx"),
        "models/fat/1/net.onnx": b"fat",
    }
    drafts = drafted(history(tmp_path / "r", tree)[0])
    (note,) = said(version(drafts, "T1", "tau"), "note")
    assert note.body["declared"] == [{"file": "models/fat/1/net.onnx", "md5": md5(b"fat"), "status": "match"}]


def test_a_training_of_which_only_an_id_is_known_put_out_the_set_of_its_commit(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    tree: dict[str, Content] = {f"nets/tau_v{n}_{part}.pb": b"1" for n in (1, 2) for part in ("core", "inner")}
    first = repository.commit({**tree, "nets/README.md": b"#"})
    change: dict[str, Content | None] = {"nets/tau_v2_core.pb": b"2", "nets/README.md": b"##"}
    second = repository.commit(change, f"Added v2, training hash: {RUN}", onto=first)
    repository.commit({"a.csv": b""}, f"Again: training hash: {RUN}", onto=second)
    drafts = drafted(repository)
    (found,) = drafts.activities
    assert found.activity["ids"] == [{"scheme": "mlflow-run", "value": RUN}]
    assert found.outputs == (version(drafts, "v2").key,)
    assert Activity.read(found.activity).status == "unknown"
    assert (found.evidence or {})["/ids/0"].where == f"commit:{second}"


def test_a_training_id_without_a_version_is_kept_and_said(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    repository.commit({"a.csv": b""}, f"training hash: {RUN}")
    drafts = drafted(repository)
    assert [each.outputs for each in drafts.activities] == [()]
    assert codes(drafts) == ["training-without-version"]


def test_a_readme_beside_a_model_names_what_it_was_trained_on(tmp_path: Path) -> None:
    name = "/TTToSemiLeptonic_TuneCP5/RunIISummer19UL18MiniAOD-106X_v11-v2/MINIAODSIM"
    readme = f"Trained on `{name}` (300 files)".encode()
    repository, commits = history(tmp_path / "r", {"Jet/V00/net.onnx": b"n", "Jet/V00/README.md": readme})
    drafts = drafted(repository)
    assert [each.dataset.id.value for each in drafts.datasets if each.dataset.id] == [name]
    (found,) = drafts.activities
    assert found.outputs == (drafts.versions[0].key,)
    assert (found.activity["kind"], found.issued) == ("training", drafts.versions[0].date)
    assert str((found.evidence or {})["/inputs/0"].where).endswith(":Jet/V00/README.md#L1")
    assert drafts.versions[0].commit == commits[0]


def test_a_release_list_is_told_for_every_text_it_had_and_a_dataset_list_for_the_newest(tmp_path: Path) -> None:
    lists: list[dict[str, Any]] = [
        {"id": "cycles", "paths": [r"(?P<c>CMSSW_\w+)\.txt"], "what": "release-list", "name": "{c}", "scheme": "cycle"},
        {"id": "sets", "paths": [r"sets/(?P<n>\w+)\.txt"], "what": "dataset-list", "name": "{n}"},
    ]
    sample = b"DY /DYJetsToLL_M-50/RunIIAutumn18MiniAOD-102X_v15-v%d/MINIAODSIM\n"
    repository, _ = history(
        tmp_path / "r",
        {"CMSSW_14_1_X.txt": b"[default]\nReco-Net=T1\n", "sets/DY.txt": sample % 1},
        {"CMSSW_14_1_X.txt": b"[default]\nReco-Net=T2\n", "sets/DY.txt": sample % 2},
    )
    drafts = drafted(repository, rules(lists=lists))
    assert [each.body["packages"][0]["tag"] for each in drafts.statements] == ["T1", "T2"]
    assert [str(each.subject[0].id) for each in drafts.statements] == ["cycle:CMSSW_14_1_X"] * 2
    assert drafts.statements[0].issued != drafts.statements[1].issued
    assert [each.dataset.id.value[-14:] for each in drafts.datasets if each.dataset.id] == ["-v2/MINIAODSIM"]
    assert {each.reason for each in drafts.blobs} == {"read by rule cycles; no model", "read by rule sets; no model"}


def test_a_text_above_one_mebibyte_is_a_finding_and_is_not_read(tmp_path: Path) -> None:
    long = b"`/A/B-v1/MINIAOD`\n" + b"x" * (1 << 20)
    repository, _ = history(tmp_path / "r", {"Jet/V00/net.onnx": b"n", "Jet/V00/README.md": long})
    drafts = drafted(repository)
    assert (codes(drafts), drafts.activities) == (["text-too-long"], ())
    assert "README.md" in files(drafts.versions[0])


def test_people_stand_apart_and_in_no_body(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    message = "Add a net\n\nCo-authored-by: Grace Hopper <grace@example.org>"
    repository.commit({NET: b"n"}, message, author="Ada Lovelace <Ada@example.org>")
    drafts = drafted(repository)
    (origin,) = said(drafts.versions[0], "origin")
    assert list(origin.people) == ["/author"]
    person = drafts.people[origin.people["/author"]]
    assert (person.name, person.email) == ("Ada Lovelace", "Ada@example.org")
    text = str([each.body for each in drafts.versions[0].said])
    assert not any(part in text for part in ("Lovelace", "Hopper", "example.org"))


def test_paths_that_no_record_can_hold_are_findings_and_their_blobs_are_skipped(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    blob = repository.put("blob", b"evil")
    repository.commit({NET: b"n"}, tree=repository.tree([(0o100644, b"a\x1b[2J.pb", blob)]))
    drafts = drafted(repository)
    assert "bad-path" in codes(drafts)
    assert [each.fate for each in drafts.blobs if each.digest.endswith(blob)] == ["skipped"]
    assert len(drafts.versions) == 1


def test_an_empty_repository_and_one_without_models_draft_nothing(tmp_path: Path) -> None:
    assert drafted(Repository(tmp_path / "empty")).versions == ()
    drafts = drafted(history(tmp_path / "r", {"a.csv": b"1"})[0])
    assert (drafts.versions, drafts.models) == ((), ())
    assert [(each.fate, each.reason) for each in drafts.blobs] == [("skipped", "a table")]


def test_a_rule_says_what_its_models_are_for_and_what_their_versions_are(tmp_path: Path) -> None:
    model = {
        "id": "m",
        "paths": [r"(?P<era>Run\d)/net\.pb"],
        "model": "cms/net",
        "label": "{era}",
        "profile": {"title": "A net"},
        "ext": {"hep": {"$v": "1.0", "era": "{era}"}},
    }
    drafts = drafted(history(tmp_path / "r", {"Run2/net.pb": b"2", "Run3/net.pb": b"3"})[0], rules(models=[model]))
    assert [(each.name, each.rule, each.profile and each.profile.title) for each in drafts.models] == [
        ("cms/net", "m", "A net")
    ]
    told = [said(each, "description")[0].body["ext"]["hep"]["era"] for each in drafts.versions]
    assert told == ["Run2", "Run3"]


def large(folder: Path, size: int) -> Repository:
    """Make a repository with many models, of which each commit changes ten; every commit is tagged."""
    repository, dice = Repository(folder, packed=True), random.Random(1)
    commit = repository.commit({f"d{n // 50}/m{n}.pb": b"%d" % n for n in range(10 * size)})
    repository.tag("T0", commit)
    for at in range(1, size):
        chosen = dice.sample(range(10 * size), 10)
        commit = repository.commit({f"d{n // 50}/m{n}.pb": b"%d %d" % (n, at) for n in chosen}, onto=commit)
        repository.tag(f"T{at}", commit)
    repository.pack()
    return repository


def cost(folder: Path, size: int) -> int:
    """Count the calls that drafting `size` commits of ten changed models each takes."""
    by = rules(models=[{"id": "m", "paths": [r"(d\d+)/(?P<n>m\d+)\.pb"], "model": "cms/{n}", "label": "L"}])
    with opened(large(folder, size)) as source:
        history, state, drafts = source.history, source.state(), []
        taken = calls(lambda: drafts.append(draft(history, state, by)))
    assert len(drafts[0].versions) == 20 * size - 10
    return taken


def test_twice_the_models_tags_and_commits_take_about_twice_as_much(tmp_path: Path) -> None:
    cost(tmp_path / "warm", 20)
    small, twice = (cost(tmp_path / str(size), size) for size in (100, 200))
    assert twice < 2.5 * small


@pytest.mark.slow
def test_ten_thousand_models_and_a_thousand_tags_are_drafted_in_calls_by_the_thousand_a_tag(tmp_path: Path) -> None:
    assert cost(tmp_path / "r", 1000) < 12 * cost(tmp_path / "small", 100)
