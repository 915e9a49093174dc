"""The shim inside a running interpreter: trainings that nest, follow one another, run side by side."""

from __future__ import annotations

from pathlib import Path

from tests.capture.shim.captured import Done, read, run, script

BEGIN = """
import json, os, random, sys, threading
from herdbook.capture import shim
for name in "ab":
    os.makedirs(name, exist_ok=True)
def touch(name):
    open(name, "w").close()
"""


def told(folder: Path, text: str, *, status: int = 0) -> tuple[Done, Done]:
    """Run a script that makes sessions in ``a`` and ``b``; return what each heard."""
    done = run([script(folder, BEGIN + text)], folder, shim=False, spool=folder / "none")
    assert done.status == status, done.errors
    first, second = (Done(status, done.output, done.errors, read(folder / name)) for name in "ab")
    return first, second


def test_trainings_one_after_the_other_tell_each_their_own(tmp_path: Path) -> None:
    a, b = told(
        tmp_path / "job",
        """
a = shim.install("a"); touch("first.txt"); random.seed(1); shim.metric("auc", 0.5, step=1); shim.stop(a)
touch("between.txt")
b = shim.install("b"); touch("first.txt"); touch("second.txt"); random.seed(2); shim.stop(b)
touch("after.txt")
""",
    )
    assert a.opened("w") == {"first.txt"}
    assert b.opened("w") == {"first.txt", "second.txt"}
    assert [line["text"] for line in a.of("seed")] == ["1"]
    assert [line["text"] for line in b.of("seed")] == ["2"]
    assert [line["value"] for line in a.of("metric")] == [0.5]
    assert not b.of("metric")
    assert a.end()["status"] == b.end()["status"] == "finished"


def test_an_outer_training_hears_what_the_inner_does_and_of_the_inner(tmp_path: Path) -> None:
    a, b = told(
        tmp_path / "job",
        """
a = shim.install("a"); touch("outer.txt")
b = shim.install("b"); touch("inner.txt"); b.metric("auc", float("nan"), "test"); b.parameter("depth", 3)
shim.stop(b, "failed", "ValueError: no")
touch("later.txt"); shim.stop(a); shim.stop(a); shim.stop()
""",
    )
    assert a.opened("w") == {"outer.txt", "inner.txt", "later.txt"}
    assert b.opened("w") == {"inner.txt"}
    assert [line["folder"] for line in a.of("run")] == [str(tmp_path / "job" / "b")]
    assert not a.of("metric")
    assert [(line["value"], line["split"]) for line in b.of("metric")] == [("NaN", "test")]
    assert b.parameters("herdbook") == {"depth": "3"}
    assert (b.end()["status"], b.end()["exception"]) == ("failed", "ValueError: no")


def test_trainings_in_two_threads_do_not_hear_one_another(tmp_path: Path) -> None:
    a, b = told(
        tmp_path / "job",
        """
both = threading.Barrier(2)
def train(name):
    session = shim.install(name)
    both.wait()
    touch(f"of-{name}.txt"); shim.metric("loss", 1)
    both.wait()
    helper = threading.Thread(target=touch, args=("of-a-helper.txt",))
    if name == "a":
        helper.start(); helper.join()
    both.wait()
    shim.stop(session)
threads = [threading.Thread(target=train, args=(name,)) for name in "ab"]
for thread in threads: thread.start()
for thread in threads: thread.join()
""",
    )
    assert a.opened("w") == {"of-a.txt", "of-a-helper.txt"}
    assert b.opened("w") == {"of-b.txt", "of-a-helper.txt"}  # whose a helper is, nobody knows
    assert len(a.of("metric")) == len(b.of("metric")) == 1


def test_workers_write_to_the_training_that_began_last_and_the_environment_is_as_before(tmp_path: Path) -> None:
    a, b = told(
        tmp_path / "job",
        """
import subprocess
before = dict(os.environ)
a = shim.install("a"); b = shim.install("b")
subprocess.run([sys.executable, "-c", "open('child.txt', 'w')"], check=True)
child = os.fork()
if not child:
    touch("forked.txt"); os._exit(0)
os.waitpid(child, 0)
shim.stop(a); shim.stop(b)
assert dict(os.environ) == before
""",
    )
    assert b.opened("w") == {"child.txt", "forked.txt"}
    assert a.opened("w") == {"forked.txt"}


def test_an_interpreter_that_ends_inside_a_training_ends_it(tmp_path: Path) -> None:
    a, _ = told(tmp_path / "job", "shim.install('a'); touch('x.txt'); raise ValueError('bad')", status=1)
    assert a.opened("w") == {"x.txt"}
    assert a.end()["exception"] == "ValueError: bad"


def test_a_training_inside_a_captured_command_shares_the_shim_with_it(tmp_path: Path) -> None:
    text = (
        BEGIN
        + "a = shim.install('a'); touch('x.txt'); random.seed(3); shim.metric('auc', 1); shim.stop(a); touch('y.txt')"
    )
    done = run([script(tmp_path / "job", text)], tmp_path / "job")
    assert (done.status, done.errors) == (0, "")
    (inner,) = read(tmp_path / "job" / "a")
    assert {"x.txt", "y.txt"} <= done.opened("w")
    assert len(done.of("seed")) == len(done.of("metric")) == 1
    assert done.of("run", folder=str(tmp_path / "job" / "a"))
    assert [line["what"] for line in inner].count("seed") == 1
    assert not [line for line in inner if "y.txt" in str(line)]


def test_libraries_that_were_imported_before_are_noticed_too(tmp_path: Path) -> None:
    a, _ = told(
        tmp_path / "job",
        """
import argparse, numpy, h5py, pyarrow.csv
a = shim.install("a")
argparse.ArgumentParser().parse_args([]); numpy.random.seed(4); h5py.File("x.h5", "w").close()
shim.stop(a)
""",
    )
    assert a.of("seed", name="numpy", text="4")
    assert a.opened("w") == {"x.h5"}


def test_so_many_lines_are_written_and_then_one_that_says_so(tmp_path: Path) -> None:
    a, _ = told(
        tmp_path / "job",
        """
from herdbook.capture.shim import sessions
sessions.LIMITS.update(open=20, metric=30)
a = shim.install("a")
for number in range(100):
    touch(f"{number}.txt"); shim.metric("loss", number, step=number)
shim.stop(a)
""",
    )
    assert len(a.of("open", mode="w")) == 20
    assert len(a.of("metric")) == 30
    assert {(line["name"], line["count"]) for line in a.of("limit")} == {("open", 20), ("metric", 30)}
    assert a.end()["status"] == "finished"


def test_a_value_that_cannot_be_written_harms_nobody(tmp_path: Path) -> None:
    a, _ = told(
        tmp_path / "job",
        """
class Odd:
    def __repr__(self): raise RuntimeError
    __str__ = item = __repr__
endless = []; endless.append(endless)
a = shim.install("a")
for value in (Odd(), Odd, endless, {1: endless}, "\\udcff\\n\\x00", 10**400, float("inf"), b"x", None, {"b", "a"}):
    shim.parameter("p", value); shim.metric("m", value)
shim.stop(a)
""",
    )
    texts = [line["text"] for line in a.of("parameter")]
    assert len(texts) == 10
    assert "__main__.Odd" in texts
    assert {line["value"] for line in a.of("metric")} == {"Infinity"}
