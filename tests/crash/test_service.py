"""A service whose parts die again and again: server, database and store. What it acknowledged is there, and sound."""

from __future__ import annotations

import contextlib
import hashlib
import io
import random
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from tests.admin.registries import rules
from tests.servers import postgres
from tests.servers.faulty_s3 import FaultyS3, faulty
from tests.servers.localstack import localstack
from tests.servers.places import S3Server, fresh, let_in
from tests.servers.served import process_server

import herdbook
from herdbook.bootstrap.open import init_registry, open_admin
from herdbook.kernel import digests
from herdbook.kernel.errors import HerdbookError, UnavailableError
from herdbook.model.files import File
from herdbook.model.registrations import Registration
from herdbook.model.versions import Version
from herdbook.ports.registry import Registry

__all__ = ["localstack"]

DURABLE = ("synchronous_commit=on",)


@dataclass
class Writer(threading.Thread):
    """Registers without end; remembers what was acknowledged, and what was refused."""

    url: str
    number: int
    over: threading.Event
    done: dict[str, tuple[str, str]] = field(default_factory=dict)
    moved: list[tuple[int, str]] = field(default_factory=list)
    refused: list[HerdbookError] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(name=f"writer-{self.number}")

    __hash__ = threading.Thread.__hash__

    def run(self) -> None:
        rng = random.Random(self.number)
        with herdbook.open(self.url) as registry:
            while not self.over.is_set():
                try:
                    self._write(registry, rng)
                except UnavailableError as error:
                    self.refused.append(error)
                    time.sleep(0.05)

    def _write(self, registry: Registry, rng: random.Random) -> None:
        content = registry.files.put(io.BytesIO(rng.randbytes(rng.choice((10, 1000, 200_000)))))
        version = Version.of([File(path="model.bin", digest=content.sha256, size=content.size)])
        model = f"demo/kill/{rng.choice(('shared', f'own{self.number}'))}"
        label = f"w{self.number}n{len(self.done)}r{rng.getrandbits(32):x}"
        item = Registration(model=model, label=label, version=version)
        (answer,) = registry.versions.record([item])
        self.done[answer.reference] = (answer.record, content.sha256)
        if rng.random() < 0.3:
            entry = registry.pointers.alias(model, f"a{self.number}", label)
            self.moved.append((entry.seq, f"{model}@a{self.number}"))


@dataclass
class Parts:
    """What can be broken, and how it is mended."""

    folder: Path
    breaks: list[Callable[[], None]]


@pytest.fixture(params=["sqlite-disk", "postgres-s3"])
def parts(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Parts]:
    folder = tmp_path / "registry"
    folder.mkdir()
    if request.param == "sqlite-disk":
        yield Parts(folder, [])
        return
    server: S3Server = request.getfixturevalue("localstack")
    let_in(server, monkeypatch)
    place = fresh(server)
    with postgres.running(DURABLE) as database, faulty(server) as store:
        database.say("CREATE DATABASE service")
        (folder / "registry.toml").write_text(
            f'catalogue = "{database.url("service")}"\n[[blobs]]\nname = "s3"\n'
            f'url = "s3://{place.bucket}/{place.prefix}"\nendpoint = "{store.server.endpoint}"\nregion = "us-east-1"\n'
        )

        def die() -> None:
            database.stop(signal.SIGKILL)
            time.sleep(0.3)
            database.start()

        yield Parts(folder, [die, *_faults(store)])


def _faults(store: FaultyS3) -> list[Callable[[], None]]:
    faults = [("status", "*", 12), ("loses", "PUT", 2), ("drops", "PUT", 2), ("cuts", "GET", 2)]
    faults += [("lies", "PUT", 1), ("spoils", "PUT", 1)]
    return [partial(_add, store, *each) for each in faults]


def _add(store: FaultyS3, what: str, method: str, times: int) -> None:
    store.fault(what, method, times=times)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def _end(over: threading.Event, writers: list[Writer]) -> None:
    over.set()
    for writer in writers:
        if writer.ident:
            writer.join()


def _run(parts: Parts, seconds: float, seed: int) -> list[Writer]:
    rng = random.Random(seed)
    init_registry(str(parts.folder))
    port = str(_free_port())
    over = threading.Event()
    writers = [Writer(f"http://127.0.0.1:{port}", number, over) for number in range(3)]
    begun = time.monotonic()

    def enough() -> bool:
        gone = time.monotonic() - begun
        return gone > max(seconds, 120) or (gone > seconds and sum(len(writer.done) for writer in writers) > 30)

    with contextlib.ExitStack() as stack:
        stack.callback(_end, over, writers)
        while not enough():
            with process_server(parts.folder, "--port", port, "--workers", "2") as service:
                for writer in writers:
                    if not writer.ident:
                        writer.start()
                for _ in range(rng.randrange(1, 4)):
                    time.sleep(rng.uniform(0.2, 1.5))
                    if parts.breaks:
                        rng.choice(parts.breaks)()
                service.kill()
        with process_server(parts.folder, "--port", port) as service:
            time.sleep(1)
            _end(over, writers)
            assert service.stop() == 0
    return writers


def _check(folder: Path, writers: list[Writer]) -> None:
    with herdbook.open(str(folder)) as registry:
        for writer in writers:
            for reference, (record, sha256) in writer.done.items():
                assert registry.versions.get(reference).record == record
                with registry.files.open(reference, "model.bin") as stream:
                    assert "sha256:" + hashlib.sha256(stream.read()).hexdigest() == sha256
            for seq, pointer in writer.moved:
                assert registry.pointers.history(pointer)[-1].seq >= seq
    with contextlib.closing(open_admin(str(folder))) as admin:
        report = admin.doctor()
        assert rules(report) == set(), report.findings
        assert rules(report, "warning") == set(), report.findings


def _story(parts: Parts, seconds: float, seed: int) -> None:
    writers = _run(parts, seconds, seed)
    assert sum(len(writer.done) for writer in writers) > 5
    _check(parts.folder, writers)
    for writer in writers:
        assert not [error for error in writer.refused if error.code in {"internal", "bad-answer"}]


@pytest.mark.timeout(240)
def test_what_a_service_acknowledged_survives_the_death_of_its_parts(
    parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HERDBOOK_ACTOR", digests.new_id("actor"))
    monkeypatch.setenv("HERDBOOK_CACHE", str(tmp_path / "cache"))
    _story(parts, 12, seed=20261121)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(3))
def test_what_a_service_acknowledged_survives_hours_of_deaths(
    parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setenv("HERDBOOK_ACTOR", digests.new_id("actor"))
    monkeypatch.setenv("HERDBOOK_CACHE", str(tmp_path / "cache"))
    _story(parts, 90, seed=seed)
