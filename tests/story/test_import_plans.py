"""Plans at the prompt: edited into nonsense, and edited well while the source moves on."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

import herdbook
from herdbook.testing.repositories import Repository

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # tests are no package that is installed
from tests.cli.conftest import Said, run_here
from tests.story.growing import NAME, entries, events, rules_file

REASON = "Fix the bug of the first tau"


def made(folder: Path) -> Repository:
    repository = Repository(folder / "nets.git")
    tree = {"nets/tau_v1.pb": b"tau", "nets/jet_v1.pb": b"jet", "nets/ele_v1.pb": b"ele"}
    repository.tag("T1", repository.commit(tree))
    repository.tag("T2", repository.commit({**tree, "nets/tau_v1.pb": b"tau two", "t.csv": b"1"}, REASON))
    return repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return made(tmp_path)


@pytest.fixture
def run(tmp_path: Path, repository: Repository) -> Callable[..., Said]:
    """Return what runs ``herdbook import`` with a plan."""
    return command(tmp_path, repository)


def command(folder: Path, repository: Repository) -> Callable[..., Said]:
    where = str(folder / "registry")
    run_here("--registry", where, "init", "--namespace", "toy")
    given = ("--rules", str(rules_file(folder)), "--name", NAME, "--plan", str(folder / "plan.yaml"))

    def run(*words: str, status: int | None = 0) -> Said:
        options = ("--registry", where, "--json")
        return run_here(*options, "import", "git", str(repository.folder), *given, *words, status=status)

    return run


def journal(tmp_path: Path) -> dict[str, int]:
    with herdbook.open(str(tmp_path / "registry"), read_only=True) as registry:
        return events(registry)


def swap(old: str, new: str, count: int = 1) -> Callable[[str], str]:
    def edit(text: str) -> str:
        assert old in text, text
        return text.replace(old, new, count)

    return edit


def after(begin: str, old: str, new: str) -> Callable[[str], str]:
    """Return an edit of what stands behind a word."""

    def edit(text: str) -> str:
        head, middle, tail = text.partition(begin)
        assert old in tail, tail
        return head + middle + tail.replace(old, new, 1)

    return edit


NONSENSE: dict[str, tuple[Callable[[str], str | bytes], str]] = {
    "another namespace": (after("models:", "name: toy/nets/tau", "name: cms/nets/tau"), "cms/nets/tau"),
    "a name of one part": (after("models:", "name: toy/nets/tau", "name: tau"), "tau"),
    "a name that climbs": (after("models:", "name: toy/nets/tau", "name: toy/../../etc"), "line "),
    "a name with an escape": (after("models:", "name: toy/nets/tau", 'name: "toy/\\x1b[31m/tau"'), "line "),
    "a model inside a model": (after("models:", "name: toy/nets/tau", "name: toy/nets/jet/tau"), "toy/nets/jet"),
    "names but for case": (after("models:", "name: toy/nets/tau", "name: toy/nets/JET"), "toy/nets/JET"),
    "no name": (after("models:", "name: toy/nets/tau", "nome: toy/nets/tau"), "line "),
    "a list for a name": (after("models:", "name: toy/nets/tau", "name: [toy/nets/tau]"), "line "),
    "a label that cannot be": (after("versions:", "labels: [v1]", 'labels: ["a b/c"]'), "a b/c"),
    "labels that are one text": (after("versions:", "labels: [v1]", "labels: v1"), "line "),
    "the same label twice": (after("versions:", "labels: [v1]", "labels: [v1, V1]"), "v1"),
    "a label of another": (
        lambda text: text.replace("labels: [v1, v1_T2]", "labels: [x]").replace("labels: [v1_T1]", "labels: [X]"),
        "x",
    ),
    "files that were edited": (after("versions:", "git-sha1:", "git-sha1:0000"), ""),
    "a file that was renamed": (after("versions:", "jet_v1.pb:", "jat_v1.pb:"), "files"),
    "a key that nobody knows": (after("versions:", "key: ", "key: 0"), "0"),
    "versions that were deleted": (lambda text: text[: text.index("versions:")] + text[text.index("base:") :], "lacks"),
    "no reason to skip": (after("models:", "name: toy/nets/tau", "name: toy/nets/tau\n  skip: true"), "skip"),
    "another schema": (swap("herdbook/import-plan/1", "herdbook/import-plan/9"), "line "),
    "another source": (swap(f"name: {NAME}", "name: toy/Else"), "toy/Else"),
    "another state": (swap("state: sha256:", "state: sha256:f"), "moved"),
    "not accepted, not refused": (after("withdrawals:", "accept: false", "accept: perhaps"), "line "),
    "a key twice": (swap("models:", "models: []\nmodels:"), "line "),
    "an alias that grows": (swap("models:", "x: &a [1, 1]\ny: &b [*a, *a]\nmodels:"), "line "),
    "a tag that builds": (swap("models:", "x: !!python/object/apply:os.system ['true']\nmodels:"), "line "),
    "tabs": (swap("models:", "\tmodels:"), "line "),
    "nested without end": (lambda text: text + "x: " + "[" * 5000, "line "),
    "bytes of nobody": (lambda text: text.encode() + b"\xff\xfe\x00", "line "),
    "nothing": (lambda _: "", "empty"),
    "a text": (lambda _: "hello", "mapping"),
}  # fmt: skip


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Callable[..., Said], str]:
    """Return a folder, a command, and the plan that it wrote; nothing is ever applied."""
    folder = tmp_path_factory.mktemp("planned")
    run = command(folder, made(folder))
    run()
    return folder, run, (folder / "plan.yaml").read_text("utf-8")


@pytest.mark.parametrize("what", NONSENSE)
def test_a_plan_of_nonsense_is_refused_where_it_stands_and_nothing_is_written(
    planned: tuple[Path, Callable[..., Said], str], what: str
) -> None:
    folder, run, text = planned
    edit, where = NONSENSE[what]
    edited = edit(text)
    (folder / "plan.yaml").write_bytes(edited if isinstance(edited, bytes) else edited.encode())
    before = journal(folder)
    said = run("--apply", status=None)
    assert said.status not in {0, 70}, said.err
    problem = said.problem
    assert where in problem["detail"], problem
    assert "\x1b" not in said.out + said.err
    assert journal(folder) == before
    assert not list((folder / "registry" / "blobs").glob("??/*"))


def test_edits_survive_while_the_source_moves_on(
    run: Callable[..., Said], repository: Repository, tmp_path: Path
) -> None:
    run()
    file = tmp_path / "plan.yaml"
    plan = yaml.safe_load(file.read_text("utf-8"))
    models = {model["key"]: model for model in plan["models"]}
    models["toy/nets/jet"]["name"] = "toy/all/hadronic"  # renamed
    models["toy/nets/tau"]["name"] = "toy/all/hadronic"  # and merged
    models["toy/nets/ele"]["skip"] = "not ours"
    for version in plan["versions"]:
        label = version["labels"][0]
        version["labels"] = [f"{version['of'].rpartition('/')[2]}-{label}"]
        if label == "v1_T1":
            version["model"] = "toy/all/first-tau"  # split off
    file.write_text(yaml.safe_dump(plan), "utf-8")
    run("--apply")
    grown = {
        "nets/tau_v1.pb": b"tau three",
        "nets/jet_v1.pb": b"jet",
        "nets/jet_v2.pb": b"jet two",
        "nets/mu_v1.pb": b"mu",
    }
    repository.tag("T3", repository.commit(grown))
    assert run("--apply", status=None).problem["code"] == "source-moved"
    told = run(status=4).json  # the label v1 went on to a version that is new; both may have it, so a person decides
    assert {(conflict["field"], *conflict["yours"]) for conflict in told["conflicts"]} == {("labels", "tau-v1")}
    assert run("--apply", status=None).problem["code"] == "plan-conflicts"
    plan = yaml.safe_load(file.read_text("utf-8"))
    del plan["conflicts"]
    file.write_text(yaml.safe_dump(plan), "utf-8")
    assert run("--apply").json["new"] == 3
    with herdbook.open(str(tmp_path / "registry")) as registry:
        assert {(entry.model, *entry.labels) for entry in entries(registry)} == {
            ("toy/all/hadronic", "jet-v1"),
            ("toy/all/hadronic", "tau-v1"),
            ("toy/all/hadronic", "v1", "v1_T3"),
            ("toy/all/hadronic", "v2"),
            ("toy/all/first-tau", "tau-v1_T1"),
            ("toy/nets/mu", "v1"),
        }
    assert run("--apply").json["outcome"] == "unchanged"
    again = run().json
    assert "conflicts" not in again or again["conflicts"] == []
    assert {model["key"]: model["name"] for model in again["models"]}["toy/nets/tau"] == "toy/all/hadronic"


def test_a_source_that_moves_after_the_plan_is_refused_until_it_is_planned_again(
    run: Callable[..., Said], repository: Repository, tmp_path: Path
) -> None:
    run()
    repository.tag("T3", repository.commit({"nets/tau_v9.pb": b"tau nine"}))
    before = journal(tmp_path)
    said = run("--apply", status=4)
    assert said.problem["code"] == "source-moved"
    assert "again" in said.problem["hint"]
    assert journal(tmp_path) == before
    run()
    assert run("--apply").json["outcome"] == "applied"


def test_a_withdrawal_that_a_person_accepts_is_made_and_survives_planning_again(
    run: Callable[..., Said], repository: Repository, tmp_path: Path
) -> None:
    run()
    file = tmp_path / "plan.yaml"
    file.write_text(after("withdrawals:", "accept: false", "accept: true")(file.read_text("utf-8")), "utf-8")
    repository.commit({"nets/tau_v9.pb": b"tau nine"})
    run()
    assert run("--apply").json["proposed"] == 0
    with herdbook.open(str(tmp_path / "registry")) as registry:
        entry = registry.versions.get("toy/nets/tau:v1_T1")
        assert entry.state == "withdrawn"
        told = registry.statements.list(entry.reference, kind="withdrawal").items[0].statement.body
        assert told["replacement"].startswith("toy/nets/tau:v1")
