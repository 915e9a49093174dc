"""A listing of what is installed, where no lock file says it: for pip, or for conda with what pip added below."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from herdbook.capture.git_remotes import without_credentials
from herdbook.capture.interpreter import Distribution, Installed

_PACKAGE_LIMIT = 16_000_000
_TOKEN = re.compile(r"/t/[^/]+/")


def conda_packages(prefix: Path) -> list[Mapping[str, Any]]:
    """Return what conda recorded of each package of an environment; empty where it is none of conda's."""
    found: list[Mapping[str, Any]] = []
    for path in sorted(prefix.glob("conda-meta/*.json"))[:5000]:
        try:
            told = json.loads(path.read_bytes()) if path.stat().st_size <= _PACKAGE_LIMIT else None
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(told, dict) and isinstance(told.get("name"), str) and isinstance(told.get("version"), str):
            found.append(told)
    return found


def for_pip(installed: Installed) -> bytes:
    """Return a requirements file of what is installed, hashes of files and archives in comments.

    ``files-sha256`` is the sha256 of the sorted lines of a distribution's RECORD that hold a sha256, without those
    outside of site-packages and those that the installer adds: equal files, equal value. What pip could not install
    from there (an editable folder, a folder) is a comment.
    """
    head = f"# herdbook: distributions of {installed.implementation} {installed.version}, {installed.tag}"
    return "\n".join([head, *map(_line, installed.distributions.values()), ""]).encode("utf-8", "replace")


def for_conda(installed: Installed, packages: Iterable[Mapping[str, Any]]) -> bytes:
    """Return an explicit specification for ``conda create --file``, what pip added as comments."""
    lines = [f"# herdbook: conda environment, {installed.implementation} {installed.version}, {installed.tag}"]
    lines.append("@EXPLICIT")
    for told in packages:
        url = _TOKEN.sub("/", str(told.get("url") or ""))
        url = without_credentials(url, Path("/")) or "" if "://" in url else ""
        md5 = f"#{told['md5']}" if isinstance(told.get("md5"), str) else ""
        lines.append(f"{url}{md5}" if url else f"# {told['name']}=={told['version']}: no address is known")
    others = [each for each in installed.distributions.values() if each.installer != "conda"]
    lines += [f"# pip: {_line(each)}" for each in others]
    return "\n".join([*lines, ""]).encode("utf-8", "replace")


def _line(each: Distribution) -> str:
    files = f"  # files-sha256={each.files}" if each.files else ""
    pinned = f"{each.name}=={each.version}"
    if each.direct is None:
        return pinned + files
    address = without_credentials(str(each.direct.get("url", "")), Path("/"))
    control, archive = (each.direct.get(key) for key in ("vcs_info", "archive_info"))
    if address is None or address.startswith("file:"):
        return f"# {pinned}: from a folder or file of that machine{files}"
    if isinstance(control, dict):
        return f"{each.name} @ {control.get('vcs', 'git')}+{address}@{control.get('commit_id', '')}{files}"
    if isinstance(archive, dict):
        return f"{each.name} @ {address}{_archive_hash(archive)}{files}"
    return f"# {pinned}: from {address}{files}"


def _archive_hash(archive: Mapping[str, Any]) -> str:
    hashes = archive.get("hashes")
    if isinstance(hashes, dict) and isinstance(hashes.get("sha256"), str):
        return f"#sha256={hashes['sha256']}"
    told = archive.get("hash")
    return f"#{told}" if isinstance(told, str) and re.fullmatch(r"[a-z0-9]+=[0-9a-f]+", told) else ""
