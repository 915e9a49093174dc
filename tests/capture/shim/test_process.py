"""However a process begins, forks, fails and ends: what it told is there, and it is not disturbed."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.capture.shim.captured import SHIM, read, run, script
from tests.small_disk import small_disk

__all__ = ["small_disk"]


@pytest.mark.parametrize(
    ("text", "status", "exception"),
    [
        ("pass", 0, None),
        ("import sys; sys.exit()", 0, None),
        ("import sys; sys.exit(0)", 0, None),
        ("import sys; sys.exit(7)", 7, "SystemExit: 7"),
        ("import sys; sys.exit('no data')", 1, "SystemExit: no data"),
        ("raise ValueError('bad\\nweights')", 1, "ValueError: bad\nweights"),
        ("raise KeyboardInterrupt", 130, "KeyboardInterrupt"),
        ("class Odd(Exception):\n    def __str__(self): raise TypeError\nraise Odd", 1, "Odd"),
    ],
)
def test_the_last_line_says_how_it_ended(text: str, status: int, exception: str | None, tmp_path: Path) -> None:
    done = run([script(tmp_path / "job", text)], tmp_path / "job")
    plain = run(["train.py"], tmp_path / "job", shim=False, spool=tmp_path / "none")
    assert done.status == plain.status
    assert done.errors == plain.errors
    if status != 130:  # killed by the signal, as a shell sees it
        assert done.status == status
    assert (done.end()["status"], done.end()["exception"]) == ("failed" if exception else "finished", exception)


def test_an_interrupted_training_keeps_what_it_told(tmp_path: Path) -> None:
    text = "import time\nopen('out.txt', 'w').close()\nprint('on', flush=True)\ntime.sleep(60)"
    name, spool = script(tmp_path / "job", text), tmp_path / "run"
    spool.mkdir()
    with subprocess.Popen(
        [sys.executable, name],
        cwd=tmp_path / "job",
        env={"PYTHONPATH": str(SHIM), "HERDBOOK_CAPTURE": str(spool)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    (lines,) = read(spool)
    assert lines[-1]["exception"] == "KeyboardInterrupt"
    assert [line["path"] for line in lines if line["what"] == "open"][-1].endswith("out.txt")


def test_a_killed_training_keeps_what_it_told(tmp_path: Path) -> None:
    text = "import os, signal\nfor n in range(300): open(f'{n}.txt', 'w').close()\nos.kill(os.getpid(), signal.SIGKILL)"
    done = run([script(tmp_path / "job", text)], tmp_path / "job")
    assert done.status == -signal.SIGKILL
    assert len(done.opened("w")) == 300
    assert not done.of("end")


def test_forked_processes_have_files_of_their_own_also_when_they_leave_at_once(tmp_path: Path) -> None:
    text = """
import os
open("parent.txt", "w").close()
for n in range(3):
    child = os.fork()
    if not child:
        open(f"child-{n}.txt", "w").close()
        os._exit(n)
    os.waitpid(child, 0)
open("after.txt", "w").close()
"""
    done = run([script(tmp_path / "job", text)], tmp_path / "job")
    assert done.status == 0
    assert len(done.files) == 4
    for number, lines in enumerate(done.files[1:]):
        assert lines[0]["start_method"] == "fork"
        assert lines[0]["ppid"] == done.main[0]["pid"]
        assert {line["pid"] for line in lines} == {lines[0]["pid"]}
        assert [Path(line["path"]).name for line in lines if line["what"] == "open"] == [f"child-{number}.txt"]
        assert lines[-1]["status"] == ("failed" if number else "finished")
    assert {"parent.txt", "after.txt"} <= {Path(line["path"]).name for line in done.main if line["what"] == "open"}


@pytest.mark.parametrize("how", ["fork", "spawn", "forkserver"])
def test_workers_of_a_pool_are_noticed_however_they_are_started(how: str, tmp_path: Path) -> None:
    text = f"""
import multiprocessing
def read(name):
    with open(name) as stream:
        return stream.read()
if __name__ == "__main__":
    for n in range(4):
        with open(f"{{n}}.txt", "w") as out:
            out.write(str(n))
    with multiprocessing.get_context("{how}").Pool(2) as pool:
        print(pool.map(read, [f"{{n}}.txt" for n in range(4)]))
        pool.close()
        pool.join()
"""
    done = run([script(tmp_path / "job", text)], tmp_path / "job")
    assert (done.status, done.errors) == (0, "")
    assert done.output == "['0', '1', '2', '3']\n"
    assert done.opened() == {f"{n}.txt" for n in range(4)}
    assert not {Path(line["path"]).name for line in done.main if line["what"] == "open" and line["mode"] == "r"} - {
        "train.py"
    }


def test_threads_a_changed_folder_and_a_replaced_open_hide_nothing(tmp_path: Path) -> None:
    text = """
import builtins, io, os, pathlib, threading
def mine(name, mode="r", **more):
    return io.FileIO(name, mode)
builtins.open = mine
os.mkdir("below")
os.chdir("below")
def write(n):
    open(f"{n}.txt", "w").close()
threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
pathlib.Path("path.txt").write_text("x")
number = os.open(b"bytes.bin", os.O_RDWR | os.O_CREAT)
os.close(number)
io.open("0.txt", "ab").close()
"""
    done = run([script(tmp_path / "job", text)], tmp_path / "job")
    assert done.status == 0, done.errors
    assert done.opened("w") == {*(f"{n}.txt" for n in range(8)), "path.txt", "bytes.bin"}
    assert {Path(line["path"]).parent.name for line in done.of("open", mode="w")} == {"below"}
    assert done.opened("a") == {"0.txt"}


def test_what_is_no_file_of_the_training_is_not_told(tmp_path: Path) -> None:
    text = """
