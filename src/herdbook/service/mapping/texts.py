"""What texts tell: READMEs beside models, and the lists and configurations that rules name."""

from __future__ import annotations

from collections.abc import Iterable

from herdbook.model.drafts import DraftActivity, DraftDataset
from herdbook.model.rules import ListRule, Rules
from herdbook.model.statements import Evidence, Said
from herdbook.service.mapping import configs, lists, readmes
from herdbook.service.mapping.lists import ListDrafts
from herdbook.service.mapping.origins import date_of
from herdbook.service.mapping.placing import Placer
from herdbook.service.mapping.reading import Contents, Findings
from herdbook.service.mapping.timeline import Timeline
from herdbook.service.mapping.versions import Found


class Texts:
    """Collects what texts tell; each blob at a path is read once.

    Args:
        timeline: tells when a text came.
        placer: knows which paths are lists.
        contents: reads.
        rules: of the source.
        findings: takes what is not understood.
    """

    def __init__(
        self, timeline: Timeline, placer: Placer, contents: Contents, rules: Rules, findings: Findings
    ) -> None:
        self._timeline, self._placer, self._contents, self._findings = timeline, placer, contents, findings
        self._lists = {rule.id: rule for rule in rules.lists}
        self._read: dict[tuple[str, str], ListDrafts | None] = {}
        self._datasets: dict[str, DraftDataset] = {}
        self.activities: list[DraftActivity] = []
        self.statements: list[Said] = []

    @property
    def datasets(self) -> tuple[DraftDataset, ...]:
        """All data sets that were named, each once."""
        return tuple(self._datasets.values())

    def readmes(self, found: Iterable[Found], dates: dict[str, str | None]) -> None:
        """Read the READMEs that lie in versions: each version came out of a training on what is named there.

        Args:
            found: the versions.
            dates: digest → when the blob came.
        """
        for each in found:
            for held in each.held:
                if not is_readme(held.inside):
                    continue
                drafts = self._readme(held.digest, held.path, dates.get(held.digest))
                if drafts is None:
                    continue
                inferred = Evidence(how="inferred", where=f"{held.digest}:{held.path}", rule="lies-beside")
                for activity in drafts.activities:
                    evidence = {**(activity.evidence or {}), "/outputs": inferred}
                    self.activities.append(activity.model_copy(update={"outputs": (each.key,), "evidence": evidence}))

    def _readme(self, digest: str, path: str, issued: str | None) -> ListDrafts | None:
        if (digest, path) not in self._read:
            text = self._contents.text(digest, path)
            drafts = readmes.activity(text, f"{digest}:{path}", issued) if text is not None else None
            self._read[digest, path] = drafts
            if drafts is not None:
                self._keep(drafts)
        return self._read[digest, path]

    def lists(self) -> None:
        """Read the paths that rules name as lists: of a release list every text it ever had, else the newest."""
        came: dict[str, dict[str, int]] = {}
        newest: dict[str, str] = {}
        for at, changes in enumerate(self._timeline.diffs):
            for change in changes:
                new = change.new
                if new is not None and not new.link and self._placer.place(change.path).what == "list":
                    came.setdefault(change.path, {}).setdefault(new.digest, at)
                    newest[change.path] = new.digest
        for path, blobs in sorted(came.items()):
            rule = self._lists.get(self._placer.place(path).rule)
            if rule is None:
                continue
            for digest, at in blobs.items():
                if rule.what == "release-list" or digest == newest[path]:
                    self._list(rule, path, digest, date_of(self._timeline.commits[at]))

    def _list(self, rule: ListRule, path: str, digest: str, issued: str | None) -> None:
        text = self._contents.text(digest, path)
        if text is None:
            return
        name, where = self._placer.place(path).name, f"{digest}:{path}"
        if rule.what == "release-list":
            said, findings = lists.release_list(text, name, rule.scheme or "release", where, issued)
            self.statements.append(said)
            self._findings.extend(findings)
            return
        if rule.what == "dataset-list":
            drafts = lists.dataset_list(text, name, rule.scheme or "", where, issued)
        else:
            drafts = configs.training_config(text, rule, self._placer.place(path).groups, where, issued)
        self._keep(drafts)
        self.activities.extend(drafts.activities)

    def _keep(self, drafts: ListDrafts) -> None:
        self._findings.extend(list(drafts.findings))
        self.statements.extend(drafts.statements)
        for each in drafts.datasets:
            before = self._datasets.setdefault(each.dataset.digest, each)
            if before is not each:
                new = tuple(said for said in each.said if said not in before.said)
                self._datasets[each.dataset.digest] = before.model_copy(update={"said": before.said + new})


def is_readme(path: str) -> bool:
    """Say whether a file tells people about what lies beside it."""
    name = path.rpartition("/")[2].lower()
    return name.startswith("readme") or name.endswith((".md", "model_info.txt"))
