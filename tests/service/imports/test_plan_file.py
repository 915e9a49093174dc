"""Plan files: what a person typed is what is read; what cannot be a plan is refused, with the line and the key."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from herdbook.kernel.errors import DeniedError, InvalidError, MissingError, UnavailableError
from herdbook.model.drafts import SourceState
from herdbook.model.plans import Conflict, Plan, PlanModel, PlanVersion, PlanWithdrawal
from herdbook.service import plan_file, plan_yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))  # tests are no package that is installed
from tests.service.imports.drafted import git

HOSTILE = "\x1b[2J\x1b]0;owned\x07 \u202egnp.exe \x9b31m \u2028 \x00 # : - \"'\\ \U0001f984\ud7ff"


def plan(**more: object) -> Plan:
    given: dict[str, object] = {
        "source": SourceState(kind="git", name="toy/tau", state="sha256:1e5", head="main"),
        "rules": "toy sha256:00",
        "namespace": "demo",
        "models": (
            PlanModel(key="demo/tau/x", name="demo/tau/x"),
            PlanModel(key="demo/no/y", name="demo/a/b", skip="no"),
        ),
        "versions": (
            PlanVersion(
                key="0123456789123456",
                of="demo/tau/x",
                labels=("no", "1e5", "0x1f", "12_3", "1.5", "null", "2018v2p5", "on", "1_000.0"),
                files={"y": git(b"1"), "null": git(b"2"), "a: b #c": git(b"3"), "2020-01-01": git(b"4")},
                absent=3,
                date="2020-01-01T00:00:00Z",
                tags="V1 … V2",
            ),
            PlanVersion(key="12e4567812345678", of="demo/tau/x", files={HOSTILE.replace("\0", ""): git(b"5")}),
        ),
        "withdrawals": (
            PlanWithdrawal(key="w", versions=("0123456789123456",), reason=HOSTILE),
            PlanWithdrawal(key="v", versions=("0123456789123456",), reason="yes", accept=True, replacement="1e5"),
        ),
        "conflicts": (
            Conflict(key="versions/1e5", field="labels", planned=["1"], yours=["no"], source=None, message="m"),
            Conflict(key="withdrawals/w", field="accept", planned=False, yours=True, source=False),
            Conflict(key="versions/x", field="files", yours={"a:": git(b"1")}),
        ),
        "skipped": {"README": "true", "x" * 3000: "a long path"},
        "base": {"versions/0123456789123456": {"labels": ["1e5"]}, "models/demo/no/y": {}},
        **more,
    }
    return Plan.read(given)


@pytest.mark.parametrize("suffix", [".yaml", ".yml", ".json", ""])
def test_a_plan_reads_back_as_it_was_written(tmp_path: Path, suffix: str) -> None:
    plan_file.write(tmp_path / f"plan{suffix}", plan())
    assert plan_file.read(tmp_path / f"plan{suffix}") == plan()


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(TEXT, TEXT, min_size=1), TEXT)
def test_whatever_text_stands_in_a_plan_comes_back_and_steers_no_terminal(
    tmp_path: Path, texts: dict[str, str], reason: str
) -> None:
    written = plan(skipped=texts, withdrawals=(PlanWithdrawal(key=reason, versions=("v",), reason=reason),))
    plan_file.write(tmp_path / "plan.yaml", written)
    assert plan_file.read(tmp_path / "plan.yaml") == written
    shown = (tmp_path / "plan.yaml").read_text("utf-8")
    assert all(char.isprintable() or char == "\n" for char in shown)
    loaded = yaml.safe_load(shown)
    assert loaded["skipped"] == texts


def test_any_other_reader_takes_labels_for_text(tmp_path: Path) -> None:
    plan_file.write(tmp_path / "plan.yaml", plan())
    loaded = yaml.safe_load((tmp_path / "plan.yaml").read_text("utf-8"))
    assert loaded["versions"][0]["labels"] == list(plan().versions[0].labels)
    assert loaded["versions"][0]["key"] == "0123456789123456"


def edited(folder: Path, old: str, new: str) -> Path:
    path = folder / "plan.yaml"
    plan_file.write(path, plan())
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    return path


def test_labels_that_look_like_something_else_stay_text_without_quotes(tmp_path: Path) -> None:
    path = edited(tmp_path, "labels: []", "labels: [no, 1e5, 2018v1, ~x1, 0o17.a]".replace("~x1", "x1"))
    assert plan_file.read(path).versions[1].labels == ("no", "1e5", "2018v1", "x1", "0o17.a")
    path = edited(tmp_path, "labels: []", "labels: [2018]")
    with pytest.raises(InvalidError, match=r"plan.yaml, line \d+, /versions/1/labels/0: '2018' is not a label"):
        plan_file.read(path)


def test_an_emptied_field_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    path = edited(tmp_path, "labels: []", "labels: []\n  skip:\n  model: ~")
    assert plan_file.read(path) == plan()
    path = edited(tmp_path, "withdrawals:\n", "x_withdrawals:\n")
    with pytest.raises(InvalidError, match="x_withdrawals"):
        plan_file.read(path)


def test_a_person_who_decided_all_conflicts_may_leave_the_empty_heading(tmp_path: Path) -> None:
    text = "schema: herdbook/import-plan/1\nsource: {kind: git, name: n, state: s}\n"
    text += "rules: r\nnamespace: demo\nconflicts:\n"
    (tmp_path / "plan.yaml").write_text(text)
    assert plan_file.read(tmp_path / "plan.yaml").conflicts == ()


BOMB = "a: &a [x]\n" + "".join(f"b{n}: &b{n} [*a, *a, *a, *a, *a, *a, *a, *a]\n" for n in range(9))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "line 1: aliases and anchors are not read"),
        ("a: *a\n", "line 1: aliases"),
        ("schema: !!python/object/apply:os.system [true]\n", "line 1: the tag"),
        ("a: !!int 3\n", "line 1: the tag"),
        ("a: 1\nb: 2\na: 3\n", "line 3: the key 'a' stands twice"),
        ("<<: {a: 1}\n<<: {b: 1}\n", "line 2: the key '<<' stands twice"),
        ("a: 1\n---\nb: 1\n", "second document"),
        ("[" * 10_000, "nested deeper than 20"),
        ("a:\n" + "".join(" " * n + "- a:\n" for n in range(1, 60, 2)), "nested deeper than 20"),
        ("? [a]\n: b\n", "a key is no text"),
        ("a: b: c\n", "line 1: this is not YAML"),
        ("a: \x1b[2J\n", "this is not YAML"),
        ("", "the file is empty"),
        ("just text\n", "a plan is a mapping"),
        ("- a\n", "a plan is a mapping"),
        (
            "withdrawals:\n- key: a\n  accept: maybe\n",
            "line 3, /withdrawals/0/accept: 'maybe' is neither true nor false",
        ),
        ("versions:\n- key: a\n  absent: many\n", "line 3, /versions/0/absent: 'many' is no number"),
        ("versions: 3\n", "'/source' does not fit"),
    ],
)
def test_what_is_no_plan_is_refused_with_the_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(InvalidError) as caught:
        plan_file.read(path)
    assert message in str(caught.value)
    assert caught.value.code == "bad-plan"
    assert "\x1b" not in str(caught.value)


def test_other_bytes_a_flood_and_nothing_at_all_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "plan.yaml"
    path.write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(InvalidError, match="line 2: the text is not UTF-8"):
        plan_file.read(path)
    monkeypatch.setattr(plan_file, "MAX_BYTES", 2**20)
    path.write_bytes(b"a" * (2**20 + 1))
    with pytest.raises(InvalidError, match="longer than 1 MiB"):
        plan_file.read(path)
    with pytest.raises(MissingError):
        plan_file.read(tmp_path / "none.yaml")
    with pytest.raises(DeniedError):
        plan_file.read(tmp_path)
    (tmp_path / "plan.json").write_text('{"schema": 1, "schema": 2}')
    with pytest.raises(InvalidError, match="stands twice"):
        plan_file.read(tmp_path / "plan.json")


def test_a_plan_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "plan.yaml"
    plan_file.write(path, plan())
    path.chmod(0o640)
    before = path.read_bytes()

    def full(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(Exception, match="No space left"):
            plan_file.write(path, plan(skipped={}))
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["plan.yaml"]
    link = tmp_path / "link.yaml"
    link.symlink_to(path)
    plan_file.write(link, plan(skipped={}))
    assert link.is_symlink()
    assert plan_file.read(path).skipped == {}
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    with pytest.raises(MissingError):
        plan_file.write(tmp_path / "none" / "plan.yaml", plan())


def test_the_header_says_what_may_be_edited() -> None:
    assert plan_yaml.dump({"a": "b"}, header="one\n\ntwo") == "# one\n#\n# two\n\na: b\n"


def test_a_plan_in_yaml_says_what_to_install_and_one_in_json_needs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    for name in ("plan.yaml", "plan.json"):
        plan_file.write(tmp_path / name, plan())
    assert plan_file.read(tmp_path / "plan.json") == plan()
    with pytest.raises(UnavailableError, match="pip install pyyaml"):
        plan_file.read(tmp_path / "plan.yaml")
