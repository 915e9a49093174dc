"""`import herdbook` in a fresh interpreter stays light: a script that only asks for a file pays for nothing else."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    *("sqlalchemy", "alembic", "fastapi", "starlette", "numpy", "onnx", "rich", "click", "jsonschema", "requests"),
    *("pathspec", "license_expression", "httpx2", "pytest", "hypothesis", "sqlite3", "asyncio", "multiprocessing"),
}
PYDANTIC = {"pydantic", "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection"}
MAX_FOREIGN = 40


def _loaded(statement: str) -> set[str]:
    """Return the modules that a statement adds to those of a bare interpreter."""
    script = (
        f"import sys, json; before = set(sys.modules); {statement}; print(json.dumps([*set(sys.modules) - before]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True, cwd="/"
    )
    return set(json.loads(done.stdout))


def _tops(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


def test_importing_the_package_loads_nothing_heavy() -> None:
    loaded = _loaded("import herdbook")
    assert not _tops(loaded) & HEAVY
    foreign = {name for name in loaded if name.partition(".")[0] not in {*sys.stdlib_module_names, "herdbook"}}
    # pydantic counts once: its size is not ours to keep.
    others = {name for name in foreign if name.partition(".")[0] not in PYDANTIC}
    assert len(others) < MAX_FOREIGN, sorted(others)


def test_opening_a_folder_loads_nothing_of_a_client() -> None:
    loaded = _loaded("import herdbook, tempfile; herdbook.open(tempfile.mkdtemp()).close()")
    assert not _tops(loaded) & {"httpx2", "httpcore2", "h11"}
    assert "herdbook.client" not in loaded


@pytest.mark.parametrize("floor", ["model", "ports"])
def test_the_values_and_ports_load_nothing_but_pydantic(floor: str) -> None:
    walk = f"import pkgutil, importlib, herdbook.{floor} as f; "
    walk += "[importlib.import_module(f.__name__ + '.' + m.name) for m in pkgutil.iter_modules(f.__path__)]"
    assert not _tops(_loaded(walk)) & (HEAVY - {"asyncio", "license_expression"})  # pydantic itself may load asyncio


def test_the_kernel_loads_the_standard_library_only() -> None:
    walk = "import pkgutil, importlib, herdbook.kernel as f; "
    walk += "[importlib.import_module(f.__name__ + '.' + m.name) for m in pkgutil.iter_modules(f.__path__)]"
    assert _tops(_loaded(walk)) <= {*sys.stdlib_module_names, "herdbook"}
