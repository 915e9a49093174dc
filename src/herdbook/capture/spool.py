"""The spool: a folder for each run, where what is captured is kept until it is sent, also when nobody can be asked."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from herdbook.kernel import times
from herdbook.kernel.errors import ConflictError, CorruptError, DeniedError, HerdbookError, MissingError
from herdbook.model.base import Json
from herdbook.model.captures import Capture

_ID = re.compile(r"[0-9a-f]{32}")
RUN, LOCK, SEEN, FILES, PLAN, PUSHED = "run.json", "lock", "seen", "files", "plan.json", "pushed.json"
DIED = "capture-ended-early"
"""The problem of a run whose outer process was gone before the run was told to its end."""


def new_id() -> str:
    """Return the id of a new run: 32 hex digits."""
    return secrets.token_hex(16)


@dataclass(frozen=True)
class Run:
    """The folder of one run."""

    folder: Path

    @property
    def id(self) -> str:
        """The run's id."""
        return self.folder.name

    @property
    def seen(self) -> Path:
        """The folder of what was noticed inside the training, a file for each process."""
        return self.folder / SEEN

    @property
    def files(self) -> Path:
        """The folder of copies."""
        return self.folder / FILES

    def read(self) -> Capture:
        """Return what is known of the run, as it was last written.

        Raises:
            CorruptError: when ``run.json`` is not there or no such value.
        """
        try:
            return Capture.read(json.loads((self.folder / RUN).read_bytes()))
        except (OSError, ValueError, HerdbookError) as error:
            raise CorruptError(
                f"the run {self.id} of the spool cannot be read: {error}",
                code="bad-run",
                hint=f"Look into {self.folder}, or remove it with `herdbook spool drop {self.id[:12]}`.",
            ) from error

    def write(self, capture: Capture) -> None:
        """Write what is known of the run, whole or not at all; not canonical, since times in ns are beyond 2^53."""
        self.put(RUN, json.dumps(capture.json_object(), ensure_ascii=False, indent=1).encode())

    def put(self, name: str, data: bytes) -> None:
        """Write a file of the run's folder, whole or not at all."""
        target = self.folder / name
        with _whole(target) as stream:
            stream.write(data)

    def put_json(self, name: str, value: Json) -> None:
        """Write a JSON object into the run's folder, whole or not at all."""
        self.put(name, json.dumps(value, ensure_ascii=False).encode())

    def get_json(self, name: str) -> Json | None:
        """Return a JSON object of the run's folder; nothing where it is not there, or not whole."""
        try:
            value = json.loads((self.folder / name).read_bytes())
        except (FileNotFoundError, ValueError):
            return None
        return value if isinstance(value, dict) else None

    def keep(self, name: str, data: bytes) -> str:
        """Keep a copy among the run's files; return its name there, which is another one when that is taken."""
        self.files.mkdir(exist_ok=True)
        stem, dot, end = name.replace("/", "_").lstrip(".").partition(".")
        chosen, number = f"{stem or 'file'}{dot}{end}", 1
        while (self.files / chosen).exists():
            if (self.files / chosen).read_bytes() == data:
                return chosen
            number += 1
            chosen = f"{stem or 'file'}-{number}{dot}{end}"
        self.put(f"{FILES}/{chosen}", data)
        return chosen

    @contextlib.contextmanager
    def held(self) -> Iterator[bool]:
        """Hold the run's lock for a block; yields whether it could be had.

        The lock goes with the process that holds it, however that ends.
        """
        handle = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                got = True
            except OSError as error:
                # Where a file system has no locks, nobody can hold one either.
                got = error.errno not in {errno.EWOULDBLOCK, errno.EACCES}
            yield got
        finally:
            os.close(handle)

    @property
    def alive(self) -> bool:
        """Whether somebody holds the run's lock."""
        with self.held() as got:
            return not got

    @property
    def pushed(self) -> Json | None:
        """What a push of this run was answered, when one was."""
        return self.get_json(PUSHED)

    def drop(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder)


