"""Lock files beside a training: found, read for names and versions, and held against what is installed.

Formats: pylock.toml (PEP 751), uv.lock, poetry.lock, requirements files with hashes (pip), conda-lock.yml, pixi.lock.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from herdbook.capture.interpreter import flat
from herdbook.capture.lock_yaml import parse as parse_yaml

SIZE_LIMIT = 16_000_000
_NOT_LOCKED = {"pip", "setuptools", "wheel", "distribute", "uv"}
"""Installers, which locks leave out."""
_PINNED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*===?\s*([^\s;#\\,]+)")
_CONDA_FILE = re.compile(r"(.+)-([^-]+)-[^-]+\.(?:conda|tar\.bz2)")
_WHEEL = re.compile(r"([A-Za-z0-9._]+)-([^-]+)(?:-[0-9][^-]*)?-[^-]+-[^-]+-[^-]+\.whl")
_SDIST = re.compile(r"(.+)-([^-]+)\.(?:tar\.gz|zip)")
_LEADING = re.compile(r"(?<![0-9a-z])0+(?=[0-9])")
_TRAILING = re.compile(r"(?:\.0)+(?=\+|$)")
Versions = dict[str, frozenset[str]]


@dataclass(frozen=True)
class Lock:
    """A lock file: its kind, name and bytes, and the versions it allows, of Python distributions and of conda's.

    ``problem`` says why names and versions could not be read; the bytes stand all the same.
    """

    kind: str
    name: str
    data: bytes
    python: Versions = field(default_factory=dict)
    conda: Versions = field(default_factory=dict)
    problem: str | None = None

    def differences(self, python: Mapping[str, str], conda: Mapping[str, str]) -> list[str]:
        """Return ``lock-differs:NAME:INSTALLED:LOCKED`` for each that is installed in another version than locked."""
        pairs = [(self.python, python), (self.conda, conda)]
        return sorted(
            f"lock-differs:{name}:{installed[name]}:{','.join(sorted(allowed))}"
            for locked, installed in pairs
            for name, allowed in locked.items()
            if name in installed and not any(_same(installed[name], version) for version in allowed)
        )

    def strangers(self, python: Mapping[str, str]) -> list[str]:
        """Return ``not-in-lock:NAME:INSTALLED`` for each Python distribution that the lock does not know."""
        known = self.python.keys() | {flat(name) for name in self.conda} | _NOT_LOCKED
        return sorted(f"not-in-lock:{name}:{version}" for name, version in python.items() if name not in known)


def _same(installed: str, locked: str) -> bool:
    """Compare versions as text, but for a local part that the lock leaves out, case, and zeros (PEP 440)."""
    one, other = (_LEADING.sub("", _TRAILING.sub("", text.lower().removeprefix("v"))) for text in (installed, locked))
    return one == other or ("+" not in other and one.partition("+")[0] == other)


def find(folder: Path, top: Path | None, *, prefix: Path | None = None) -> list[Lock]:
    """Return the lock files of the nearest folder that has any, from ``folder`` up to ``top``, the likeliest first.

    Args:
        folder: where the command starts.
        top: the top of the working tree; ``None``: only ``folder`` is looked at.
        prefix: that of the interpreter, which tells an environment of pixi by its path.
    """
    folder = folder.resolve()
    above = [folder, *folder.parents] if top is not None and folder.is_relative_to(top.resolve()) else [folder]
    for place in above:
        if found := [_read(path, reader, prefix) for path, reader in _candidates(place, (top or folder).resolve())]:
            return [lock for lock in found if lock is not None]
        if top is not None and place == top.resolve():
            break
    return []


_Reader = tuple[str, Callable[[bytes, Path | None], tuple[Versions, Versions]]]


def _candidates(place: Path, top: Path) -> Iterable[tuple[Path, _Reader]]:
    for pattern, reader in _READERS:
        for path in sorted(place.glob(pattern))[:8]:
            inside = path.is_file() and path.resolve().is_relative_to(top)
            if inside and (reader[0] != "requirements" or b"--hash=" in _bytes(path)):
                yield path, reader


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(SIZE_LIMIT + 1)
    except OSError:
        return b""


def _read(path: Path, reader: _Reader, prefix: Path | None) -> Lock | None:
    kind, parse = reader
    data = _bytes(path)
    if not data or len(data) > SIZE_LIMIT:
        return None
    try:
        python, conda = parse(data, prefix)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, ImportError):
        return Lock(kind, path.name, data, problem="lock-unread")
    return Lock(kind, path.name, data, python, conda)


def _gathered(pairs: Iterable[tuple[Any, Any]]) -> Versions:
    found: dict[str, set[str]] = {}
    for name, version in pairs:
        if isinstance(name, str) and isinstance(version, str):
            found.setdefault(flat(name), set()).add(version)
    return {name: frozenset(versions) for name, versions in sorted(found.items())}


def _toml(key: str) -> Callable[[bytes, Path | None], tuple[Versions, Versions]]:
    """Return a reader of a TOML lock whose table of packages has this key."""

    def read(data: bytes, prefix: Path | None) -> tuple[Versions, Versions]:
        del prefix
        packages = tomllib.loads(data.decode("utf-8")).get(key, [])
        return _gathered((item.get("name"), item.get("version")) for item in packages if not _own(item)), {}

    return read


def _own(item: Mapping[str, Any]) -> bool:
    """Say whether a package is the project itself or a neighbour in a folder: its version is the working tree's."""
    source = item.get("source")
    return "directory" in item or (
        isinstance(source, dict)
        and (bool(source.keys() & {"editable", "virtual", "directory"}) or source.get("type") == "directory")
    )


