"""The commands that an audit prints are commands, with options that exist and bodies that are taken."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import click
import pytest

from herdbook.apps.cli.main import cli
from herdbook.model import kinds
from herdbook.service import checklist

SHA = "sha256:" + "0" * 64
FILLED = {
    "{reference}": "demo/m:v1",
    "{model}": "demo/m",
    "{dataset}": "local:toy",
    "{namespace}": "demo",
    "{activity}": SHA,
    "sha256:…": SHA,
    "DATASET": "local:toy",
    "…": "words",
}
ITEMS = {item.id: item for item in checklist.core().items}


def words(supply: str) -> list[str]:
    for name, value in FILLED.items():
        supply = supply.replace(name, value)
    return shlex.split(supply, comments=True)


def leaf(line: list[str]) -> tuple[click.Command, list[str]]:
    command: click.Command = cli
    while isinstance(command, click.Group):
        name, *line = line
        found = command.get_command(click.Context(command), name)
        assert found is not None, f"there is no command {name!r}"
        command = found
    return command, line


@pytest.mark.parametrize("name", ITEMS)
def test_what_would_supply_an_item_is_a_command(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for file in ("INPUTS.npz", "OUTPUTS.npz"):
        (tmp_path / file).touch()
    monkeypatch.chdir(tmp_path)
    for supply in filter(None, (ITEMS[name].supply, ITEMS[name].first)):
        program, *line = words(supply)
        assert program == "herdbook"
        command, rest = leaf(line)
        command.make_context(command.name, rest)


@pytest.mark.parametrize("name", [name for name, item in ITEMS.items() if "--body" in item.supply])
def test_the_body_that_it_shows_is_one_that_is_taken(name: str) -> None:
    line = words(ITEMS[name].supply)
    kind, body = (line[line.index(option) + 1] for option in ("--kind", "--body"))
    kinds.check(f"herdbook/{kind}/1", json.loads(body))
