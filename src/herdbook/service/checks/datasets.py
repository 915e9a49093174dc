"""Trainable, the data: pinned, where they come from, how they were split."""

from __future__ import annotations

from herdbook.model.audits import Absent, Checked, Score, Stated, Structured
from herdbook.model.base import Json
from herdbook.service.auditing_evidence import Data, Evidence, Input
from herdbook.service.checks.trainings import UNKNOWN, fresh

_MADE = ("generator", "release", "conditions", "campaign")
_TESTS = ("validation", "val", "test", "evaluation")


def pinned(e: Evidence) -> Score:
    """T3: the training's data, file by file with checksums, of a dataset that is closed."""
    if e.activity is None:
        return Absent(why=UNKNOWN)
    if not e.data:
        return Absent(why="none of its inputs is data")
    ranks = [_rank(e, each) for each in e.data]
    worst, why = min(ranks)
    if worst == 3:
        return Checked(ran=e.ran("datasets", f"{len(ranks)} inputs: {why}"))
    return Structured(where=why) if worst == 2 else Stated(where=why)


def _rank(e: Evidence, given: Input) -> tuple[int, str]:
    """Return the score of one input, and why."""
    if changed := _changed(e, given):
        return 1, changed
    digest = given.part.file or given.part.blob
    whole = _dataset(e, given.title, given.data) if given.data else (1, f"only the name of {given.title} is known")
    if digest is None:
        return whole
    if digest in e.kept:
        return 3, f"{given.title} is kept here"
    return whole if whole[0] == 3 else (2, f"{given.title}, by sha256")


def _changed(e: Evidence, given: Input) -> str:
    """Say that a file is not known to be the one that was read: the capture found it changed, or gone, at the end."""
    told = ((e.activity.workflow or {}).get("problems") or ()) if e.activity else ()
    for problem in ("input-changed", "input-gone"):
        if given.part.path and f"{problem}:{given.part.path}" in told:
            return f"{given.title}: {problem}, so what was read is not known"
    return ""


def _dataset(e: Evidence, title: str, data: Data) -> tuple[int, str]:
    """Return the score of a dataset as a whole, and why."""
    if data.manifest is None:
        return 1, f"{title} has no manifest" + (" here" if data.dataset.manifest else "")
    if not data.manifest.files or data.manifest.summed < data.manifest.files:
        return 1, f"the manifest of {title} has {data.manifest.summed} checksums for {data.manifest.files} files"
    if data.manifest.sums and data.manifest.sums <= e.kept:
        return 3, f"{title} is kept here"
    look = fresh(e, [look for look in data.looks if look.location.closed or look.location.checked == "checksum"])
    if look is not None and look.location.closed is not False and not look.location.lacking:
        return 3, f"{title} at {look.location.uri}"
    return 2, f"{title}, manifest of {data.manifest.files} files"


def origin(e: Evidence) -> Score:
    """T4: where the data come from: generator, release, conditions, and the datasets before them."""
    if not e.datasets:
        return Absent(why=UNKNOWN if e.activity is None else "its data are no datasets that are registered")
    told = [data for data in e.datasets if _told(data)]
    verified = [data for data in told if data.sources and fresh(e, data.source_looks)]
    if len(verified) == len(e.datasets):
        uri = fresh(e, verified[0].source_looks)
        return Checked(ran=e.ran("location", uri.location.uri if uri else "", uri.location.asked if uri else None))
    if len(told) == len(e.datasets):
        return Structured(where=f"ext.hep, or the activities behind {len(told)} datasets")
    if told or any(data.bodies("description") for data in e.datasets):
        return Stated(
            where=f"{len(e.datasets) - len(told)} of {len(e.datasets)} datasets do not say how they were made"
        )
    return Absent(why=f"nobody said how {e.datasets[0].dataset.title} was made")


def _told(data: Data) -> bool:
    return bool(data.origin) or sum(name in data.hep for name in _MADE) >= 2


def split(e: Evidence) -> Score:
    """T5: how data were divided, as a rule that was run and found no overlap."""
    if e.activity is None:
        return Absent(why=UNKNOWN)
    bodies = [(data, body) for data in e.datasets for body in data.bodies("split")]
    if bodies:
        return _rule(e, bodies)
    train = [each for each in e.data if each.part.role not in _TESTS]
    test = [each for each in e.data if each.part.role in _TESTS]
    if train and test:
        return _apart(e, train, test)
    named = [each.name for each in e.activity.parameters or () if "test_size" in each.name or "split" in each.name]
    if named or any(each.part.used for each in e.data):
        return Stated(where=named[0] if named else "what the activity says it used")
    return Absent(why="nobody said how the data were divided")


def _rule(e: Evidence, bodies: list[tuple[Data, Json]]) -> Score:
    data, body = bodies[-1]
    if body.get("checked") is None:
        return Structured(where=f"the split of {data.dataset.title}, which was not run")
    if body.get("overlap"):
        return Absent(why=f"{body['overlap']} entries of {data.dataset.title} are in several parts")
    if body.get("overlap") is None:
        return Structured(where=f"the split of {data.dataset.title}")
    return Checked(ran=e.ran("split", f"{body.get('entries')} entries of {data.dataset.title}", body["checked"]))


def _apart(e: Evidence, train: list[Input], test: list[Input]) -> Score:
    """Score data that lie in files of their own: held against one another by checksum."""
    mine, theirs = ([_sums(each) for each in part] for part in (train, test))
    both = set().union(*(sums or set() for sums in mine)) & set().union(*(sums or set() for sums in theirs))
    if both:
        return Absent(why=f"{len(both)} files are in training and test")
    if all(mine) and all(theirs):
        return Checked(ran=e.ran("manifests", f"{len(train)} and {len(test)} inputs have no file in common"))
    return Structured(where="datasets of their own, whose files are not all known")


def _sums(given: Input) -> set[str]:
    if given.data is not None:
        return set(given.data.manifest.sums or ()) if given.data.manifest else set()
    digest = given.part.file or given.part.blob
    return {digest} if digest else set()
