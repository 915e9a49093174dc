"""The environment of a job is said to be the recorded one only when it is, distribution by distribution."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
import venv
import zipfile
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest
from tests.jobs import asked

from herdbook.apps.worker.job.starting import asked as inquired

TELL = "import json, sys; import tau; print(tau.VALUE); " + asked.WRITE


def wheel(folder: Path, version: str, value: str) -> tuple[Path, str]:
    """Write a wheel of a package ``tau``; return it and its sha256."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"tau-{version}.dist-info"
    files = {
        "tau.py": f"VALUE = {value!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: tau\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for name, text in files.items():
        digest = urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={digest},{len(text)}\n"
    target = folder / f"tau-{version}-py3-none-any.whl"
    with zipfile.ZipFile(target, "w") as archive:
        for name, text in {**files, f"{info}/RECORD": record + f"{info}/RECORD,,\n"}.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), text)
    return target, hashlib.sha256(target.read_bytes()).hexdigest()


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder of wheels, from which alone pip installs."""
    folder = tmp_path / "wheels"
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    return folder


def environment(lock: bytes | None = None, **fields: Any) -> dict[str, Any]:
    """Return a record of an environment."""
    blob = {"blob": asked.sha256(lock)} if lock is not None else {}
    return {"python": platform.python_version(), **blob, **fields}


def locked(folder: Path, lock: bytes, **fields: Any) -> Path:
    """Write a request with a lock."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "lock").write_bytes(lock)
    told = environment(lock, **fields.pop("environment", {}))
    return asked.ask(folder, lock="lock", environment=told, command=asked.python(TELL), **fields)


def here() -> dict[str, str]:
    found = inquired(Path(sys.executable), Path.cwd(), dict(os.environ))
    assert found is not None
    return dict(found.packages)


def small(folder: Path) -> Path:
    """Make an environment with a package ``tau`` and nothing else; return its interpreter."""
    venv.create(folder, with_pip=False)
    made, _ = wheel(folder / "wheel", "1.0", "one")
    python = folder / "bin" / "python"
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps", "--no-index", str(made)],
        check=True,
    )
    return python


def test_the_interpreter_that_is_here_is_the_recorded_one_when_all_versions_are_equal(tmp_path: Path) -> None:
    folder = asked.ask(tmp_path, environment=environment(packages=here()))
    result = asked.run(folder)
    assert "environment" in result.verified
    assert result.environment is not None
    assert result.environment.packages == here()
    assert not result.problems


