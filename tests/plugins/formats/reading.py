"""Sidecars and small formats read as a worker does: the first reader that takes the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.plugins.conftest import Bytes

from herdbook.model.facts import Facts, Safety
from herdbook.plugins.formats.document import Document
from herdbook.plugins.formats.hls4ml_archive import Hls4mlArchive
from herdbook.plugins.formats.json import Json
from herdbook.plugins.formats.mxnet_params import MxnetParams
from herdbook.ports.formats import Format, Listing, ReadAt

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "formats"
READERS: tuple[Format, ...] = (Hls4mlArchive(), Json(), MxnetParams(), Document())

SIDECARS = frozenset(
    {
        "lwtnn-json", "lwtnn-graph-json", "mxnet-symbol", "mxnet-params", "triton-config", "weaver-preprocess",
        "weaver-data-config", "normalisation-dict", "scaler", "feature-list", "labels", "readme", "config",
        "hls4ml-config", "hls4ml-defines", "json-other", "git-symlink", "other",
    }
)  # fmt: skip


def read(path: str, data: bytes | str | ReadAt, listing: Listing | None = None) -> Facts:
    """Return the facts of the reader that takes it; format `none` when none does."""
    raw = data.encode() if isinstance(data, str) else data
    file: ReadAt = Bytes(raw) if isinstance(raw, bytes) else raw
    for reader in READERS:
        if reader.probe(file, path) is not None:
            return reader.read(file, path, listing or {})
    return Facts(reader="", reader_version="", format="none", safety=Safety.GUARDED)


def rules(facts: Facts) -> list[str]:
    return [finding.rule for finding in facts.findings]


def without_nulls(value: Any) -> Any:
    """Null and absent are the same, but in a list, where null is an unknown axis."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [item if item is None else without_nulls(item) for item in value]
    return value
