"""What a training ran in is asked of its own interpreter; a lock is believed only when it fits what is installed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import venv
from pathlib import Path
from typing import Any

import pytest
from tests.capture.surroundings.trees import git, tree

from herdbook.capture import environment, interpreter
from herdbook.kernel import digests
from herdbook.model.activities import Environment


def _read(*args: Any, **kwargs: Any) -> environment.EnvironmentState:
    """Read with no mark of a container in sight, since the tests themselves may run in one."""
    return environment.read(*args, **kwargs, root=Path("/nowhere"))


@pytest.fixture(scope="session")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real environment with three distributions, made by hand since no index is asked."""
    folder = tmp_path_factory.mktemp("own") / "env"
    venv.create(folder, with_pip=False, symlinks=True)
    _install(folder, "Num.Py", "1.2.3")
    _install(
        folder, "tool", "0.1", direct='{"url": "https://me:pw@h.org/tool.whl", "archive_info": {"hash": "sha256=ab"}}'
    )
    _install(folder, "wheel", "0.4")
    return folder / "bin/python"


def _install(folder: Path, name: str, version: str, direct: str = "", record: str = "a.py,sha256=x,1\n") -> None:
    site = next(folder.glob("lib/python*/site-packages"))
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "RECORD").write_text(record)
    (info / "INSTALLER").write_text("pip\n")
    if direct:
        (info / "direct_url.json").write_text(direct)


def _copy(target: Path, **installed: str) -> Path:
    """Return another environment, with distributions of its own."""
    venv.create(target, with_pip=False, symlinks=True)
    for name, version in installed.items():
        _install(target, name, version)
    return target / "bin/python"


def test_what_is_installed_is_told_with_digests_where_no_lock_file_is(own: Path, tmp_path: Path) -> None:
    state = _read(own, tmp_path, os.environ)
    told = state.environment
    assert told.packages == {"num-py": "1.2.3", "tool": "0.1", "wheel": "0.4"}
    assert (told.kind, state.lock_name) == ("installed", "installed.txt")
    assert told.python == ".".join(map(str, sys.version_info[:3]))
    assert state.lock is not None
    assert state.lock == state.listing
    assert told.blob == digests.of(state.lock)
    lines = state.lock.decode().splitlines()
    assert lines[1].startswith("num-py==1.2.3  # files-sha256=")
    assert lines[2].startswith("tool @ https://h.org/tool.whl#sha256=ab")
    assert told.problems is None
    Environment.read_json(told.model_dump_json(exclude_none=True))


def test_the_same_environment_gives_the_same_bytes_and_another_installer_changes_nothing(tmp_path: Path) -> None:
    listings = []
    for name, record in (
        ("a", "p.py,sha256=x,1\n"),
        ("b", "p.py,sha256=x,1\n../../../bin/p,sha256=q,9\np/INSTALLER,sha256=z,4\n"),
    ):
        venv.create(tmp_path / name, with_pip=False, symlinks=True)
        _install(tmp_path / name, "p", "1", record=record)
        listings.append(_read(tmp_path / name / "bin/python", tmp_path, os.environ).listing)
    assert listings[0] == listings[1]


def test_a_lock_that_fits_is_taken(own: Path, tmp_path: Path) -> None:
    text = "num-py==1.2.3 \\\n    --hash=sha256:aa\ntool==0.1 --hash=sha256:bb  # a comment\n"
    (tmp_path / "requirements.txt").write_text(text)
    state = _read(own, tmp_path, os.environ)
    assert (state.environment.kind, state.lock_name, state.lock) == ("requirements", "requirements.txt", text.encode())
    assert state.environment.problems is None
    assert state.listing is not None


