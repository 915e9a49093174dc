"""Opens that no Python sees: system calls of the command and all it starts, traced by strace where that is allowed.

The lines are those of ``strace -f -e trace=openat,open,creat -y``; see strace(1).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

LINE = re.compile(
    r"(?:(?P<pid>\d+) +)?(?P<t>\d+\.\d+) (?P<call>openat|open|creat)\((?:[A-Z_]+(?:<(?P<at>(?:[^>\\]|\\.)*)>)?|"
    r"\d+<(?P<dir>(?:[^>\\]|\\.)*)>)?(?:, )?\"(?P<name>(?:[^\"\\]|\\.)*)\"(?:, (?P<flags>[A-Z_|0-9x]+))?"
    r"[^=]*\) = (?P<fd>\d+)(?:<(?P<path>(?:[^>\\]|\\.)*)>)?"
)
_BEGUN = re.compile(r"(?P<head>(?P<pid>\d+) +.*) <unfinished \.\.\.>$")
_RESUMED = re.compile(r"(?P<pid>\d+) +\d+\.\d+ <\.\.\. \w+ resumed>(?P<rest>.*)")
_ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|([0-7]{1,3})|(.))")
_PLAIN = {"n": "\n", "t": "\t", "r": "\r", "v": "\v", "f": "\f"}


def problem() -> str:
    """Return why system calls cannot be traced here, as a sentence; empty when they can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    try:
        done = subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, timeout=10, check=False)  # noqa: S603, S607 - of the PATH, as the person's own command is
    except (OSError, subprocess.SubprocessError) as error:
        return f"strace does not run: {error}"
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        return "tracing is not allowed here" + (f" ({said[0]})" if said else "")
    return ""


def command(argv: Sequence[str], trace: Path) -> list[str]:
    """Return the command that runs another one and writes its opens to a file; status and signals are kept."""
    told = ["strace", "-f", "-qq", "-ttt", "-y", "-xx", "-s", "4096", "-e", "trace=openat,open,creat"]
    return [*told, "-e", "signal=none", "-z", "-o", str(trace), "--", *argv]


def parse(lines: Iterator[str]) -> Iterator[tuple[float, int, str, str]]:
    """Yield (time, pid, absolute path, mode as in ``open``) of opens that succeeded; other lines are passed over."""
    begun: dict[str, str] = {}
    for line in lines:
        if (first := _BEGUN.match(line)) is not None:
            begun[first["pid"]] = first["head"]  # another thread's call stands between its two halves
            continue
        if (second := _RESUMED.match(line)) is not None:
            line = begun.pop(second["pid"], "") + second["rest"]  # noqa: PLW2901 - the two halves are the line
        match = LINE.match(line)
        if match is None:
            continue
        path = _text(match["path"] or "") or _joined(match)
        if path.startswith("/"):
            yield float(match["t"]), int(match["pid"] or 0), path, _mode(match["call"], match["flags"] or "")


def _joined(match: re.Match[str]) -> str:
    name, folder = _text(match["name"]), _text(match["at"] or match["dir"] or "")
    return name if name.startswith("/") else f"{folder}/{name}" if folder else ""


def _text(escaped: str) -> str:
    raw = _ESCAPE.sub(_byte, escaped)
    return raw.encode("latin-1", "replace").decode("utf-8", "surrogateescape")


def _byte(match: re.Match[str]) -> str:
    if match[1]:
        return chr(int(match[1], 16))
    if match[2]:
        return chr(int(match[2], 8) & 0xFF)
    return _PLAIN.get(match[3], match[3])


def _mode(call: str, flags: str) -> str:
    words = set(flags.split("|"))
    if call == "creat":
        return "w"
    if "O_RDWR" in words:
        return "w+" if words & {"O_TRUNC", "O_EXCL"} else "r+"
    if "O_WRONLY" in words:
        return "a" if "O_APPEND" in words else "w"
    return "r"


def gather(trace: Path, seen: Path) -> list[str]:
    """Turn a trace into lines as the shim writes them; return sentences for the person."""
    told: set[tuple[str, str]] = set()
    try:
        with (
            trace.open(encoding="latin-1") as stream,
            (seen / f"0-strace{os.getpid()}.ndjson").open("w", encoding="utf-8") as lines,
        ):
            for moment, pid, path, mode in parse(iter(stream)):
                if (path, mode) in told or not Path(path).is_file():
                    continue
                told.add((path, mode))
                line = {"what": "open", "t": moment, "pid": pid, "path": path, "mode": mode, "via": "strace"}
                lines.write(json.dumps({**line, "size": None, "mtime_ns": None}) + "\n")
        trace.unlink()
    except OSError as error:
        return [f"the trace of opens cannot be read: {error.strerror}"]
    return []
