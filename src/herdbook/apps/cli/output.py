"""The output port: answers on stdout as text, JSON or a bare word; messages, hints and progress on stderr."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping
from typing import IO, TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

import click

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from herdbook.model.base import Value

    Drawing: TypeAlias = RenderableType
else:  # rich is loaded when something is drawn, and `herdbook --help` needs no values
    Drawing = Value = object

Mode = Literal["text", "json", "quiet"]
A = TypeVar("A", bound="Value")

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
PIPE_WIDTH = 10_000  # no line is folded for a program


def clean(text: str) -> str:
    """Return the text with characters that would steer a terminal, or reverse its writing, made visible."""
    return _CONTROL.sub(lambda match: chr(0x2400 + ord(match[0])) if match[0] < " " else "\ufffd", text)


def colours(stream: IO[Any], choice: str) -> bool:
    """Say whether to colour a stream: ``always``, ``never``, or on a terminal that can and whose user wants it."""
    if choice != "auto":
        return choice == "always"
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def columns(stream: IO[Any]) -> int:
    """Return the width to lay out for: ``COLUMNS``, else the terminal's, else no limit."""
    given = os.environ.get("COLUMNS", "")
    if given.isdigit() and int(given) > 0:
        return int(given)
    return shutil.get_terminal_size((100, 24)).columns if stream.isatty() else PIPE_WIDTH


class Output:
    """Prints one run's answers and messages."""

    def __init__(self, *, mode: Mode = "text", color: str = "auto") -> None:
        self.mode = mode
        self.color = color

    def one(self, answer: Value, view: Callable[[], Drawing | None], *, brief: str = "") -> None:
        """Print one answer: its JSON object, or its ``brief`` word, or what ``view`` draws."""
        if self.mode == "json":
            self._json(answer, indent=2 if sys.stdout.isatty() else None)
        elif self.mode == "quiet":
            if brief:
                self.raw(brief)
        elif (drawn := view()) is not None:
            self.draw(drawn)

    def many(
        self,
        answers: Iterable[A],
        view: Callable[[list[A]], Drawing | None],
        *,
        brief: Callable[[A], str],
        empty: str = "",
    ) -> int:
        """Print a list: a JSON object a line, or a word a line, or one drawing; return how many there were.

        ``empty`` is the message that stands for an empty drawing.
        """
        count = 0
        if self.mode != "text":
            for answer in answers:
                count += 1
                if self.mode == "json":
                    self._json(answer)
                elif word := brief(answer):
                    self.raw(word)
            return count
        found = list(answers)
        if found and (drawn := view(found)) is not None:
            self.draw(drawn)
        elif not found and empty:
            self.message(empty)
        return len(found)

    def raw(self, text: str) -> None:
        """Print a line as it is, but for control characters."""
        self.draw(text)

    def draw(self, drawn: Drawing) -> None:
        """Print a drawing on stdout; a plain text as it is, never folded, so that it can be copied."""
        if isinstance(drawn, str):
            click.echo(_encodable(clean(drawn), sys.stdout), color=True)
            return
        console = self._console(sys.stdout)
        with console.capture() as caught:
            console.print(_Clean(drawn), crop=False)  # what must not be folded runs on
        text = caught.get()
        if console.color_system is None:
            text = "\n".join(line.rstrip(" ") for line in text.split("\n"))
        click.echo(_encodable(text, sys.stdout), nl=False, color=True)

    def message(self, text: str) -> None:
        """Say something to the person, on stderr; programs do not hear it."""
        if self.mode == "text":
            self.say(text)

    def hint(self, text: str) -> None:
        """Say what to do next."""
        if self.mode == "text":
            self.say(text, label="hint", style="2")

    def warn(self, text: str) -> None:
        """Say what a person should look at; a program gets it as an object on stderr."""
        if self.mode == "json":
            self.object_on_stderr({"warning": text})
        else:
            self.say(text, label="warning", style="33")

    def say(self, text: str, *, label: str = "", style: str = "") -> None:
        """Write a labelled line to stderr, whatever the mode; ``style`` is an SGR number of ECMA-48."""
        head = f"{label}: " if label else ""
        line = _encodable(_folded(clean(text), columns(sys.stderr), len(head)), sys.stderr)
        if style and colours(sys.stderr, self.color):
            dim_all = style == "2"
            line = f"\x1b[{style}m{head}{line}\x1b[0m" if dim_all else f"\x1b[{style}m{head}\x1b[0m{line}"
        else:
            line = head + line
        click.echo(line, err=True, color=True)

    def object_on_stderr(self, value: Mapping[str, Any]) -> None:
        """Write a JSON object as a line to stderr, where programs find what is no answer."""
        click.echo(_dumps(value, sys.stderr), err=True)

    @property
    def shows_progress(self) -> bool:
        """Whether somebody watches."""
        return self.mode == "text" and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    def error_console(self) -> Console:
        """Return a console on stderr, for progress."""
        return self._console(sys.stderr, live=True)

    def _console(self, stream: IO[Any], *, live: bool = False) -> Console:
        from rich.console import Console

        colour = colours(stream, self.color)
        return Console(
            file=stream,
            force_terminal=None if live else colour,
            color_system="standard" if colour else None,
            no_color=not colour,
            width=columns(stream),
            markup=False,
            emoji=False,
            highlight=False,
            legacy_windows=False,
        )

    def _json(self, answer: Value, indent: int | None = None) -> None:
        click.echo(_dumps(answer.json_object(), sys.stdout, indent))


def _dumps(value: object, stream: IO[Any], indent: int | None = None) -> str:
    unicode = (getattr(stream, "encoding", None) or "utf-8").lower().replace("-", "") == "utf8"
    return json.dumps(value, ensure_ascii=not unicode, allow_nan=False, indent=indent)


def _folded(text: str, width: int, taken: int) -> str:
    """Return prose folded between words; lines that were already parted stay so."""
    return "\n".join(
        textwrap.fill(
            line,
            max(20, width),
            initial_indent=" " * (0 if index else taken),
            break_long_words=False,
            break_on_hyphens=False,
        )[0 if index else taken :]
        if taken + len(line) > width
        else line
        for index, line in enumerate(text.split("\n"))
    )


def _encodable(text: str, stream: IO[Any]) -> str:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


class _Clean:
    """A drawing whose every text has lost the characters that steer a terminal."""

    def __init__(self, drawn: Drawing) -> None:
        self.drawn = drawn

    def __rich_console__(self, console: Any, options: Any) -> Any:  # noqa: ANN401 - rich's protocol, loaded late
        from rich.segment import Segment

        for segment in console.render(self.drawn, options):
            yield Segment(clean(segment.text), segment.style, segment.control)
