"""Readers that misbehave, in real worker processes: one bad file never stops the others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from herdbook.model.facts import Safety
from herdbook.plugins.host.pool import WorkerPool

from .workers import MISBEHAVING, README, alive, gone, one, worker_pid

Memory = Callable[[bytes], Any]


@pytest.mark.parametrize(
    ("deed", "rule", "says"),
    [
        ("hang", "reader-hung", "1.5 s"),
        ("spin", "reader-hung", "1.5 s"),
        ("stop", "reader-hung", "1.5 s"),
        ("crash", "reader-died", "SIGSEGV"),
        ("exit", "reader-died", "exit status 3"),
        ("eat", "reader-out-of-memory", "256 MiB"),
        ("nibble", "reader-out-of-memory", "256 MiB"),
        ("fail", "reader-failed", "ZeroDivisionError: by nought"),
        ("recurse", "reader-failed", "RecursionError"),
        ("not_json", "reader-failed", "JSON"),
        ("surrogate", "reader-failed", "JSON"),
        ("fill", "reader-out-of-memory", "256 MiB"),
    ],
)
def test_a_reader_that_misbehaves_is_a_finding_and_the_other_files_are_read(
    pool: WorkerPool, in_memory: Memory, deed: str, rule: str, says: str
) -> None:
    files = [("README.md", in_memory(README)), (f"deed.{deed}", in_memory(b"x")), ("b/README", in_memory(README))]
    first, facts, last = pool.read(files, {path: file.size for path, file in files})
    assert facts is not None
    assert (facts.reader, facts.reader_version, facts.format) == ("misbehaving", "7", "unreadable")
    assert facts.safety is not Safety.SAFE
    assert [finding.rule for finding in facts.findings] == [rule]
    assert says in facts.findings[0].message
    for each in (first, last):
        assert each is not None
        assert each.format == "readme"
        assert each.findings == ()


def test_facts_larger_than_facts_may_be_are_a_finding(in_memory: Memory) -> None:
    with WorkerPool(formats=[MISBEHAVING]) as pool:
        facts = one(pool, "deed.huge", in_memory(b"x"))
        assert [finding.rule for finding in facts.findings] == ["reader-failed"]
        assert "bytes" in facts.findings[0].message


@pytest.mark.parametrize(
    ("deed", "rule"), [("hang", "reader-hung"), ("crash", "reader-died"), ("eat", "reader-out-of-memory")]
)
def test_a_probe_that_misbehaves_is_a_finding(pool: WorkerPool, in_memory: Memory, deed: str, rule: str) -> None:
    facts = one(pool, f"probe.{deed}", in_memory(README))
    assert (facts.reader, facts.format) == ("misbehaving", "unreadable")
    assert [finding.rule for finding in facts.findings] == [rule]


def test_a_probe_that_raises_leaves_the_file_to_the_next_format(pool: WorkerPool, in_memory: Memory) -> None:
    facts = one(pool, "probe.fail", in_memory(README))
    assert facts.format == "other"
    assert [finding.rule for finding in facts.findings] == ["reader-failed"]
    facts = one(pool, "probe.fail", in_memory(b"\0binary"))
    assert facts.format == "unreadable"


@pytest.mark.parametrize(
    ("deed", "rule", "says"),
    [
        ("corrupt", "rotten", "Throw it away."),
        ("invalid", "too-much", ""),
        ("lack", "needs-extra", "it needs a library. pip install"),
    ],
)
def test_what_a_reader_refuses_keeps_its_format_and_says_why(
    pool: WorkerPool, in_memory: Memory, deed: str, rule: str, says: str
) -> None:
    one(pool, "README", in_memory(README))
    before = worker_pid(pool)
    facts = one(pool, f"deed.{deed}", in_memory(b"x"))
    assert (facts.reader, facts.format, facts.safety) == ("misbehaving", "deed", Safety.GUARDED)
    assert [finding.rule for finding in facts.findings] == [rule]
    assert says in facts.findings[0].message
    assert "Error" not in facts.findings[0].message
    assert worker_pid(pool) == before


def test_what_a_reader_last_printed_is_in_the_finding_when_it_dies(pool: WorkerPool, in_memory: Memory) -> None:
    facts = one(pool, "deed.crash", in_memory(b"x"))
    assert "about to touch nothing" in facts.findings[0].message


def test_what_a_reader_prints_does_not_disturb_the_protocol(pool: WorkerPool, in_memory: Memory) -> None:
    assert one(pool, "deed.chatter", in_memory(b"x")).values["said"] == ""
    assert one(pool, "README", in_memory(README)).values["title"] == "Title"


def test_a_reader_cannot_write_files_nor_open_many(pool: WorkerPool, in_memory: Memory) -> None:
    assert one(pool, "deed.write", in_memory(b"x")).values["said"] == "OSError"
    assert one(pool, "deed.open_many", in_memory(b"x")).values["said"] < 64


def test_a_reader_sees_no_secret_of_the_environment_and_not_the_callers_folder(
    pool: WorkerPool, in_memory: Memory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HERDBOOK_TOKEN", "secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    (tmp_path / "json.py").write_text("raise SystemExit('this is not the json you want')")
    monkeypatch.chdir(tmp_path)
    said = one(pool, "deed.environment", in_memory(b"x")).values["said"]
    assert "secret" not in said.values()
    folders = one(pool, "deed.folder", in_memory(b"x")).values["said"]
    assert folders[0] == "/"
    assert str(tmp_path) not in folders
    assert "" not in folders


def test_what_a_reader_started_ends_with_it(pool: WorkerPool, in_memory: Memory) -> None:
    facts = one(pool, "deed.spawn_and_hang", in_memory(b"x"))
    pid = int(facts.findings[0].message.split()[-1])
    quiet = one(pool, "deed.spawn", in_memory(b"x")).values["said"]
    assert gone(pid)
    assert alive(quiet)
    pool.close()
    assert gone(quiet)
