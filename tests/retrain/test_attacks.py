"""Nothing that was edited, swapped, carried over or not verified passes for a training that was repeated."""

from __future__ import annotations

import os
import shutil
import zlib
from pathlib import Path
from typing import Any

import pytest
from tests.retrain.conftest import Retrain
from tests.retrain.trainings import MODEL, POINTS, SCRIPT, Training, git, say, tiny, trained

from herdbook.kernel.errors import CorruptError, HerdbookError
from herdbook.model.retrainings import Retraining
from herdbook.ports.places import Places
from herdbook.ports.registry import Registry
from herdbook.service.retraining import inputs, planning


def _plan(registry: Registry, places: Places, **edits: Any) -> planning.Work:
    return planning.make(registry, f"{MODEL}:v1", places, planning.Edits(**edits))


def test_a_script_that_was_edited_under_another_commit_is_not_taken_for_the_recorded_one(
    registry: Registry, tmp_path: Path, open_places: Places
) -> None:
    made = trained(registry, tmp_path / "author", inputs=None)
    clone = tmp_path / "clone"
    shutil.copytree(made.code, clone)
    (clone / "train.py").write_text(SCRIPT.replace("2000", "2001"))
    git(clone, "commit", "--quiet", "--amend", "-a", "-m", "Train")
    git(clone, "reflog", "expire", "--expire=now", "--all")
    git(clone, "gc", "--quiet", "--prune=now")
    made.forget()
    work = _plan(registry, open_places, repository=str(clone))
    assert not work.plan.runnable
    assert "does not have it" in work.plan.lacking()[0]


def test_a_clone_whose_objects_were_tampered_with_is_refused(
    registry: Registry, tmp_path: Path, retrain: Retrain
) -> None:
    made = trained(registry, tmp_path / "author", inputs=None)
    blob = git(made.code, "rev-parse", "HEAD:train.py")
    file = made.code / ".git" / "objects" / blob[:2] / blob[2:]
    text = SCRIPT.replace("2000", "2001").encode()
    file.chmod(0o600)
    file.write_bytes(zlib.compress(b"blob %d\0" % len(text) + text))
    with pytest.raises(HerdbookError) as caught:
        retrain(repository=str(made.code))
    assert caught.value.code in {"no-code", "bad-code", "no-commit"}
    assert _told(registry, made) == []


def _told(registry: Registry, made: Training) -> list[Retraining]:
    assert made.version is not None
    told = registry.statements.about([made.version.digest]).get(made.version.digest, [])
    return [Retraining.read(each.statement.body) for each in told if each.statement.kind == "retraining"]


