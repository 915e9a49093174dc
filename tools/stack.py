"""The whole service on this machine, without containers: PostgreSQL, an S3 store, two server processes.

    python tools/stack.py             start, say where, run until Ctrl-C
    python tools/stack.py --story     start, play a small story by the command line over HTTP, stop

The servers are those of the tests (tests/servers): PostgreSQL as a wheel, LocalStack's S3; each in a folder that is
removed at the end. Nothing is left behind. `make stack` runs it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a script finds its neighbours from the repository root

from tests.servers import localstack, postgres

HERDBOOK = [sys.executable, "-c", "from herdbook.apps.cli.main import run; run()"]
REGISTRY = """\
catalogue = "{database}"

[[blobs]]
name = "s3"
url = "s3://models/blobs"
endpoint = "{endpoint}"
region = "us-east-1"
"""
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Stack:
    """What runs: the service's address, and the folder of its registry, in which its owner works."""

    url: str
    registry: Path


@contextlib.contextmanager
def running(folder: Path, *, workers: int = 2) -> Iterator[Stack]:
    """Start everything, with the registry in a folder; stop it at the end."""
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(postgres.running(settings=()))  # what is answered is durable, as at a site
        database.say("CREATE DATABASE herdbook")
        store = stack.enter_context(localstack.running())
        store.client.create_bucket(Bucket="models")
        os.environ.update(store.environment)
        registry = folder / "registry"
        registry.mkdir()
        told = REGISTRY.format(database=database.url("herdbook"), endpoint=store.endpoint)
        (registry / "registry.toml").write_text(told, "utf-8")
        herdbook(registry, "init", str(registry))
        yield Stack(stack.enter_context(service(registry, workers)), registry)


@contextlib.contextmanager
def service(registry: Path, workers: int) -> Iterator[str]:
    """Run the service; give its address."""
    words = [*HERDBOOK, "-R", str(registry), "--json", "serve", "--port", "0", "--workers", str(workers)]
    with started(words, registry.with_suffix(".log"), pipe=True) as child:
        assert child.stdout is not None
        line = child.stdout.readline()
        if not line:
            raise SystemExit(f"the service ended: {registry.with_suffix('.log').read_text('utf-8')}")
        url = str(json.loads(line)["url"])
        until(lambda: _ready(url), child, "the service")
        try:
            yield url
        except SystemExit:
            print(f"--- the service's log\n{registry.with_suffix('.log').read_text('utf-8')[-4000:]}", flush=True)
            raise
        child.terminate()
        if child.wait(PATIENCE_S) != 0:
            raise SystemExit(f"the service stopped with {child.returncode}")


@contextlib.contextmanager
def started(words: list[str], log: Path, *, pipe: bool = False) -> Iterator[subprocess.Popen[str]]:
    """Run a process in a group of its own, which is ended with it."""
    with log.open("ab") as said:
        child = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE if pipe else said, stderr=said, text=True,
            start_new_session=True,
        )  # fmt: skip
    try:
        yield child
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGTERM)
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        if child.stdout:
            child.stdout.close()


def until(asked: object, child: subprocess.Popen[str], what: str) -> None:
    """Ask until it is so.

    Raises:
        SystemExit: when the process ended, or does not answer in time.
    """
    assert callable(asked)
    end = time.monotonic() + PATIENCE_S
    while not asked():
        if child.poll() is not None or time.monotonic() > end:
            raise SystemExit(f"{what} does not answer")
        time.sleep(0.05)


def _ready(url: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/ready", timeout=5) as answer:
        return bool(answer.status == 200)
    return False


def herdbook(where: object, *words: str) -> str:
    """Run a command as a user would; show it; return what it printed."""
    print(f"$ herdbook -R {where} {shlex.join(words)}", flush=True)
    done = subprocess.run(
        [*HERDBOOK, "-R", str(where), *words], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    print(done.stdout, end="", flush=True)
    if done.returncode:
        raise SystemExit(f"exit status {done.returncode}")
    return done.stdout


def story(stack: Stack, folder: Path) -> None:
    """Register over HTTP, fetch, mirror to a laptop, and compare.

    Raises:
        SystemExit: when something is not as it should be.
    """
    with urllib.request.urlopen(f"{stack.url}/health", timeout=5) as answer:
        expect(answer.status == 200, "the service is alive")
    model, laptop = folder / "model.bin", folder / "laptop"
    model.write_bytes(os.urandom(6 * 2**20))  # more than goes in one request
    herdbook(stack.url, "register", "demo/tau/toy:v1", str(model))
    herdbook(stack.url, "fetch", "demo/tau/toy:v1", str(folder / "fetched"))
    expect(
        (folder / "fetched" / model.name).read_bytes() == model.read_bytes(), "the bytes that come are those that went"
    )
    herdbook(laptop, "init", str(laptop))
    herdbook(laptop, "mirror", stack.url, str(laptop))
    states = [herdbook(where, "journal", "state", "demo") for where in (stack.url, laptop)]
    expect(len(set(states)) == 1, "the mirror is in the same state")
    herdbook(laptop, "verify", "demo/tau/toy:v1")
    herdbook(stack.registry, "doctor")


def expect(so: bool, what: str) -> None:
    """Say what is so.

    Raises:
        SystemExit: when it is not.
    """
    print(f"{'ok' if so else 'NOT SO'}: {what}", flush=True)
    if not so:
        raise SystemExit(1)


def main() -> None:
    """Run as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--story", action="store_true", help="play the story and stop")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with (
        tempfile.TemporaryDirectory(prefix="herdbook-stack-") as name,
        running(Path(name), workers=given.workers) as stack,
    ):
        if given.story:
            story(stack, Path(name))
            return
        print(f"\nHerdbook answers at {stack.url}\n  export HERDBOOK_REGISTRY={stack.url}")
        print("Ctrl-C stops it, and forgets all.", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
