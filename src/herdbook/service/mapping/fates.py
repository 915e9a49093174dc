"""What became of every distinct blob of a source: taken, absent, or skipped with a reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from herdbook.model.drafts import DraftBlob
from herdbook.model.histories import Commit, Tag
from herdbook.service.mapping.placing import Placer
from herdbook.service.mapping.reading import Contents
from herdbook.service.mapping.timeline import Sighting
from herdbook.service.mapping.versions import Found


class Fates:
    """Accounts for every distinct blob exactly once.

    Args:
        contents: knows which blobs are there.
        placer: knows why a path is no model.
        commits: of the history.
        tags: in the recorded order.
    """

    def __init__(self, contents: Contents, placer: Placer, commits: Sequence[Commit], tags: Sequence[Tag]) -> None:
        self._contents, self._placer = contents, placer
        self._commits, self._tags = commits, tags

    def all(self, sightings: Mapping[str, Sighting], versions: Iterable[Found]) -> tuple[DraftBlob, ...]:
        """Return the fates, in the order in which the blobs came; ``tags`` are the first and the last that has it."""
        holders: dict[str, list[str]] = {}
        for found in versions:
            for digest in dict.fromkeys(each.digest for each in found.held):
                holders.setdefault(digest, []).append(found.key)
        return tuple(self._of(digest, seen, holders.get(digest, [])) for digest, seen in sightings.items())

    def _of(self, digest: str, seen: Sighting, versions: list[str]) -> DraftBlob:
        size = self._contents.size(digest)
        paths = tuple(sorted(seen.paths))
        ends = dict.fromkeys(number for number in (seen.first_tag, seen.last_tag) if number is not None)
        return DraftBlob(
            digest=digest,
            size=size,
            paths=paths,
            link=seen.link,
            fate="absent" if size is None else "taken" if versions else "skipped",
            reason="" if size is not None and versions else self._reason(digest, size, seen, paths),
            versions=tuple(versions),
            commit=self._commits[seen.first].id,
            tags=tuple(self._tags[number].name for number in ends),
        )

    def _reason(self, digest: str, size: int | None, seen: Sighting, paths: Sequence[str]) -> str:
        if (pointer := self._contents.pointer(digest)) is not None:
            return str(pointer)
        if size is None:
            return "its content is absent from the source"
        if seen.link:
            return f"symbolic link to {self._contents.link(digest)}"
        place = self._placer.place(paths[0])
        if place.what == "sidecar":
            return f"it lies beside no model that rule {place.rule} goes with"
        if place.what == "list":
            return f"read by rule {place.rule}; no model"
        return place.reason or "it cannot lie beside another file of its version"
