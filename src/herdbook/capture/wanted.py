"""What an author says about a run before it begins: where it is registered, what goes in, what comes out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from herdbook.kernel.errors import InvalidError, MissingError
from herdbook.kernel.names import Reference, check_namespace, namespace_of
from herdbook.model.activities import Derivation, Parameter, Window
from herdbook.model.base import Json
from herdbook.model.identifiers import Identifier

_ROLE = re.compile(r"([a-z][a-z0-9_-]{0,63})=(.+)", re.DOTALL)
STRATEGY = {
    "fine-tuning": "fine-tuning",
    "continual-training": "continual",
    "threshold-update": "threshold-only",
}
"""By kind of activity: the strategy that its name says."""


@dataclass(frozen=True)
class Wanted:
    """All that can be said of a run; paths are absolute."""

    argv: tuple[str, ...] = ()
    cwd: Path = Path()
    kind: str = ""
    target: str | None = None
    namespace: str | None = None
    registry: str | None = None
    inputs: tuple[tuple[str, Path], ...] = ()
    outputs: tuple[tuple[str, Path], ...] = ()
    datasets: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    configs: tuple[Path, ...] = ()
    metrics: Path | None = None
    parameters: tuple[Parameter, ...] = ()
    derivation: Derivation | None = None
    upload: str = "clean"
    bundle: bool = False
    trace_opens: bool = False

    @property
    def activity_kind(self) -> str:
        """The kind that was said; else ``fine-tuning`` where there is a parent, else ``training``."""
        return self.kind or ("fine-tuning" if self.parents else "training")

    def checked(self) -> Wanted:
        """Return it, when the names in it can be names.

        Raises:
            InvalidError: when one cannot.
            MissingError: when a file that was named is not there.
        """
        if self.target:
            from herdbook.service.references import registration_target  # noqa: PLC0415 - loads ports and the model

            model, _ = registration_target(self.target)
            if self.namespace and self.namespace != namespace_of(model):
                raise InvalidError(
                    f"{self.target} is not in the namespace {self.namespace}",
                    code="bad-reference",
                    hint="Leave --namespace out: the model's name says it.",
                )
        elif self.namespace:
            check_namespace(self.namespace)
        for path in (*self.configs, *(path for _, path in self.inputs)):
            if not path.exists():
                raise MissingError(f"{path} is not there", code="no-path", hint="Check the path.")
        for parent in self.parents:
            Reference.parse(parent)
        return self


def roles(given: Iterable[str], default: str, folder: Path) -> tuple[tuple[str, Path], ...]:
    """Return (role, absolute path) of words ``PATH`` or ``ROLE=PATH``; a file that is called so is a path."""
    found = []
    for word in given:
        match = None if (folder / word).exists() else _ROLE.fullmatch(word)
        role, name = (match[1], match[2]) if match else (default, word)
        found.append((role, folder / name))
    return tuple(found)


def inputs(given: Iterable[str], folder: Path) -> tuple[tuple[tuple[str, Path], ...], tuple[str, ...]]:
    """Return what of some words are paths with their roles, and what are datasets (``scheme:value``, a digest)."""
    paths, datasets = [], []
    for word in given:
        if not (folder / word).exists() and re.match(r"[a-z0-9][a-z0-9.+-]*:", word) and "=" not in word.split(":")[0]:
            datasets.append(word if word.startswith("sha256:") else str(Identifier.parse(word)))
        else:
            paths.append(word)
    return roles(paths, "train", folder), tuple(datasets)


def window(text: str) -> Window:
    """Read ``AXIS:SINCE:UNTIL``; either end may be empty.

    Raises:
        InvalidError: when it has other parts.
    """
    parts = text.split(":")
    if len(parts) != 3 or not parts[0] or not (parts[1] or parts[2]):
        raise InvalidError(
            f"{text!r} is no window of data",
            code="bad-window",
            hint="Write AXIS:SINCE:UNTIL, as run:315252:325172; until is exclusive, and either end may be empty.",
        )
    return Window(axis=parts[0], since=parts[1] or None, until=parts[2] or None)


def pairs(given: Iterable[str]) -> dict[str, str]:
    """Read words ``NAME=VALUE``.

    Raises:
        InvalidError: when one has no name or no ``=``.
    """
    found: dict[str, str] = {}
    for word in given:
        name, sign, value = word.partition("=")
        if not sign or not name.strip():
            raise InvalidError(f"{word!r} is not NAME=VALUE", code="bad-pair", hint="Write NAME=VALUE.")
        found[name.strip()] = value
    return found


def setting(text: str) -> Any:  # noqa: ANN401 - a number, a truth value or a text
    """Return a setting's value: a number or ``true``/``false`` where it reads so, else the text."""
    if text in {"true", "false"}:
        return text == "true"
    for kind in (int, float):
        try:
            value = kind(text)
        except ValueError:
            continue
        if abs(value) < 2**53:
            return value
    return text


def derivation(
    kind: str, strategy: str | None, trigger: str | None, span: str | None, settings: Iterable[str]
) -> Derivation | None:
    """Return how a model comes out of its parent, as far as anything was said."""
    told: Json = {
        "strategy": strategy or STRATEGY.get(kind),
        "trigger": trigger,
        "window": window(span) if span else None,
        "settings": {name: setting(value) for name, value in pairs(settings).items()} or None,
    }
    return Derivation(**told) if any(value is not None for value in told.values()) else None