@pytest.mark.parametrize("how", ["other version", "absent", "other python", "other machine", "other files"])
def test_an_environment_that_differs_is_told_and_never_verified(
    tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    packages, record = here(), environment()
    lock = None
    if how == "other version":
        packages["pytest"] = "1.0"
    elif how == "absent":
        packages["no-such-thing"] = "1.0"
    elif how == "other python":
        record["python"] = "3.9.1"
    elif how == "other machine":
        record["platform"] = "Linux-6.1-ppc64le-with-glibc2.36"
    else:
        lock = f"pytest=={packages['pytest']}  # files-sha256={'0' * 64}\n".encode()
        (tmp_path / "lock").write_bytes(lock)
        record |= {"blob": asked.sha256(lock), "kind": "installed"}
    given = {"lock": "lock"} if lock else {}
    result = asked.run(asked.ask(tmp_path, environment={**record, "packages": packages}, **given))
    assert result.status == "finished"
    assert "environment" not in result.verified
    assert "environment-differs" in asked.codes(result)


def test_an_edited_library_is_not_the_recorded_environment(tmp_path: Path) -> None:
    python = small(tmp_path / "small")
    packages = {"tau": "1.0"}
    fields: dict[str, Any] = {"environment": environment(packages=packages), "python": str(python)}
    folder = asked.ask(tmp_path / "a", command=asked.python(TELL), **fields)
    assert "environment" in asked.run(folder).verified
    edited = next((tmp_path / "small").glob("lib/python3*/site-packages/tau.py"))
    edited.write_text("VALUE = 'two'\n")
    result = asked.run(asked.ask(tmp_path / "b", command=asked.python(TELL), **fields))
    assert "environment" not in result.verified
    assert "tau.py is not as it was installed" in asked.said(result)


def test_an_environment_is_made_from_a_lock_with_hashes_and_kept(tmp_path: Path, wheels: Path) -> None:
    _, digest = wheel(wheels, "1.0", "one")
    lock = f"tau==1.0 \\\n    --hash=sha256:{digest}\n".encode()
    fields: dict[str, Any] = {"environment": {"kind": "requirements", "packages": {"tau": "1.0"}}}
    result = asked.run(locked(tmp_path / "a", lock, **fields))
    assert (result.status, result.problems) == ("finished", ())
    assert "environment" in result.verified
    assert (tmp_path / "a" / "log.txt").read_text() == "one\n"
    assert result.environment is not None
    assert result.environment.packages == {"tau": "1.0"}, "an installer would be one distribution too many"
    assert result.environment.blob == asked.sha256(lock)
    (wheels / "tau-1.0-py3-none-any.whl").unlink()
    again = asked.run(locked(tmp_path / "b", lock, **fields))
    assert "environment" in again.verified, "it was kept"


def test_a_kept_environment_that_was_edited_is_not_used_as_if_it_were_whole(tmp_path: Path, wheels: Path) -> None:
    _, digest = wheel(wheels, "1.0", "one")
    lock = f"tau==1.0 --hash=sha256:{digest}\n".encode()
    fields: dict[str, Any] = {"environment": {"packages": {"tau": "1.0"}}}
    asked.run(locked(tmp_path / "a", lock, **fields))
    cache = Path(os.environ["XDG_CACHE_HOME"]) / "herdbook" / "environments"
    next(cache.glob("*/lib/python3*/site-packages/tau.py")).write_text("VALUE = 'evil'\n")
    assert "environment" not in asked.run(locked(tmp_path / "b", lock, **fields)).verified
    assert "environment" in asked.run(locked(tmp_path / "c", lock, **fields)).verified, "it is made anew"


def test_other_bytes_under_the_locked_name_are_refused(tmp_path: Path, wheels: Path) -> None:
    _, digest = wheel(wheels, "1.0", "one")
    wheel(wheels, "1.0", "evil")
    lock = f"tau==1.0 --hash=sha256:{digest}\n".encode()
    folder = locked(tmp_path / "a", lock, environment={"packages": {"tau": "1.0"}})
    result = asked.run(
        asked.ask(
            folder, **(json.loads((folder / "request.json").read_text()) | {"command": asked.python(asked.WRITE)})
        )
    )
    assert "environment" not in result.verified
    assert {"environment-not-made", "environment-differs"} <= asked.codes(result)


@pytest.mark.parametrize("kind", ["pylock", "uv", "poetry"])
def test_locks_of_other_tools_are_read(tmp_path: Path, wheels: Path, kind: str) -> None:
    _, digest = wheel(wheels, "1.0", "one")
    texts = {
        "pylock": f"""lock-version = "1.0"
[[packages]]
name = "tau"
version = "1.0"
[[packages.wheels]]
url = "https://example.org/tau-1.0-py3-none-any.whl"
hashes = {{sha256 = "{digest}"}}
""",
        "uv": f"""version = 1
[[package]]
name = "mine"
version = "0.1"
source = {{ editable = "." }}
[[package]]
name = "tau"
version = "1.0"
source = {{ registry = "https://example.org/simple" }}
wheels = [{{ url = "https://example.org/tau-1.0-py3-none-any.whl", hash = "sha256:{digest}", size = 1 }}]
""",
        "poetry": f"""[[package]]
name = "Tau"
version = "1.0"
files = [{{file = "tau-1.0-py3-none-any.whl", hash = "sha256:{digest}"}}]
""",
    }
    told = {"kind": kind, "packages": {"tau": "1.0"}}
    result = asked.run(locked(tmp_path / "a", texts[kind].encode(), environment=told))
    assert (result.status, "environment" in result.verified) == ("finished", True), result.problems


def test_another_lock_than_the_recorded_one_is_refused(tmp_path: Path) -> None:
    folder = locked(tmp_path, b"tau==1.0\n")
    (folder / "lock").write_bytes(b"tau==2.0\n")
    result = asked.run(folder)
    assert (result.status, asked.codes(result)) == ("refused", {"lock-differs"})


@pytest.mark.parametrize(
    ("lock", "kind"), [(b"@EXPLICIT\n", "conda-explicit"), (b"\xff", None), (b'[[package]]\nversion = "1"\n', "uv")]
)
def test_a_lock_that_cannot_be_made_into_an_environment_is_told(tmp_path: Path, lock: bytes, kind: str | None) -> None:
    folder = tmp_path
    (folder / "lock").write_bytes(lock)
    record = environment(lock, packages={"tau": "1.0"}) | ({"kind": kind} if kind else {})
    result = asked.run(asked.ask(folder, lock="lock", environment=record))
    assert "environment" not in result.verified
    assert asked.codes(result) & {"environment-not-made", "bad-lock"}


def test_what_came_from_a_folder_of_that_machine_cannot_be_had_again(tmp_path: Path) -> None:
    lock = b"# herdbook: distributions of CPython\n# tau==1.0: from a folder or file of that machine\n"
    folder = locked(tmp_path, lock, environment={"kind": "installed", "packages": {"tau": "1.0"}})
    request = json.loads((folder / "request.json").read_text())
    result = asked.run(asked.ask(folder, **(request | {"command": asked.python(asked.WRITE)})))
    assert "came from a folder" in asked.said(result)
    assert "environment" not in result.verified


def test_nothing_recorded_is_nothing_verified(tmp_path: Path) -> None:
    result = asked.run(asked.ask(tmp_path))
    assert "environment" not in result.verified
    assert "environment-unknown" in asked.said(result)


CONTAINER = """#!/bin/sh
# Stands in for Apptainer: takes its options, keeps what it was given, runs the command here.
printf '%s\\n' "$@" > "$0.said"
while [ "$1" != IMAGE ]; do
  [ "$1" = --pwd ] && cd "$2"
  case "$1" in *image.sif) shift; break;; esac
  shift
done
exec "$@"
"""


def test_a_container_runs_where_apptainer_is_and_is_known_by_its_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = tmp_path / "image.sif"
    image.write_bytes(b"image")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "apptainer").write_text(CONTAINER)
    (programs / "apptainer").chmod(0o755)
    container = {"kind": "apptainer", "path": str(image), "digest": asked.sha256(b"image")}
    fields: dict[str, Any] = {"command": {"argv": ["python3", "-c", asked.WRITE]}, "variables": {"PYTHONHASHSEED": "1"}}
    record = environment(container=container, packages={"tau": "1.0"})
    result = asked.run(asked.ask(tmp_path / "none", environment=record, **fields))
    assert (result.status, asked.codes(result)) == ("refused", {"no-container"})
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    result = asked.run(asked.ask(tmp_path / "a", environment=record, **fields))
    assert (result.status, "environment" in result.verified) == ("finished", True)
    said = (programs / "apptainer.said").read_text().splitlines()
    assert {"exec", "--containall", "--cleanenv", "--no-home", "PYTHONHASHSEED=1"} <= set(said)
    image.write_bytes(b"another image")
    result = asked.run(asked.ask(tmp_path / "b", environment=record, **fields))
    assert "environment" not in result.verified
    assert "environment-differs" in asked.codes(result)


