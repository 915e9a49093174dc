"""Locks, read as pins: which version of each distribution, with which hashes, and where else than from an index.

Formats: requirements files (pip) and our own listing in that form, pylock.toml (PEP 751), uv.lock, poetry.lock.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from herdbook.kernel.errors import InvalidError, UnavailableError

_PINNED = re.compile(
    r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*===?\s*([^\s;#\\,]+)\s*(;[^#]*?)?(?=\s--|\s#|$)"
)
_ADDRESS = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*@\s*(\S+)")
_HASH = re.compile(r"--hash[=\s]sha256:([0-9a-f]{64})")
_FILES = re.compile(r"#\s*files-sha256=([0-9a-f]{64})")
_FOLDER = re.compile(r"#\s*([A-Za-z0-9][A-Za-z0-9._-]*)==(\S+): from ")
_CONDA = ("conda-explicit", "conda-lock", "pixi")


@dataclass(frozen=True, slots=True)
class Pin:
    """One distribution of a lock.

    Args:
        name: as indices compare it (PEP 503).
        version: the one locked; empty where an address says which it is.
        hashes: sha256 of archives that it may be installed from, hex digits.
        address: where it comes from, when that is no index.
        marker: the condition under which it is installed (PEP 508), as written.
        files: sha256 of the lines of its RECORD, where our listing tells it.
        folder: whether it came from a folder of the original's machine, and cannot be had again.
    """

    name: str
    version: str
    hashes: tuple[str, ...] = ()
    address: str = ""
    marker: str = ""
    files: str = ""
    folder: bool = False

    @property
    def requirement(self) -> str:
        """The line by which pip installs it."""
        if self.address:
            return f"{self.name} @ {self.address}"
        hashes = "".join(f" --hash=sha256:{each}" for each in self.hashes)
        marker = f" ; {self.marker}" if self.marker else ""
        return f"{self.name}=={self.version}{marker}{hashes}"


def flat(name: str) -> str:
    """Return the name of a distribution as indices compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read(data: bytes, kind: str | None) -> list[Pin]:
    """Read a lock; ``kind`` is what the record calls it, else it is told from its text.

    Raises:
        UnavailableError: ``environment-not-made``, for a lock of conda or pixi.
        InvalidError: ``bad-lock``.
    """
    if kind in _CONDA or data.lstrip().startswith(b"# herdbook: conda"):
        raise UnavailableError(
            f"an environment of {kind or 'conda'} is not made here",
            code="environment-not-made",
            hint="Make it from the lock with its own tool, and name its interpreter with --python.",
        )
    try:
        text = data.decode("utf-8-sig")
        if not re.search(r"^\s*\[\[?pack", text, re.MULTILINE):
            return _requirements(text)
        document = tomllib.loads(text)
        if "lock-version" in document:
            return _pylock(document.get("packages", []))
        return _uv_or_poetry(document.get("package", []))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidError(
            f"the lock cannot be read: {error}", code="bad-lock", hint="Is it the file recorded?"
        ) from error


def chosen(pins: Iterable[Pin], packages: Mapping[str, str] | None) -> list[Pin]:
    """Return what is to be installed: what the record says was there, pinned as the lock pins it.

    Without a list of packages in the record it is the lock as a whole, with its conditions.

    Raises:
        UnavailableError: ``environment-not-made``, when the lock has several versions of one distribution, and neither
            conditions nor a record tell which it was.
    """
    pins = list(pins)
    if packages is None:
        names = [pin.name for pin in pins if not pin.marker]
        if len(names) > len(set(names)):
            raise UnavailableError(
                "the lock has several versions of one distribution, and the record has no list of packages",
                code="environment-not-made",
                hint="Make the environment from the lock with its own tool, and name its interpreter with --python.",
            )
        return pins
    found = []
    for name, version in packages.items():
        fitting = [pin for pin in pins if pin.name == flat(name) and (pin.version == version or pin.address)]
        hashed = tuple(sorted({each for pin in fitting for each in pin.hashes}))
        first = fitting[0] if fitting else Pin(flat(name), version)
        found.append(Pin(first.name, version, hashed, first.address, "", first.files, first.folder))
    return found


def _requirements(text: str) -> list[Pin]:
    pins = []
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        line = line.strip()  # noqa: PLW2901 - the same line
        files = _FILES.search(line)
        told = files[1] if files else ""
        if match := _FOLDER.match(line):
            pins.append(Pin(flat(match[1]), match[2], files=told, folder=True))
        elif match := _PINNED.match(line):
            marker = (match[3] or "").strip("; ")
            pins.append(Pin(flat(match[1]), match[2], tuple(_HASH.findall(line)), "", marker, told))
        elif match := _ADDRESS.match(line):
            pins.append(Pin(flat(match[1]), "", address=match[2], files=told))
    return pins


def _pylock(packages: Iterable[Mapping[str, Any]]) -> list[Pin]:
    pins = []
    for each in packages:
        archives = [*each.get("wheels", []), *([each["sdist"]] if "sdist" in each else [])]
        hashes = tuple(item["hashes"]["sha256"] for item in archives if "sha256" in item.get("hashes", {}))
        address = ""
        if control := each.get("vcs"):
            address = f"{control['type']}+{control.get('url', '')}@{control['commit-id']}"
        elif archive := each.get("archive"):
            address = f"{archive.get('url', '')}#sha256={archive['hashes']['sha256']}"
        pins.append(
            Pin(
                flat(each["name"]),
                str(each.get("version", "")),
                hashes,
                address,
                str(each.get("marker", "")),
                folder="directory" in each,
            )
        )
    return pins


def _uv_or_poetry(packages: Iterable[Mapping[str, Any]]) -> list[Pin]:
    pins = []
    for each in packages:
        source = each.get("source") or {}
        archives = [*each.get("wheels", []), *([each["sdist"]] if "sdist" in each else []), *each.get("files", [])]
        hashes = tuple(str(item["hash"]).removeprefix("sha256:") for item in archives if "hash" in item)
        folder = bool(source.keys() & {"editable", "virtual", "directory"}) or source.get("type") == "directory"
        address = ""
        if "git" in source:
            url, _, commit = str(source["git"]).rpartition("#")
            address = f"git+{url.partition('?')[0]}@{commit}"
        pins.append(Pin(flat(each["name"]), str(each.get("version", "")), hashes, address, folder=folder))
    return pins
