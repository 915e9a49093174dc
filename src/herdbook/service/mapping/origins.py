"""Origins: the commit that brought a set of files, by whom, with which words, under which earlier paths."""

from __future__ import annotations

from collections.abc import Sequence

from herdbook.model.base import Json
from herdbook.model.drafts import DraftPerson, DraftSaid
from herdbook.model.histories import Commit, Tag
from herdbook.model.statements import Evidence
from herdbook.service.mapping import messages
from herdbook.service.mapping.placing import Group
from herdbook.service.mapping.timeline import Timeline
from herdbook.service.mapping.versions import Coming, Found


def date_of(commit: Commit) -> str | None:
    """Return when a commit was made, else when it was written."""
    return commit.committed or commit.authored


class Origins:
    """Says of every version where it comes from; collects the people.

    Args:
        timeline: the commits and what they changed.
        tags: in the recorded order.
        source: what the source calls itself.
    """

    def __init__(self, timeline: Timeline, tags: Sequence[Tag], source: str) -> None:
        self._timeline, self._tags, self._source = timeline, tags, source
        # The account that holds the source is an organisation as a rule, and stays in addresses.
        self._organisations = [source.partition("/")[0]] if "/" in source else []
        self._requests = messages.pull_requests(timeline.commits)
        self._renamed: dict[int, dict[str, str]] = {}
        self._commits: dict[int, tuple[Json, dict[str, Evidence], dict[str, str]]] = {}
        self.people: dict[str, DraftPerson] = {}

    def of(self, found: Found) -> list[DraftSaid]:
        """Return the origins of a version, one for every group that it came to, oldest first."""
        comings = sorted(found.comings.items(), key=lambda item: (item[1].commit, item[0]))
        return [self._of(group, coming) for group, coming in comings]

    def _of(self, group: Group, coming: Coming) -> DraftSaid:
        commit = self._timeline.commits[coming.commit]
        if coming.commit not in self._commits:
            self._commits[coming.commit] = self._of_commit(commit)
        told, whence, people = self._commits[coming.commit]
        body: Json = {"source": self._source, **({"path": group.folder} if group.folder else {}), **told}
        evidence = dict(whence)
        if not commit.id:
            evidence[""] = Evidence(how="extracted", where=f"{coming.held[0].digest}:{coming.held[0].path}")
        if coming.first_tag is not None:
            body["first"] = self._tags[coming.first_tag].name
            evidence["/first"] = Evidence(how="extracted", where=f"tag:{body['first']}")
        renamed = self._renames(coming.commit)
        if old := sorted(renamed[each.path] for each in coming.held if each.path in renamed):
            body["renamed_from"] = old
            evidence["/renamed_from"] = Evidence(how="inferred", where=f"commit:{commit.id}", rule="exact-rename")
        return DraftSaid(
            type="herdbook/origin/1", body=body, issued=date_of(commit), evidence=evidence or None, people=people
        )

    def _of_commit(self, commit: Commit) -> tuple[Json, dict[str, Evidence], dict[str, str]]:
        """Return body, evidence and people that are the same for all that a commit brought."""
        if not commit.id:
            return {}, {}, {}
        where = f"commit:{commit.id}"
        body: Json = {"commit": commit.id}
        evidence = {"/commit": Evidence(how="extracted", where=where)}
        people: dict[str, str] = {}
        if (date := date_of(commit)) is not None:
            body["date"] = date
            evidence["/date"] = Evidence(how="extracted", where=where)
        if message := messages.clean(commit.message, self._organisations):
            body["message"] = message
            evidence["/message"] = Evidence(how="asserted", where=where)
        if (request := self._requests.get(commit.id)) is not None:
            body["pull_request"] = request
            evidence["/pull_request"] = Evidence(how="inferred", where=where, rule="pull-request")
        if commit.author is not None:
            key = messages.person_key(commit.author)
            self.people.setdefault(key, DraftPerson(name=commit.author.name, email=commit.author.email))
            people["/author"] = key
            evidence["/author"] = Evidence(how="extracted", where=where)
        return body, evidence, people

    def _renames(self, at: int) -> dict[str, str]:
        if at not in self._renamed:
            self._renamed[at] = {rename.new: rename.old for rename in self._timeline.renames(at)}
        return self._renamed[at]
