"""Documents that a person hands over: JSON or TOML, in a file, on standard input, or as the word itself."""

from __future__ import annotations

import contextlib
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from herdbook.kernel import canonical
from herdbook.kernel.errors import DeniedError, InvalidError
from herdbook.model.base import Json


def read_bytes(name: str) -> bytes:
    """Return a file's bytes; ``-`` is standard input."""
    return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()


def read_object(name: str) -> Json:
    """Return the object in a JSON or (by its suffix) TOML file; ``-`` is JSON on standard input.

    Raises:
        InvalidError: naming the file and the line.
    """
    data = read_bytes(name)
    where = "standard input" if name == "-" else name
    if name.lower().endswith(".toml"):
        try:
            return tomllib.loads(data.decode("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InvalidError(f"{where} is not TOML: {error}", code="not-toml") from error
    return _object(data, where)


def read_word(word: str) -> Json:
    """Return the object that a word is (``{"title": …}``) or names (``@FILE``, ``@-``).

    Raises:
        InvalidError: when it is none.
    """
    if word.startswith("@"):
        return read_object(word[1:])
    if word.lstrip().startswith("{"):
        return _object(word, "the body")
    raise InvalidError(
        f"{word[:40]!r} is no JSON object", code="not-json", hint="Write '{…}', or @FILE for a file, or @- to read on."
    )


def read_lines(name: str) -> Iterator[Json]:
    """Yield the objects of a file of JSON lines, empty lines left out; ``-`` is standard input.

    Raises:
        InvalidError: naming the line.
    """
    where = "standard input" if name == "-" else name
    with contextlib.nullcontext(sys.stdin.buffer) if name == "-" else Path(name).open("rb") as stream:
        for number, line in enumerate(stream, 1):
            if line.strip():
                yield _object(line, f"line {number} of {where}")


def read_text_lines(name: str) -> list[str]:
    """Return the lines of a text file; ``-`` is standard input.

    Raises:
        InvalidError: when it is not UTF-8.
    """
    try:
        return read_bytes(name).decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise InvalidError(f"{name} is not UTF-8", code="not-utf8") from error


def replace(path: Path, text: str) -> None:
    """Write a text file whole or not at all, or into a pipe or device; what is no character stands as its escape.

    Raises:
        DeniedError: when it cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, "utf-8", errors="backslashreplace")
            return
        part.write_text(text, "utf-8", errors="backslashreplace")
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise DeniedError(
            f"{path} cannot be written: {error.strerror}", code="unwritable", hint="Write elsewhere."
        ) from error


def _object(data: bytes | str, where: str) -> Json:
    try:
        value: Any = canonical.loads(data)
    except InvalidError as error:
        raise InvalidError(
            f"{where}: {error.message}", code=error.code, hint=error.hint or "Correct it there."
        ) from error
    if not isinstance(value, dict):
        raise InvalidError(f"{where} holds no JSON object", code="not-an-object")
    return value
