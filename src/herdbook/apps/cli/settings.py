"""``config``: settings, and where each comes from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from herdbook.apps.cli.answers import ConfigFile, SettingAnswer
from herdbook.apps.cli.commands import Group
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.session import Session, pass_session
from herdbook.bootstrap import discovery, principals, settings_file
from herdbook.bootstrap import settings as settings_

_NAME = click.Choice(list(settings_.KNOWN))


@click.group(cls=Group)
def config() -> None:
    """Settings, and where each comes from."""


@config.command()
@pass_session
def show(session: Session) -> None:
    """Show every setting with its origin: argument, environment, file, default."""
    found = settings_.load(registry=session.where)

    def view(entries: list[SettingAnswer]) -> Drawing:
        from herdbook.apps.cli.views import reports

        return reports.settings(entries)

    session.output.many(_all(found), view, brief=lambda item: f"{item.name}={'' if item.value is None else item.value}")


def _all(found: settings_.Settings) -> Iterator[SettingAnswer]:
    for name, known in settings_.KNOWN.items():
        setting = found[name]
        if name == "actor.id" and setting.value is None:
            path = principals.path_beside(found.file)
            if (kept := principals.read(path)) is not None:
                setting = settings_.Setting(name, kept, "file", str(path))
        yield SettingAnswer(
            name=name, value=setting.value, origin=setting.origin, source=setting.source, about=known.about
        )
    for name in found.unknown:
        yield SettingAnswer(name=name, origin="file", source=str(found.file), known=False)


@config.command(name="set")
@click.argument("name", type=_NAME)
@click.argument("value")
@pass_session
def set_(session: Session, /, *, name: str, value: str) -> None:
    """Write a setting into the configuration file."""
    if name == "registry":
        value = discovery.find(value).location
    _changed(session, settings_file.change({name: value}), name)


@config.command()
@click.argument("name", type=_NAME)
@pass_session
def unset(session: Session, /, *, name: str) -> None:
    """Remove a setting from the configuration file."""
    _changed(session, settings_file.change({name: None}), name)


def _changed(session: Session, path: Path, name: str) -> None:
    answer = ConfigFile(file=str(path), exists=True, changed=(name,))
    now = settings_.load(registry=session.where)[name]
    session.output.one(answer, lambda: f"{name} is {now.text or 'not set'}", brief=str(path))
    if now.origin not in {"file", "default"}:
        session.output.warn(f"{now.source} wins over the file")


@config.command()
@pass_session
def path(session: Session) -> None:
    """Print where the configuration file is, or would be."""
    file = settings_.config_file()
    answer = ConfigFile(file=str(file), exists=file.exists())
    session.output.one(answer, lambda: str(file), brief=str(file))
