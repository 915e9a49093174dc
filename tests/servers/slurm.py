"""A Slurm of one node for the tests: munged, slurmctld and slurmd, all their files in a folder that goes with them.

``from tests.servers.slurm import slurm`` gives the fixture: the environment variables by which its commands find it.
It needs root and the packages ``slurm-wlm`` and ``munge``. Munge's socket must be in a folder that any user can enter.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest
from tests.servers.places import away

NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel")
_START_S = 30.0


@pytest.fixture(scope="module")
def slurm() -> Iterator[Mapping[str, str]]:
    """Give the variables by which Slurm's commands find a running cluster of one node."""
    lacking = [name for name in NEEDED if shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None]
    if lacking or os.geteuid() != 0:
        away("Slurm needs root, and the packages slurm-wlm and munge" + (f": no {lacking[0]}" if lacking else ""))
    folder = Path(tempfile.mkdtemp(prefix="herdbook-slurm-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        with _running(folder) as variables:
            yield variables
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _running(folder: Path) -> Iterator[Mapping[str, str]]:
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    variables = {"PATH": path, "SLURM_CONF": str(folder / "slurm.conf")}
    ours: list[subprocess.Popen[bytes]] = []
    try:
        ours.append(_munged(folder, variables))
        host = socket.gethostname().partition(".")[0]
        (folder / "slurm.conf").write_text(_configuration(folder, host))
        for name in ("slurmctld", "slurmd"):
            with (folder / f"{name}.out").open("wb") as out:
                ours.append(
                    subprocess.Popen(
                        [shutil.which(name, path=path) or name, "-D"],
                        env=os.environ | variables,
                        stdin=subprocess.DEVNULL,
                        stdout=out,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                    )
                )
        _wait(folder, variables)
        yield variables
    finally:
        _stop(folder, ours, variables)


def _munged(folder: Path, variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
    place = folder / "munge"
    place.mkdir(mode=0o755)
    (place / "key").write_bytes(secrets.token_bytes(1024))
    (place / "key").chmod(0o400)
    user = pwd.getpwnam("munge")
    for each in (place, place / "key"):
        os.chown(each, user.pw_uid, user.pw_gid)
    files = {name: place / name for name in ("socket", "pid-file", "log-file", "seed-file")}
    options = [f"--{name}={path}" for name, path in files.items()]
    return subprocess.Popen(
        [
            shutil.which("munged", path=variables["PATH"]) or "munged",
            "--foreground",
            "--force",
            f"--key-file={place / 'key'}",
            *options,
        ],
        user=user.pw_uid,
        group=user.pw_gid,
        extra_groups=[],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd=place,
    )


def _configuration(folder: Path, host: str) -> str:
    for name in ("state", "spool"):
        (folder / name).mkdir()
    ports = [_free_port() for _ in range(2)]
    processors = os.cpu_count() or 1
    lines = {
        "ClusterName": "herdbook",
        "SlurmctldHost": f"{host}(127.0.0.1)",
        "SlurmctldPort": ports[0],
        "SlurmdPort": ports[1],
        "AuthType": "auth/munge",
        "AuthInfo": f"socket={folder / 'munge' / 'socket'}",
        "SlurmUser": "root",
        "SlurmdUser": "root",
        "StateSaveLocation": folder / "state",
        "SlurmdSpoolDir": folder / "spool",
        "SlurmctldPidFile": folder / "slurmctld.pid",
        "SlurmdPidFile": folder / "slurmd.pid",
        "SlurmctldLogFile": folder / "slurmctld.log",
        "SlurmdLogFile": folder / "slurmd.log",
        "ProctrackType": "proctrack/linuxproc",
        "TaskPlugin": "task/none",
        "SelectType": "select/cons_tres",
        "SelectTypeParameters": "CR_Core_Memory",
        "JobAcctGatherType": "jobacct_gather/none",
        "MailProg": "/bin/true",
        "KillWait": 5,
        "ReturnToService": 2,
        "MinJobAge": 300,
        "SchedulerParameters": "sched_interval=2",
    }
    text = "".join(f"{name}={value}\n" for name, value in lines.items())
    text += f"NodeName={host} NodeAddr=127.0.0.1 CPUs={processors} RealMemory=2000 State=UNKNOWN\n"
    return text + f"PartitionName=long Nodes={host} Default=YES MaxTime=INFINITE State=UP\n"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(folder: Path, variables: Mapping[str, str]) -> None:
    until = time.monotonic() + _START_S
    said = ""
    while time.monotonic() < until:
        done = subprocess.run(
            ["sinfo", "--noheader", "--format=%T"],
            env=os.environ | variables,
            capture_output=True,
            text=True,
            check=False,
        )
        said = done.stdout + done.stderr
        if done.stdout.strip() in {"idle", "mixed"}:
            return
        time.sleep(0.2)
    logs = "\n".join(
        path.read_text("utf-8", "replace")[-1500:] for path in sorted(folder.glob("*.[ol]*")) if path.is_file()
    )
    pytest.fail(f"Slurm did not start: {said}\n{logs}")


def _stop(folder: Path, ours: list[subprocess.Popen[bytes]], variables: Mapping[str, str]) -> None:
    """End the daemons, and the steps that slurmd put into sessions of their own."""
    subprocess.run(["scancel", "--state=RUNNING"], env=os.environ | variables, capture_output=True, check=False)
    for process in reversed(ours):
        process.send_signal(signal.SIGTERM)
    for process in ours:
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for process in psutil.process_iter(["name"]):
        with contextlib.suppress(psutil.Error):
            if process.info["name"] == "slurmstepd" and process.environ().get("SLURM_CONF") == str(
                folder / "slurm.conf"
            ):
                process.kill()
