"""`herdbook run` around a command: nothing of the command changes, and what it did is in the spool."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from herdbook.capture.spool import Run

from .workplace import HERDBOOK, Workplace


def test_a_plain_training_is_captured_with_nothing_of_herdbook_in_it(place: Workplace) -> None:
    said = place.train("--learning-rate", "0.2", options=("--model", "demo/toy/net:v1"))
    assert said.out == "trained --learning-rate 0.2\n"
    assert "herdbook push" in said.err
    run = place.run_json()
    assert run["status"] == "finished"
    assert run["exit"] == 0
    assert run["command"]["argv"] == ["python", "train.py", "--learning-rate", "0.2"]
    assert run["code"]["commit"] == place.git("rev-parse", "HEAD")
    [data] = [item for item in run["inputs"] if item["role"] == "input"]
    assert data["path"] == str(place.folder / "data" / "train.npz")
    assert not data["confirmed"]
    [settings] = [item for item in run["inputs"] if item["role"] == "config"]
    assert settings["kept"]
    [model] = [item for item in run["outputs"] if item["role"] == "model"]
    assert model["confirmed"]
    assert model["sha256"]
    [rate] = [item for item in run["parameters"] if item["name"] == "learning_rate"]
    assert (rate["text"], rate["term"]) == ("0.2", "learning_rate")
    assert {(seed["name"], seed["text"]) for seed in run["seeds"]} >= {("numpy", "7"), ("random", "7")}
    assert [(item["name"], item["split"]) for item in run["metrics"]] == [("accuracy", "train")]
    assert run["environment"]["packages"]["numpy"]
    assert run["usage"]["wall_s"] > 0


def test_bytes_pass_through_unchanged(place: Workplace) -> None:
    said = place.herdbook("run", "--", "python", "-c", "import sys; print(sys.stdin.read()[::-1])", stdin="abc")
    assert said.out == "cba\n"


@pytest.mark.parametrize("status", [1, 3, 255])
def test_the_exit_status_is_the_commands(place: Workplace, status: int) -> None:
    place.herdbook("run", "--", "sh", "-c", f"exit {status}", status=status)
    run = place.run_json()
    assert (run["status"], run["exit"]) == ("failed", status)


def test_a_command_that_was_killed_is_seen_as_killed(place: Workplace) -> None:
    place.herdbook("run", "--", "sh", "-c", "kill -TERM $$", status=-signal.SIGTERM)
    assert place.run_json()["usage"]["exception"] == "signal SIGTERM"


def test_a_command_that_is_not_there_leaves_no_run(place: Workplace) -> None:
    said = place.herdbook("run", "--", "no-such-command", status=127)
    assert "no-such-command" in said.err
    assert place.herdbook("spool", "list", "--json").out == ""


def test_an_exception_keeps_what_was_captured(place: Workplace) -> None:
    place.write("train.py", "import numpy as np\nnp.load('data/train.npz')\nraise ValueError('no convergence')\n")
    said = place.herdbook("run", "--", "python", "train.py", status=1)
    assert "no convergence" in said.err
    run = place.run_json()
    assert run["status"] == "failed"
    assert run["usage"]["exception"] == "ValueError: no convergence"
    assert [Path(item["path"]).name for item in run["inputs"]] == ["train.npz"]


def _started(place: Workplace, *command: str) -> tuple[subprocess.Popen[str], Run]:
    """Start a command under capture; return when it has said a line."""
    process = subprocess.Popen(
        [*HERDBOOK, "run", "--", *command],
        cwd=place.folder,
        env=place.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    [folder] = Path(os.environ["XDG_STATE_HOME"], "herdbook", "spool").iterdir()
    return process, Run(folder)


_LONG = "import time; print('begun', flush=True)\nfor _ in range(600): time.sleep(0.1)"


def _ended(process: subprocess.Popen[str]) -> int:
    with process:
        return process.wait(60)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_reaches_the_command_and_the_run_is_failed(place: Workplace, number: signal.Signals) -> None:
    process, run = _started(place, "python", "-c", _LONG)
    process.send_signal(number)
    assert _ended(process) == -number  # as Python itself ends after KeyboardInterrupt
    assert run.read().status == "failed"
    if number is signal.SIGINT:
        assert "KeyboardInterrupt" in str(run.read().usage) or "SIGINT" in str(run.read().usage)


_EARLY = """
import os, signal, time
spawn = os.posix_spawnp
def slow(*args, **more):
    pid = spawn(*args, **more)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.2)
    return pid
