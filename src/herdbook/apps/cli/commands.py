"""Commands and groups of commands: found by name when they are needed, each taking the options that all have."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import click

from herdbook.apps.cli.session import Session

WIDTH = 100
EVERYWHERE = "Options of every command (-R, --json, --quiet, --color, --debug): see `herdbook --help`."


def _keep(context: click.Context, parameter: click.Parameter, value: object) -> None:
    """Put a shared option into the session; the one that stands nearest to the command's own words wins."""
    session = context.ensure_object(Session)
    if value is not None and parameter.name is not None:
        setattr(session, parameter.name, value)


def shared_options(*, hidden: bool) -> list[click.Parameter]:
    """Return the options that stand before or behind a command's name."""

    def option(*names: str, **given: Any) -> click.Option:  # noqa: ANN401 - what click takes
        return click.Option(
            names, expose_value=False, is_eager=True, callback=_keep, hidden=hidden, default=None, **given
        )

    return [
        option("-R", "--registry", "where", metavar="WHERE", help="The registry: a folder, or a server's URL."),
        option("--json", "as_json", is_flag=True, help="Print JSON: one object, or one a line for lists."),
        option("-q", "--quiet", "quiet", is_flag=True, help="Print the essential word only, and no messages."),
        option("--color", "color", type=click.Choice(["auto", "always", "never"]), help="When to colour."),
        option("--debug", "debug", is_flag=True, help="Show where in the program an error arose."),
    ]


class Command(click.Command):
    """A command that takes the shared options too."""

    def __init__(self, *args: Any, **given: Any) -> None:  # noqa: ANN401 - what click takes
        given.setdefault("epilog", EVERYWHERE)
        given.setdefault("context_settings", {"max_content_width": WIDTH})
        super().__init__(*args, **given)
        self.params.extend(shared_options(hidden=True))


class Group(click.Group):
    """A group whose commands take the shared options, and which guesses what a mistyped name meant."""

    command_class = Command

    def __init__(self, *args: Any, **given: Any) -> None:  # noqa: ANN401 - what click takes
        given.setdefault("epilog", EVERYWHERE)
        given.setdefault("context_settings", {"max_content_width": WIDTH})
        hidden = given.pop("hide_shared", True)
        super().__init__(*args, **given)
        self.params.extend(shared_options(hidden=hidden))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is named first."""
        name = args[0]
        if self.get_command(ctx, name) is None and not ctx.resilient_parsing and not name.startswith("-"):
            near = difflib.get_close_matches(name, self.list_commands(ctx), n=3, cutoff=0.5)
            words = f" Did you mean {' or '.join(near)}?" if near else ""
            raise click.UsageError(f"There is no command {name!r}.{words}", ctx)
        return super().resolve_command(ctx, args)


class Entry(NamedTuple):
    """Where a command is, and what it does in a line; the line must be the command's own, which a test keeps."""

    module: str
    name: str
    short: str


class LazyGroup(Group):
    """A group that loads the module of a command when it is asked for."""

    def __init__(
        self,
        *args: Any,  # noqa: ANN401 - what click takes
        sections: Mapping[str, Mapping[str, Entry]],
        **given: Any,  # noqa: ANN401 - what click takes
    ) -> None:
        super().__init__(*args, **given)
        self.sections = sections
        self._entries = {name: entry for section in sections.values() for name, entry in section.items()}

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the names, in the order of the table."""
        return list(self._entries)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command."""
        entry = self._entries.get(cmd_name)
        if entry is None:
            return None
        found = getattr(import_module(entry.module), entry.name)
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands under the headings of the table, without loading one."""
        width = max(map(len, self._entries))
        for heading, entries in self.sections.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), entry.short) for name, entry in entries.items()])
