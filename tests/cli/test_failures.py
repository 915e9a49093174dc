"""What goes wrong says so on stderr, with a way out and the exit status of its kind; stdout stays empty."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import click
import pytest

from herdbook.apps.cli import failures, main
from herdbook.apps.cli.session import Session
from herdbook.kernel import errors

from .conftest import MODEL, Run, run_here, run_process

COMMAND = [sys.executable, "-c", "from herdbook.apps.cli.main import run; run()"]


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("show", "demo/no/such"), 3, "no model"),
        (("show", "not a name"), 2, "namespace/…/name"),
        (("show",), 2, "REFERENCE"),
        (("shwo", "x"), 2, "Did you mean show"),
        (("alias", "remov", "x"), 2, "Did you mean remove"),
        (("show", "x", "--colour"), 2, "--color"),
        (("register", "demo/a/b:v1"), 2, "--batch"),
        (("register", "demo/a/b:v1", "/no/such/folder"), 3, "/no/such/folder"),
        (("statement", "add", "demo", "--body", "{}"), 2, "--kind"),
        (("statement", "add", "demo", "--kind", "note", "--body", "words"), 2, "JSON"),
        (("statement", "add", "demo", "--kind", "note", "--body", '{"a": 1, "a": 2}'), 2, "twice"),
        (("statement", "add", "demo", "--kind", "note", "--body", "@/no/such"), 3, "/no/such"),
        (("alias", "set", "demo/a/b:v1", "demo/a/b"), 2, "MODEL@ALIAS"),
        (("profile", "set", "demo/a/b"), 2, "--title"),
        (("journal", "log", "demo", "--cursor", "x"), 2, "number"),
        (("journal", "show", "demo", "99"), 3, "no event 99"),
        (("search", "("), 2, "query"),
        (("config", "set", "nothing", "1"), 2, "nothing"),
        (("-R", "http://127.0.0.1:9", "list"), 6, "does not answer"),
        (("-R", "/no/such/registry", "list"), 3, "herdbook init"),
    ],
)
def test_bad_input_gets_its_status_and_a_way_out(herdbook: Run, words: tuple[str, ...], status: int, said: str) -> None:
    config = Path(os.environ["XDG_CONFIG_HOME"], "herdbook", "config.toml")
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text("[client]\nretry_seconds = 1\n", "utf-8")  # half a minute otherwise
    found = herdbook(*words, status=status)
    assert found.out == ""
    assert found.err.startswith("error: ")
    assert "\nhint: " in found.err or "/no/such" in found.err
    assert said in found.err


def test_a_taken_label_is_a_conflict_that_says_what_differs(story: Run, files: Path) -> None:
    (files / "weights.txt").write_text("0.1 0.9\n", "utf-8")
    found = story("register", f"{MODEL}:v1", str(files), status=4)
    assert "weights.txt" in found.err


@pytest.mark.parametrize(
    "line", ["x", "[]", '{"reference": "demo/a/b:v1"}', '{"reference": "a/b", "path": ".", "z": 1}']
)
def test_a_wrong_line_of_a_manifest_always_says_what_to_do(herdbook: Run, tmp_path: Path, line: str) -> None:
    (tmp_path / "manifest").write_text(line, "utf-8")
    found = herdbook("register", "--batch", str(tmp_path / "manifest"), status=2)
    assert found.err.startswith("error: line 1 of the manifest")
    assert "\nhint: " in found.err


def test_fetching_into_a_file_says_so_and_asks_for_no_room(story: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine\n", "utf-8")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "dangling").symlink_to(tmp_path / "none")
    for place, said in (("file", "a file, not a folder"), ("file/below", "a file"), ("out/dangling", "leads nowhere")):
        found = story("fetch", f"{MODEL}:v1", str(tmp_path / place), status=2)
        assert said in " ".join(found.err.split())
        assert "room" not in found.err
    assert (tmp_path / "file").read_text("utf-8") == "mine\n"


def test_a_file_where_a_version_has_a_folder_is_a_conflict(herdbook: Run, tmp_path: Path) -> None:
    (tmp_path / "model" / "sub").mkdir(parents=True)
    (tmp_path / "model" / "sub" / "a.txt").write_text("a\n", "utf-8")
    (tmp_path / "model" / "b.txt").write_text("b\n", "utf-8")
    herdbook("register", "demo/a/b:v1", str(tmp_path / "model"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "sub").write_text("mine\n", "utf-8")
    found = herdbook("fetch", "demo/a/b:v1", str(tmp_path / "out"), status=4)
    assert "not a folder" in found.err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["sub"]


def test_every_kind_has_its_status(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("Invalid", "Missing", "Conflict", "Denied", "Unavailable", "Corrupt"):
        error = getattr(errors, f"{name}Error")("it is so", hint="Do that.")
        assert failures.report(error, Session()) == errors.EXIT_STATUS[error.kind]
        assert capsys.readouterr().err == "error: it is so\nhint: Do that.\n"


def test_an_error_of_the_operating_system_is_told_by_its_kind(capsys: pytest.CaptureFixture[str]) -> None:
    assert failures.report(FileNotFoundError(2, "No such file or directory", "/a"), Session()) == 3
    assert failures.report(PermissionError(13, "Permission denied", "/a"), Session()) == 5
    assert failures.report(OSError(28, "No space left on device"), Session()) == 6
    assert "/a: No such file" in capsys.readouterr().err


def test_what_nobody_foresaw_asks_for_a_report_and_shows_its_place_only_on_request(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        raise ZeroDivisionError("what")
    for debug in (False, True):
        assert failures.report(caught.value, Session(debug=debug)) == 70
        err = capsys.readouterr().err
        assert "ZeroDivisionError: what" in err
        assert "report" in err
        assert ("Traceback" in err) is debug


def test_values_that_do_not_fit_are_input_errors_not_crashes(herdbook: Run, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"kind": "Training!", "status": "finished"}', "utf-8")
    found = herdbook("activity", "register", "demo", str(tmp_path / "a.json"), status=2)
    assert "/kind" in found.err


def test_a_bad_configuration_file_is_told_with_its_line() -> None:
    path = Path(run_here("config", "path").out.strip())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('registry = "x"\nwhat\n', "utf-8")
    found = run_here("config", "show", status=2)
    assert "line 2" in found.err
    assert str(path) in found.err


def test_ctrl_c_ends_with_130_and_one_word(registry: Path) -> None:
    assert registry.is_dir()
    # A shell that started the tests in the background has them ignore Ctrl-C, and the child would inherit that.
    ours = signal.signal(signal.SIGINT, signal.default_int_handler)
    child = subprocess.Popen(
        [*COMMAND, "activity", "register", "demo", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    signal.signal(signal.SIGINT, ours)
    assert child.stdin is not None
    child.stdin.write("{")
    child.stdin.flush()
    _until_read(child.stdin.fileno())
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=30)
    assert child.returncode == 130
    assert out == ""
    assert "Traceback" not in err
    assert err.strip() == "interrupted"


def _until_read(pipe: int) -> None:
    """Wait until the other end has read what is in the pipe."""
    end, waiting = time.monotonic() + 60, bytearray(4)
    while fcntl.ioctl(pipe, termios.FIONREAD, waiting) == 0 and any(waiting):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_nobody_reading_on_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([*COMMAND, "config", "show"], stdout=writing, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(writing)
    assert done.returncode == 141
    assert done.stderr == b""


def test_what_cannot_be_taken_back_needs_yes_where_nobody_can_be_asked(story: Run) -> None:
    before = story("journal", "state", "demo").out
    for words in (("undo", f"{MODEL}:v1", "--reason", "a slip"), ("whoami", "--forget")):
        assert story(*words, status=2).err == "error: this needs a yes\nhint: Add --yes.\n"
    assert story("journal", "state", "demo").out == before


@pytest.mark.parametrize(("answer", "status"), [("n", 1), ("y", 0)])
def test_on_a_terminal_the_person_is_asked(story: Run, answer: str, status: int) -> None:
    master, slave = pty.openpty()
    child = subprocess.Popen(
        [*COMMAND, "undo", f"{MODEL}:v1", "--reason", "a slip"], stdin=slave, stdout=slave, stderr=slave
    )
    os.close(slave)
    try:
        said = _until(master, b"[y/N]")
        os.write(master, answer.encode() + b"\n")
        said += _until(master, b"withdrawn" if status == 0 else b"nothing was changed")
        assert child.wait(30) == status, said
    finally:
        child.kill()
        child.wait()
        os.close(master)
    assert ("WITHDRAWN" in story("list", MODEL).out) is (status == 0)


def _until(handle: int, word: bytes) -> bytes:
    said, end = b"", time.monotonic() + 60
    while word not in said:
        assert time.monotonic() < end, said
        if select.select([handle], [], [], 1.0)[0]:
            said += os.read(handle, 4096)
    return said


def test_a_process_without_a_terminal_prints_no_colour_and_no_progress(story: Run, tmp_path: Path) -> None:
    story("list")
    for words in (("show", f"{MODEL}:v1"), ("fetch", f"{MODEL}:v1", str(tmp_path / "out")), ("verify", f"{MODEL}:v1")):
        done = run_process(*words)
        assert done.status == 0, done.err
        assert "\x1b" not in done.out + done.err
    assert json.loads(run_process("show", f"{MODEL}:v1", "--json").out)["entry"]["ordinal"] == 1


def test_errors_keep_stdout_free_for_answers_in_a_real_process(story: Run) -> None:
    story("list")
    done = run_process("show", f"{MODEL}:v9", "--json")
    assert (done.status, done.out) == (3, "")
    assert done.problem["code"] == "no-version"


def test_the_root_lets_a_caller_have_the_exception() -> None:
    with pytest.raises(click.UsageError):
        main.cli.main(["nothing"], standalone_mode=False)