def test_an_input_that_is_swapped_after_the_look_is_refused_while_it_is_brought(
    registry: Registry, tmp_path: Path, retrain: Retrain, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = trained(registry, tmp_path / "author", store_data=False)
    say(made, "location", {"uri": made.data.as_uri(), "state": "exists"}, made.dataset)
    file = made.data / "points.csv"
    look = inputs.Finder.locate

    def swap(self: inputs.Finder, wanted: Any) -> Any:
        found = look(self, wanted)
        before = file.stat()
        file.write_text(POINTS.replace("0.25", "0.26", 1))
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert file.stat().st_size == before.st_size
        return found

    monkeypatch.setattr(inputs.Finder, "locate", swap)
    with pytest.raises(CorruptError, match="not what was trained on") as caught:
        retrain()
    assert caught.value.code == "input-differs"
    assert _told(registry, made) == []


@pytest.mark.parametrize("how", ["in the checkout", "in a folder beside"])
def test_a_training_that_copies_a_finished_model_is_no_repetition(
    registry: Registry, tmp_path: Path, retrain: Retrain, how: str
) -> None:
    made = trained(registry, tmp_path / "author")
    kept = tmp_path / "kept"
    shutil.copytree(made.code / "out" / "v1", made.code / "saved" if how == "in the checkout" else kept)
    source = "saved" if how == "in the checkout" else str(kept)
    copying = "import pathlib, sys\nout = pathlib.Path(sys.argv[4])\nout.mkdir(parents=True)\n" + "".join(
        f"(out / {name!r}).write_bytes(open({source + '/' + name!r}, 'rb').read())\n"
        for name in ("model.json", "metrics.json")
    )
    (made.code / "train.py").write_text(copying)
    git(made.code, "add", "--force", ".")
    git(made.code, "rm", "-r", "--quiet", "--cached", "out")
    git(made.code, "commit", "--quiet", "-m", "Train")
    git(made.code, "bundle", "create", "--quiet", str(made.folder / "second.bundle"), "HEAD")
    bundle = made.put((made.folder / "second.bundle").read_bytes())
    data = [part for part in made.told["inputs"] if part["role"] != "code-bundle"]
    made.tell(
        code={"commit": git(made.code, "rev-parse", "HEAD")},
        inputs=[*data, {"blob": bundle, "role": "code-bundle"}],
        ended="2026-11-20T10:00:00Z",
    )
    made.forget()
    done = retrain()
    assert done.retraining.outcome == "bytes", "the bytes are the same, and that is all"
    assert done.retraining.changed == (("outputs",) if how == "in the checkout" else ("inputs",))


def test_what_lay_in_the_place_of_the_result_is_not_taken_for_it(
    registry: Registry, tmp_path: Path, retrain: Retrain
) -> None:
    made = trained(registry, tmp_path / "author")
    (made.code / "train.py").write_text("import sys\n")
    git(made.code, "add", "--force", ".")
    git(made.code, "commit", "--quiet", "-m", "Nothing")
    made.tell(code={"commit": git(made.code, "rev-parse", "HEAD")}, ended="2026-11-20T10:00:00Z")
    done = retrain(repository=str(made.code))
    assert done.retraining.outcome == "failed"
    assert any("output-missing" in line for line in done.retraining.problems)


@pytest.mark.usefixtures("training")
def test_another_version_of_a_package_is_a_change_of_environment_though_the_bytes_are_equal(
    retrain: Retrain, tmp_path: Path
) -> None:
    other = tiny(tmp_path / "other", "2.0")
    done = retrain(python=str(other))
    assert (done.retraining.outcome, done.retraining.changed) == ("bytes", ("environment",))
    assert any("tiny 2.0, not 1.0" in line for line in done.retraining.problems)


@pytest.mark.usefixtures("training")
def test_a_package_that_was_edited_in_place_is_a_change_of_environment(retrain: Retrain, tmp_path: Path) -> None:
    other = tiny(tmp_path / "other")
    file = next((tmp_path / "other" / "lib").glob("python*/site-packages/tiny.py"))
    file.write_text("VERSION = '1.1'\n")
    assert retrain(python=str(other)).retraining.changed == ("environment",)


def test_a_seed_that_was_edited_is_a_change_though_the_training_does_not_heed_it(
    registry: Registry, tmp_path: Path, retrain: Retrain
) -> None:
    made = trained(registry, tmp_path / "author", script=SCRIPT.replace("Random(options.seed)", "Random(1)"))
    made.forget()
    done = retrain(seeds={"seed": "8"})
    assert (done.retraining.outcome, done.retraining.changed) == ("bytes", ("seeds",))
    done = retrain(parameters={"seed": "8"})
    assert (done.retraining.outcome, done.retraining.changed) == ("bytes", ("command", "seeds"))


REWRITES = """
import pathlib
pathlib.Path("apply.py").write_text("pass")
"""
FORGES = """
import json, pathlib
top = pathlib.Path.cwd().parent
request = json.loads((top / "request.json").read_text())
every = ["code", "code-after", "inputs", "inputs-after", "environment", "outputs-fresh"]
(top / "result.json").write_text(json.dumps({
    "schema": "herdbook/job-result/1", "id": request["id"], "status": "finished", "verified": every,
    "started": "2026-11-21T00:00:00Z", "ended": "2026-11-21T00:00:00Z"}))
"""


@pytest.mark.parametrize("more", [REWRITES, REWRITES + FORGES], ids=["edits", "edits and forges"])
def test_a_training_that_edits_its_code_is_told_so_and_cannot_forge_the_runners_answer(
    registry: Registry, tmp_path: Path, retrain: Retrain, more: str
) -> None:
    made = trained(registry, tmp_path / "author")
    _commit(made, SCRIPT + more)
    try:
        done = retrain(repository=str(made.code))
    except HerdbookError:
        assert _told(registry, made) == []
        return
    assert "code" in done.retraining.changed or done.retraining.outcome == "failed"


def _commit(made: Training, script: str) -> None:
    (made.code / "train.py").write_text(script)
    git(made.code, "commit", "--quiet", "-a", "-m", "Other")
    made.tell(code={"commit": git(made.code, "rev-parse", "HEAD")}, ended="2026-11-20T10:00:00Z")


def test_a_result_with_other_bytes_never_counts_as_equal(registry: Registry, tmp_path: Path, retrain: Retrain) -> None:
    made = trained(
        registry, tmp_path / "author", script=SCRIPT + "import time\n(out / 'when').write_text(str(time.time()))\n"
    )
    assert made.version is not None
    done = retrain(repository=str(made.code))
    assert done.retraining.outcome == "differs"
    assert not done.retraining.bitwise
    figures = {each["name"]: each["within"] for each in done.retraining.compared}
    assert figures == {"file model.json": True, "file metrics.json": True, "file when": False}
