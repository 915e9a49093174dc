"""The drafts of a source: its history replayed once by commits and once by tags, and all that is told on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from herdbook.model.base import Json
from herdbook.model.drafts import DraftFile, DraftModel, Drafts, DraftSaid, DraftVersion, SourceState
from herdbook.model.rules import Rules
from herdbook.model.statements import Evidence
from herdbook.ports.importers import History
from herdbook.service.mapping import identities, naming, told, withdrawals
from herdbook.service.mapping.checksums import Checksums
from herdbook.service.mapping.fates import Fates
from herdbook.service.mapping.identities import Tagged
from herdbook.service.mapping.labels import Labels
from herdbook.service.mapping.matching import Matcher
from herdbook.service.mapping.origins import Origins, date_of
from herdbook.service.mapping.placing import Placer
from herdbook.service.mapping.reading import Contents, Findings
from herdbook.service.mapping.standing import Standing
from herdbook.service.mapping.texts import Texts
from herdbook.service.mapping.timeline import Timeline
from herdbook.service.mapping.versions import Found, Replayed, Sets, replay
from herdbook.service.plans import stamp


def draft(history: History, state: SourceState, rules: Rules) -> Drafts:
    """Return all that a source tells, by the rules, each value with its evidence.

    Args:
        history: of the source.
        state: which source it is, and in which state.
        rules: of the source.

    Raises:
        InvalidError: ``bad-rules``, when the rules do not serve.
    """
    return _Drafting(history, state, rules).drafts()


class _Drafting:
    """One pass over one history."""

    def __init__(self, history: History, state: SourceState, rules: Rules) -> None:
        self.history, self.state, self.rules = history, state, rules
        self.findings = Findings()
        self.matcher = Matcher(rules, state.name)
        self.contents = Contents(history, self.findings)
        self.timeline = Timeline(history)
        self.findings.extend(self.timeline.findings)
        self.placer = Placer(self.matcher, self.contents, self.findings)
        for changes in self.timeline.diffs:
            for change in sorted(changes, key=lambda change: change.path):
                if change.new is not None and not change.new.link:
                    self.placer.meet(change.path, change.new.digest)
        self.checksums = Checksums(self.contents, self.findings)
        self.sets = Sets(rules, self.findings)
        self.origins = Origins(self.timeline, history.tags, state.name)

    def drafts(self) -> Drafts:
        """Return everything."""
        replayed = self._replay()
        runs = Tagged(self._standing(named=True), self.sets).replay(self.timeline)
        found = self.sets.all()
        for each in found:
            self.sets.check_whole(each)
        names = self._names(found)
        versions = self._versions(replayed, found, runs, names)
        commits, tags = self.history.commits, self.history.tags
        sightings = self.timeline.sightings()
        fates = Fates(self.contents, self.placer, commits, tags).all(sightings, found)
        texts = Texts(self.timeline, self.placer, self.contents, self.rules, self.findings)
        texts.readmes(found, {digest: date_of(commits[seen.first]) for digest, seen in sightings.items()})
        texts.lists()
        trainings = told.trainings(self.timeline, replayed, self.rules, self.findings)
        for trouble in self.history.troubles:  # they grow while the history is read
            self.findings.add(trouble.code, trouble.message, trouble.where)
        return Drafts(
            source=self.state,
            rules=stamp(self.rules),
            namespace=self.rules.namespace,
            package=self.matcher.package,
            tags=tuple(tag.name for tag in tags),
            models=self._models(found, names),
            versions=versions,
            datasets=texts.datasets,
            activities=(*trainings, *texts.activities),
            statements=tuple(texts.statements),
            withdrawals=withdrawals.proposed(self.timeline, replayed),
            blobs=fates,
            people=self.origins.people,
            findings=self.findings.all(),
        )

    def _standing(self, *, named: bool = False) -> Standing:
        return Standing(self.placer, self.contents, self.findings.add, named=named)

    def _replay(self) -> Replayed:
        head = self.timeline.index.get(self.history.heads[0][1]) if self.history.heads else None
        if head is None and self.history.commits:
            head = len(self.history.commits) - 1
        return replay(self.timeline, self._standing(), self.sets, head, self.checksums.see)

    def _names(self, found: Sequence[Found]) -> Mapping[str, str]:
        oldest = sorted(found, key=lambda each: (each.commit, each.model))
        return naming.apart((each.model for each in oldest), self.findings)

    def _models(self, found: Sequence[Found], names: Mapping[str, str]) -> tuple[DraftModel, ...]:
        rules = {rule.id: rule for rule in self.rules.models}
        models: dict[str, DraftModel] = {}
        for each in found:
            if each.model in models:
                continue
            id_ = each.rule
            profile = rules[id_].profile if id_ in rules else None
            evidence = {"": Evidence(how="inferred", rule=f"{self.rules.name}:{id_}")}
            models[each.model] = DraftModel(
                name=names[each.model], rule=id_, profile=profile, evidence=evidence if profile else None
            )
        return tuple(models.values())

    def _versions(
        self, replayed: Replayed, found: Sequence[Found], runs: list[identities.Identity], names: Mapping[str, str]
    ) -> tuple[DraftVersion, ...]:
        tags, commits = self.history.tags, self.timeline.commits
        labels = Labels(commits, tags, self.findings).give(replayed)
        at = self.timeline.index
        dates = [date_of(commits[at[tag.commit]]) if tag.commit in at else None for tag in tags]
        source = self.matcher.package or self.state.name
        same = identities.said(runs, self.placer, tags, dates, source)
        return tuple(
            DraftVersion(
                key=each.key,
                model=names[each.model],
                labels=labels.get(each.key, ()),
                files=tuple(self._files(each)),
                said=(*self.origins.of(each), *self._described(each), *same.get(each.key, ())),
                rule=each.rule,
                commit=commits[each.commit].id,
                date=date_of(commits[each.commit]),
                first=None if each.first_tag is None else tags[each.first_tag].name,
                last=None if each.last_tag is None else tags[each.last_tag].name,
                current=each.current,
            )
            for each in found
        )

    def _files(self, found: Found) -> list[DraftFile]:
        files = []
        for each in sorted(found.held, key=lambda held: held.inside.encode()):
            size = self.contents.size(each.digest)
            role = each.place.role or None
            files.append(
                DraftFile(
                    path=each.inside,
                    source_path=each.path,
                    digest=each.digest,
                    size=size,
                    present=size is not None,
                    role=role,
                )
            )
        return files

    def _described(self, found: Found) -> list[DraftSaid]:
        issued = date_of(self.timeline.commits[found.commit])
        said = [*self.checksums.said(found, issued), *self._pointed(found, issued)]
        ext = self.matcher.ext(found.model_file.place)
        if ext:
            rule = f"{self.rules.name}:{found.rule}"
            evidence = {"/ext": Evidence(how="inferred", where=found.model_file.path, rule=rule)}
            said.append(DraftSaid(type="herdbook/description/1", body={"ext": ext}, issued=issued, evidence=evidence))
        return said

    def _pointed(self, found: Found, issued: str | None) -> list[DraftSaid]:
        """Return a note of what pointers of Git LFS tell of files that are not here; note files that hold nothing."""
        told: list[Json] = []
        evidence: dict[str, Evidence] = {}
        for each in found.held:
            if not each.sidecar and self.contents.size(each.digest) == 0:
                self.findings.add("empty-file", f"a file of the model {found.model} holds nothing", each.path)
            if (pointer := self.contents.pointer(each.digest)) is not None:
                self.findings.add("lfs-pointer", str(pointer), each.path)
                evidence[f"/files/{len(told)}"] = Evidence(how="extracted", where=f"{each.digest}:{each.path}")
                told.append({"file": each.inside, "sha256": pointer.sha256, "size": pointer.size})
        if not told:
            return []
        body: Json = {"title": "Content that Git LFS keeps elsewhere", "files": told}
        return [DraftSaid(type="herdbook/note/1", body=body, issued=issued, evidence=evidence)]
