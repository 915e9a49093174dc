"""A real Ceph radosgw on this machine, with one monitor and one store in memory, for the slow tests.

``from tests.servers.ceph import ceph_place, radosgw`` gives the fixtures. ``tools/servers/ceph.sh`` installs it.
It knows no checksum headers and ignores conditional completion, as at many sites.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.servers.places import S3Place, S3Server, away, forget, fresh, let_in

TOOLS = ("radosgw", "radosgw-admin", "ceph", "ceph-mon", "ceph-osd", "ceph-authtool", "monmaptool")
KEY, SECRET = "HERDBOOKTESTKEY00000", "herdbook-test-secret-of-forty-characters"
_START_S = 120.0
_CONF = """[global]
fsid = {fsid}
mon host = v2:127.0.0.1:{mon2}/0,v1:127.0.0.1:{mon1}/0
mon initial members = a
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 1000
mon data avail crit = 0
run dir = {folder}/run
admin socket = {folder}/run/$cluster-$name.asok
pid file = {folder}/run/$name.pid
log file = {folder}/log/$name.log
keyring = {folder}/keyring
[mon.a]
mon data = {folder}/mon
[osd]
osd data = {folder}/osd
osd objectstore = memstore
memstore device bytes = 4294967296
[client.rgw]
rgw data = {folder}/rgw
rgw gc obj min wait = 1
rgw gc processor period = 5
rgw gc processor max time = 5
rgw frontends = beast endpoint=127.0.0.1:{port}
"""


@pytest.fixture(scope="session")
def radosgw() -> Iterator[S3Server]:
    """Give a radosgw that runs until the session ends."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        away(f"Ceph is not here ({', '.join(missing)}): tools/servers/ceph.sh installs it")
    with running() as server:
        yield server


@pytest.fixture
def ceph_place(radosgw: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Place:
    """Give a bucket with a fresh prefix; the credentials are in the environment."""
    let_in(radosgw, monkeypatch)
    return fresh(radosgw)


@contextlib.contextmanager
def running() -> Iterator[S3Server]:
    """Run one; all its files are in a folder that goes with it."""
    with tempfile.TemporaryDirectory(prefix="herdbook-ceph-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        cluster = _Cluster(folder)
        try:
            cluster.start()
            server = S3Server(f"http://127.0.0.1:{cluster.port}", KEY, SECRET)
            yield server
            forget(server)
        finally:
            cluster.stop()


class _Cluster:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._conf = folder / "ceph.conf"
        self._fsid = str(uuid.uuid4())
        self._ports = _free_ports(3)
        self.port = self._ports[2]
        self._servers: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        for part in ("run", "log", "mon", "osd", "rgw"):
            (self._folder / part).mkdir()
        mon2, mon1, port = self._ports
        self._conf.write_text(_CONF.format(fsid=self._fsid, mon2=mon2, mon1=mon1, port=port, folder=self._folder))
        keyring, monmap = self._folder / "keyring", self._folder / "monmap"
        self._run("ceph-authtool", "-C", keyring, "--gen-key", "-n", "mon.", "--cap", "mon", "allow *", conf=False)
        for who in ("client.admin", "client.rgw", "osd.0"):
            caps = ("--cap", "mon", "allow *", "--cap", "osd", "allow *")
            self._run("ceph-authtool", keyring, "--gen-key", "-n", who, *caps, conf=False)
        addresses = f"[v2:127.0.0.1:{mon2},v1:127.0.0.1:{mon1}]"
        self._run("monmaptool", "--create", "--fsid", self._fsid, "--addv", "a", addresses, monmap, conf=False)
        self._run("ceph-mon", "-i", "a", "--mkfs", "--monmap", monmap, "--keyring", keyring)
        self._serve("ceph-mon", "-f", "-i", "a")
        osd = str(uuid.uuid4())
        self._run("ceph", "osd", "new", osd, "0")
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
        self._serve("ceph-osd", "-f", "-i", "0")
        self._serve("radosgw", "-f", "-n", "client.rgw")
        user = ("--uid=herdbook", "--display-name=tests", f"--access-key={KEY}", f"--secret-key={SECRET}")
        self._run("radosgw-admin", "-n", "client.rgw", "user", "create", *user)
        self._wait()

    def _run(self, tool: str, *arguments: object, conf: bool = True) -> None:
        command = [tool, *(("-c", str(self._conf)) if conf else ()), *map(str, arguments)]
        done = subprocess.run(command, cwd=self._folder, capture_output=True, timeout=_START_S, check=False)
        if done.returncode:
            pytest.fail(f"{tool} failed: {done.stderr.decode('utf-8', 'replace')[-2000:]}")

    def _serve(self, tool: str, *arguments: str) -> None:
        with (self._folder / f"{tool}.out").open("wb") as out:
            command: Sequence[str] = [tool, "-c", str(self._conf), *arguments]
            self._servers.append(
                subprocess.Popen(
                    command, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
                )
            )

    def _wait(self) -> None:
        until = time.monotonic() + _START_S
        while time.monotonic() < until and all(server.poll() is None for server in self._servers):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.1)
        logs = "\n".join(path.read_text("utf-8", "replace")[-800:] for path in self._folder.glob("*.out"))
        pytest.fail(f"radosgw did not start:\n{logs}")

    def stop(self) -> None:
        for server in reversed(self._servers):  # they have nothing to lose, and take seconds to stop by themselves
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)
            server.wait(30)


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as probes:
        found = [probes.enter_context(socket.socket()) for _ in range(count)]
        for probe in found:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in found]
