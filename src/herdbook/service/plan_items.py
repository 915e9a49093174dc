"""Items of a plan: what a person may edit of them, what was planned, and what a plan decides about each version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

from herdbook.kernel import canonical, digests
from herdbook.kernel.errors import ConflictError, InvalidError
from herdbook.model.plans import Plan, PlanModel, PlanVersion, PlanWithdrawal

Item = PlanModel | PlanVersion | PlanWithdrawal
I = TypeVar("I", PlanModel, PlanVersion, PlanWithdrawal)  # noqa: E741 - the one letter that says what it is

EDITABLE: dict[str, tuple[str, ...]] = {
    "models": ("name", "skip"),
    "versions": ("model", "labels", "skip"),
    "withdrawals": ("accept",),
}
"""What a person may edit, by the part of the plan."""


def place(section: str, key: str) -> str:
    """Return under which key the base, and a conflict, have an item: ``versions/3f0c…``."""
    return f"{section}/{key}"


def items(plan: Plan) -> list[tuple[str, Item]]:
    """Return every item of a plan, with the part that it stands in."""
    return [(section, item) for section in EDITABLE for item in getattr(plan, section)]


def value_of(item: Item, field: str) -> Any:  # noqa: ANN401 - a JSON value
    """Return an editable field as JSON has it."""
    value = getattr(item, field)
    return list(value) if isinstance(value, tuple) else value


def default(key: str, field: str) -> Any:  # noqa: ANN401 - a JSON value
    """Return what a field is planned as where the base says nothing."""
    return {"name": key, "labels": [], "accept": False}.get(field)


def planned(section: str, item: Item) -> dict[str, Any]:
    """Return what a base holds of an item: its editable fields, without those that are as by default."""
    told = {field: value_of(item, field) for field in EDITABLE[section]}
    return {field: value for field, value in told.items() if value != default(item.key, field)}


def edits(plan: Plan) -> list[tuple[str, str, Any]]:
    """Return what a person edited: (place, field, value)."""
    found = []
    for section, item in items(plan):
        where = place(section, item.key)
        base = plan.base.get(where, {})
        for field in EDITABLE[section]:
            value = value_of(item, field)
            if value != base.get(field, default(item.key, field)):
                found.append((where, field, value))
    return found


def edits_digest(plan: Plan) -> str:
    """Return a digest of what a person edited, empty when nothing was."""
    told = [[where, field, "" if value is None else value] for where, field, value in edits(plan)]
    return digests.of(canonical.dumps(sorted(told, key=lambda edit: edit[:2]))) if told else ""


class Chosen(NamedTuple):
    """What a plan decides about one version; with ``skip``, the reason, it is left out."""

    model: str
    labels: tuple[str, ...]
    skip: str | None


def chosen(plan: Plan) -> dict[str, Chosen]:
    """Return, by key, what a plan decides about each version."""
    models = {model.key: model for model in plan.models}
    found = {}
    for version in plan.versions:
        model = models.get(version.of)
        name = version.model or (model.name if model else version.of)
        skip = version.skip or (model.skip if model and version.model is None else None)
        found[version.key] = Chosen(name, version.labels, skip)
    return found


def check_source(plan: Plan, kind: str, name: str, namespace: str) -> None:
    """Check that a plan is of this source.

    Raises:
        ConflictError: when it is of another, or for another namespace.
    """
    mine, other = (plan.source.kind, plan.source.name, plan.namespace), (kind, name, namespace)
    if mine != other:
        raise ConflictError(
            f"the plan is of {mine[0]} source {mine[1]!r} for namespace {mine[2]!r}, not of {kind} source {name!r} "
            f"for {namespace!r}",
            code="other-plan",
            hint="Give each source and namespace a plan file of its own.",
        )


def by_key(section: str, found: Sequence[I]) -> dict[str, I]:
    """Return items by key.

    Raises:
        InvalidError: when a key stands twice.
    """
    keyed = {item.key: item for item in found}
    if len(keyed) != len(found):
        twice = next(key for key, count in Counter(item.key for item in found).items() if count > 1)
        raise nonsense(f"the key {twice!r} stands twice under {section}", "Delete one of the two entries.")
    return keyed


def nonsense(message: str, hint: str) -> InvalidError:
    """Return the error of a plan that says what cannot be."""
    return InvalidError(message, code="bad-plan", hint=hint)