def test_what_the_shim_saw_comes_back_with_the_result(tmp_path: Path) -> None:
    """The lines are written here as the shim writes them; the shim itself is tested where it is made."""
    text = (
        """
import json, os
folder = os.path.join(os.environ['HERDBOOK_CAPTURE'], 'seen')
lines = [
    {"what": "metric", "name": "auc", "value": 0.5, "split": "test", "step": None, "t": 1.0},
    {"what": "metric", "name": "auc", "value": 0.9, "split": "test", "step": None, "t": 2.0},
    {"what": "metric", "name": "loss", "value": float("nan"), "step": None, "t": 2.0},
    {"what": "seed", "name": "numpy", "text": "7", "t": 1.0},
]
with open(os.path.join(folder, 'x.ndjson'), 'w') as out:
    out.writelines(json.dumps(each) + chr(10) for each in lines)
    out.write('{"what": "metric", "name": 1}' + chr(10) + 'no json' + chr(10))
"""
        + asked.WRITE
    )
    result = asked.run(asked.ask(tmp_path, command=asked.python(text), capture=True))
    assert [(each.name, each.value, each.split) for each in result.metrics] == [
        ("auc", 0.9, "test"),
        ("loss", "NaN", None),
    ]
    assert [(each.name, each.text) for each in result.seeds] == [("numpy", "7")]
    assert result.capture == "capture"