def test_a_lock_that_does_not_fit_is_told_and_the_listing_taken_in_its_place(own: Path, tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text('version = 1\n[[package]]\nname = "Num_Py"\nversion = "1.2.4"\n')
    state = _read(own, tmp_path, os.environ)
    assert state.environment.kind == "installed"
    assert state.environment.problems == ("lock-differs:num-py:1.2.3:1.2.4", "not-in-lock:tool:0.1")


def test_of_several_locks_the_one_that_fits_is_taken(own: Path, tmp_path: Path) -> None:
    (tmp_path / "pylock.toml").write_text('lock-version = "1.0"\n[[packages]]\nname = "tool"\nversion = "9"\n')
    (tmp_path / "poetry.lock").write_text(
        '[[package]]\nname = "tool"\nversion = "0.1"\n[[package]]\nname = "num-py"\nversion = "1.2.3"\n'
    )
    assert _read(own, tmp_path, os.environ).lock_name == "poetry.lock"


def test_a_lock_is_looked_for_up_to_the_top_of_the_tree_and_no_further(own: Path, tmp_path: Path) -> None:
    deep = tmp_path / "top/a/b"
    deep.mkdir(parents=True)
    (tmp_path / "requirements.txt").write_text("tool==0.1 --hash=sha256:bb\n")
    assert _read(own, deep, os.environ, top=tmp_path / "top").lock_name == "installed.txt"
    (tmp_path / "top/requirements-gpu.txt").write_text("tool==0.1 --hash=sha256:bb\n")
    assert _read(own, deep, os.environ, top=tmp_path / "top").lock_name == "requirements-gpu.txt"
    assert _read(own, deep, os.environ).lock_name == "installed.txt", "the top is not known"


def test_a_lock_that_is_a_link_to_somewhere_else_is_not_read(own: Path, tmp_path: Path) -> None:
    (tmp_path / "private").write_text("tool==0.1 --hash=sha256:bb\n")
    (tmp_path / "here").mkdir()
    (tmp_path / "here/requirements.txt").symlink_to(tmp_path / "private")
    assert _read(own, tmp_path / "here", os.environ).lock_name == "installed.txt"


def test_without_an_interpreter_a_lock_is_kept_and_said_to_be_unchecked(tmp_path: Path) -> None:
    assert _read(None, tmp_path, {}).environment == Environment()
    (tmp_path / "uv.lock").write_text("version = 1\n")
    state = _read(None, tmp_path, {})
    assert state.environment.kind == "uv"
    assert "lock-unchecked:uv.lock" in (state.environment.problems or ())


def test_an_interpreter_that_says_nothing_is_told(tmp_path: Path) -> None:
    false = tmp_path / "python"
    false.write_text("#!/bin/sh\nsleep 30\n")
    false.chmod(0o755)
    start = time.monotonic()
    state = _read(false, tmp_path, os.environ, timeout_s=0.3)
    assert time.monotonic() - start < 10
    assert "interpreter-silent" in (state.environment.problems or ())
    assert state.lock is None


def test_modules_beside_the_training_do_not_get_into_the_question(own: Path, tmp_path: Path) -> None:
    for name in ("json", "platform", "hashlib", "importlib"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(3)\n")
    assert _read(own, tmp_path, os.environ).environment.packages is not None


def test_output_of_a_sitecustomize_does_not_get_into_the_answer(own: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('hello'); import sys; print('{}', file=sys.stderr)\n")
    state = _read(own, tmp_path, {**os.environ, "PYTHONPATH": str(tmp_path)})
    assert state.environment.packages is not None


def test_broken_metadata_of_one_distribution_does_not_hide_the_others(tmp_path: Path) -> None:
    python = _copy(tmp_path / "env", good="1")
    _install(tmp_path / "env", "bad", "1", direct="{not json")
    state = _read(python, tmp_path, os.environ)
    assert (state.environment.packages or {})["good"] == "1"
    assert "broken-metadata" in (state.environment.problems or ())


def test_an_editable_install_is_told_with_its_commit(tmp_path: Path) -> None:
    python = _copy(tmp_path / "env")
    source = tree(tmp_path / "source")
    direct = f'{{"url": "{source.as_uri()}", "dir_info": {{"editable": true}}}}'
    _install(tmp_path / "env", "mine", "1", direct=direct)
    _install(tmp_path / "env", "local", "1", direct=f'{{"url": "{source.as_uri()}", "dir_info": {{}}}}')
    local, editable = _read(python, tmp_path, os.environ).environment.problems or ("", "")
    assert local == "local-install:local"
    assert editable == f"editable:mine:{git(source, 'rev-parse', 'HEAD')}"
    (source / "train.py").write_text("changed\n")
    _, changed = _read(python, tmp_path, os.environ).environment.problems or ("", "")
    assert changed.startswith("editable-dirty:mine:")
    inside = _read(python, source, os.environ, top=source).environment.problems
    assert inside == ("local-install:local",), "the working tree itself is told as code"


def test_an_environment_of_conda_is_listed_with_addresses_and_checksums(tmp_path: Path) -> None:
    python = _copy(tmp_path / "env", onlypip="2")
    meta = tmp_path / "env/conda-meta"
    meta.mkdir()
    url = "https://conda.example.org/t/tk-secret/conda-forge/linux-64/numpy-2.0-py311.conda"
    (meta / "numpy.json").write_text(f'{{"name": "numpy", "version": "2.0", "url": "{url}", "md5": "{"a" * 32}"}}')
    (meta / "odd.json").write_text("[" * 100_000)
    state = _read(python, tmp_path, os.environ)
    assert state.environment.kind == "conda-explicit"
    listing = (state.lock or b"").decode()
    assert f"@EXPLICIT\nhttps://conda.example.org/conda-forge/linux-64/numpy-2.0-py311.conda#{'a' * 32}\n" in listing
    assert "tk-secret" not in listing
    assert "# pip: onlypip==2" in listing


def test_only_allowed_variables_are_told_and_a_licence_only_by_its_name(own: Path, tmp_path: Path) -> None:
    given = {
        "PATH": os.environ["PATH"],
        "OMP_NUM_THREADS": "4",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        "XILINXD_LICENSE_FILE": "2100@licences.example.org",
        "GITHUB_TOKEN": "ghp_1",
        "TORCH_HUB_TOKEN": "t",
        "AWS_SECRET_ACCESS_KEY": "s",
        "OMP_ODD": "caf\udce9",
        "PYTHONPATH": "x" * 40_000,
    }
    told = _read(own, tmp_path, given).environment.variables
    assert told == {
        "OMP_NUM_THREADS": "4",
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        "XILINXD_LICENSE_FILE": "(withheld)",
        "OMP_ODD": "caf?",
        "PYTHONPATH": "(withheld)",
    }


@pytest.mark.parametrize(
    "words", [["python3", "train.py"], ["env", "A=1", "python3"], ["srun", "-n", "2", "python3", "t.py"]]
)
def test_the_interpreter_of_a_command_is_found(own: Path, tmp_path: Path, words: list[str]) -> None:
    bin_ = own.parent
    found = environment.interpreter(words, {"PATH": f"{bin_}:{os.environ['PATH']}"}, tmp_path)
    assert found == bin_ / "python3"


def test_the_interpreter_of_a_script_is_that_of_its_first_line(own: Path, tmp_path: Path) -> None:
    long = f"#!/bin/sh\n'''exec' {own} \"$0\" \"$@\"\n' '''\n"
    for number, text in enumerate((f"#!{own}\n", "#!/usr/bin/env python3\n", f"#!/usr/bin/env -S {own} -u\n", long)):
        script = tmp_path / f"run{number}"
        script.write_text(text)
        script.chmod(0o755)
        found = environment.interpreter([str(script)], {"PATH": str(own.parent)}, tmp_path)
        assert found is not None, text
        assert found.parent == own.parent


def test_a_command_without_a_python_of_ours_has_none(tmp_path: Path) -> None:
    for words in ([], ["ls"], ["nowhere"], ["apptainer", "exec", "x.sif", "python3", "t.py"]):
        assert environment.interpreter(words, os.environ, tmp_path) is None


def test_the_question_is_put_in_a_language_that_python_38_speaks() -> None:
    import ast

    ast.parse(interpreter._ASKED, feature_version=(3, 8))


def test_the_answer_is_that_of_a_real_environment_with_many_distributions(tmp_path: Path) -> None:
    state = _read(Path(sys.executable), tmp_path, os.environ)
    told = subprocess.run(
        [sys.executable, "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    theirs = {interpreter.flat(line.partition("==")[0]): line.partition("==")[2] for line in told.split()}
    assert state.environment.packages == theirs
