"""Identities: what each path, and each name that a link gives, led to, from which tag on, until before which."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from herdbook.model.base import Json
from herdbook.model.drafts import DraftSaid
from herdbook.model.histories import Tag
from herdbook.model.statements import Evidence
from herdbook.service.mapping.placing import Group, Placer
from herdbook.service.mapping.standing import Held, Standing
from herdbook.service.mapping.timeline import Timeline
from herdbook.service.mapping.versions import Found, Sets

_Leads = tuple[str, str, str]
"""Name in the source, key of the version, path in the version."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A name led to a file of a version from tag ``first`` on, until before tag ``last`` (numbers)."""

    name: str
    key: str
    path: str
    first: int
    last: int | None
    link: bool


class Tagged:
    """Replays the tags in their recorded order and keeps what stands in each only while it changes."""

    def __init__(self, standing: Standing, sets: Sets) -> None:
        self._standing, self._sets = standing, sets
        self._now: dict[Group, tuple[Found, frozenset[_Leads]]] = {}
        self._open: dict[_Leads, tuple[int, int]] = {}
        self._names: set[str] = set()
        self.identities: list[Identity] = []

    def replay(self, timeline: Timeline) -> list[Identity]:
        """Return all maximal runs of tags; versions learn their first and last tag."""
        for number, changes in timeline.tagged:
            touched: dict[_Leads, int] = {}
            for group in self._standing.apply(changes):
                self._change(group, number, touched)
            self._count(touched, number)
        for found, _ in self._now.values():
            found.last_tag = len(timeline.tags) - 1
        for leads, (_, first) in self._open.items():
            self._close(leads, first, None)
        return self.identities

    def _change(self, group: Group, number: int, touched: dict[_Leads, int]) -> None:
        held = self._standing.held(group)
        found = self._sets.of(group, held)
        before = self._now.pop(group, None)
        if before is not None:
            before[0].last_tag = max(before[0].last_tag or 0, number - 1)
        leads = frozenset(self._leads(found, held)) if found else frozenset()
        for each in before[1] if before else ():
            touched[each] = touched.get(each, 0) - 1
        for each in leads:
            touched[each] = touched.get(each, 0) + 1
        if found is None:
            return
        self._now[group] = (found, leads)
        found.first_tag = number if found.first_tag is None else found.first_tag
        coming = found.comings.get(group)
        if coming is not None and coming.first_tag is None:
            coming.first_tag = number

    def _leads(self, found: Found, held: Sequence[Held]) -> Iterable[_Leads]:
        for each in self._sets.kept(held):
            yield each.path, found.key, each.inside
            for name in self._standing.aliases(each.path):
                self._names.add(name)
                yield name, found.key, each.inside

    def _count(self, touched: dict[_Leads, int], number: int) -> None:
        """Open and close runs: two groups that are one version may share a name, so names are counted."""
        for leads, more in touched.items():
            count, first = self._open.pop(leads, (0, number))
            if count + more > 0:
                self._open[leads] = (count + more, first)
            elif count:
                self._close(leads, first, number)

    def _close(self, leads: _Leads, first: int, last: int | None) -> None:
        name, key, path = leads
        self.identities.append(Identity(name, key, path, first, last, name in self._names))


def said(
    identities: Iterable[Identity], placer: Placer, tags: Sequence[Tag], dates: Sequence[str | None], source: str
) -> dict[str, list[DraftSaid]]:
    """Return the statements of identity by key of the version, in the order of tags.

    Args:
        identities: the runs.
        placer: knows what other systems call a path.
        tags: in the recorded order.
        dates: of the tags.
        source: the package, or the name of the source.
    """
    found: dict[str, list[DraftSaid]] = {}
    extracted = [Evidence(how="extracted", where=f"tag:{tag.name}") for tag in tags]
    for each in sorted(identities, key=lambda item: (item.first, item.name, item.key, item.path)):
        id_ = placer.identity(each.name)
        if id_ is None:
            continue
        first = tags[each.first].name
        body: Json = {"id": id_.json_object(), "source": source, "path": each.path, "first": first}
        evidence = {
            "/id": Evidence(how="inferred", where=f"tag:{first}", rule="symbolic-link" if each.link else "identity"),
            "/first": extracted[each.first],
        }
        if each.last is not None:
            body["last"] = tags[each.last].name
            evidence["/last"] = extracted[each.last]
        told = DraftSaid(type="herdbook/identity/1", body=body, issued=dates[each.first], evidence=evidence)
        found.setdefault(each.key, []).append(told)
    return found
