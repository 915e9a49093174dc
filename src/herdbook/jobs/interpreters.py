"""An interpreter held against what is recorded: its version, its distributions, and the bytes of their files."""

from __future__ import annotations

import json
import platform
import re
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from herdbook.jobs.locks import Pin, flat
from herdbook.kernel.errors import UnavailableError
from herdbook.model.activities import Environment

_MARK = "herdbook-altered:"
_ASK_S = 1800.0
_TOLD = 20

# Runs in the interpreter that is looked at, 3.8 or newer, standard library alone. RECORD has a sha256, in URL-safe
# base64 without padding, for each file that was installed (PyPA: recording installed projects); bytecode has none.
_ASKED = r"""
import sys
sys.path = [each for each in sys.path if each not in ("", ".")]
import base64, csv, hashlib, json, os
from importlib import metadata
altered, looked = [], 0
for each in metadata.distributions():
    try:
        rows = list(csv.reader((each.read_text("RECORD") or "").splitlines()))
    except Exception:
        rows = []
    for row in rows:
        if len(row) < 2 or not row[1].startswith("sha256="):
            continue
        path = str(each.locate_file(row[0]))
        digest = hashlib.sha256()
        try:
            with open(path, "rb") as file:
                for chunk in iter(lambda: file.read(1 << 20), b""):
                    digest.update(chunk)
            looked += 1
        except OSError:
            pass
        if base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode() != row[1][7:]:
            altered.append(path)
print("\n" + "MARK" + json.dumps({"altered": altered[:1000], "looked": looked}), flush=True)
""".replace("MARK", _MARK)


@dataclass(frozen=True)
class Interpreter:
    """A Python and what is installed in it.

    Args:
        path: the program.
        version: ``3.11.7``.
        platform: as ``platform.platform()`` says it.
        packages: version by name, as indices compare it.
        files: sha256 of the lines of each RECORD, where it has one.
    """

    path: str
    version: str
    platform: str
    packages: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


Ask = Callable[[Path, Path, Mapping[str, str]], Interpreter | None]
"""Asks an interpreter what it is, for a program, a folder to start in and variables; ``None`` when it is no Python."""


def differences(found: Interpreter, recorded: Environment | None, pins: Iterable[Pin]) -> list[str]:
    """Return in words how an interpreter differs from what is recorded; empty when it is the same.

    What it has beyond that is ``more``'s to tell.
    """
    told = []
    if recorded and (version := _version(recorded.python)) and version != found.version:
        told.append(f"Python {found.version}, not {version}")
    machine = platform.machine()
    other = [
        each for each in ("x86_64", "aarch64", "arm64", "ppc64le") if each in ((recorded and recorded.platform) or "")
    ]
    if other and machine not in other:
        told.append(f"a machine of {machine}, not {other[0]}")
    wanted = {flat(name): version for name, version in ((recorded and recorded.packages) or {}).items()}
    if not wanted:  # a lock may hold more than was installed, under conditions or for other platforms
        wanted = {pin.name: pin.version for pin in pins if pin.version and not pin.marker}
    for name, version in sorted(wanted.items()):
        if found.packages.get(name) != version:
            told.append(f"{name} {found.packages.get(name, 'absent')}, not {version}")
    for pin in pins:
        theirs = found.files.get(pin.name)
        if pin.files and wanted.get(pin.name, pin.version) == found.packages.get(pin.name) and theirs != pin.files:
            told.append(f"{pin.name} {pin.version} has other files")
    return told


def more(found: Interpreter, recorded: Environment | None, pins: Sequence[Pin]) -> list[str]:
    """Return the distributions that the record does not have."""
    known = {flat(name) for name in (recorded and recorded.packages) or {}} | {pin.name for pin in pins}
    return sorted(found.packages.keys() - known)


def altered(python: str, folder: Path, variables: Mapping[str, str]) -> list[str]:
    """Return installed files that no longer have the bytes that their distribution's RECORD names.

    Raises:
        UnavailableError: ``no-python``, when the interpreter does not answer.
    """
    try:
        done = subprocess.run(  # noqa: S603 - the interpreter that the command will run with
            [python, "-W", "ignore", "-c", _ASKED],
            cwd=folder,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_ASK_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise _silent(python, str(error)) from error
    text = done.stdout.decode("utf-8", "replace").rpartition("\n" + _MARK)[2].partition("\n")[0]
    try:
        return [str(each) for each in json.loads(text)["altered"]]
    except (ValueError, KeyError, TypeError) as error:
        raise _silent(python, done.stderr.decode("utf-8", "replace")[-300:]) from error


def few(told: Sequence[str]) -> str:
    """Return the first of many differences, in one line."""
    left = len(told) - _TOLD
    return "; ".join(told[:_TOLD]) + (f"; {left} more" if left > 0 else "")


def _version(text: str | None) -> str:
    match = re.search(r"\d+\.\d+\.\d+\S*", text or "")
    return match[0] if match else ""


def _silent(python: str, why: str) -> UnavailableError:
    return UnavailableError(
        f"{python} does not answer: {why.strip()}", code="no-python", hint="Name a Python of 3.8 or newer."
    )
