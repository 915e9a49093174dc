"""A captured run in a registry: what was sent, sent once, whatever happened in between."""

from __future__ import annotations

import io
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import herdbook
from herdbook.capture import pushing, spool
from herdbook.capture.pushing import Asked
from herdbook.capture.spool import Run, Spool
from herdbook.kernel.errors import ConflictError, InvalidError
from herdbook.model.activities import Activity
from herdbook.model.datasets import Dataset, ManifestLine, write_manifest
from herdbook.model.identifiers import Identifier
from herdbook.ports.registry import Registry

from .workplace import Workplace

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # tests are no package that is installed
from tests.servers.served import thread_server

MODEL = "demo/toy/net"


@pytest.fixture
def run(registered: Workplace) -> Run:
    """Return a captured training whose model is to be demo/toy/net:v1."""
    registered.train(options=("--model", f"{MODEL}:v1"))
    return _last()


def _last() -> Run:
    return Spool(Path(os.environ["XDG_STATE_HOME"], "herdbook", "spool")).find("last")


@pytest.fixture
def registry(registered: Workplace) -> Iterator[Registry]:
    assert registered.folder.is_dir()
    with herdbook.open() as opened:
        yield opened


def _made_by(registry: Registry, reference: str = f"{MODEL}:v1") -> Activity:
    [entry] = registry.versions.dossier(reference).made_by
    return entry.activity


def test_a_push_registers_the_model_with_how_it_was_made(run: Run, registry: Registry, registered: Workplace) -> None:
    pushed = pushing.push(registry, run)
    assert (pushed.reference, pushed.outcome) == (f"{MODEL}:v1", "registered")
    made = _made_by(registry)
    assert made.status == "finished"
    assert [str(item) for item in made.ids or ()] == [f"herdbook-run:{run.id}"]
    parts = {(part.role, part.path): part for part in made.inputs or ()}
    data = parts["input", "data/train.npz"]
    assert data.record is not None
    assert data.file is not None
    assert parts["config", "settings.json"].blob is not None
    [model] = made.outputs or ()
    assert (model.record, model.path) == (pushed.record, "model.txt")
    assert made.command is not None
    assert made.command.cwd == "."
    assert made.environment is not None
    assert made.environment.blob in made.blobs()
    with registry.files.blob("demo", str(parts["config", "settings.json"].blob)) as stream:
        assert stream.read() == (registered.folder / "settings.json").read_bytes()


def test_what_was_only_seen_is_told_so_until_the_author_confirms_it(run: Run, registry: Registry) -> None:
    first = pushing.push(registry, run)
    assert first.unconfirmed == 2

    def known(record: str) -> set[str]:
        [said] = registry.statements.list(record, kind="evidence").items
        return {item.how for item in (said.statement.evidence or {}).values()}

    assert known(first.activity) == {"inferred"}
    again = pushing.push(registry, run, Asked(accept=True))
    assert again.unconfirmed == 0
    assert again.record == first.record
    assert known(again.activity) == {"asserted"}
    assert registry.activities.get(f"herdbook-run:{run.id}").record == again.activity
    stored = [part for part in _made_by(registry).inputs or () if part.path == "data/train.npz" and part.blob]
    assert stored, "a confirmed input that is small is kept in the registry"


def test_an_author_can_say_which_of_what_was_seen_is_an_input(run: Run, registry: Registry, place: Workplace) -> None:
    pushed = pushing.push(registry, run, Asked(only=(str(place.folder / "data"),)))
    assert pushed.unconfirmed == 0
    assert {part.path for part in _made_by(registry).inputs or ()} == {"data/train.npz"}


def test_a_second_push_changes_nothing(run: Run, registry: Registry) -> None:
    first = pushing.push(registry, run)
    before = registry.journal.checkpoint("demo")
    again = pushing.push(registry, run)
    assert (again.activity, again.record, again.outcome) == (first.activity, first.record, "unchanged")
    assert registry.journal.checkpoint("demo").seq == before.seq


_PUSH = """
import sys
from pathlib import Path
import herdbook
from herdbook.capture import pushing
from herdbook.capture.spool import Run
import herdbook.service.registry, herdbook.client.registry
print("go", flush=True)
sys.stdin.readline()
with herdbook.open(sys.argv[1]) as registry:
    pushing.push(registry, Run(Path(sys.argv[2])))
"""


