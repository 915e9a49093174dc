"""Which importers and which rules there are, and which of them a source is opened and read with."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import cache
from importlib import resources
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from herdbook.kernel import names
from herdbook.kernel.errors import HerdbookError, InvalidError, MissingError, UnavailableError
from herdbook.model.rules import Rules
from herdbook.ports.importers import Importer, Source

GROUP = "herdbook.importers"
BUILT_IN = {"git": "herdbook.plugins.importers.git:Git", "folder": "herdbook.plugins.importers.folder:Folder"}
"""What is there even where the entry points of the installation are older than the code."""
TRIED = ("git", "folder")
"""The kinds that are tried, in this order, when none is said."""
GENERAL = ("cms-data", "any")
"""Ready-made rules that are for many sources, in the order in which they are considered after all others."""


def _points() -> dict[str, EntryPoint]:
    found = {kind: EntryPoint(kind, target, GROUP) for kind, target in BUILT_IN.items()}
    for point in sorted(entry_points(group=GROUP), key=lambda each: (each.name, each.value)):
        found.setdefault(point.name, point)
    return found


def kinds() -> list[str]:
    """Return the kinds of sources that can be imported from."""
    return sorted(_points())


def importer(kind: str) -> Importer:
    """Return the importer of a kind, loaded now.

    Raises:
        MissingError: ``no-importer``, when there is none.
        UnavailableError: ``no-extra``, when it cannot be loaded.
    """
    points = _points()
    if kind not in points:
        raise MissingError(
            f"there is no importer for {kind!r}", code="no-importer", hint=f"There are: {', '.join(sorted(points))}."
        )
    try:
        made: Importer = points[kind].load()()
    except HerdbookError:
        raise
    except Exception as error:
        raise UnavailableError(
            f"the importer for {kind!r} cannot be loaded: {type(error).__name__}: {error}",
            code="no-extra",
            hint="Install herdbook[imports]." if kind in BUILT_IN else "Ask who made the plug-in.",
        ) from error
    return made


def open_source(place: str, kind: str = "", name: str = "") -> Source:
    """Open a source at a place; without a kind git is tried, then a folder. The caller closes it.

    Raises:
        MissingError: when there is nothing at the place, or no such kind.
        InvalidError: when it is of no kind that is known.
        UnavailableError: ``no-extra``, when what reads it is not installed.
    """
    if kind:
        return importer(kind).open(place, name=name)
    refused: InvalidError | None = None
    for each in TRIED:
        try:
            return importer(each).open(place, name=name)
        except InvalidError as error:
            refused = refused or error
        except UnavailableError:
            # Without dulwich a plain folder can still be read; what looks like git must not be taken for one.
            if _looks_like_git(Path(place)) or not Path(place).is_dir():
                raise
    raise refused or InvalidError(f"{place!r} is no source", code="no-source", hint=f"There are: {', '.join(kinds())}.")


def _looks_like_git(place: Path) -> bool:
    return (place / ".git").exists() or (place / "HEAD").is_file()


@cache
def _packaged() -> dict[str, str]:
    """Return the texts of the ready-made rules by name."""
    folder = resources.files("herdbook.plugins.importers") / "rules"
    return {
        item.name.removesuffix(".yaml"): item.read_text("utf-8")
        for item in sorted(folder.iterdir(), key=lambda each: each.name)
        if item.name.endswith(".yaml")
    }


@cache
def _loaded(name: str) -> Rules:
    from herdbook.service.mapping import rules_file  # noqa: PLC0415 - only an import needs it

    return rules_file.loads(_packaged()[name], f"the ready-made rules {name!r}")


def _order(name: str) -> tuple[int, str]:
    return (GENERAL.index(name) + 1 if name in GENERAL else 0, name)


def rule_names() -> list[str]:
    """Return the names of the rules that come with Herdbook, without reading them."""
    return sorted(_packaged(), key=_order)


def ready_made() -> list[Rules]:
    """Return the rules that come with Herdbook, in the order in which they are considered: special ones first."""
    return [_loaded(name) for name in rule_names()]


def load_rules(
    which: str | None, source_name: str, kind: str = "", namespace: str = "", paths: Sequence[str] = ()
) -> Rules:
    """Return the rules for a source.

    Args:
        which: a file, or the name of ready-made rules; ``None`` takes the first of these that fit: those whose pattern
            fits the source's name, those whose lists one of ``paths`` is, then the general ones. So does an empty text.
        source_name: what the source calls itself.
        kind: of the source.
        namespace: takes the place of the one in the rules; those that leave it open need one to be put to work.
        paths: of a folder, as ``listed`` gives them: some may be lists that special rules know.

    Raises:
        MissingError: ``no-rules``, when there is no such file and no such name.
        InvalidError: ``bad-rules``, or a namespace that can be none.
        UnavailableError: ``no-extra``, when YAML cannot be read here.
    """
    rules = _named(which) if which else _chosen(source_name, kind, paths)
    if namespace:
        rules = rules.model_copy(update={"namespace": names.check_namespace(namespace)})
    return rules


def listed(place: str, most: int = 1000) -> list[str]:
    """Return paths of files in a folder, at most so many and four folders deep; the name of a file that is one."""
    top = Path(place)
    if top.is_file():
        return [top.name]
    found: list[str] = []
    for folder, folders, files in os.walk(top):
        inside = Path(folder).relative_to(top)
        folders[:] = sorted(each for each in folders if not each.startswith(".")) if len(inside.parts) < 4 else []
        found += [(inside / file).as_posix() for file in sorted(files)]
        if len(found) >= most:
            break
    return found[:most]


def _named(which: str) -> Rules:
    if which in _packaged():
        return _loaded(which)
    if not Path(which).is_file():
        raise MissingError(
            f"there are no rules {which!r}",
            code="no-rules",
            hint=f"Give a file, or one of {', '.join(rule_names())}.",
        )
    from herdbook.service.mapping import rules_file  # noqa: PLC0415 - only an import needs it

    return rules_file.read(Path(which))


def _chosen(source_name: str, kind: str, paths: Sequence[str]) -> Rules:
    every = ready_made()
    special = [rules for rules in every if rules.name not in GENERAL]
    for rules in special:
        if re.fullmatch(rules.source, source_name):
            return rules
    if kind != "git":
        for rules in special:
            patterns = [re.compile(text) for each in rules.lists for text in each.paths]
            if any(pattern.fullmatch(path) for pattern in patterns for path in paths):
                return rules
    return next(rules for rules in every if rules.name in GENERAL and re.fullmatch(rules.source, source_name))
