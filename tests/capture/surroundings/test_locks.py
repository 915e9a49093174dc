"""Lock files come from anywhere: names and versions are read of each format, and hostile ones cost little."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdbook.capture import locks
from herdbook.capture.lock_yaml import parse

PYLOCK = """
lock-version = "1.0"
created-by = "x"
[[packages]]
name = "numpy"
version = "2.0.1"
wheels = [{name = "numpy.whl", hashes = {sha256 = "aa"}}]
[[packages]]
name = "mine"
directory = {path = ".", editable = true}
[[packages]]
name = "numpy"
version = "1.26.4"
marker = "python_version < '3.9'"
"""
UV = """
version = 1
[[package]]
name = "mine"
version = "0.1"
source = { editable = "." }
[[package]]
name = "Torch_Vision"
version = "0.20.0"
source = { registry = "https://example.org/simple" }
"""
POETRY = """
[[package]]
name = "scikit-learn"
version = "1.5.0"
[[package]]
name = "neighbour"
version = "1"
[package.source]
type = "directory"
url = "../neighbour"
[metadata]
lock-version = "2.0"
"""
CONDA_LOCK = """
version: 1
metadata: {platforms: [linux-64]}
package:
- {name: pytorch, version: 2.4.0, manager: conda, platform: linux-64, hash: {md5: aa}, url: "https://h/p.conda"}
- {name: uproot, version: 5.3.0, manager: pip, platform: linux-64, hash: {sha256: bb}, url: "https://h/u.whl"}
"""
PIXI = """
version: 6
environments:
  default:
    channels: [{url: "https://h/"}]
    packages:
      linux-64:
      - conda: https://h/linux-64/numpy-2.0.0-py311_0.conda
      - pypi: https://h/awkward-2.6.0-py3-none-any.whl
  gpu:
    packages:
      linux-64:
      - conda: https://h/linux-64/numpy-1.9.9-py311_0.conda
packages:
- conda: https://h/linux-64/numpy-2.0.0-py311_0.conda
  sha256: aa
- conda: https://h/linux-64/numpy-1.9.9-py311_0.conda
  sha256: ab
- pypi: https://h/awkward-2.6.0-py3-none-any.whl
  name: awkward
  version: 2.6.0
