"""Rules of boosted trees: how many there are, which of them count, and what their features are called."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from herdbook.model.checks import Rule
from herdbook.model.facts import Finding, Severity
from herdbook.model.formats import XGBOOST
from herdbook.plugins.checks.looking import Read, features, files, tensors
from herdbook.ports.checks import Check, Subject

COUNT = Rule(
    id="trees-differ", title="Another number of trees than declared", severity=Severity.WARNING, by_reader=True
)
STOPPED = Rule(id="early-stopped", title="Trees beyond the best iteration", severity=Severity.WARNING)
UNNAMED = Rule(id="features-unnamed", title="Nobody says what the features are", severity=Severity.WARNING)
LEGACY = Rule(
    id="xgboost-legacy", title="A format that XGBoost reads no longer", severity=Severity.WARNING, by_reader=True
)

_LISTS = ("feature-list", "scaler", "normalisation-dict")


class Trees:
    """Looks at models made of trees, whatever wrote them."""

    rules = (COUNT, STOPPED, UNNAMED, LEGACY)

    def look(self, subject: Subject) -> Iterable[Finding]:
        """Yield what is found."""
        for file in files(subject, XGBOOST):
            yield from _stopped(file)
        yield from _unnamed(subject)


_: type[Check] = Trees


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
