"""All readers in the order in which a worker asks them, in this process."""

from __future__ import annotations

from pathlib import Path

from tests.plugins.conftest import Bytes

from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.model.facts import Facts, Finding, Safety, Severity
from herdbook.plugins.host import found

READERS, _FAILED = found.load(found.targets())
FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "formats"


def read(path: str, data: bytes) -> Facts | None:
    """Return what the first reader that takes a file says, an error as a finding, as the worker tells it."""
    assert not _FAILED
    file = Bytes(data)
    for reader in READERS:
        probe = reader.probe(file, path)
        if probe is None:
            continue
        try:
            return reader.read(file, path, {})
        except (CorruptError, InvalidError) as error:
            said = Finding(rule=error.code, severity=Severity.ERROR, message=str(error))
            return Facts(
                reader=reader.name,
                reader_version=reader.version,
                format=probe.format,
                safety=Safety.GUARDED,
                findings=(said,),
            )
    return None


def said(path: str, data: bytes) -> list[tuple[str, str]]:
    """Return rule and severity of each finding."""
    facts = read(path, data)
    return [(each.rule, str(each.severity)) for each in facts.findings] if facts else []