"""


def _only(folder: Path, name: str, text: str | bytes, prefix: Path | None = None) -> locks.Lock:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    (lock,) = locks.find(folder, None, prefix=prefix)
    return lock


@pytest.mark.parametrize(
    ("name", "text", "kind", "python", "conda"),
    [
        ("pylock.toml", PYLOCK, "pylock", {"numpy": {"2.0.1", "1.26.4"}}, {}),
        ("pylock.gpu.toml", PYLOCK, "pylock", {"numpy": {"2.0.1", "1.26.4"}}, {}),
        ("uv.lock", UV, "uv", {"torch-vision": {"0.20.0"}}, {}),
        ("poetry.lock", POETRY, "poetry", {"scikit-learn": {"1.5.0"}}, {}),
        ("conda-lock.yml", CONDA_LOCK, "conda-lock", {"uproot": {"5.3.0"}}, {"pytorch": {"2.4.0"}}),
        ("pixi.lock", PIXI, "pixi", {"awkward": {"2.6.0"}}, {"numpy": {"2.0.0"}}),
        (
            "requirements.txt",
            "a==1 --hash=sha256:x\nb[c]==2;python_version>'3' \\\n --hash=sha256:y\n-e .\n",
            "requirements",
            {"a": {"1"}, "b": {"2"}},
            {},
        ),
    ],
)
def test_names_and_versions_of_each_format(
    tmp_path: Path, name: str, text: str, kind: str, python: dict[str, set[str]], conda: dict[str, set[str]]
) -> None:
    lock = _only(tmp_path, name, text)
    assert (lock.kind, lock.problem, lock.data) == (kind, None, text.encode())
    assert lock.python == python
    assert lock.conda == conda


def test_the_environment_of_pixi_is_told_by_the_path_of_its_interpreter(tmp_path: Path) -> None:
    lock = _only(tmp_path, "pixi.lock", PIXI, prefix=tmp_path / ".pixi/envs/gpu")
    assert lock.conda == {"numpy": {"1.9.9"}}


def test_requirements_without_hashes_are_no_lock(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("a==1\n")
    assert locks.find(tmp_path, None) == []


@pytest.mark.parametrize(
    ("installed", "locked", "same"),
    [
        ("2.4.0+cu121", "2.4.0", True),
        ("2.4.0+cu121", "2.4.0+cpu", False),
        ("2024.7.4", "2024.07.04", True),
        ("1.0", "1.0.0", True),
        ("1.0.1", "1.0", False),
        ("1.10", "1.1", False),
        ("10.0", "1.0", False),
    ],
)
def test_versions_are_compared_as_indices_do(installed: str, locked: str, *, same: bool) -> None:
    lock = locks.Lock("uv", "uv.lock", b"", {"a": frozenset({locked})})
    assert lock.differences({"a": installed}, {}) == ([] if same else [f"lock-differs:a:{installed}:{locked}"])


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefghijklmnop", "bcdefghijklmnopq", strict=False)
)
MERGES = "a: &a {x: 1}\n" + "".join(
    f"{b}: &{b}\n  <<: [{', '.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=False)
)


@pytest.mark.parametrize(
    "text",
    [
        BOMB + "package: *q\n",
        MERGES,
        "[" * 200_000,
        "{a: " * 100_000,
        "- " * 50_000,
        "package: !!python/object/apply:os.system [touch x]",
        "package: 3",
        "- 1",
        "\x00",
        "package: [",
    ],
    ids=["laughs", "merges", "brackets", "maps", "lists", "object", "number", "list", "nul", "open"],
)
@pytest.mark.parametrize("name", ["conda-lock.yml", "pixi.lock", "uv.lock", "poetry.lock", "pylock.toml"])
def test_a_hostile_lock_is_kept_as_bytes_and_costs_little(tmp_path: Path, name: str, text: str) -> None:
    start = time.process_time()
    lock = _only(tmp_path, name, text)
    assert time.process_time() - start < 5
    assert lock.problem == "lock-unread" or not (lock.python or lock.conda)


def test_a_toml_nested_deeply_is_unread_and_no_crash(tmp_path: Path) -> None:
    assert _only(tmp_path, "uv.lock", "a = " + "[" * 100_000).problem == "lock-unread"


def test_a_lock_that_is_no_text_is_unread(tmp_path: Path) -> None:
    assert _only(tmp_path, "pylock.toml", b"\xff\xfe\x00").problem == "lock-unread"


def test_a_lock_beyond_the_limit_is_left_out(tmp_path: Path) -> None:
    with (tmp_path / "uv.lock").open("wb") as file:
        file.truncate(locks.SIZE_LIMIT + 1)
    assert locks.find(tmp_path, None) == []


def test_yaml_with_an_alias_is_read_as_long_as_nothing_is_merged() -> None:
    assert parse(b"a: &x {v: 1}\nb: *x\n") == {"a": {"v": 1}, "b": {"v": 1}}


@given(
    st.sampled_from(["pylock.toml", "uv.lock", "conda-lock.yml", "pixi.lock", "poetry.lock"]), st.binary(max_size=300)
)
def test_any_bytes_are_a_lock_that_can_be_kept(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: bytes
) -> None:
    folder = tmp_path_factory.mktemp("lock")
    (folder / name).write_bytes(data)
    assert [lock.data for lock in locks.find(folder, None)] == ([data] if data else [])


_NAMES = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
_VERSIONS = st.from_regex(r"[1-9][0-9]?\.[0-9]{1,2}\.[1-9]", fullmatch=True)


@given(st.dictionaries(_NAMES, _VERSIONS, min_size=1, max_size=10), st.data())
def test_a_lock_written_of_what_is_installed_fits_and_any_other_does_not(
    tmp_path_factory: pytest.TempPathFactory, installed: dict[str, str], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("lock")
    lines = [f'[[package]]\nname = "{name}"\nversion = "{version}"' for name, version in installed.items()]
    (folder / "uv.lock").write_text("version = 1\n" + "\n".join(lines))
    (lock,) = locks.find(folder, None)
    assert lock.differences(installed, {}) == []
    assert lock.strangers(installed) == []
    changed = data.draw(st.sampled_from(sorted(installed)))
    other = installed | {changed: installed[changed] + "9"}
    assert [code.split(":")[1] for code in lock.differences(other, {})] == [changed]