os.posix_spawnp = slow
from herdbook.apps.cli.main import run
run()
"""


def test_a_signal_that_comes_while_the_command_is_started_ends_both(place: Workplace) -> None:
    """The command would train on, and nobody would know of it."""
    words = [sys.executable, "-c", _EARLY, "run", "--", "sh", "-c", "echo $$; sleep 60"]
    said = subprocess.run(
        words, cwd=place.folder, env=place.environment(), capture_output=True, timeout=50, check=False
    )
    assert said.returncode == -signal.SIGTERM, said.stderr
    assert place.run_json()["status"] == "failed"
    if said.stdout:
        with pytest.raises(ProcessLookupError):
            os.kill(int(said.stdout), 0)


def test_a_command_that_handles_a_signal_ends_as_it_wants(place: Workplace) -> None:
    script = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n" + _LONG
    process, run = _started(place, "python", "-c", script)
    process.send_signal(signal.SIGTERM)
    assert _ended(process) == 0
    assert run.read().status == "finished"


def test_a_stopped_run_stops_and_goes_on(place: Workplace) -> None:
    script = "import os, time; print('begun', flush=True)\nwhile not os.path.exists('go'): time.sleep(0.02)"
    process, run = _started(place, "python", "-c", script)
    process.send_signal(signal.SIGTSTP)
    deadline = time.monotonic() + 30
    while _state(process.pid) != "T":
        assert time.monotonic() < deadline, "it did not stop"
        time.sleep(0.05)
    place.write("go", "")
    process.send_signal(signal.SIGCONT)
    assert _ended(process) == 0
    assert run.read().status == "finished"


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]


def test_the_outer_process_killed_leaves_a_failed_run_with_what_was_seen(place: Workplace) -> None:
    script = "import numpy as np; np.load('data/train.npz'); " + _LONG
    process, run = _started(place, "python", "-c", script)
    child = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text("utf-8").split()[0])
    process.kill()
    assert _ended(process) == -signal.SIGKILL
    os.kill(child, signal.SIGKILL)
    [told] = place.herdbook("spool", "list", "--json").lines
    assert told["status"] == "failed"
    assert "capture-ended-early" in told["problems"]
    assert [Path(item.path).name for item in run.read().inputs] == ["train.npz"]


def test_a_run_within_a_run_has_its_own_record_and_the_outer_sees_its_files(place: Workplace) -> None:
    inner = 'python -c "from herdbook.apps.cli.main import run; run()" run -- python train.py'
    place.herdbook("run", "--", "sh", "-c", inner)
    outer, within = (place.run_json(item["id"]) for item in place.herdbook("spool", "list", "--json").lines)
    assert within["workflow"]["within"] == f"herdbook-run:{outer['id']}"
    assert outer["workflow"]["runs"] == [f"herdbook-run:{within['id']}"]
    for run in (outer, within):
        assert "train.npz" in {Path(item["path"]).name for item in run["inputs"]}


def test_an_input_that_changed_during_the_training_is_told_as_changed(place: Workplace) -> None:
    place.write("data/a.txt", "before")
    script = "open('data/a.txt').read(); import os, time; time.sleep(0.2); s = os.stat('data/a.txt')\n"
    script += "open('data/b.txt', 'w').write('x')\n"
    script += "import subprocess; subprocess.run(['sh', '-c', 'printf later. > data/a.txt'])\n"
    script += "os.utime('data/a.txt', ns=(s.st_atime_ns, s.st_mtime_ns))\n"  # the time set back by hand
    place.herdbook("run", "--", "python", "-c", script)
    run = place.run_json()
    [item] = [item for item in run["inputs"] if item["path"].endswith("a.txt")]
    assert item["changed"]
    assert "sha256" not in item
    assert f"input-changed:{item['path']}" in run["problems"]


def test_an_output_that_the_run_did_not_write_is_told(place: Workplace) -> None:
    place.write("model.txt", "an old one")
    time.sleep(0.05)
    place.herdbook("run", "--output", "model.txt", "--", "python", "-c", "pass")
    assert place.run_json()["problems"] == [f"output-not-written:{place.folder / 'model.txt'}"]


def test_without_git_the_scripts_themselves_are_kept(tmp_path: Path) -> None:
    other = Workplace(tmp_path / "bare")
    other.write("train.py", "import tools\nprint('ok')\n")
    other.write("tools.py", "pass\n")
    other.herdbook("run", "--", "python", "train.py")
    run = other.run_json()
    assert run["code"]["problems"] == ["no-git"]
    assert {item["path"] for item in run["code"]["untracked"]} == {"train.py", "tools.py"}
    assert {name for name in run["files"] if name.startswith("untracked:")} == {
        "untracked:train.py",
        "untracked:tools.py",
    }


def test_a_dirty_tree_is_refused_where_the_settings_say_so(place: Workplace) -> None:
    place.herdbook("config", "set", "capture.dirty", "refuse")
    place.train()
    place.write("train.py", "print('changed')\n")
    said = place.herdbook("run", "--", "python", "train.py", "--json", status=5)
    assert "not committed" in said.err
    assert said.out == ""


def test_an_unwritable_home_puts_the_run_elsewhere_and_says_where(place: Workplace, tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("no folder", "utf-8")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    more = {"XDG_STATE_HOME": str(blocked), "TMPDIR": str(scratch)}
    said = place.train(env=more)
    assert "cannot be written" in said.err
    assert str(scratch) in said.err
    [told] = place.herdbook("spool", "list", "--json", env=more).lines
    assert told["status"] == "finished"
    said = place.herdbook("run", "--json", "--", "true", status=5, env={"HERDBOOK_SPOOL": str(blocked / "x")})
    assert json.loads(said.err.splitlines()[-1])["code"] == "spool-unwritable"


def test_a_full_disk_does_not_stop_the_training(place: Workplace, small_disk: Path) -> None:
    lines = "for step in range(5): open(f'data/{step}.txt', 'w').write('x')\nprint('done')\n"
    fill = (
        f"more = open({str(small_disk / 'more')!r}, 'wb', buffering=0)\ntry:\n    while more.write(b'x' * 4096): pass\n"
    )
    script = f"{fill}except OSError: pass\n{lines}"
    said = place.herdbook("run", "--", "python", "-c", script, env={"HERDBOOK_SPOOL": str(small_disk)})
    assert said.out == "done\n"
    assert "not complete" in said.err


def test_what_c_code_opens_is_seen_by_tracing_where_that_is_allowed(place: Workplace) -> None:
    said = place.herdbook("run", "--trace-opens", "--", "md5sum", "data/train.npz", status=None)
    if "not seen" in said.err:
        assert "strace" in said.err or "tracing" in said.err
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail(said.err)
        pytest.skip(said.err)
    assert [Path(item["path"]).name for item in place.run_json()["inputs"]] == ["train.npz"]


def test_the_terminal_is_lent_to_the_command_and_taken_back(place: Workplace) -> None:
    pexpect = "import os, pty, sys\npid, fd = pty.fork()\n"
    command = [*HERDBOOK, "run", "--", "python", "-c", "print('got', input())"]
    script = f"{pexpect}if pid == 0:\n    os.execv({sys.executable!r}, {command!r})\n"
    script += "os.write(fd, b'word\\n')\nsaid = b''\ntry:\n    while chunk := os.read(fd, 1000): said += chunk\n"
    script += "except OSError: pass\nprint(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), b'got word' in said)\n"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=place.folder,
        env=place.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "0 True\n"
