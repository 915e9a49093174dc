"""The floors of docs/explanation/architecture.md: imports point down, and a noun has one file name everywhere."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "herdbook"
FLOORS = [
    *("apps", "bootstrap", "server", "client", "capture", "jobs", "stores", "plugins", "testing"),
    *("service", "wire", "ports", "model", "kernel"),
]
MAY_IMPORT = {"kernel": set[str](), "model": {"pydantic", "pydantic_core", "license_expression"}}


def test_imports_point_down_only(tmp_path: Path) -> None:
    command = "from importlinter.cli import lint_imports_command as run; run()"
    done = subprocess.run(
        [sys.executable, "-c", command, "--no-logo", "--cache-dir", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken" in done.stdout


def test_the_house_has_the_floors_that_its_page_names() -> None:
    page = (ROOT / "docs" / "explanation" / "architecture.md").read_text("utf-8")
    there = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert there <= set(FLOORS)
    assert not [floor for floor in there if f"`{floor}/`" not in page]


def _imported(path: Path) -> set[str]:
    """Return the first segments of all that a file imports, lazily or for types included."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(str(node.module).partition(".")[0])
    return names


@pytest.mark.parametrize("floor", MAY_IMPORT)
def test_the_lowest_floors_lean_on_next_to_nothing(floor: str) -> None:
    foreign = {
        f"{path.name}: {name}"
        for path in (PACKAGE / floor).glob("**/*.py")
        for name in _imported(path) - set(sys.stdlib_module_names) - {"herdbook"} - MAY_IMPORT[floor]
    }
    assert not sorted(foreign)


def test_a_noun_has_the_same_file_name_on_every_floor() -> None:
    nouns = {path.stem for path in (PACKAGE / "model").glob("*.py")}
    singular = {noun.removesuffix("ies") + "y" if noun.endswith("ies") else noun.removesuffix("s") for noun in nouns}
    plural = {noun + "s" for noun in nouns} | {noun.removesuffix("y") + "ies" for noun in nouns if noun.endswith("y")}
    variants = (singular | plural) - nouns
    other = [path for path in PACKAGE.rglob("*.py") if path.stem in variants and "formats" not in path.parts]
    assert not [path.relative_to(ROOT).as_posix() for path in other], f"the nouns are {sorted(nouns)}"


def test_only_the_apps_print_or_leave() -> None:
    speakers = []
    for path in PACKAGE.rglob("*.py"):
        if path.relative_to(PACKAGE).parts[0] == "apps":
            continue
        calls = (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call))
        speakers += [
            f"{path.relative_to(ROOT)}:{call.lineno}"
            for call in calls
            if isinstance(call.func, ast.Name) and call.func.id in {"print", "exit"}
        ]
    assert not speakers, "only an app prints or ends the process"
