"""Which activity made a version: the one that tells most, and among equals the newest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from herdbook.kernel.errors import MissingError
from herdbook.model.activities import Activity, ActivityEntry
from herdbook.model.versions import Entry
from herdbook.ports.registry import Registry

NOT_TRAININGS = frozenset({"adoption", "retraining", "prediction"})
"""Kinds that put out a version without having made it first."""
NOT_INPUTS = frozenset({"code-bundle", "untracked", "evidence", "original", "lock", "diff", "history", "log"})
"""Roles of what an activity names and its command did not read as data."""


@dataclass(frozen=True)
class Origin:
    """A version, the activity that made it, and how many others say so."""

    entry: Entry
    made_by: ActivityEntry
    others: int = 0

    @property
    def activity(self) -> Activity:
        """The activity's record."""
        return self.made_by.activity

    @property
    def exact(self) -> str:
        """A reference that means this version whatever is registered later."""
        return f"{self.entry.model}@{self.entry.ordinal}"


def find(registry: Registry, reference: str) -> Origin:
    """Return a version with the activity that made it.

    Raises:
        MissingError: ``no-origin``, when nothing is known of how it was made, or not how it can be made again.
    """
    dossier = registry.versions.dossier(reference)
    entry = dossier.entry
    made = [each for each in dossier.made_by if each.activity.kind not in NOT_TRAININGS]
    if not made:
        raise MissingError(
            f"nobody said how {entry.reference} was made: neither code nor command, inputs or environment are known",
            code="no-origin",
            hint="Train under `herdbook run`, or tell it afterwards with `herdbook activity add`.",
        )
    return Origin(entry, fullest(made), len(made) - 1)


def fullest(made: Sequence[ActivityEntry]) -> ActivityEntry:
    """Return the activity that tells most; of equals the one that ended last. There must be one."""
    return max(made, key=lambda each: (_fullness(each.activity), each.activity.ended or "", each.record))


def _fullness(activity: Activity) -> tuple[bool, int]:
    """Return how much of what a retraining needs an activity tells."""
    code, environment = activity.code, activity.environment
    told = [
        activity.command,
        code and (code.commit or code.untracked),
        environment and (environment.blob or environment.container or environment.packages),
        activity.inputs and any(part.path for part in activity.inputs),
        activity.outputs and any(part.path for part in activity.outputs),
        activity.seeds,
        activity.metrics,
    ]
    return activity.status == "finished", sum(map(bool, told))
