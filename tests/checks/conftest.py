"""Folders made of a few files, read by the real readers and held against rules, as `herdbook check` does."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from herdbook.bootstrap.checks import checks
from herdbook.model.facts import Finding
from herdbook.plugins.host.pool import WorkerPool
from herdbook.ports.checks import Subject
from herdbook.service import checking
from herdbook.service.checking_subjects import Place, of_place

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # tests are no package that is installed

Files = Mapping[str, bytes | str | Any]


@pytest.fixture(scope="session")
def readers() -> Iterator[WorkerPool]:
    with WorkerPool(workers=1) as pool:
        yield pool


@pytest.fixture
def subject(readers: WorkerPool, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Subject]:
    """Return a function that builds a subject: path → bytes, text, or a protobuf message such as an ONNX model.

    Further arguments are fields of Subject; ``before`` is a mapping of files, too.
    """

    def make(files: Files, *, before: Files | None = None, consumers: Sequence[str] = (), **fields: Any) -> Subject:
        folder = tmp_path_factory.mktemp("model")
        for path, content in files.items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(_bytes(content))
        read = of_place(readers, Place(str(folder), (str(folder),)), frozenset(consumers))
        if before is not None:
            fields["before"] = make(before)
        return dataclasses.replace(read, **fields)

    return make


def _bytes(content: bytes | str | Any) -> bytes:
    if isinstance(content, str):
        return content.encode()
    return content if isinstance(content, bytes) else content.SerializeToString()


@pytest.fixture
def found(subject: Callable[..., Subject]) -> Callable[..., list[Finding]]:
    """Return a function ``found(RULE, files, …)``: what one rule finds in a subject. No check may fail."""

    def look(rule: str, files: Files | Subject, **fields: Any) -> list[Finding]:
        made = files if isinstance(files, Subject) else subject(files, **fields)
        report = checking.check(made, checks())
        broken = [each.message for each in report.findings if each.rule == "check-failed"]
        assert not broken
        assert rule in report.rules, f"the rule {rule} was not asked: is it registered, is its consumer asked for?"
        return [each for each in report.findings if each.rule == rule]

    return look


@pytest.fixture
def folder_of(tmp_path: Path) -> Callable[[Files], Path]:
    """Return a function that writes files into a folder, for tests of the command."""

    def make(files: Files, name: str = "model") -> Path:
        for path, content in files.items():
            place = tmp_path / name / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(_bytes(content))
        return tmp_path / name

    return make
