"""The reference page is the help, and `herdbook --help` says of each command what the command says of itself."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import click
import pytest

from herdbook.apps.cli.main import SECTIONS, cli
from herdbook.apps.cli.shapes import ANSWERS
from herdbook.model.query_parser import parse, unparse

ROOT = Path(__file__).resolve().parents[2]
ISSUE = re.findall(
    r"\w+",
    "activity adopt alias audit backup bundle cache card check completion config contract data dataset diff doctor "
    "fetch gc golden history identity impact import init inspect journal list mirror move namespace preprocessing "
    "profile push recheck register release retrain run search serve show spool statement store study trace undo "
    "verify webhook whoami",
)


def test_all_commands_are_there() -> None:
    assert sorted(name for section in SECTIONS.values() for name in section) == sorted(ISSUE)


def test_the_published_reference_is_the_help() -> None:
    made = runpy.run_path(str(ROOT / "tools" / "make_cli_reference.py"))["page"]()
    published = (ROOT / "docs" / "reference" / "cli.md").read_text("utf-8")
    assert made == published, "run python tools/make_cli_reference.py"


@pytest.mark.parametrize("name", ISSUE)
def test_the_short_words_of_a_command_are_its_own(name: str) -> None:
    entry = next(section[name] for section in SECTIONS.values() if name in section)
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert (command.help or "").partition("\n")[0].strip() == entry.short


def _leaves(command: click.Command, path: str = "") -> list[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        return [(path, command)]
    context = click.Context(command)
    found = [(name, command.get_command(context, name)) for name in command.list_commands(context)]
    return [leaf for name, below in found if below for leaf in _leaves(below, f"{path} {name}".strip())]


def test_every_command_says_what_its_json_is() -> None:
    assert sorted(path for path, _ in _leaves(cli)) == sorted(ANSWERS)


def test_every_option_says_what_it_does() -> None:
    silent = [
        f"{path} {option.opts}"
        for path, command in _leaves(cli)
        for option in command.params
        if isinstance(option, click.Option) and not option.help
    ]
    assert not silent


def test_the_queries_that_help_shows_are_queries() -> None:
    command = cli.get_command(click.Context(cli), "search")
    assert command is not None
    shown = re.findall(r"'([^']+)'", " ".join((command.help or "").split()))
    assert len(shown) == 3
    for query in shown:
        assert parse(query) == parse(unparse(parse(query)))


def _loaded(*words: str) -> set[str]:
    script = (
        f"import sys; sys.argv = ['herdbook', *{words!r}]\n"
        "from herdbook.apps.cli.main import run\n"
        "try: run()\n"
        "except SystemExit: pass\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    return {name.partition(".")[0] for name in done.stderr.splitlines()}


def test_help_loads_no_value_no_database_no_drawing() -> None:
    assert not _loaded("--help") & {"pydantic", "sqlalchemy", "rich", "jsonschema", "platformdirs"}


def test_json_loads_no_drawing() -> None:
    assert not _loaded("config", "show", "--json") & {"sqlalchemy", "rich"}
