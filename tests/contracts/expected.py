"""The data pack's expected facts as files with facts: what readers find, without readers."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from herdbook.model.dossiers import FileView
from herdbook.model.facts import Facts

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("HERDBOOK_DATA") or ROOT.parent / "shared" / "data")
_DIGESTS = {"path", "size", "sha256", "md5", "adler32", "git_id", "format", "safety", "obtained_with", "checker"}


@cache
def _entries() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name in ("files.json", "systems/files.json"):
        path = DATA / "expected" / name
        if not path.is_file():
            pytest.skip(f"no {path}: the data pack is not beside this checkout")
        found |= {entry["path"]: entry for entry in json.loads(path.read_bytes())}
    return found


def view(path: str, form: str, **values: Any) -> FileView:
    """Return a file of a format with facts."""
    return _view({"path": path, "format": form, **values})


def folder(prefix: str, *endings: str) -> list[FileView]:
    """Return the files below a folder of the pack, by their paths in it; with endings only those."""
    wanted = [each for path, each in _entries().items() if path.startswith(prefix)]
    chosen = [each for each in wanted if not endings or str(each["path"]).endswith(endings)]
    assert chosen
    return [_view({**each, "path": str(each["path"]).removeprefix(prefix)}) for each in chosen]


def _view(entry: dict[str, Any]) -> FileView:
    values = {key: value for key, value in _known(entry) if key not in _DIGESTS}
    facts = Facts(reader="oracle", reader_version="1", format=str(entry["format"]), values=values)
    return FileView(path=str(entry["path"]), digest="sha256:" + str(entry.get("sha256") or "0" * 64), facts=facts)


def _known(entry: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in entry.items():
        if isinstance(value, list):
            yield key, [_strip(each) for each in value]
        elif value is not None:
            yield key, _strip(value)


def _strip(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _strip(each) for key, each in value.items() if each is not None}
    return value