Finish = Callable[[Run, Capture], Capture]


@contextlib.contextmanager
def _whole(target: Path) -> Iterator[BinaryIO]:
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(name, target)  # noqa: PTH105 - the name is a text
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)  # noqa: PTH108 - the same
        raise


class Spool:
    """The folder of all runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __repr__(self) -> str:
        return f"<spool {self.folder}>"

    def new(self, capture: Capture) -> Run:
        """Make the folder of a new run, with what is known of it.

        Raises:
            OSError: when it cannot be written.
        """
        run = Run(self.folder / capture.id)
        run.seen.mkdir(parents=True, mode=0o700)
        run.write(capture)
        return run

    def runs(self) -> list[Run]:
        """Return all runs, by the time when they began; those that cannot be read come first."""
        try:
            found = [Run(path) for path in self.folder.iterdir() if _ID.fullmatch(path.name) and path.is_dir()]
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(found, key=lambda run: (_started(run), run.id))

    def find(self, text: str) -> Run:
        """Return the run whose id begins so; ``last`` is the one that began last.

        Raises:
            MissingError: when there is none.
            ConflictError: when several begin so.
        """
        runs = self.runs()
        fit = runs[-1:] if text == "last" else [run for run in runs if run.id.startswith(text)]
        if not fit:
            raise MissingError(
                f"there is no run {text!r} in {self.folder}",
                code="no-run",
                hint="`herdbook spool list` shows them.",
            )
        if len(fit) > 1:
            raise ConflictError(
                f"{len(fit)} runs begin with {text!r}",
                code="ambiguous",
                hint="Write one of: " + ", ".join(run.id[:12] for run in fit[:10]) + ".",
            )
        return fit[0]


def _started(run: Run) -> str:
    try:
        return run.read().started or ""
    except CorruptError:
        return ""


def writable(folder: Path) -> bool:
    """Say whether runs can be written into a folder, which is made where that can be done."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=folder, prefix=".try-")
    except OSError:
        return False
    os.close(handle)
    os.unlink(name)  # noqa: PTH108 - the name is a text
    return True


def fallback() -> Path:
    """Return where runs go when the spool's own place cannot be written: a folder of this account for scratch."""
    return Path(tempfile.gettempdir()) / f"herdbook-spool-{os.getuid()}"


def choose(folder: Path, *, said: bool) -> tuple[Spool, str]:
    """Return the spool, and a sentence for the person when it is elsewhere than it should be.

    ``said`` tells that somebody chose the folder; then there is no other.

    Raises:
        DeniedError: when nothing can be written anywhere.
    """
    if writable(folder):
        return Spool(folder), ""
    other = fallback()
    if said or not (writable(other) and other.stat().st_uid == os.getuid()):
        raise DeniedError(
            f"the spool {folder} cannot be written",
            code="spool-unwritable",
            hint="Name a folder that can be: HERDBOOK_SPOOL=FOLDER.",
        )
    return Spool(other), f"{folder} cannot be written; the run is kept in {other}"


def settle(run: Run, finish: Finish | None = None) -> Capture:
    """Return what is known of a run; one that says ``running`` while nobody holds its lock has failed.

    ``finish`` is called with run and capture, and returns the capture with what had been seen until then.
    """
    capture = run.read()
    if capture.status != "running":
        return capture
    with run.held() as got:
        if not got:
            return capture
        capture = run.read()
        if capture.status != "running":
            return capture
        if finish is not None:
            capture = finish(run, capture)
        capture = capture.model_copy(
            update={
                "status": "failed",
                "ended": capture.ended or _last_sign(run) or times.now(),
                "problems": tuple(dict.fromkeys((*capture.problems, DIED))),
            }
        )
        with contextlib.suppress(OSError):
            run.write(capture)
        return capture


def _last_sign(run: Run) -> str | None:
    """Return when something was last written of a run."""
    stamps = [path.stat().st_mtime for path in run.seen.glob("*.ndjson")]
    return times.write(datetime.fromtimestamp(max(stamps), UTC)) if stamps else None
