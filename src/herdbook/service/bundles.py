"""Bundles: copies of namespaces that prove themselves. Exported, verified, imported."""

from __future__ import annotations

from collections.abc import Iterable

from herdbook.model.health import BundleReport
from herdbook.ports.admin import Step
from herdbook.service import bundle_read
from herdbook.service.bundle_import import bring_in
from herdbook.service.bundle_source import open_source
from herdbook.service.bundle_write import export
from herdbook.service.findings import Findings

__all__ = ["bring_in", "export", "verify"]


def verify(folder: str, *, expect: Iterable[str] = (), step: Step | None = None) -> BundleReport:
    """Check a bundle, a folder or an uncompressed tar of it. No registry is needed.

    Raises:
        MissingError: when there is nothing at this place.
        InvalidError: when it is no bundle, or one of ``expect`` is no checkpoint.
    """
    findings = Findings()
    with open_source(folder) as source:
        found = bundle_read.read(source, findings, expect, step)
    return found.report(folder, findings)
