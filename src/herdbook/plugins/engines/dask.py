"""Dask: the runner as a task of a running cluster of ``distributed``; the job's folder must be shared."""

from __future__ import annotations

import secrets
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from herdbook.kernel.errors import InvalidError, UnavailableError
from herdbook.model.jobs import JobLimits

RESULT = "result.json"
LOG = "runner.log"
SETTINGS = ("scheduler", "resources")
_LOOK_S = 0.1
_SETTLE_S = 5.0
_CONNECT_S = 30.0


class Dask:
    """Gives the runner to a worker of a cluster. Limits are the runner's to keep.

    Settings: ``scheduler`` (``tcp://HOST:PORT``), ``resources`` (``GPU=1,MEMORY=8e9``) that the worker must offer.
    """

    name = "dask"

    def __init__(self) -> None:
        self._clients: dict[str, tuple[Any, Any]] = {}

    def submit(self, folder: Path, argv: Sequence[str], limits: JobLimits, settings: Mapping[str, str]) -> str:
        """Give the runner to the cluster; the handle is the scheduler's address and the task's key.

        Raises:
            InvalidError: ``bad-engine-setting``.
            UnavailableError: ``no-engine``, ``no-extra``.
        """
        del limits
        if unknown := sorted(settings.keys() - set(SETTINGS)):
            raise _bad(f"Dask is told nothing called {unknown[0]!r}")
        if "scheduler" not in settings:
            raise _bad("no scheduler is named")
        (folder / "cancel").unlink(missing_ok=True)  # of an earlier job in this folder
        resources = _resources(settings.get("resources", ""))
        client = _client(settings["scheduler"])
        # The function is the standard library's, so that workers need nothing of Herdbook but the runner's interpreter.
        words = ["sh", "-c", f'exec "$@" >>{LOG} 2>&1', "sh", *argv]
        key = f"herdbook-job-{secrets.token_hex(8)}"
        future = client.submit(
            subprocess.call,
            words,
            cwd=str(folder),
            stdin=subprocess.DEVNULL,
            key=key,
            retries=0,
            pure=False,
            resources=resources,
        )
        handle = f"{settings['scheduler']} {key}"
        self._clients[handle] = (client, future)
        return handle

    def wait(self, folder: Path, handle: str, timeout_s: float | None = None) -> None:
        """Return once the result is there.

        Raises:
            UnavailableError: ``job-lost``, ``job-waits``.
        """
        begun = time.monotonic()
        ended: float | None = None
        while not (folder / RESULT).exists():
            now = time.monotonic()
            if timeout_s is not None and now - begun >= timeout_s:
                raise UnavailableError(
                    f"the job in {folder} has no result yet", code="job-waits", hint="Wait again, or cancel it."
                )
            ended = (ended or now) if self._over(handle) else None
            if ended is not None and now - ended >= _SETTLE_S:
                self._forget(handle)
                raise UnavailableError(
                    f"Dask's task ended without a result in {folder}",
                    code="job-lost",
                    hint=f"See {folder / LOG}; submit the job again.",
                )
            time.sleep(_LOOK_S)
        self._forget(handle)

    def cancel(self, folder: Path, handle: str) -> None:
        """Stop it: a task that runs cannot be stopped by Dask, so the runner is told through its folder."""
        (folder / "cancel").touch()
        if handle in self._clients:
            self._clients[handle][1].cancel()
        self._forget(handle)

    def _over(self, handle: str) -> bool:
        """Say whether the task has ended, or the cluster has. A task lives as long as who submitted it."""
        if handle not in self._clients:
            return True
        client, future = self._clients[handle]
        return future.status in {"finished", "error", "cancelled", "lost"} or client.status in {"closed", "closing"}

    def _forget(self, handle: str) -> None:
        client, future = self._clients.pop(handle, (None, None))
        if client is not None:
            future.release()
            client.close()


def _client(address: str) -> Any:  # noqa: ANN401 - distributed ships no types
    try:
        from distributed import Client  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise UnavailableError(
            "distributed is not installed", code="no-extra", hint="Install herdbook[dask]."
        ) from error
    try:
        return Client(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise UnavailableError(
            f"no scheduler answers at {address}: {error}", code="no-engine", hint="Is the cluster running?"
        ) from error


def _resources(text: str) -> dict[str, float]:
    found = {}
    for part in filter(None, text.split(",")):
        name, _, value = part.partition("=")
        try:
            found[name] = float(value)
        except ValueError as error:
            raise _bad(f"{part!r} is no resource") from error
    return found


def _bad(what: str) -> InvalidError:
    return InvalidError(
        what, code="bad-engine-setting", hint="Say --setting scheduler=tcp://HOST:PORT, and resources=NAME=NUMBER,…"
    )
