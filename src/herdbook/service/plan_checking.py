"""Checking a plan that a person edited: whether it can be done with the drafts it was made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from herdbook.kernel import names
from herdbook.kernel.errors import ConflictError
from herdbook.model.drafts import Drafts
from herdbook.model.plans import Plan, PlanModel, PlanVersion
from herdbook.service.plan_items import Chosen, Item, by_key, check_source, chosen, nonsense

_NO_REASON = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null", "~"})


def check(plan: Plan, drafts: Drafts) -> None:
    """Check that a plan can be done with these drafts.

    Raises:
        ConflictError: when it is of another source, namespace, rules or state, or conflicts are left in it.
        InvalidError: when it says what cannot be: names, labels, keys, what is for reading.
    """
    check_source(plan, drafts.source.kind, drafts.source.name, drafts.namespace)
    if plan.rules != drafts.rules or plan.source.state != drafts.source.state:
        what = "the rules changed" if plan.rules != drafts.rules else "the source moved"
        raise ConflictError(
            f"{what} since the plan was made", code="source-moved", hint="Plan again; what you edited is kept."
        )
    if plan.conflicts:
        first = plan.conflicts[0]
        raise ConflictError(
            f"the plan has {len(plan.conflicts)} undecided conflicts, the first about {first.field!r} of {first.key}",
            code="plan-conflicts",
            hint="Decide each: edit the field, then delete the entry under `conflicts`.",
            conflicts=[conflict.key for conflict in plan.conflicts],
        )
    _check_keys(plan, drafts)
    _check_skips(plan)
    decided = chosen(plan)
    _check_names(plan, decided)
    _check_labels(plan, decided)


def _check_keys(plan: Plan, drafts: Drafts) -> None:
    _same_keys("models", by_key("models", plan.models), {model.name for model in drafts.models})
    _same_keys("withdrawals", by_key("withdrawals", plan.withdrawals), {item.key for item in drafts.withdrawals})
    drafted = {version.key: version for version in drafts.versions}
    _same_keys("versions", by_key("versions", plan.versions), drafted.keys())
    for version in plan.versions:
        draft = drafted[version.key]
        files = {file.path: file.digest for file in draft.files}
        if version.files != files or version.of != draft.model:
            raise nonsense(
                f"`files` or `of` of the version {version.key} were edited",
                "They are for reading; what goes into a version is decided by the rules.",
            )


def _same_keys(section: str, given: Mapping[str, Item], drafted: Iterable[str]) -> None:
    drafted = set(drafted)
    if unknown := given.keys() - drafted:
        raise nonsense(
            f"the source has nothing with the key {min(unknown)!r} ({section})",
            "Keys are for reading. Plan again; what you edited is kept.",
        )
    if missing := drafted - given.keys():
        raise nonsense(
            f"the plan lacks {min(missing)!r} ({section})",
            "Set `skip` to a reason to leave something out, rather than delete it. Planning again puts it back.",
        )


def _check_skips(plan: Plan) -> None:
    listed: list[PlanModel | PlanVersion] = [*plan.models, *plan.versions]
    for item in listed:
        if item.skip is not None and (item.skip.strip().lower() in _NO_REASON or not item.skip.strip()):
            raise nonsense(
                f"`skip` of {item.key!r} is {item.skip!r}, which is no reason",
                "Write why it is left out; delete the line when it is not.",
            )


def _check_names(plan: Plan, decided: Mapping[str, Chosen]) -> None:
    taken: dict[str, str] = {}
    used = {choice.model for choice in decided.values() if not choice.skip}
    for name in sorted(used | {model.name for model in plan.models if not model.skip}):
        names.check_model(name)
        if names.namespace_of(name) != plan.namespace:
            raise nonsense(
                f"{name!r} is not in the namespace {plan.namespace!r}",
                f"Begin the name with {plan.namespace}/; import into another namespace with another plan.",
            )
        if (other := taken.setdefault(name.casefold(), name)) != name:
            raise nonsense(f"{name!r} and {other!r} differ in case only", "Write one name in one way.")
    for folded, name in taken.items():
        parts = folded.split("/")
        above = [taken[path] for path in ("/".join(parts[:count]) for count in range(2, len(parts))) if path in taken]
        if above:
            raise nonsense(
                f"the name {above[0]!r} is a path prefix of {name!r}", "Models do not lie inside models: rename one."
            )


def _check_labels(plan: Plan, decided: Mapping[str, Chosen]) -> None:
    taken: dict[tuple[str, str], PlanVersion] = {}
    for version in plan.versions:
        model, labels, skip = decided[version.key]
        for label in labels if not skip else ():
            names.check_label(label)
            other = taken.setdefault((model, label.casefold()), version)
            if other.files != version.files or (other is version and _twice(label, labels)):
                raise nonsense(
                    f"the label {label!r} stands twice in {model}: at {other.key} and at {version.key}",
                    "Labels are unique in a model, without case: change one.",
                )


def _twice(label: str, labels: Sequence[str]) -> bool:
    return sum(label.casefold() == other.casefold() for other in labels) > 1
