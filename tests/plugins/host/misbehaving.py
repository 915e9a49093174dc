"""Formats that do what a reader must not do. Workers import this module by name."""

# ruff: noqa: ARG002 - each deed has the same signature

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from herdbook.kernel.errors import CorruptError, InvalidError, UnavailableError
from herdbook.model.facts import Facts, Probe
from herdbook.ports.formats import Listing, ReadAt


class Misbehaving:
    """Takes files whose suffix is the name of the misdeed."""

    name = "misbehaving"
    version = "7"

    def probe(self, file: ReadAt, path: str) -> Probe | None:
        stem, _, suffix = path.rpartition(".")
        if stem == "probe":
            getattr(self, suffix)(file)
        return Probe(format="deed") if stem == "deed" and hasattr(self, suffix) else None

    def read(self, file: ReadAt, path: str, listing: Listing) -> Facts:
        said = getattr(self, path.rpartition(".")[2])(file)
        return Facts(
            reader=self.name, reader_version=self.version, format="deed", values={"said": said, "pid": os.getpid()}
        )

    def hang(self, file: ReadAt) -> None:
        time.sleep(600)

    def spin(self, file: ReadAt) -> None:
        while True:
            pass

    def stop(self, file: ReadAt) -> None:
        os.kill(os.getpid(), signal.SIGSTOP)

    def crash(self, file: ReadAt) -> None:
        sys.stderr.write("about to touch nothing\n")
        sys.stderr.flush()
        ctypes.string_at(0)

    def exit(self, file: ReadAt) -> None:
        sys.exit(3)

    def eat(self, file: ReadAt) -> int:
        return len(bytearray(8 << 30))

    def nibble(self, file: ReadAt) -> int:
        kept = []
        while True:
            kept.append(b"x" * (1 << 24))

    def fail(self, file: ReadAt) -> None:
        raise ZeroDivisionError("by nought")

    def recurse(self, file: ReadAt) -> None:
        self.recurse(file)

    def corrupt(self, file: ReadAt) -> None:
        raise CorruptError("it is rotten", code="rotten", hint="Throw it away.")

    def invalid(self, file: ReadAt) -> None:
        raise InvalidError("it is too much", code="too-much")

    def lack(self, file: ReadAt) -> None:
        raise UnavailableError("it needs a library", code="needs-extra", hint="pip install 'herdbook[formats]'")

    def chatter(self, file: ReadAt) -> str:
        print("hello" * 100_000)
        os.write(1, b"\0\0\0\1" * 100_000)
        os.write(2, b"!" * 500_000)
        return sys.stdin.read()

    def write(self, file: ReadAt) -> str:
        path = Path(os.environ["HOME"], "written")
        try:
            path.write_bytes(b"x")
        except OSError as error:
            path.unlink()
            return type(error).__name__
        return "written"

    def open_many(self, file: ReadAt) -> int:
        kept: list[Any] = []
        try:
            while len(kept) < 10_000:
                kept.append(open("/dev/null", "rb"))  # noqa: PTH123, SIM115
        except OSError:
            pass
        count = len(kept)
        for each in kept:
            each.close()
        return count

    def spawn(self, file: ReadAt) -> int:
        child = subprocess.Popen(["/bin/sleep", "600"], stdout=subprocess.DEVNULL)
        pid, child.returncode = child.pid, 0
        sys.stderr.write(f"child {pid}\n")
        sys.stderr.flush()
        return pid

    def spawn_and_hang(self, file: ReadAt) -> None:
        self.spawn(file)
        time.sleep(600)

    def not_json(self, file: ReadAt) -> Any:
        return object()

    def huge(self, file: ReadAt) -> str:
        return "x" * (66 << 20)

    def fill(self, file: ReadAt) -> str:
        return "x" * (150 << 20)

    def surrogate(self, file: ReadAt) -> str:
        return "\ud800"

    def environment(self, file: ReadAt) -> dict[str, str]:
        return dict(os.environ)

    def folder(self, file: ReadAt) -> list[str]:
        return [os.getcwd(), *sys.path]  # noqa: PTH109

    def whole(self, file: ReadAt) -> int:
        return sum(file.read_at(0, file.size))

    def backwards(self, file: ReadAt) -> int:
        return sum(sum(file.read_at(at, 1000)) for at in reversed(range(0, file.size, 1000)))

    def past_the_end(self, file: ReadAt) -> list[int]:
        size = file.size
        return [len(file.read_at(*span)) for span in [(size, 10), (size + 10, 10), (size - 3, 10), (0, 0)]]

    def negative(self, file: ReadAt) -> None:
        file.read_at(-1, 10)

    def forever(self, file: ReadAt) -> None:
        while True:
            file.read_at(file.size - 5, 5)
            file.read_at(0, 5)
            for at in range(0, file.size - 5, 100_000):
                file.read_at(at, 5)

    def slowly(self, file: ReadAt) -> int:
        time.sleep(0.3)
        return os.getpid()


class Unloadable:
    """Cannot even be made."""

    def __init__(self) -> None:
        raise RuntimeError("no libfoo here")
