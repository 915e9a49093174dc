"""Versions: every distinct set of files that a model ever had, in whichever commit, branch or merge."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from herdbook.kernel import paths
from herdbook.kernel.errors import InvalidError
from herdbook.model.rules import Rules
from herdbook.service.mapping.placing import Group
from herdbook.service.mapping.reading import Findings
from herdbook.service.mapping.standing import Held, Standing
from herdbook.service.mapping.timeline import Timeline


@dataclass(slots=True)
class Coming:
    """How a group came to a set: the commit (a number), and the files there."""

    commit: int
    held: tuple[Held, ...]
    first_tag: int | None = None


@dataclass(slots=True)
class Found:
    """A distinct set of files of a model; ``comings`` has every group that ever held it.

    ``first_tag`` and ``last_tag`` are the numbers of the first and the last tag that has it.
    """

    key: str
    model: str
    comings: dict[Group, Coming] = field(default_factory=dict)
    current: bool = False
    first_tag: int | None = None
    last_tag: int | None = None
    commit: int = -1
    """The commit that brought the set."""
    held: tuple[Held, ...] = ()
    """The files, where the set was first."""
    group: Group | None = None
    """The group that held it first."""

    def come(self, group: Group, commit: int, held: tuple[Held, ...]) -> None:
        """Learn that a commit brought the set to a group; commits come in any order."""
        known = self.comings.get(group)
        if known is not None and known.commit <= commit:
            return
        self.comings[group] = Coming(commit, held)
        if self.group is None or (commit, group) < (self.commit, self.group):
            self.commit, self.group, self.held = commit, group, held

    @property
    def model_file(self) -> Held:
        """The first of its files that is no sidecar."""
        return next(each for each in self.held if not each.sidecar)

    @property
    def rule(self) -> str:
        """The rule that made it."""
        return self.model_file.place.rule


@dataclass(frozen=True, slots=True)
class Shift:
    """A commit changed the set of a group: from one version to another, ``None`` where there is none."""

    group: Group
    before: Found | None
    after: Found | None


Seen = Callable[[Found, Sequence[Held], Standing], None]


class Sets:
    """Tells sets apart by their files alone."""

    def __init__(self, rules: Rules, findings: Findings) -> None:
        self._findings = findings
        self._expects = {rule.id: rule.expects for rule in rules.models if rule.expects}
        self._found: dict[tuple[str, tuple[tuple[str, str], ...]], Found] = {}
        self._keys: dict[str, Found] = {}

    def of(self, group: Group, held: Sequence[Held]) -> Found | None:
        """Return the version that a group's files are, ``None`` when nothing is there."""
        if not held:
            return None
        told = (group.model, tuple(sorted((each.inside, each.digest) for each in held)))
        found = self._found.get(told)
        if found is None:
            kept = self.kept(held)
            key = key_of(group.model, {each.inside: each.digest for each in kept})
            found = self._found[told] = self._keys.setdefault(key, Found(key, group.model))
        return found

    def kept(self, held: Sequence[Held]) -> tuple[Held, ...]:
        """Return the files that can lie in one folder on any file system: of two that collide the first, by path."""
        try:
            paths.check_together(each.inside for each in held)
        except InvalidError:
            pass
        else:
            return tuple(held)
        kept: dict[str, Held] = {}
        folders: dict[str, str] = {}
        for each in sorted(held, key=lambda item: (item.sidecar, item.inside)):
            folded = paths.fold(each.inside)
            above = ["/".join(folded.split("/")[:count]) for count in range(1, folded.count("/") + 1)]
            clash = [folder for folder in (folded, *above) if folder in kept] or [folded] * (folded in folders)
            if clash:
                other = kept[clash[0]].path if clash[0] in kept else folders[clash[0]]
                message = f"it cannot lie beside {other} where names ignore case or Unicode form; it is left out"
                self._findings.add("paths-collide", message, each.path)
                continue
            kept[folded] = each
            folders.update((folder, each.path) for folder in above)
        return tuple(sorted(kept.values(), key=lambda item: item.inside))

    def all(self) -> list[Found]:
        """Return all versions, by model, then in the order of commits."""
        return sorted(self._keys.values(), key=lambda found: (found.model, found.commit, found.group, found.key))

    def check_whole(self, found: Found) -> None:
        """Note a set that lacks members which its rule expects."""
        held = found.held
        expected = next((self._expects[each.place.rule] for each in held if each.place.rule in self._expects), ())
        missing = sorted(set(expected) - {each.place.member for each in held})
        if missing:
            label = found.group.label if found.group else ""
            message = f"{found.model} {label}".rstrip() + f" lacks {', '.join(missing)} of {', '.join(expected)}"
            self._findings.add("incomplete-set", message, found.held[0].path)


def key_of(model: str, files: Mapping[str, str]) -> str:
    """Return the key of a set: it is made of the proposed name of the model, paths and digests alone."""
    lines = "".join(f"{path}\0{digest}\n" for path, digest in sorted(files.items()))
    return hashlib.sha256(f"{model}\n{lines}".encode()).hexdigest()[:16]


@dataclass(slots=True)
class Replayed:
    """What the commits of a history did to sets."""

    sets: Sets
    shifts: dict[int, list[Shift]] = field(default_factory=dict)
    """Commit (a number) → what it changed, seen from its first parent."""
    at_head: dict[Group, Found] = field(default_factory=dict)


def replay(timeline: Timeline, standing: Standing, sets: Sets, head: int | None, seen: Seen) -> Replayed:
    """Replay all commits and find every distinct set of every model.

    Args:
        timeline: the differences of the history.
        standing: an empty tree.
        sets: takes what is found.
        head: the number of the commit that is the source's head.
        seen: is told of every coming of a set to a group, while the commit's tree stands.
    """
    now: dict[Group, Found] = {}
    undo: list[list[tuple[Group, Found | None]]] = []
    result = Replayed(sets)
    for step in timeline.steps():
        dirty = standing.apply(step.changes)
        if step.back:
            for group, found in undo.pop():
                _stand(now, group, found)
            continue
        undo.append([])
        for group in dirty:
            held = standing.held(group)
            found, before = sets.of(group, held), now.get(group)
            if found is before:
                continue
            undo[-1].append((group, before))
            _stand(now, group, found)
            result.shifts.setdefault(step.index, []).append(Shift(group, before, found))
            if found is not None:
                found.come(group, step.index, sets.kept(held))
                seen(found, held, standing)
        if step.index == head:
            result.at_head = dict(now)
    for found in result.at_head.values():
        found.current = True
    return result


def _stand(now: dict[Group, Found], group: Group, found: Found | None) -> None:
    if found is None:
        now.pop(group, None)
    else:
        now[group] = found
