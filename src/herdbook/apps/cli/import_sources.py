"""What the commands of `herdbook import` share: a source and its rules, opened as a person named them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

from herdbook.apps.cli.references import complete_namespace

if TYPE_CHECKING:  # what an importer needs is loaded when a source is opened
    from herdbook.model.rules import Rules
    from herdbook.ports.importers import Source

F = TypeVar("F", bound=Callable[..., Any])


def complete_kind(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return kinds of sources that begin so."""
    from herdbook.bootstrap import importers

    return [CompletionItem(kind) for kind in importers.kinds() if kind.startswith(incomplete)]


def complete_rules(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return names of ready-made rules that begin so; else the shell's files."""
    from herdbook.bootstrap import importers

    found = [CompletionItem(name) for name in importers.rule_names() if name.startswith(incomplete)]
    return found or [CompletionItem(incomplete, type="file")]


def described(function: F) -> F:
    """Give a command the options that say what a source is called and how it is read."""
    for option in (
        click.option(
            "--namespace",
            metavar="NAME",
            shell_complete=complete_namespace,
            help="Where to register; by default where the rules say.",
        ),
        click.option("--name", metavar="NAME", help="What the source is called, as cms-data/RecoTauTag-TrainingFiles."),
        click.option(
            "--rules",
            metavar="NAME|FILE",
            shell_complete=complete_rules,
            help="How paths become models; by default those that were made for the source.",
        ),
    ):
        function = option(function)
    return function


@dataclass(frozen=True)
class Opened:
    """A source, and the rules for it, which say the namespace it goes into."""

    source: Source
    rules: Rules


@contextlib.contextmanager
def opened(
    place: str,
    kind: str | None = None,
    *,
    name: str | None = None,
    rules: str | None = None,
    namespace: str | None = None,
) -> Iterator[Opened]:
    """Open a source for the time of a block, with the rules that were named or were made for it."""
    from herdbook.bootstrap import importers

    with contextlib.closing(importers.open_source(place, kind or "", name or "")) as source:
        paths = [] if source.kind == "git" or rules else importers.listed(place)
        yield Opened(source, importers.load_rules(rules, source.name, source.kind, namespace or "", paths))
