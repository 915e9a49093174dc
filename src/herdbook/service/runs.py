"""Activities of one draft: a run that is here already is answered with, and a fuller telling resolves the poorer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import reduce

from herdbook.kernel.errors import MissingError
from herdbook.model.activities import Activity
from herdbook.model.statements import Evidence, Said, Subject
from herdbook.ports.catalogue import Writer
from herdbook.service import bodies, extensions, links, statements
from herdbook.service.context import Context
from herdbook.service.journal import Draft
from herdbook.service.uniting import same_run, unite


class Runs:
    """What a draft's journal, and the draft, know of runs."""

    def __init__(self, context: Context, tx: Writer, draft: Draft) -> None:
        self._context = context
        self._tx = tx
        self._draft = draft
        self._heads: dict[str, Activity] = {}
        self._by_id: dict[str, dict[str, None]] = defaultdict(dict)
        self._same: dict[str, str] = {}
        self.kept: dict[str, Activity] = {}
        """By digest of what was told: the activity that stands for it, where that is another one and has an id."""
        self.answers: dict[str, str] = {}
        """By digest of what was told: the record that stands for it."""

    def preload(self, activities: Iterable[Activity]) -> None:
        """Look up at once what is here of the runs of these activities."""
        activities = list(activities)
        if not activities:
            return
        edges = self._tx.edges_at({str(item) for each in activities for item in each.ids or ()}, "self")
        nameless = {each.sameness for each in activities if not each.ids}
        same = self._tx.same_activity(nameless) if nameless else {}
        self._draft.preload(
            [
                *(each.digest for each in activities),
                *(edge.activity for edge in edges),
                *(digest for digests in same.values() for digest in digests),
            ]
        )
        for sameness, digests in same.items():
            here = [digest for digest in digests if self._draft.knows(digest)]
            if here:
                self._same[sameness] = here[0]
        named = {edge.activity for edge in edges if self._draft.knows(edge.activity)}
        named -= links.newer(self._tx, named, self._draft.namespace).keys() if named else set()
        for value in bodies.load(self._tx, named).values():
            if isinstance(value, Activity):
                self._stand(value)

    def add(self, activity: Activity) -> str:
        """Add an activity that was looked up by ``preload``; return the digest of the record that stands for it.

        Raises:
            MissingError: when it names a record that is not here.
        """
        if activity.digest not in self.answers:
            self.answers[activity.digest] = self._named(activity) if activity.ids else self._nameless(activity)
        return self.answers[activity.digest]

    def _named(self, activity: Activity) -> str:
        told = {digest for item in activity.ids or () for digest in self._by_id[str(item)]}
        heads = [self._heads[digest] for digest in sorted(told) if same_run(self._heads[digest], activity)]
        whole = reduce(unite, heads, activity)
        if whole.digest != activity.digest:
            self.kept[activity.digest] = whole
        if whole.digest not in self._heads:
            self._record(whole, activity)
        for old in heads:
            if old.digest != whole.digest:
                self._resolve(old, whole)
        self._stand(whole)
        return whole.digest

    def _nameless(self, activity: Activity) -> str:
        """Add one without an id: it is the one that is equal but for its times."""
        digest = self._same.setdefault(activity.sameness, activity.digest)
        if digest == activity.digest and not self._draft.knows(digest):
            self._record(activity, activity)
        return digest

    def _record(self, whole: Activity, told: Activity) -> None:
        extensions.check(self._tx, self._context.blobs, "activity", whole.ext)
        records = {part.record for part in (*(told.inputs or ()), *(told.outputs or ())) if part.record}
        unknown = {digest for digest in records if not self._draft.knows(digest)}
        if unknown := unknown - set(self._tx.known(unknown) if unknown else ()):
            raise MissingError(
                f"the activity names {min(unknown)}, which is not here",
                code="no-record",
                hint="Register the dataset or version first, or send it along.",
            )
        self._draft.preload([whole.digest])
        self._draft.record(whole)

    def _resolve(self, old: Activity, whole: Activity) -> None:
        common = sorted({str(item) for item in old.ids or ()} & {str(item) for item in whole.ids or ()})
        evidence = {"/by": Evidence(how="inferred", where=common[0], rule="a fuller telling of the run with this id")}
        subject = (Subject(record=old.digest),)
        said = Said(type=links.RESOLVES, subject=subject, body={"by": whole.digest}, evidence=evidence)
        statements.make(self._context, self._tx, self._draft, [said])
        self._heads.pop(old.digest, None)
        for item in old.ids or ():
            self._by_id[str(item)].pop(old.digest, None)

    def _stand(self, activity: Activity) -> None:
        self._heads[activity.digest] = activity
        for item in activity.ids or ():
            self._by_id[str(item)][activity.digest] = None