def _requirements(data: bytes, prefix: Path | None) -> tuple[Versions, Versions]:
    del prefix
    lines = data.decode("utf-8-sig").replace("\\\n", " ").replace("\\\r\n", " ").splitlines()
    return _gathered((match[1], match[2]) for line in lines if (match := _PINNED.match(line.strip()))), {}


def _conda_lock(data: bytes, prefix: Path | None) -> tuple[Versions, Versions]:
    del prefix
    packages = [item for item in parse_yaml(data)["package"] if isinstance(item, dict)]
    told = [(item.get("manager"), (item.get("name"), item.get("version"))) for item in packages]
    return (
        _gathered(pair for manager, pair in told if manager == "pip"),
        _gathered(pair for manager, pair in told if manager == "conda"),
    )


def _pixi(data: bytes, prefix: Path | None) -> tuple[Versions, Versions]:
    """Read the environment that the interpreter's path names (``.pixi/envs/NAME``), or all of them."""
    told = parse_yaml(data)
    environments = told["environments"]
    name = prefix.name if prefix is not None and prefix.parent.name == "envs" else "default"
    chosen = [environments[name]] if name in environments else list(environments.values())
    used = {
        url
        for environment in chosen
        for items in environment["packages"].values()
        for item in items
        for key, url in item.items()
        if key in {"conda", "pypi"} and isinstance(url, str)
    }
    python: list[tuple[Any, Any]] = []
    conda: list[tuple[Any, Any]] = []
    for item in told.get("packages", []):
        is_conda = "conda" in item or item.get("kind") == "conda"
        url = item.get("conda") or item.get("pypi") or item.get("url") or ""
        if used and url not in used:
            continue
        pair = (item.get("name"), item.get("version"))
        (conda if is_conda else python).append(pair if all(pair) else _named(url))
    return _gathered(python), _gathered(conda)


def _named(url: str) -> tuple[str | None, str | None]:
    """Return name and version as the file name of a package tells them."""
    name = url.partition("#")[0].rpartition("/")[2]
    for pattern in (_CONDA_FILE, _WHEEL, _SDIST):
        if match := pattern.fullmatch(name):
            return match[1], match[2]
    return None, None


_READERS: tuple[tuple[str, _Reader], ...] = (
    ("pylock.toml", ("pylock", _toml("packages"))),
    ("pylock.*.toml", ("pylock", _toml("packages"))),
    ("uv.lock", ("uv", _toml("package"))),
    ("pixi.lock", ("pixi", _pixi)),
    ("conda-lock.yml", ("conda-lock", _conda_lock)),
    ("*.conda-lock.yml", ("conda-lock", _conda_lock)),
    ("poetry.lock", ("poetry", _toml("package"))),
    ("requirements*.txt", ("requirements", _requirements)),
    ("requirements*.lock", ("requirements", _requirements)),
)
