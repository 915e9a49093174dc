"""Write docs/reference/cli.md: every command with its own help, as it prints it 80 columns wide.

Run ``python tools/make_cli_reference.py`` after changing a command; a test compares what is committed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from herdbook.apps.cli.commands import EVERYWHERE
from herdbook.apps.cli.main import cli

TARGET = Path(__file__).resolve().parent.parent / "docs" / "reference" / "cli.md"
WIDTH = 80
ABOUT = """# The command line

`herdbook COMMAND --help` prints what stands here. The options of `herdbook` itself stand before or behind a command's
name. This page is made by `tools/make_cli_reference.py`.

Answers go to standard output; messages, hints and progress go to standard error. With `--json` an answer is one JSON
object, or one a line for lists: [the schemas](json/README.md). The exit status tells the kind of an error:
[errors](errors.md). Besides those: 1 when a question was answered with no (or `diff --exit-code` found a difference),
2 for a command that was not typed right, 70 for what should not have happened, 130 after Ctrl-C, 141 when nobody reads
on.

Colour follows `--color`, `NO_COLOR` and the terminal; the width follows `COLUMNS` and the terminal, and without either
no line is folded.

"""


def walk(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    """Yield (path, help) of a command and of those below it."""
    path = context.command_path
    text = command.get_help(context).replace(_folded(context), "").rstrip()
    yield path, text
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from walk(below, click.Context(below, info_name=name, parent=context, terminal_width=WIDTH))


def _folded(context: click.Context) -> str:
    """Return the line about shared options as help folds it, which the page says once."""
    formatter = context.make_formatter()
    with formatter.indentation():
        formatter.write_text(EVERYWHERE)
    return formatter.getvalue()


def page() -> str:
    """Return the page."""
    context = click.Context(cli, info_name="herdbook", terminal_width=WIDTH)
    parts = [f"## {path}\n\n```text\n{text}\n```\n" for path, text in walk(cli, context)]
    return ABOUT + "\n".join(parts)


def main() -> None:
    """Write the page."""
    TARGET.write_text(page(), "utf-8")
    print(f"{TARGET.name} written", file=sys.stderr)


if __name__ == "__main__":
    main()
