"""System calls of a program and its children, as strace saw them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from herdbook.kernel.errors import UnavailableError

CALLS: Final = (
    "open,openat,creat,write,pwrite64,writev,pwritev,pwritev2,copy_file_range,sendfile,splice,ftruncate,truncate,"
    "fallocate,mmap,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,rmdir,mkdir,mkdirat,"
    "fsync,fdatasync,sync,syncfs,chdir,fchdir"
)
"""What changes bytes or names, or makes them durable. A call that this machine does not have is left out (``?``)."""

_LINE = re.compile(r"(?P<pid>\d+) +[\d.]+ (?P<text>.*)")
_UNFINISHED: Final = " <unfinished ...>"
_RESUMED = re.compile(r"<\.\.\. \w+ resumed>(?P<rest>.*)")
_CALL = re.compile(r"(?P<name>\w+)\((?P<args>.*)\) += (?P<result>-?\d+|0x[0-9a-f]+|\?)(?P<note>.*)")
_ANNOTATED = re.compile(r"(?:-?\d+|AT_FDCWD)<(?P<path>.*?)>(?:\(deleted\))?")
_ESCAPE = re.compile(rb"\\(?:x([0-9a-f]{2})|([0-7]{1,3})|(.))", re.DOTALL)
_PLAIN: Final = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"v": b"\v", b"f": b"\f"}


@dataclass(frozen=True, slots=True)
class Call:
    """A call that came back. ``begun`` and ``ended`` are line numbers of the trace: what is on one line was at once.

    ``args`` are as strace writes them; ``opened`` is the path of the file number that came back.
    """

    pid: int
    name: str
    args: tuple[str, ...]
    result: int
    begun: int
    ended: int
    opened: str = ""


def why_not() -> str:
    """Say why calls cannot be traced here; nothing when they can."""
    strace = shutil.which("strace")
    if strace is None:
        return "strace is not installed"
    tried = subprocess.run([strace, "-f", "-o", os.devnull, "true"], capture_output=True, text=True, check=False)  # noqa: S603 - fixed words
    return "" if tried.returncode == 0 else f"strace may not trace here: {tried.stderr.strip()}"


def record(argv: Sequence[str], *, env: Mapping[str, str] | None = None, timeout_s: float = 120) -> list[Call]:
    """Run a program under strace; return its calls and those of its children, in the order in which they began.

    Raises:
        UnavailableError: when there is no strace, or the program failed or took too long; with what it said.
    """
    if reason := why_not():
        raise UnavailableError(reason, code="no-strace", hint="Install strace, and allow ptrace in the container.")
    with tempfile.TemporaryDirectory(prefix="herdbook-power-") as folder:
        trace = Path(folder) / "trace"
        known = ",".join(f"?{name}" for name in CALLS.split(","))
        strace = ["strace", "-f", "-y", "-ttt", "-s", "256", "--seccomp-bpf", "-e", f"trace={known}", "-o", str(trace)]
        try:
            done = subprocess.run(  # noqa: S603 - the caller's own program
                [*strace, *argv], env=env, capture_output=True, text=True, timeout=timeout_s, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise UnavailableError(f"the traced program took longer than {timeout_s} s", code="too-slow") from error
        if done.returncode != 0:
            raise UnavailableError(
                f"the traced program failed with {done.returncode}: {done.stderr[-2000:]}", code="program-failed"
            )
        with trace.open(encoding="ascii") as lines:
            return sorted(parse(lines), key=lambda call: call.begun)


def parse(lines: Iterable[str]) -> Iterator[Call]:
    """Yield the calls of a trace (``strace -f -y -ttt -o``) as they come back.

    A call that never came back, since its process was killed, is left out.
    """
    begun: dict[int, tuple[int, str]] = {}
    for number, line in enumerate(lines):
        match = _LINE.fullmatch(line.rstrip("\n"))
        if match is None:
            continue
        pid, text, first = int(match["pid"]), match["text"], number
        if text.endswith(_UNFINISHED):
            begun[pid] = number, text.removesuffix(_UNFINISHED)
            continue
        if (resumed := _RESUMED.fullmatch(text)) is not None:
            if pid not in begun:
                continue
            first, head = begun.pop(pid)
            text = head + resumed["rest"]
        if (call := _CALL.fullmatch(text)) is not None and call["result"] != "?":
            args = tuple(_split(call["args"]))
            result = int(call["result"], 0)
            opened = annotated(call["result"] + call["note"]) if result >= 0 else ""
            yield Call(pid, call["name"], args, result, first, number, opened)


def _split(text: str) -> Iterator[str]:
    """Split arguments at commas that stand in no string, path or bracket."""
    start = depth = 0
    quoted = escaped = path = False
    for index, char in enumerate(text):
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif quoted:
            quoted = char != '"'
        elif path:
            path = char != ">"
        elif char == '"':
            quoted = True
        elif char == "<" and text[index + 1 : index + 2] not in {"<", "="} and text[index - 1 : index] != "<":
            path = True
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif char == "," and not depth:
            yield text[start:index].strip()
            start = index + 1
    if text:
        yield text[start:].strip()


def annotated(text: str) -> str:
    """Return the path that strace wrote after a file number, unescaped; nothing when there is none."""
    match = _ANNOTATED.match(text)
    return unescape(match["path"].removesuffix(" (deleted)")) if match else ""


def string(text: str) -> str:
    """Return the string that an argument quotes, as far as strace shows it."""
    return unescape(text.removesuffix("...").strip('"'))


def unescape(text: str) -> str:
    """Undo strace's escapes; bytes that are not UTF-8 become surrogates, as ``os.fsdecode`` does."""

    def plain(match: re.Match[bytes]) -> bytes:
        if match[1]:
            return bytes([int(match[1], 16)])
        if match[2]:
            return bytes([int(match[2], 8)])
        return _PLAIN.get(match[3], match[3])

    return os.fsdecode(_ESCAPE.sub(plain, text.encode("ascii", "backslashreplace")))