import os, socket, tempfile, email.mime.text
for name in ("/proc/self/status", "/dev/null", "/etc/passwd", os.__file__):
    open(name).close()
left, right = os.pipe()
open(left).close(); open(right, "w").close()
tempfile.gettempdir()
socket.socket().close()
try:
    open("missing.txt")
except FileNotFoundError:
    pass
os.close(os.open(".", os.O_RDONLY | os.O_DIRECTORY))
"""
    done = run([script(tmp_path / "job", text)], tmp_path / "job")
    assert done.status == 0, done.errors
    assert {line["path"] for line in done.of("open")} == {str(tmp_path / "job" / "train.py")}


def test_each_file_is_told_once_in_each_direction(tmp_path: Path) -> None:
    text = """
for _ in range(50):
    open("a.txt", "w").close()
    open("a.txt").close()
    open("./a.txt", "rb").close()
"""
    done = run([script(tmp_path / "job", text)], tmp_path / "job")
    assert [line["mode"] for line in done.of("open") if line["path"].endswith("a.txt")] == ["w", "r"]


def test_another_sitecustomize_runs_as_if_this_one_were_not_there(tmp_path: Path) -> None:
    other = tmp_path / "other"
    script(other, "import sys\nsys.theirs = 'ran'", "sitecustomize.py")
    name = script(tmp_path / "job", "import sys, sitecustomize\nprint(sys.theirs, sitecustomize.__file__)")
    done = run([name], tmp_path / "job", more={"PYTHONPATH": f"{SHIM}:{other}"})
    assert done.output == f"ran {other / 'sitecustomize.py'}\n"
    assert done.lines
    script(other, "import missing_module", "sitecustomize.py")
    done = run([script(tmp_path / "job", "")], tmp_path / "job", more={"PYTHONPATH": f"{SHIM}:{other}"}, spool=tmp_path)
    alone = run([name], tmp_path / "job", more={"PYTHONPATH": str(other)}, spool=tmp_path)
    assert "missing_module" in done.errors
    assert done.errors == alone.errors


def test_nothing_happens_without_the_variable_nor_where_the_interpreter_is_isolated(tmp_path: Path) -> None:
    name = script(tmp_path / "job", "open('out.txt', 'w').close()")
    assert not run([name], tmp_path / "job", more={"PYTHONPATH": str(SHIM)}, shim=False).lines
    for number, option in enumerate(("-I", "-S", "-E")):
        done = run([option, name], tmp_path / "job", spool=tmp_path / f"run-{number}")
        assert (done.status, done.errors, done.files) == (0, "", [])


def test_a_spool_that_is_missing_or_cannot_be_written_is_no_concern_of_the_training(tmp_path: Path) -> None:
    name = script(tmp_path / "job", "open('out.txt', 'w').write('x'); print('done')")
    file = tmp_path / "file"
    file.write_text("")
    for spool in (tmp_path / "missing", file, Path("/proc/1"), Path("/dev/null/x")):
        done = run([name], tmp_path / "job", spool=spool)
        assert (done.status, done.output, done.errors) == (0, "done\n", "")


def test_a_full_spool_keeps_whole_lines_and_says_that_there_were_more(small_disk: Path, tmp_path: Path) -> None:
    text = f"""
for n in range(500):
    open(f"{{n}}.txt", "w").close()
with open({str(small_disk / "filling")!r}, "wb") as out:
    try:
        while True: out.write(b"x" * 65536); out.flush()
    except OSError: pass
for n in range(500, 1000):
    open(f"{{n}}.txt", "w").close()
print("done")
"""
    (small_disk / "run").mkdir()
    done = run([script(tmp_path / "job", text)], tmp_path / "job", spool=small_disk / "run")
    assert (done.status, done.output) == (0, "done\n")
    assert 500 <= len(done.opened("w")) < 1000
    assert [path.name.partition(".")[2] for path in (small_disk / "run" / "seen").glob("*quiet*")] == ["quiet-28"]


def test_a_subprocess_that_replaces_itself_has_told_before(tmp_path: Path) -> None:
    text = """
import os, sys
open("a.txt", "w").close()
os.execv(sys.executable, [sys.executable, "-c", "open('b.txt', 'w')"])
"""
    done = run([script(tmp_path / "job", text)], tmp_path / "job")
    assert done.opened("w") == {"a.txt", "b.txt"}
    assert len(done.files) == 2


def test_secrets_on_the_command_line_are_not_kept(tmp_path: Path) -> None:
    text = """
import argparse
parser = argparse.ArgumentParser()
for name in ("--db-password", "--hf_token", "--max-tokens", "--tokenizer"):
    parser.add_argument(name)
parser.parse_args()
"""
    words = ["--db-password", "hush1", "--hf_token=hush2", "--max-tokens", "512", "--tokenizer", "bpe"]
    done = run([script(tmp_path / "job", text), *words], tmp_path / "job")
    assert "hush" not in str(done.lines)
    assert done.parameters("argparse") == {
        "db_password": "***",
        "hf_token": "***",
        "max_tokens": "512",
        "tokenizer": "bpe",
    }


def test_a_warning_points_to_the_line_of_the_training(tmp_path: Path) -> None:
    script(
        tmp_path / "job",
        "import warnings\ndef seed(a=None):\n    warnings.warn('old', stacklevel=2)\nclass Random: pass",
        "random.py",
    )
    name = script(tmp_path / "job", "import random\nrandom.seed(1)")
    done = run([name], tmp_path / "job")
    plain = run([name], tmp_path / "job", shim=False, spool=tmp_path / "none")
    assert done.of("seed")
    assert "train.py:2: UserWarning: old" in plain.errors
    assert done.errors == plain.errors
