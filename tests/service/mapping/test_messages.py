"""Messages of commits: what they tell is found, and nobody's name comes along."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdbook.model.histories import Author, Commit
from herdbook.model.rules import MessageRule
from herdbook.service.mapping import messages

PACK = Path(os.environ.get("HERDBOOK_DATA") or Path(__file__).resolve().parents[4] / "shared" / "data")
SYSTEMS = ("RecoTauTag-TrainingFiles", "L1Trigger-Phase2L1ParticleFlow")
RUN = "e1f3ddb3c4c94128a34a7635c56322eb"
MD5 = "541e63d72adb374f602056f2d5d012a9"

CLEANED = [
    ("Added v2p5 model\n\nCo-authored-by: Ada L <ada@example.org>\nSigned-off-by: B\n", "Added v2p5 model"),
    ("Merge pull request #18 from ada/DeepTau\n\nAdded the model", "Merge pull request #18\n\nAdded the model"),
    ("Merge pull request #4 in PROJ/repo from ~ada/branch to master", "Merge pull request #4"),
    ('Revert "Merge pull request #4 from ada/branch"', 'Revert "Merge pull request #4"'),
    ("Merge branch 'master' of github.com:ada/repo into ada-dev", "Merge branch 'master'"),
    (
        "Merge branch 'ada' into 'master'\n\nSee merge request ada/repo!12",
        "Merge branch 'master'\n\nSee merge request !12",
    ),
    ("Merge remote-tracking branch 'ada/fix'", "Merge remote-tracking branch"),
    ("Merge ada/fix into ada/dev", "Merge"),
    ("thanks @ada, (@b.c) and Ada Lovelace <ada@example.org>!", "thanks [person], ([person]) and <[person]>!"),
    ("copied from ada@lxplus:x.pb, by a.b+c@d.example", "copied from [person]:x.pb, by [person]"),
    ("see https://github.com/ada/repo/pull/3 and ada/repo#4", "see https://github.com/…/repo/pull/3 and repo#4"),
    ("see https://github.com/cms-sw/cmssw/pull/41279", "see https://github.com/cms-sw/cmssw/pull/41279"),
    ("eff@90% of svn@123, 95 @ CL", "eff@90% of svn@123, 95 @ CL"),
    ("a\x1b[31mred\x00\r\n\n\n\nb", "a\ufffd[31mred\ufffd\n\nb"),
]


@pytest.mark.parametrize(("message", "cleaned"), CLEANED)
def test_people_are_left_out_and_the_words_are_kept(message: str, cleaned: str) -> None:
    assert messages.clean(message, {"cms-sw"}) == cleaned


def test_a_very_long_message_is_cut_and_says_so() -> None:
    assert len(messages.clean("word " * 10_000)) <= messages.MAX_MESSAGE + 1
    assert messages.clean("word " * 10_000).endswith("…")


@given(st.text(max_size=200))
def test_a_cleaned_message_needs_no_cleaning(message: str) -> None:
    cleaned = messages.clean(message)
    assert messages.clean(cleaned) == cleaned


def test_hostile_messages_take_no_time() -> None:
    start = time.process_time()
    for message in ("a@" * 50_000, "a" * 100_000 + "@", "A " * 50_000, "-by" * 30_000, "run" * 30_000, "0" * 100_000):
        messages.clean(message)
        messages.trainings(message)
        messages.says_withdrawal(message)
        messages.says_change(message)
    assert time.process_time() - start < 5


def _history(*commits: tuple[str, str, str]) -> list[Commit]:
    """Make commits of (id, parents, message)."""
    return [Commit(id=name, parents=tuple(parents.split()), message=message) for name, parents, message in commits]


FORKED = _history(
    ("a", "", "start"),
    ("b", "a", "on the branch"),
    ("c", "b", "of the fork"),
    ("d", "b c", "Merge pull request #18 from fork/x"),
    ("e", "d", "after it"),
    ("f", "a", "squashed (#7)"),
    ("g", "f e", "Merge pull request #9 from team/branch"),
    ("h", "g", 'Revert "x (#3)"'),
)


def test_a_pull_request_is_that_of_the_source_and_not_of_a_fork_on_the_way() -> None:
    numbers = messages.pull_requests(FORKED, "h")
    assert numbers == {"b": 9, "c": 9, "d": 9, "e": 9, "f": 7, "g": 9}


def test_what_was_there_before_a_merge_is_not_its() -> None:
    back = _history(
        ("a", "", "start"),
        ("b", "a", "main"),
        ("c", "a", "branch"),
        ("d", "c b", "Merge branch 'master' into branch"),
        ("e", "b d", "Merge pull request #2 from x/branch"),
        ("f", "e d b", "Merge pull request #3 from y/octopus"),
        ("z", "", "another root (#5)"),
        ("y", "gone", "its parent is not here"),
    )
    assert messages.pull_requests(back, "f") == {"c": 2, "d": 2, "e": 2, "f": 3, "z": 5}


def test_a_folder_has_one_commit_without_an_id() -> None:
    assert messages.pull_requests([Commit(id="")]) == {}


def test_pull_requests_of_a_long_history_take_linear_time() -> None:
    made = [Commit(id="m0")]
    for number in range(1, 30_000):
        made.append(Commit(id=f"b{number}", parents=(f"m{number - 1}",)))
        merge = f"Merge pull request #{number} from x/y"
        made.append(Commit(id=f"m{number}", parents=(f"m{number - 1}", f"b{number}"), message=merge))
    start = time.process_time()
    assert messages.pull_requests(made)["b29999"] == 29_999
    assert time.process_time() - start < 5


SAID = [
    (f"Added v2p5 model, training hash: {RUN}", "mlflow-run", RUN),
    (f"from MLflow run {MD5}", "mlflow-run", MD5),
    (f"run_id={MD5}, epoch 3", "mlflow-run", MD5),
    (f"training id is `{MD5}`", "training-id", MD5),
    (f"re-training hash {RUN}", "mlflow-run", RUN),
    ("training id: prod_2018_v7.", "training-id", "prod_2018_v7"),
]


@pytest.mark.parametrize(("message", "scheme", "value"), SAID)
def test_the_id_of_a_training_is_found_in_a_message(message: str, scheme: str, value: str) -> None:
    (found,) = messages.trainings(message)
    assert (found.identifier.scheme, found.identifier.value, found.kind) == (scheme, value, "training")
    assert found.text == message.strip()


@pytest.mark.parametrize(
    "message",
    [f"md5 {MD5}", MD5, f"training file {MD5}", "run 315512", "run id: 315512",
     "training id: none", f"{RUN}0 training"],
)  # fmt: skip
def test_a_bare_hash_is_no_training(message: str) -> None:
    assert messages.trainings(message) == []


def test_a_rule_decides_before_what_messages_commonly_say() -> None:
    rule = MessageRule(pattern=r"hash: (?P<id>[0-9a-f]{32})", scheme="our-runs", kind="fine-tuning")
    (found,) = messages.trainings(f"v2\n\ntraining hash: {RUN} @ada\nthe same: training hash: {RUN}", [rule])
    assert (found.identifier.scheme, found.kind, found.rule) == ("our-runs", "fine-tuning", "messages/0")
    assert found.text == f"training hash: {RUN} [person]"


@pytest.mark.parametrize(
    "message",
    ["fix:removing bugged onnx model", "Remove depreciated deepTau v1 model", "v2\n\nreplaces the wrong one",
     "Delete original files", "hotfix: scaling", 'Revert "new model"', "model is broken"],
)  # fmt: skip
def test_a_withdrawal_is_heard(message: str) -> None:
    said = messages.says_withdrawal(message)
    assert said
    assert said in message


@pytest.mark.parametrize(
    "message", ["Updated training file", "prefix", "fixed-point model", "fixed point", "debug", "add dropout", ""]
)
def test_other_words_withdraw_nothing(message: str) -> None:
    assert messages.says_withdrawal(message) is None


def test_a_person_is_known_by_address_and_else_by_name() -> None:
    assert messages.person_key(Author("Ada", "Ada@Example.org ")) == messages.person_key(
        Author("A. L.", "ada@example.org")
    )
    assert messages.person_key(Author(" Ada ", "")) == "Ada"


@pytest.mark.datapack
@pytest.mark.parametrize("system", SYSTEMS)
def test_the_messages_of_a_real_system_tell_what_was_expected(system: str) -> None:
    path = PACK / "expected" / "systems" / f"{system}.json"
    if not path.exists():
        pytest.skip("there is no data pack (HERDBOOK_DATA)")
    told: dict[str, Any] = json.loads(path.read_text("utf-8"))
    texts = {commit["id"]: commit["message"] for commit in told["commits"]}
    ids = {key: [one.identifier.value for one in messages.trainings(text)] for key, text in texts.items()}
    words = {key: messages.says_change(text) for key, text in texts.items()}
    assert {key: found for key, found in ids.items() if found} == {
        item["commit"]: item["hex32"] for item in told["training_ids_in_messages"]
    }
    assert {key: found for key, found in words.items() if found} == {
        item["commit"]: item["words"] for item in told["messages_that_say_change"]
    }
    commits = [
        Commit(id=item["id"], parents=tuple(item["parents"]), message=item["message"]) for item in told["commits"]
    ]
    cleaned = "\n".join(messages.clean(commit.message) for commit in commits)
    assert "@" not in cleaned
    assert not [word for word in ("shedprog", "kandrosov", "MRD2F", "gpetruc", "aloeliger") if word in cleaned]
    # Each is one chain of merged pull requests, so that only the first commit came without one.
    assert len(messages.pull_requests(commits, told["head"]["commit"])) == len(commits) - 1