def _killed(where: str, run: Run, after: float) -> bool:
    """Push in a process that is killed so many seconds after it began; say whether it came to its end."""
    with subprocess.Popen(
        [sys.executable, "-c", _PUSH, where, str(run.folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "go\n"
        process.stdin.write("\n")
        process.stdin.flush()
        time.sleep(after)
        process.kill()
        return process.wait(60) == 0


@pytest.mark.parametrize("over", ["embedded", "http"])
def test_a_push_killed_at_any_moment_and_repeated_gives_one_activity_and_one_version(
    run: Run, registered: Workplace, over: str
) -> None:
    chance = random.Random(4 if over == "http" else 3)
    folder = os.environ["HERDBOOK_REGISTRY"]

    def story(where: str) -> None:
        for attempt in range(6):
            _killed(where, run, chance.uniform(0.0, 0.05 * (attempt + 1)))
        with herdbook.open(where) as registry:
            pushed = pushing.push(registry, run)
            assert len(registry.versions.list(MODEL).items) == 1
            assert [entry.record for entry in registry.activities.list().items] == [pushed.activity]
            assert pushing.push(registry, run).activity == pushed.activity
            assert len(registry.statements.list(pushed.activity, every=True).items) == 1

    if over == "http":
        with thread_server(folder) as served:
            story(served.url)
    else:
        story(folder)
    assert registered.herdbook("doctor", "--json").json["sound"]


def test_a_run_goes_to_a_server_as_it_goes_to_a_folder(run: Run, tmp_path: Path, registered: Workplace) -> None:
    assert registered.folder.is_dir()
    with herdbook.open() as local:
        here = pushing.push(local, run, Asked(accept=True))
        told = local.journal.bodies([here.activity])[here.activity]
    (run.folder / "plan.json").unlink()
    with thread_server(tmp_path / "served") as served, herdbook.open(served.url) as remote:
        remote.namespaces.create("demo")
        there = pushing.push(remote, run)
        assert (there.activity, there.record) == (here.activity, here.record)
        assert remote.journal.bodies([there.activity])[there.activity] == told


def test_outputs_that_were_changed_after_the_run_are_not_registered(
    run: Run, registry: Registry, place: Workplace
) -> None:
    place.write("model.txt", "better by hand")
    with pytest.raises(ConflictError, match="no longer what the run made"):
        pushing.push(registry, run)
    pushed = pushing.push(registry, run, Asked(model=False))
    assert pushed.reference is None
    assert registry.activities.get(pushed.activity).activity.outputs is None


def test_an_input_that_changed_after_the_run_keeps_the_digest_that_was_taken(
    run: Run, registry: Registry, place: Workplace
) -> None:
    place.write("data/train.npz", "no longer the data")
    pushing.push(registry, run)
    [data] = [part for part in _made_by(registry).inputs or () if part.path == "data/train.npz"]
    assert [data.file] == [item.sha256 for item in run.read().inputs if item.path.endswith("train.npz")]


def test_an_input_whose_digest_was_left_for_the_push_and_that_changed_since_is_told_as_changed(
    run: Run, registry: Registry, place: Workplace
) -> None:
    capture = run.read()
    inputs = tuple(item.model_copy(update={"sha256": None}) for item in capture.inputs)
    run.write(capture.model_copy(update={"inputs": inputs}))
    place.write("data/train.npz", "no longer the data")
    pushing.push(registry, run)
    made = _made_by(registry)
    [data] = [part for part in made.inputs or () if part.path == "data/train.npz"]
    assert data.used == {"changed": True}
    assert data.id is not None
    assert made.workflow is not None
    assert "input-changed:data/train.npz" in made.workflow["problems"]


def test_a_failed_run_is_told_and_registers_no_model(registered: Workplace, registry: Registry) -> None:
    registered.write("train.py", "open('model.txt', 'w').write('half')\nraise SystemExit(3)\n")
    registered.train(options=("--model", f"{MODEL}:v1"), status=3)
    pushed = pushing.push(registry, _last())
    assert (pushed.status, pushed.reference) == ("failed", None)
    assert not registry.models.list("demo").items


def test_the_diff_goes_along_only_when_nothing_in_it_is_a_secret(registered: Workplace, registry: Registry) -> None:
    text = (registered.folder / "train.py").read_text("utf-8")
    registered.write("train.py", text + "\n# another seed\n")
    registered.write("more.py", "pass\n")
    registered.train(options=("--model", f"{MODEL}:v1"))
    pushing.push(registry, _last())
    code = _made_by(registry).code
    assert code is not None
    assert code.dirty
    assert code.diff is not None
    with registry.files.blob("demo", code.diff) as stream:
        assert b"+# another seed" in stream.read()
    assert ("untracked", "more.py") in {(part.role, part.path) for part in _made_by(registry).inputs or ()}
    registered.write("train.py", text + "\nAWS = 'AKIAIOSFODNN7EXAMPLF'\n")
    registered.train("--seed", "8", options=("--model", f"{MODEL}:v2"))
    pushing.push(registry, _last())
    code = _made_by(registry, f"{MODEL}:v2").code
    assert code is not None
    assert code.diff is None
    assert "diff-withheld" in (code.problems or ())
    pushing.push(registry, _last(), Asked(upload="always"))
    code = _made_by(registry, f"{MODEL}:v2").code
    assert code is not None
    assert code.diff is not None


def test_a_data_set_that_is_known_is_found_by_the_digests_of_its_files(run: Run, registry: Registry) -> None:
    [data] = [item for item in run.read().inputs if item.path.endswith("train.npz")]
    digest = str(data.sha256)
    line = ManifestLine(path="elsewhere/taus.npz", size=data.size, sha256=digest[7:])
    manifest = registry.files.put(io.BytesIO(b"".join(write_manifest([line])))).sha256
    known = registry.datasets.register("demo", Dataset(id=Identifier.parse("local:taus"), manifest=manifest))
    pushing.push(registry, run)
    [part] = [part for part in _made_by(registry).inputs or () if part.path == "data/train.npz"]
    assert (part.record, part.file) == (known.record, digest)


def test_a_model_that_begins_from_another_says_from_which_and_on_which_data(
    run: Run, registry: Registry, registered: Workplace
) -> None:
    pushing.push(registry, run)
    parent = registry.versions.get(f"{MODEL}:v1")
    shutil.copy(registered.folder / "model.txt", registered.folder / "start.txt")
    registered.write("tune.py", "open('tuned.txt', 'w').write(open('start.txt').read() + ' tuned')\n")
    warm = ("--parent", f"{MODEL}:v1", "--strategy", "warm-start", "--trigger", "new alignment")
    where = ("--window", "run:315252:325172", "--model", f"{MODEL}:v2", "--output", "tuned.txt")
    registered.herdbook("run", *warm, *where, "--setting", "layers=2", "--", "python", "tune.py")
    pushing.push(registry, _last())
    made = _made_by(registry, f"{MODEL}:v2")
    assert made.kind == "fine-tuning"
    assert made.derivation is not None
    assert made.derivation.json_object() == {
        "strategy": "warm-start",
        "trigger": "new alignment",
        "window": {"axis": "run", "since": "315252", "until": "325172"},
        "settings": {"layers": 2},
    }
    [whole, file] = [part for part in made.inputs or () if part.role == "parent"]
    assert {whole.record, file.record} == {parent.record}
    assert (file.path, file.file) == ("start.txt", parent.version.files[0].digest)


def test_two_runs_in_one_batch_job_are_two(registered: Workplace, registry: Registry) -> None:
    for number in (1, 2):
        registered.train("--seed", str(number), options=("--namespace", "demo"), env={"SLURM_JOB_ID": "77"})
    pushed = registered.herdbook("push", "--json").lines
    assert len({item["activity"] for item in pushed}) == 2
    assert len(registry.activities.list().items) == 2


def test_a_run_without_a_place_is_not_guessed_one(registered: Workplace, registry: Registry) -> None:
    registered.train()
    with pytest.raises(InvalidError, match="nobody said"):
        pushing.push(registry, _last())
    assert registered.herdbook("push", "--json").out == ""
    assert registered.herdbook("push", "last", "--model", f"{MODEL}:v1").status == 0


def test_the_push_of_a_run_that_goes_on_is_refused(run: Run, registry: Registry) -> None:
    with run.held() as got:
        assert got
        with pytest.raises(ConflictError, match="still at work"):
            pushing.push(registry, run)


def test_no_registry_loses_nothing(registered: Workplace) -> None:
    options = ("--model", f"{MODEL}:v1", "--push", "-R", "http://127.0.0.1:9")
    said = registered.train(options=options, env={"HERDBOOK_OFFLINE": "1"})
    assert "not pushed" in said.err
    assert "herdbook push" in said.err
    assert registered.herdbook("push", "last", "--json").json["outcome"] == "registered"


def test_a_repository_without_a_remote_can_go_along(registered: Workplace, registry: Registry) -> None:
    registered.train(options=("--model", f"{MODEL}:v1", "--bundle"))
    pushing.push(registry, _last())
    [part] = [part for part in _made_by(registry).inputs or () if part.role == "code-bundle"]
    assert part.path == "work.bundle"
    with registry.files.blob("demo", str(part.blob)) as stream:
        assert stream.read(20).startswith(b"# v2 git bundle")


def test_large_inputs_are_named_by_digest_and_place(registered: Workplace, registry: Registry) -> None:
    registered.train(options=("--model", f"{MODEL}:v1", "--input", "train=data"))
    pushing.push(registry, _last(), Asked(store_limit=10))
    [part] = [part for part in _made_by(registry).inputs or () if part.role == "train"]
    assert part.blob is None
    [place] = registry.statements.list(str(part.record), kind="location").items
    assert str(place.statement.body["uri"]).endswith(str(registered.folder / "data"))
    assert place.statement.body["state"] == "exists"


def test_a_crash_that_nobody_looked_at_is_settled_by_the_push(run: Run, registry: Registry) -> None:
    run.write(run.read().model_copy(update={"status": "running"}))
    pushed = pushing.push(registry, run)
    assert pushed.status == "failed"
    assert spool.DIED in pushed.problems
