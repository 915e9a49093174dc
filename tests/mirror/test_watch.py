"""A mirror that follows hears at once, tries again when the source was away, and costs little while nothing happens."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.admin.registries import NAME, Place, rules
from tests.mirror.sources import BreaksOff, Seen
from tests.mirror.test_mirror import same
from tests.servers.served import HERDBOOK, thread_server

import herdbook
from herdbook.kernel.errors import ConflictError
from herdbook.service import mirror_watch
from herdbook.service.mirrors import Mirror

if TYPE_CHECKING:
    from tests.admin.conftest import Open


def test_what_happens_at_the_source_is_here_soon(told: Place, place: Open) -> None:
    site = place("site")
    reports = site.admin.follow(told.registry, ["demo"])
    assert next(reports).events > 0
    writer = threading.Timer(0.3, told.register, (NAME, "v9", {"m": b"nine"}))
    writer.start()
    assert next(reports).events == 1
    writer.join()
    same(told, site)
    told.registry.versions.undo(f"{NAME}:v9", reason="wrong")
    assert next(reports).events == 1
    assert site.registry.versions.list(NAME).items[0].withdrawn
    same(told, site)


def test_namespaces_that_begin_later_are_followed_too(told: Place, place: Open) -> None:
    site = place("site")
    reports = site.admin.follow(told.registry)
    next(reports)
    told.register("third/a/b", "v1", {"m": b"third"})
    assert {item.namespace for item in next(reports).namespaces} == {"demo", "other", "third"}
    same(told, site, "third")


def test_a_source_that_is_away_is_tried_again_with_pauses(told: Place, place: Open) -> None:
    site = place("site")
    pauses: list[float] = []
    source = Seen(told.registry)
    mirror = Mirror(site.context, source)
    reports = mirror_watch.follow(mirror, source, ["demo"], sleep=pauses.append)
    next(reports)
    told.register(NAME, "v9", {"m": b"nine"})
    source.changes["namespaces.list"] = BreaksOff(0)
    for _ in range(8):
        assert rules(next(reports), "warning") == {"source-away"}
    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0]  # the last one follows when somebody asks on
    del source.changes["namespaces.list"]
    assert next(reports).events == 1
    same(told, site)


def test_while_nothing_happens_two_calls_are_made_for_each_wait(
    told: Place, place: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror_watch, "TOGETHER_S", 0.05)
    site, source = place("site"), Seen(told.registry)
    reports = site.admin.follow(source)
    next(reports)
    source.calls.clear()
    stop = threading.Timer(1.0, told.register, (NAME, "v9", {"m": b"nine"}))
    stop.start()
    next(reports)
    stop.join()
    rounds = source.calls["namespaces.list"]
    assert rounds >= 3
    assert source.calls["journal.events"] >= rounds - 2
    assert sum(source.calls.values()) <= 2 * rounds + 12, source.calls


def test_a_journal_that_diverges_is_followed_no_more(told: Place, place: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror_watch, "ALONE_S", 2)
    site, stranger = place("site"), place("stranger")
    source = Seen(told.registry)
    reports = site.admin.follow(source, ["demo"])
    next(reports)
    stranger.register("demo/x/y", "v1", {"m": b"x"})
    source._registry = stranger.registry  # another one answers at the same address
    with pytest.raises(ConflictError) as caught:
        next(reports)
    assert caught.value.code == "diverged"


def test_over_http_too_an_event_is_heard_at_once(told: Place, place: Open) -> None:
    site = place("site")
    with thread_server(told.folder) as served, herdbook.open(served.url) as home:
        reports = site.admin.follow(home, ["demo"])
        next(reports)
        writer = threading.Timer(0.5, told.register, (NAME, "v9", {"m": b"nine"}))
        begun = time.monotonic()
        writer.start()
        assert next(reports).events == 1
        assert time.monotonic() - begun < mirror_watch.ALONE_S
        writer.join()
        reports.close()  # type: ignore[attr-defined]  # it is a generator
    same(told, site)


def test_the_command_follows_until_it_is_interrupted(told: Place, tmp_path: Path) -> None:
    argv = [*HERDBOOK, "--json", "mirror", str(told.folder), str(tmp_path / "site"), "demo", "--watch"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert json.loads(child.stdout.readline())["namespaces"][0]["namespace"] == "demo"
        told.register(NAME, "v9", {"m": b"nine"})
        assert json.loads(child.stdout.readline())["events"] == 1
        child.send_signal(signal.SIGINT)
        assert child.wait(60) == 0
    with Place(tmp_path / "site") as site:
        same(told, site)
