"""Labels: what the rules call a version, with the tag or the commit that tells it from others of that name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from herdbook.model.histories import Commit, Tag
from herdbook.service.mapping import templates
from herdbook.service.mapping.placing import Group
from herdbook.service.mapping.reading import Findings
from herdbook.service.mapping.versions import Found, Replayed

_INTEGER = re.compile(r"[1-9]\d*/")


class Labels:
    """Gives every version its labels; those of one model are unique without case.

    Args:
        commits: of the history.
        tags: in the recorded order.
        findings: takes ``label-clash``.
    """

    def __init__(self, commits: Sequence[Commit], tags: Sequence[Tag], findings: Findings) -> None:
        self._commits, self._tags, self._findings = commits, tags, findings

    def give(self, replayed: Replayed) -> dict[str, tuple[str, ...]]:
        """Return the labels of every version by key, the one to use first."""
        by_group: dict[Group, list[Found]] = {}
        for found in replayed.sets.all():
            for group in found.comings:
                by_group.setdefault(group, []).append(found)
        by_model: dict[str, list[Group]] = {}
        for group, held in by_group.items():
            held.sort(key=lambda found: (found.comings[group].commit, found.key))
            by_model.setdefault(group.model, []).append(group)
        given: dict[str, tuple[str, ...]] = {}
        for groups in by_model.values():
            first = _first_integers(groups, by_group)
            groups.sort(key=lambda group: (by_group[group][0].comings[group].commit, group))
            given.update(self._of_model(groups, by_group, replayed.at_head, first))
        return given

    def _of_model(
        self,
        groups: list[Group],
        by_group: dict[Group, list[Found]],
        at_head: dict[Group, Found],
        first: Mapping[Group, str],
    ) -> dict[str, tuple[str, ...]]:
        taken: dict[str, str] = {}
        labels: dict[str, dict[str, str]] = {}
        used: dict[str, int] = {}
        for group in groups:
            standing = at_head.get(group, by_group[group][-1])
            suffix = ""
            while True:
                base = group.label or first.get(group, "")
                wanted = list(self._of_group(group, base, by_group[group], standing, suffix))
                if all(taken.get(label.casefold(), key) == key for label, key in wanted):
                    break
                suffix = self._suffix(group, used)
            if suffix:
                message = f"the label {group.label or 'by tag'} of {group.model} stands for other files, too"
                self._findings.add("label-clash", f"{message}; here it is followed by {suffix}", group.folder)
            for label, key in wanted:
                taken[label.casefold()] = key
                labels.setdefault(key, {}).setdefault(label.casefold(), label)
        return {key: tuple(each.values()) for key, each in labels.items()}

    @staticmethod
    def _suffix(group: Group, used: dict[str, int]) -> str:
        """Return the next thing to tell a group by: the last segment of its folder, then with a number."""
        last = templates.label(group.folder.rpartition("/")[2]) or "top"
        used[last] = used.get(last, 0) + 1
        return last if used[last] == 1 else f"{last}_{used[last]}"

    def _of_group(
        self, group: Group, base: str, held: list[Found], standing: Found, suffix: str
    ) -> list[tuple[str, str]]:
        """Return (label, key) for the versions of a group, the label to use first."""
        base = _fit(f"{base}_{suffix}" if suffix else base) if base else ""
        if base and len(held) == 1:
            return [(base, standing.key)]
        wanted: dict[str, tuple[str, str]] = {base.casefold(): (base, standing.key)} if base else {}
        for found in held:
            coming = found.comings[group]
            commit = "g" + self._commits[coming.commit].id[:10]
            tag = commit if coming.first_tag is None else self._tags[coming.first_tag].name
            parts = [base, tag] if base else [tag, suffix]
            # Tags that differ only in what a label cannot hold are told apart by commit, and else by key.
            for more in ([], [commit], [found.key]):
                label = _fit("_".join(part for part in (*parts, *more) if part))
                if wanted.setdefault(label.casefold(), (label, found.key))[1] == found.key:
                    break
        return list(wanted.values())


def _first_integers(groups: Sequence[Group], by_group: Mapping[Group, Sequence[Found]]) -> dict[Group, str]:
    """Return ``v1`` for what lies in ``1/`` of a Triton repository when other integers lie beside it."""
    served: dict[str, list[Group]] = {}
    for group in groups:
        if _INTEGER.match(by_group[group][0].comings[group].held[0].inside):
            served.setdefault(group.folder, []).append(group)
    return {group: "v1" for beside in served.values() if len(beside) > 1 for group in beside if not group.label}


def _fit(text: str) -> str:
    return templates.label(text) or "unnamed"
