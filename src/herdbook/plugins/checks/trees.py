"""Rules of boosted trees: how many there are, which of them count, and what their features are called."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from herdbook.model.checks import Rule
from herdbook.model.facts import Finding, Severity
from herdbook.model.formats import XGBOOST
from herdbook.plugins.checks.looking import Read, features, files, listed, tensors
from herdbook.ports.checks import Check, Subject

COUNT = Rule(
    id="trees-differ", title="Another number of trees than declared", severity=Severity.WARNING, by_reader=True
)
STOPPED = Rule(id="early-stopped", title="Trees beyond the best iteration", severity=Severity.WARNING)
UNNAMED = Rule(id="features-unnamed", title="Nobody says what the features are", severity=Severity.WARNING)
LEGACY = Rule(
    id="xgboost-legacy", title="A format that XGBoost reads no longer", severity=Severity.WARNING, by_reader=True
)

_NAMING = XGBOOST | {"conifer-json", "lightgbm-text", "catboost-cbm"}
_MADE_UP = re.compile(r"(?:f|x|var|feature|column)?_?\d+", re.IGNORECASE)
"""``f0`` of XGBoost, ``f_0`` of conifer, ``Column_0`` of LightGBM, ``0`` of CatBoost."""
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
    """Yield models without names of features, where neither a list beside them nor a contract names as many."""
    told = {len(found) for tensor in tensors(subject).values() if (found := features(tensor)) and not _numbered(found)}
    beside = {_length(file.values) for file in files(subject, _LISTS)}
    for file in files(subject, _NAMING):
        named, count = file.values.get("features"), file.values.get("num_features")
        if (named and not _numbered(named)) or count in told | beside:
            continue
        many = "the" if count is None else str(count)
        said = f"are called {listed([_name(each) for each in named], 2)}" if named else "have no names"
        message = f"{many} features {said}, and no file beside the model lists them"
        yield UNNAMED.found(message, path=file.path, where="/features" if named else "/num_features")


def _numbered(named: Sequence[Any]) -> bool:
    """Say whether all names are only numbers with a letter before them, as libraries make them up."""
    return all(_MADE_UP.fullmatch(_name(each)) for each in named)


def _name(feature: object) -> str:
    said = feature.get("name") if isinstance(feature, dict) else getattr(feature, "name", feature)
    return str(said)


def _length(values: Mapping[str, Any]) -> int | None:
    found = values.get("num_features", values.get("length"))
    return found if isinstance(found, int) else None
