"""The size of rooms: files, functions and `__init__.py` stay small, and no module has a name that means nothing."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("src", "tests", "bench", "examples", "tools", "docs")
MAX_FILE = 400
MAX_FUNCTION = 60
MEANINGLESS = {"util", "utils", "helper", "helpers", "common", "manager", "managers", "misc"}

# Path, or path::function, → why it may be larger. A reason that no longer holds fails the test.
LARGER: dict[str, str] = {}

FILES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _large(path: Path) -> list[str]:
    """Return what in this file is larger than a room may be, allowed or not."""
    text = path.read_text("utf-8")
    found = [_name(path)] if len(text.splitlines()) >= MAX_FILE else []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length >= MAX_FUNCTION:
                found.append(f"{_name(path)}::{node.name}")
    return found


@pytest.fixture(scope="module")
def large() -> set[str]:
    return {found for path in FILES for found in _large(path)}


def test_files_and_functions_are_small_enough_to_read(large: set[str]) -> None:
    too_large = sorted(large - LARGER.keys())
    assert not too_large, f"split these (files < {MAX_FILE} lines, functions < {MAX_FUNCTION}): {too_large}"


def test_what_was_allowed_to_be_larger_still_is(large: set[str]) -> None:
    assert not sorted(LARGER.keys() - large), "these became small: take them off the list"
    assert all(len(reason) > 20 for reason in LARGER.values())


def _only_reexports(node: ast.stmt) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return True
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    if isinstance(node, ast.Assign):  # __all__, __version__, a private table of lazy names
        return all(isinstance(target, ast.Name) and target.id.startswith("_") for target in node.targets)
    if isinstance(node, ast.AnnAssign):
        return isinstance(node.target, ast.Name) and node.target.id.startswith("_")
    if isinstance(node, ast.FunctionDef):  # PEP 562: a re-export that is loaded when it is used
        return node.name in {"__getattr__", "__dir__"}
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    return False


@pytest.mark.parametrize("path", [path for path in FILES if path.name == "__init__.py"], ids=_name)
def test_an_init_file_is_no_home_for_code(path: Path) -> None:
    other = [f"line {node.lineno}" for node in ast.parse(path.read_text("utf-8")).body if not _only_reexports(node)]
    assert not other, "only a docstring and re-exports stand in __init__.py"


def test_no_module_has_a_name_that_says_nothing() -> None:
    parts = {part for path in FILES for part in path.relative_to(ROOT).with_suffix("").parts}
    assert not sorted(part for part in parts if set(part.split("_")) & MEANINGLESS)


def test_every_module_says_what_it_is_for() -> None:
    silent = [_name(path) for path in FILES if not ast.get_docstring(ast.parse(path.read_text("utf-8")))]
    assert not silent, "these have no docstring at their top"
