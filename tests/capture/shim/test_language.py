"""The shim runs in interpreters that are older than Herdbook's own, and brings nothing in."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.capture.shim.captured import SHIM, run, script

FILES = sorted(SHIM.glob("*.py"))
# What every interpreter holds before it runs a line of the training, or has built in: no module of a training can have
# its name, and importing it hides none.
AT_START = {
    *("os", "sys", "time", "atexit", "_thread", "_collections", "_json", "_frozen_importlib"),
    *("_frozen_importlib_external", "__future__", "sitecustomize"),
}
NOT_BEFORE_A_HOOK = {"json.encoder"}  # where there is no _json
TRAINING = """
import argparse, random, sys
parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int)
parser.parse_args()
random.seed(5)
with open("out.txt", "w") as out:
    out.write("x")
sys.exit(3)
"""


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_is_python_3_8(path: Path) -> None:
    ast.parse(path.read_text("utf-8"), feature_version=(3, 8))


def _run_time(tree: ast.AST) -> list[ast.stmt]:
    """Return the statements that run: all but those below ``if TYPE_CHECKING``."""
    out: list[ast.stmt] = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.stmt):
            out.append(node)
        out.extend(_run_time(node))
    return out


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_file_imports_what_a_training_might_call_its_own(path: Path) -> None:
    foreign = []
    for node in _run_time(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            foreign += [alias.name for alias in node.names if alias.name not in AT_START]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                assert node.module, "`from . import` looks for the package on top, which may not be there"
            elif node.module not in AT_START | NOT_BEFORE_A_HOOK:
                foreign.append(str(node.module))
    assert not foreign


def _older(version: str) -> str | None:
    """Return an interpreter of this version, where there is one."""
    found = shutil.which(f"python{version}")
    roots = [Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"]
    candidates = [found] if found else []
    candidates += [str(path) for root in roots for path in sorted(root.glob(f"{version}.*/bin/python"))]
    for path in reversed(candidates):
        done = subprocess.run([path, "-c", "pass"], capture_output=True, check=False, timeout=60)
        if done.returncode == 0:
            return path
    return None


@pytest.mark.parametrize("version", ["3.8", "3.9", "3.10", "3.12", "3.13", "3.14"])
def test_it_works_in_other_interpreters(version: str, tmp_path: Path) -> None:
    python = _older(version)
    if python is None:
        pytest.skip(f"no Python {version} here; that its files are Python 3.8 is tested in any case")
    done = run([script(tmp_path / "job", TRAINING), "--epochs", "4"], tmp_path / "job", python=python)
    assert (done.status, done.output, done.errors) == (3, "", "")
    assert done.main[0]["python"].startswith(version + ".")
    assert done.parameters("argparse") == {"epochs": "4"}
    assert done.of("seed", name="random", text="5")
    assert done.opened("w") == {"out.txt"}
    assert done.end()["exception"] == "SystemExit: 3"


@pytest.mark.parametrize("version", ["2.7", "3.6", "3.7"])
def test_an_interpreter_that_is_too_old_for_it_runs_on_in_silence(version: str, tmp_path: Path) -> None:
    python = _older(version)
    if python is None:
        pytest.skip(f"no Python {version} here")
    done = run([script(tmp_path / "job", "print(1)")], tmp_path / "job", python=python)
    assert (done.status, done.output, done.errors, done.files) == (0, "1\n", "", [])


def test_a_training_may_have_modules_named_as_those_of_the_standard_library(tmp_path: Path) -> None:
    names = ("json", "typing", "functools", "hashlib", "random", "contextlib", "queue", "types", "argparse", "lines")
    for name in names:
        script(tmp_path / "job", f"whose = 'mine, {name}'", f"{name}.py")
    text = "".join(f"import {name}; print({name}.whose)\n" for name in names)
    done = run(["-B", script(tmp_path / "job", text)], tmp_path / "job")
    plain = run(["-B", "train.py"], tmp_path / "job", shim=False, spool=tmp_path / "none")
    assert (done.status, done.output, done.errors) == (plain.status, plain.output, plain.errors)
    assert done.status == 0
    assert done.end()["status"] == "finished"
    mine = {Path(line["path"]).stem for line in done.of("open", via="import")}
    assert mine == {*names, "train"}


def test_the_interpreter_is_as_without_it_but_for_its_own_modules(tmp_path: Path) -> None:
    name = script(tmp_path / "job", "import sys\nprint([sys.path[1:], sorted(sys.modules)])")
    path, modules = ast.literal_eval(run([name], tmp_path / "job").output)
    plain_path, plain_modules = ast.literal_eval(run([name], tmp_path / "job", shim=False, spool=tmp_path / "-").output)
    assert path == plain_path
    foreign = {module for module in modules if not module.startswith("herdbook.capture.shim")} - {*plain_modules}
    assert foreign <= AT_START
