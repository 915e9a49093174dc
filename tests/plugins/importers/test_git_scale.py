"""Large histories are read in a time that grows with them and no faster. Bounds are generous: machines differ."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from herdbook.plugins.importers.git import GitSource
from herdbook.testing.repositories import Repository

Opener = Callable[..., GitSource]


def test_a_hundred_thousand_tags_are_read_in_seconds(tmp_path: Path, opened: Opener) -> None:
    repository = Repository(tmp_path / "r.git", packed=True)
    made = [repository.commit({"a": b"0"})]
    made += [repository.commit({"a": b"%d" % number}) for number in range(1, 500)]
    repository.pack()
    tags = [(f"refs/tags/V{number:06}", made[number % 500]) for number in range(100_000)]
    repository.pack_refs(tags)
    started = time.perf_counter()
    source = opened(repository)
    source.state()
    assert len(source.history.tags) == 100_000
    assert [tag.name for tag in source.history.tags[:2]] == ["V000000", "V000500"]
    assert time.perf_counter() - started < 20


def test_thousands_of_commits_over_thousands_of_paths_are_compared_in_seconds(tmp_path: Path, opened: Opener) -> None:
    repository = Repository(tmp_path / "r.git", packed=True)
    last = repository.commit({f"d{number % 50}/f{number // 50}": b"%d" % number for number in range(3000)})
    for number in range(1000):
        last = repository.commit({f"d{number % 50}/f{number // 50}": b"new %d" % number}, onto=last)
    repository.pack()
    started = time.perf_counter()
    history = opened(repository).history
    found = sum(
        len(history.changes(commit.parents[0] if commit.parents else None, commit.id)) for commit in history.commits
    )
    assert (len(history.commits), found) == (1001, 4000)
    assert time.perf_counter() - started < 20
