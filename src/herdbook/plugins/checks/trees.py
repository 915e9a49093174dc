"""Rules of boosted trees: how many there are, which of them count, and what their features are called."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from herdbook.model.checks import Rule
from herdbook.model.facts import Finding, Severity
from herdbook.model.formats import TREES, XGBOOST
from herdbook.plugins.checks.looking import Read, features, files, tensors
from herdbook.ports.checks import Check, Subject

COUNT = Rule(id="tree-count", title="Another number of trees than declared", severity=Severity.ERROR)
STOPPED = Rule(id="early-stopped", title="Trees beyond the best iteration", severity=Severity.WARNING)
UNNAMED = Rule(id="features-unnamed", title="Nobody says what the features are", severity=Severity.WARNING)
LEGACY = Rule(id="legacy-xgboost", title="XGBoost's binary format, which it no longer reads", severity=Severity.WARNING)

_LISTS = ("feature-list", "scaler", "normalisation-dict")
_BINARY = frozenset({"xgboost-binf", "xgboost-bin-old"})


class Trees:
    """Looks at models made of trees, whatever wrote them."""

    rules = (COUNT, STOPPED, UNNAMED, LEGACY)

    def look(self, subject: Subject) -> Iterable[Finding]:
        """Yield what is found."""
        for file in files(subject, TREES | {"conifer-json"}):
            yield from _count(file)
            yield from _stopped(file)
            if file.format in _BINARY:
                message = (
                    "XGBoost reads this binary format no more since version 3.1: "
                    "load it with version 1.7 to 3.0 and save it as .json or .ubj"
                )
                yield LEGACY.found(message, path=file.path)
        yield from _unnamed(subject)


_: type[Check] = Trees


def _count(file: Read) -> Iterator[Finding]:
    declared = next((name for name in ("trees_declared", "n_trees_declared") if name in file.values), "")
    want, have = file.values.get(declared), _held(file.values)
    if isinstance(want, int) and isinstance(have, int) and want != have:
        message = f"the file declares {want} trees and holds {have}"
        yield COUNT.found(message, path=file.path, where=f"/{declared}")


def _held(values: Mapping[str, Any]) -> int | None:
    """Return the number that compares with the declared one: conifer declares rounds, others trees."""
    rounds = values.get("boosting_rounds")
    held = rounds if rounds is not None and "n_trees_declared" in values else values.get("trees")
    return held if isinstance(held, int) else None


def _stopped(file: Read) -> Iterator[Finding]:
    """Yield what remains behind the best iteration; it is given as the number of rounds, ``best_iteration`` + 1."""
    attributes = file.values.get("attributes") or {}
    rounds, best = file.values.get("boosted_rounds"), _number(attributes.get("best_iteration"))
    if isinstance(rounds, int) and best is not None and 0 <= best < rounds - 1:
        message = (
            f"training stopped early: round {best + 1} was the best, the file holds {rounds}; a Booster applies all "
            "of them, the scikit-learn interface the best ones. Cut it at the best, or say in the contract which count"
        )
        yield STOPPED.found(message, path=file.path, where="/attributes/best_iteration")


def _number(text: object) -> int | None:
    try:
        found = json.loads(str(text))
    except ValueError:
        return None
    return found if isinstance(found, int) else None


def _unnamed(subject: Subject) -> Iterator[Finding]:
    """Yield XGBoost models without names of features, where neither a list beside them nor a contract names as many."""
    told = {len(found) for tensor in tensors(subject).values() if (found := features(tensor))}
    beside = {_length(file.values) for file in files(subject, _LISTS)}
    for file in files(subject, XGBOOST):
        count = file.values.get("num_features")
        if file.values.get("features") or count in told | beside:
            continue
        message = (
            f"{count if count is not None else 'The'} features have no names, and no file beside the model lists them"
        )
        yield UNNAMED.found(message, path=file.path, where="/num_features")


def _length(values: Mapping[str, Any]) -> int | None:
    found = values.get("num_features", values.get("length"))
    return found if isinstance(found, int) else None
