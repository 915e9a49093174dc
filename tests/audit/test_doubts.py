"""What does not count: looks that are too old, contradictions, data that changed, code that nobody else can have."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # tests are no package that is installed
from tests.audit.evidences import (
    COMMIT,
    FRESH,
    STALE,
    at,
    bare,
    data,
    dry_run,
    graph,
    look,
    said,
    sha,
    trained,
    uses,
    view,
)
from tests.audit.test_items import CODE, CONTRACT, GRAPH, LOCK, METRIC, SPLIT, evaluated, runnable, searched

from herdbook.model.activities import Part
from herdbook.model.audits import Score
from herdbook.model.registrations import FileCheck
from herdbook.service.auditing_evidence import Evidence, Input
from herdbook.service.checks import datasets, findable, interface, operations, retrainings, reusable, trainings

URI = f"git+https://example.org/r.git@{COMMIT}"


def got(score: Score, wanted: int | None, *words: str) -> None:
    """Expect a score, and words in what it rests on."""
    assert score.score == wanted, score
    for word in words:
        assert word in str(score.json_object())


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ({"state": "exists", "asked": FRESH}, 3),
        ({"state": "exists", "asked": STALE}, 2),
        ({"state": "exists", "asked": "2030-01-01T00:00:00Z"}, 2),
        ({"state": "exists", "asked": None}, 2),
        ({"state": "unknown", "asked": FRESH}, 2),
        ({"state": "gone", "asked": FRESH}, 2),
    ],
)
def test_a_commit_counts_as_reachable_only_after_a_look_within_ninety_days(told: dict[str, Any], wanted: int) -> None:
    place = look(URI)
    location = place.location.model_copy(update=told)
    got(trainings.code(trained(fields={"code": CODE}, code_looks=(replace(place, location=location),))), wanted)


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ({"repository": "https://example.org/r.git"}, "without a commit"),
        ({**CODE, "problems": ["unpushed"]}, "others can reach"),
        ({"commit": COMMIT}, "others can reach"),
        ({**CODE, "dirty": True}, "not stored"),
        ({**CODE, "dirty": True, "diff": sha("diff")}, "not kept"),
        ({**CODE, "dirty": True, "problems": ["diff-withheld"]}, "diff-withheld"),
        ({**CODE, "problems": ["missing-submodule:lib"]}, "missing-submodule"),
        ({**CODE, "untracked": [{"path": "new.py", "sha256": sha("new")}]}, "new.py"),
    ],
)
def test_code_that_nobody_else_can_have_is_only_told(code: dict[str, Any], word: str) -> None:
    got(
        trainings.code(
            trained(fields={"code": code}, code_looks=(look(URI),) if "dirty" in code and "diff" in code else ())
        ),
        1,
        word,
    )


def test_code_that_is_kept_here_needs_no_repository() -> None:
    fields = {
        "code": {"commit": COMMIT, "dirty": True, "diff": sha("diff"), "problems": ["unpushed"]},
        "inputs": [{"blob": sha("bundle"), "role": "code-bundle"}],
    }
    got(trainings.code(trained(fields=fields, kept=frozenset({sha("diff"), sha("bundle")}))), 3, "bundle")
    got(trainings.code(trained(fields=fields, kept=frozenset({sha("diff")}))), 1)
    alone = {"code": {"untracked": [{"path": "t.py", "sha256": sha("t")}], "problems": ["no-git"]}}
    got(trainings.code(trained(fields=alone, kept=frozenset({sha("t")}))), 3)


def test_data_are_pinned_only_by_a_whole_manifest_and_verified_only_when_closed() -> None:
    def score(**given: Any) -> Score:
        return datasets.pinned(trained(inputs=uses(data(**given))))

    got(score(files=()), 1, "no manifest")
    got(score(unsummed=1), 1, "2 checksums for 3 files")
    got(score(), 2, "manifest of 2 files")
    got(score(looks=(look("rucio:a:b", closed=False),)), 2)
    got(score(looks=(look("rucio:a:b"),)), 2)
    got(score(looks=(look("rucio:a:b", closed=True, lacking=["a"]),)), 2)
    got(score(looks=(look("rucio:a:b", closed=True, asked=STALE),)), 2)
    got(score(looks=(look("file:///d", checked="checksum"),)), 3)
    got(datasets.pinned(trained(inputs=uses(data()), kept=frozenset({sha("a"), sha("b")}))), 3, "kept here")
    both = uses(data(), data("other", files=()))
    got(datasets.pinned(trained(inputs=both)), 1, "local:other")


def test_a_name_or_a_wildcard_is_no_dataset() -> None:
    selector = Input(Part.read({"selector": {"scheme": "cms-dbs", "value": "/TT*/*/*"}, "role": "train"}))
    name = Input(Part.read({"id": {"scheme": "cms-dbs", "value": "/TT/a/b"}, "role": "train"}))
    got(datasets.pinned(trained(inputs=(selector,))), 1)
    got(datasets.pinned(trained(inputs=(name,))), 1)
    config = Input(Part(blob=sha("c"), role="config"))
    got(datasets.pinned(trained(inputs=(config,))), 0, "none of its inputs is data")


@pytest.mark.parametrize("problem", ["input-changed", "input-gone"])
def test_a_file_that_changed_while_it_was_read_is_not_pinned(problem: str) -> None:
    given = Input(Part(file=sha("a"), role="train", path="data/a.csv"))
    fields = {"workflow": {"problems": [f"{problem}:data/a.csv"]}}
    got(datasets.pinned(trained(fields=fields, inputs=(given,), kept=frozenset({sha("a")}))), 1, problem)
    got(datasets.pinned(trained(inputs=(given,), kept=frozenset({sha("a")}))), 3)


def test_notes_of_a_capture_are_no_workflow() -> None:
    got(retrainings.workflow(trained(fields={"workflow": {"problems": ["files-cut"]}})), 0)
    got(retrainings.workflow(trained(fields={"workflow": {"type": "snakemake", "file": "Snakefile"}})), 2)


def test_a_split_must_have_been_run_and_overlap_takes_all_away() -> None:
    def score(**changed: Any) -> Score:
        body = {name: value for name, value in {**SPLIT, **changed}.items() if value is not None}
        return datasets.split(trained(inputs=uses(data(statements=[("split", body)]))))

    got(score(), 3)
    got(score(checked=None), 2, "not run")
    got(score(overlap=None), 2)
    got(score(overlap=4), 0, "4 entries")


def test_training_and_test_in_files_of_their_own_are_held_against_one_another() -> None:
    train, test = data("train"), data("test", files=("c", "d"))
    apart = uses(train) + uses(test, role="test")
    got(datasets.split(trained(inputs=apart)), 3, "no file in common")
    same = uses(train) + uses(data("test", files=("b", "c")), role="test")
    got(datasets.split(trained(inputs=same)), 0, "1 files are in training and test")
    unknown = uses(train) + uses(data("test", files=()), role="test")
    got(datasets.split(trained(inputs=unknown)), 2)


@pytest.mark.parametrize(
    ("environment", "lock", "wanted"),
    [
        ({"packages": {"numpy": "2.0"}}, None, 1),
        ({"blob": sha("lock")}, None, 1),
        ({"blob": sha("lock")}, b"numpy==2.0\n", 2),
        ({"blob": sha("lock")}, LOCK, 3),
        ({"blob": sha("lock")}, LOCK + b"other==1\n", 2),
        ({"blob": sha("lock"), "problems": ["not-in-lock:x"]}, LOCK, 2),
        ({"blob": sha("lock"), "problems": ["editable-dirty:x:abc"]}, LOCK, 1),
        ({"container": {"image": "x", "digest": "sha256:" + "e" * 64}}, None, 2),
        ({"container": {"image": "x"}}, None, 0),
        ({"stack": {"kind": "cmssw", "release": "CMSSW_14_1_0"}}, None, 2),
    ],
)
def test_an_environment_is_pinned_by_a_digest_a_lock_or_a_release(
    environment: dict[str, Any], lock: bytes | None, wanted: int
) -> None:
    kept = frozenset({sha("lock")}) if lock else frozenset[str]()
    got(trainings.environment(trained(fields={"environment": environment}, kept=kept, read=lambda _: lock)), wanted)


HASH = "a" * 64


@pytest.mark.parametrize(
    ("lock", "count"),
    [
        (f'[[packages]]\nname = "a"\nwheels = [{{ hashes = {{ sha256 = "{HASH}" }} }}]\n[[packages]]\nname = "b"\n', 0),
        (f'[[packages]]\nname = "a"\nwheels = [{{ hashes = {{ sha256 = "{HASH}" }} }}]\n', 1),
        (
            f'[[package]]\nname = "own"\nsource = {{ virtual = "." }}\n[[package]]\nhash = "sha256:{HASH}"\n',
            1,
        ),
        (f"version: 6\npackages:\n- conda: https://c/a.conda\n  sha256: {HASH}\n", 1),
        (f"version: 6\npackages:\n- conda: https://c/a.conda\n  sha256: {HASH}\n- conda: https://c/b.conda\n", 0),
        (f"# x\n@EXPLICIT\nhttps://c/a.conda#{'b' * 32}\n", 1),
        (f"a==1.0  # files-sha256={HASH}\nb @ https://x/b.whl#sha256={HASH}\n", 2),
        (f"a==1.0  # files-sha256={HASH}\n# b==1.0: from a folder or file of that machine\n", 0),
        ("", 0),
    ],
)
def test_a_lock_counts_when_each_package_has_a_hash(lock: str, count: int) -> None:
    assert trainings.locked(lock.encode()) == count


def test_a_search_counts_only_when_the_training_has_the_chosen_trials_parameters() -> None:
    got(trainings.parameters(searched()), 3)
    got(trainings.parameters(searched(text="0.2")), 2)
    got(trainings.parameters(searched(chosen=2)), 2)


def test_a_dry_run_counts_for_ninety_days_and_only_with_all_inputs() -> None:
    e = runnable()
    got(retrainings.workflow(dry_run(e)), 3)
    got(retrainings.workflow(dry_run(e, done=STALE)), 2, "more than 90 days")
    got(retrainings.workflow(dry_run(e, done="2027-01-01T00:00:00Z")), 2)
    got(retrainings.workflow(dry_run(e, inputs=("a",))), 2, "did not verify")
    got(retrainings.workflow(dry_run(e, outcome="incomplete", problems=["b is missing"])), 2, "b is missing")
    got(retrainings.workflow(dry_run(e, of=sha("other"))), 2, "another training")
    missing = [
        {"path": "a", "digest": sha("a"), "state": "missing"},
        {"path": "b", "digest": sha("b"), "state": "verified"},
    ]
    body = dry_run(e, inputs=()).dry_runs[0].statement.body
    got(retrainings.workflow(replace(e, dry_runs=(said("retraining", {**body, "inputs": missing}),))), 2, "missing")


def test_what_is_found_gone_after_the_dry_run_takes_its_word_away() -> None:
    later = "2026-11-10T00:00:00Z"

    def score(*looks: Any) -> Score:
        return retrainings.workflow(dry_run(replace(runnable(), inputs=uses(data(looks=looks)))))

    got(score(look("rucio:a:b", "gone", later)), 2, "local:toy is gone since 2026-11-10")
    got(score(look("rucio:a:b", "gone", later), look("file:///d")), 3)
    got(score(look("rucio:a:b", "gone", STALE)), 3)
    got(score(look("rucio:a:b", "unknown", later)), 3)
    code = replace(runnable(), code_looks=(look(URI, "gone", later),))
    got(retrainings.workflow(dry_run(code)), 2, "commit 012345678901 is gone")


def test_bytes_that_the_registry_lost_take_the_word_of_a_dry_run_away() -> None:
    e = replace(runnable(), asked=frozenset({sha("a")}), kept=frozenset({sha("a")}))
    body = dry_run(e).dry_runs[0].statement.body
    inputs = [{**each, "uri": "registry"} for each in body["inputs"]]
    e = replace(e, dry_runs=(said("retraining", {**body, "inputs": inputs}),))
    got(retrainings.workflow(e), 3)
    got(retrainings.workflow(replace(e, kept=frozenset())), 2, "no longer kept here")


def test_a_contract_that_contradicts_the_graph_is_worth_nothing() -> None:
    for changed in ({"name": "z"}, {"dtype": "float64"}, {"shape": ["n", 3]}, {"shape": ["n"]}):
        other = graph(inputs=[{"name": "x", "dtype": "float32", "shape": ["n", 2], **changed}])
        got(interface.inputs(bare(said("contract", CONTRACT), files=(other,))), 0, "not what the graph has")
    twice = {"inputs": [*CONTRACT["inputs"], {**CONTRACT["inputs"][0], "name": "z"}]}
    got(interface.inputs(bare(said("contract", twice), files=(GRAPH,))), 0, "2 are told")
    labels = {"outputs": [{**CONTRACT["outputs"][0], "labels": ["a", "b", "c"]}]}
    got(interface.outputs(bare(said("contract", labels), files=(GRAPH,))), 0, "3 labels")
    wrong = trained(fields={"parameters": [{"name": "n_params", "text": "13"}]}, files=(GRAPH,))
    got(reusable.size(wrong), 0, "13 parameters are told, 12")


def test_sequences_say_which_objects_go_in_only_when_each_has_selection_and_sort_key() -> None:
    whole = {"name": "a", "sequence": {"selection": "pt > 1 GeV", "sort_key": "pt"}}
    half = {"name": "b", "sequence": {"sort_key": "pt"}}
    got(interface.selection(bare(said("contract", {"inputs": [whole]}))), 2, "1 sequences")
    got(interface.selection(bare(said("contract", {"inputs": [whole, half]}))), 1, "1 of 2")
    got(interface.selection(bare(said("contract", {"inputs": [{"name": "c", "sequence": {"axis": 1}}]}))), 0)


def test_an_evaluation_is_held_out_only_when_files_show_it() -> None:
    got(reusable.evaluation(evaluated()), 3)
    seen = data("train")
    body = {"metrics": [METRIC], "dataset": seen.record, "split": "test"}
    got(reusable.evaluation(trained(said("evaluation", body), inputs=uses(seen), evaluated={seen.record: seen})), 2)
    shared = data("test", files=("b", "c"))
    body = {**body, "dataset": shared.record}
    e = trained(said("evaluation", body), inputs=uses(seen), evaluated={shared.record: shared})
    got(reusable.evaluation(e), 2)


def test_bytes_that_are_wrong_when_read_again_leave_no_id() -> None:
    checks = [FileCheck.read({"path": "m", "digest": sha("m"), "status": status}) for status in ("ok", "corrupt")]
    got(findable.digest(bare(files=(view("m"),), verified=tuple(checks))), 0, "corrupt")


def test_one_place_is_no_second_copy_and_an_old_look_is_none() -> None:
    got(findable.copies(bare(looks=(look("https://x.org/a"), look("https://x.org/b")))), 2)
    got(findable.copies(bare(looks=(look("https://x.org/a", asked=STALE),))), 1)


def test_of_a_training_that_is_only_a_name_nothing_is_taken_for_granted() -> None:
    got(operations.firmware(trained()), 0, "little is known")
    got(operations.firmware(trained(fields={"code": CODE})), None)


def test_a_file_that_no_reader_knows_is_not_called_safe() -> None:
    got(operations.loading(bare(files=(GRAPH, view("other.bin")))), 0, "no reader knows")
    got(operations.loading(bare(files=(GRAPH, view("c.json", safety="guarded")))), 1)


def test_an_orcid_counts_with_its_check_digit() -> None:
    def score(author: str) -> Score:
        told = said("description", {"title": "T", "summary": "S", "authors": [author]})
        return findable.description(bare(told, profile={"step": "trigger"}))

    got(score("A (0000-0002-1825-0097)"), 3)
    got(score("A (0000-0002-1694-233X)"), 3)
    got(score("A (0000-0002-1825-0098)"), 2)
    got(score("A"), 2)


def test_the_age_of_a_look_is_told_against_the_audits_own_time() -> None:
    e: Evidence = trained(fields={"code": CODE}, code_looks=(look(URI),))
    got(trainings.code(replace(e, now=at("2027-01-29T00:00:00Z"))), 3)
    got(trainings.code(replace(e, now=at("2027-01-31T00:00:00Z"))), 2)


def test_what_is_made_to_be_kept_is_known_by_its_reader_and_not_by_its_name() -> None:
    for format_ in ("lwtnn-json", "conifer-json", "pmml"):
        got(interface.preservation(bare(files=(view("m.json", format=format_),))), 2)
    got(interface.preservation(bare(files=(view("m.safetensors", format="safetensors"),))), 1)
    got(interface.preservation(bare(files=(view("m.lwtnn.json", format="json-other"),))), 0)
