"""Merging a plan that a person edited with a fresh one: three ways, by field; no edit gets lost silently."""

from __future__ import annotations

from typing import Any

from herdbook.model.plans import Conflict, Plan
from herdbook.service import plan_items
from herdbook.service.plan_items import I

_READ_ONLY = ("files", "of")


def merge(edited: Plan, fresh: Plan) -> Plan:
    """Return the fresh plan with what a person edited in the other; ``edited.base`` tells what that is.

    A field that was edited, and that the source would now have otherwise, stays as it was edited and is listed as a
    conflict. So is an edited item that the source no longer has. Conflicts that nobody decided stay.

    Raises:
        ConflictError: when the plan is of another source or namespace.
        InvalidError: when a key stands twice in it.
    """
    plan_items.check_source(edited, fresh.source.kind, fresh.source.name, fresh.namespace)
    merging = _Merging(edited)
    parts = {
        "models": merging.section("models", edited.models, fresh.models),
        "versions": merging.section("versions", edited.versions, fresh.versions),
        "withdrawals": merging.section("withdrawals", edited.withdrawals, fresh.withdrawals),
    }
    return fresh.model_copy(update={**parts, "conflicts": tuple(merging.conflicts.values())})


class _Merging:
    def __init__(self, edited: Plan) -> None:
        self.base = edited.base
        self.conflicts = {(conflict.key, conflict.field): conflict for conflict in edited.conflicts}

    def section(self, section: str, edited: tuple[I, ...], fresh: tuple[I, ...]) -> tuple[I, ...]:
        mine = plan_items.by_key(section, edited)
        theirs = plan_items.by_key(section, fresh)
        merged = [self._item(section, mine.get(item.key), item) for item in fresh]
        for key, item in mine.items():
            if key not in theirs:
                self._gone(section, item)
        return tuple(merged)

    def _item(self, section: str, mine: I | None, fresh: I) -> I:
        where = plan_items.place(section, fresh.key)
        if mine is None:
            if where in self.base:
                self._conflict(where, "entry", None, None, None, "it was deleted from the plan and is back: set `skip`")
            return fresh
        changed: dict[str, Any] = {}
        for field in plan_items.EDITABLE[section]:
            if self._keeps_mine(where, field, mine, fresh):
                changed[field] = getattr(mine, field)
        for field in _READ_ONLY:
            if getattr(mine, field, None) != getattr(fresh, field, None):
                self._conflict(
                    where, field, None, getattr(mine, field), getattr(fresh, field), f"`{field}` is for reading"
                )
        return fresh.model_copy(update=changed) if changed else fresh

    def _keeps_mine(self, where: str, field: str, mine: I, fresh: I) -> bool:
        yours, source = plan_items.value_of(mine, field), plan_items.value_of(fresh, field)
        if yours == source:
            self.conflicts.pop((where, field), None)  # what there was to decide agrees now
            return False
        if where not in self.base:
            self._conflict(where, field, None, yours, source, "the plan's base does not say what was planned")
            return True
        planned = self.base[where].get(field, plan_items.default(fresh.key, field))
        if yours == planned:
            return False
        if source != planned:
            self._conflict(where, field, planned, yours, source, "you edited it, and the source changed it")
        return True

    def _gone(self, section: str, item: I) -> None:
        where = plan_items.place(section, item.key)
        for field in plan_items.EDITABLE[section]:
            default = plan_items.default(item.key, field)
            planned = self.base.get(where, {}).get(field, default)
            yours = plan_items.value_of(item, field)
            if yours != planned or (where not in self.base and yours != default):
                self._conflict(where, field, planned, yours, None, "you edited it, and the source no longer has it")

    def _conflict(self, where: str, field: str, planned: Any, yours: Any, source: Any, message: str) -> None:  # noqa: ANN401 - JSON values
        self.conflicts[where, field] = Conflict(
            key=where, field=field, planned=planned, yours=yours, source=source, message=message
        )
