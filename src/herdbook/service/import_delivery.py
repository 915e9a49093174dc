"""From drafts and a plan to what is sent: one delivery, in which every name of a draft became a digest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from herdbook.kernel import digests
from herdbook.model.activities import Activity
from herdbook.model.base import Json
from herdbook.model.drafts import DraftActivity, Drafts, DraftSaid, DraftWithdrawal, Finding
from herdbook.model.identifiers import Identifier
from herdbook.model.imports import Delivery
from herdbook.model.plans import Plan
from herdbook.model.registrations import Registration
from herdbook.model.statements import Evidence, Said, Subject
from herdbook.model.versions import Version
from herdbook.service.import_holdings import Holdings
from herdbook.service.import_pointers import filled, steps
from herdbook.service.import_versions import Made, Making

_PROFILE = "herdbook/profile/1"
_WITHDRAWAL = "herdbook/withdrawal/1"
_EVIDENCE = "herdbook/evidence/1"


class Builder:
    """Builds the delivery of one import; ``actors`` are ids by the key under which drafts name people."""

    def __init__(
        self, drafts: Drafts, plan: Plan, making: Making, holdings: Holdings, actors: Mapping[str, str]
    ) -> None:
        self.drafts = drafts
        self.plan = plan
        self.making = making
        self.holdings = holdings
        self.actors = actors
        self.findings: list[Finding] = []

    def delivery(self) -> Delivery:
        """Return everything that is to be sent, but for what only the registry's own statements can tell."""
        registrations, labels = self._registrations()
        activities, evidence = self._activities()
        statements = [
            *self._about_versions(),
            *self._about_datasets(),
            *evidence,
            *self.drafts.statements,
            *self._withdrawals(),
        ]
        return Delivery(
            registrations=tuple(registrations),
            datasets=tuple(item.dataset for item in self.drafts.datasets),
            activities=tuple(activities),
            statements=tuple(statements),
            labels=tuple(labels),
        )

    def _registrations(self) -> tuple[list[Registration], list[tuple[str, str, str]]]:
        profiles = self._profiles()
        registrations: list[Registration] = []
        further: list[tuple[str, str, str]] = []
        for made in self.making:
            profile = profiles.pop(made.model, None)
            registrations.append(
                Registration(
                    model=made.model,
                    label=made.labels[0] if made.labels else None,
                    version=made.version,
                    statements=(profile,) if profile else (),
                    absent=tuple(self._unheld(made.version)),
                )
            )
            further += [(made.model, made.record, label) for label in made.labels[1:]]
        return registrations, further

    def _unheld(self, version: Version) -> list[str]:
        return [file.digest for file in version.files if file.resolved and file.digest not in self.holdings.contents]

    def _profiles(self) -> dict[str, Said]:
        """Return profiles of models that have none; what a person wrote stays."""
        models = {model.name: model for model in self.drafts.models}
        found: dict[str, Said] = {}
        for planned in self.plan.models:
            draft = models[planned.key]
            here = self.holdings.models.get(planned.name)
            if draft.profile is None or (here is not None and here.profile_digest is not None):
                continue
            said = Said(
                type=_PROFILE,
                subject=(Subject(name=planned.name),),
                body=draft.profile.json_object(),
                evidence=draft.evidence or None,
            )
            found.setdefault(planned.name, said)
        return found

    def _about_versions(self) -> Iterable[Said]:
        for draft in self.drafts.versions:
            if (made := self.making.made.get(draft.key)) is not None:
                for told in draft.said:
                    yield self._said(told, self._subject(made, told.file))

    def _subject(self, made: Made, path: str | None) -> Subject:
        if path is None:
            return Subject(record=made.record)
        file = made.version.file(path)
        assert file is not None, path
        return Subject(file=file.digest)

    def _about_datasets(self) -> Iterable[Said]:
        for draft in self.drafts.datasets:
            for told in draft.said:
                yield self._said(told, Subject(record=draft.dataset.digest))

    def _said(self, told: DraftSaid, subject: Subject) -> Said:
        people = {pointer: self.actors[key] for pointer, key in told.people.items() if key in self.actors}
        return Said(
            type=told.type,
            subject=(subject,),
            body=filled(told.body, people),
            unknown=told.unknown or None,
            evidence=told.evidence or None,
            issued=told.issued,
        )

    def _activities(self) -> tuple[list[Activity], list[Said]]:
        found: list[Activity] = []
        evidence: list[Said] = []
        for draft in self.drafts.activities:
            activity = self._activity(draft)
            if activity is None:
                continue
            found.append(activity)
            if draft.evidence:
                subject = (Subject(record=activity.digest),)
                evidence.append(
                    Said(type=_EVIDENCE, subject=subject, evidence=self._kept(draft, activity), issued=draft.issued)
                )
        return found, evidence

    def _activity(self, draft: DraftActivity) -> Activity | None:
        outputs = sorted({self.making.made[key].record for key in draft.outputs if key in self.making.made})
        if draft.outputs and not outputs and not draft.activity.get("outputs"):
            return None  # all that came of it is left out
        told = self._with_blobs(draft)
        if outputs:
            listed = [*told.get("outputs", ()), *({"record": record, "role": "model"} for record in outputs)]
            told = {**told, "outputs": listed}
        return Activity.read(told)

    def _with_blobs(self, draft: DraftActivity) -> Json:
        """Return an activity with the sha256 of its files; a file whose bytes are absent is named by git's digest."""
        told: dict[str, Any] = {}
        for pointer, digest in draft.blobs.items():
            content = self.holdings.contents.get(digest)
            if content is not None or digests.is_sha256(digest):
                told[pointer] = content.sha256 if content else digest
            elif steps(pointer)[0] in {"inputs", "outputs"} and pointer.endswith("/blob"):
                scheme, _, value = digest.partition(":")
                told[pointer.removesuffix("blob") + "id"] = Identifier(scheme=scheme, value=value).json_object()
            else:
                message = f"the bytes at {pointer} of a {draft.activity.get('kind')} are absent"
                self.findings.append(Finding(code="blob-absent", message=message, where=digest))
        return filled(draft.activity, told)

    def _kept(self, draft: DraftActivity, activity: Activity) -> dict[str, Evidence]:
        """Return the evidence of an activity, where what it speaks of became another field."""
        names = {pointer: pointer.removesuffix("blob") + "id" for pointer in draft.blobs if pointer.endswith("/blob")}
        body = activity.json_object()
        return {
            (names[pointer] if pointer in names and not _leads(body, pointer) else pointer): value
            for pointer, value in (draft.evidence or {}).items()
        }

    def _withdrawals(self) -> Iterable[Said]:
        accepted = {item.key for item in self.plan.withdrawals if item.accept}
        for draft in self.drafts.withdrawals:
            if draft.key in accepted and (said := self._withdrawal(draft)) is not None:
                yield said

    def _withdrawal(self, draft: DraftWithdrawal) -> Said | None:
        made = [self.making.made[key] for key in draft.versions if key in self.making.made]
        if not made:
            message = "a withdrawal was accepted of versions that the plan leaves out"
            self.findings.append(Finding(code="nothing-to-withdraw", message=message, where=draft.key))
            return None
        better = self.making.made.get(draft.replacement or "")
        body = {"reason": draft.reason} | ({"replacement": better.reference} if better else {})
        return Said(
            type=_WITHDRAWAL,
            subject=tuple(Subject(record=record) for record in dict.fromkeys(item.record for item in made)),
            body=body,
            evidence=draft.evidence or None,
            issued=draft.issued,
        )


def _leads(body: Any, pointer: str) -> bool:  # noqa: ANN401 - JSON values
    for step in steps(pointer):
        try:
            body = body[int(step)] if isinstance(body, list) else body[step]
        except (KeyError, IndexError, ValueError, TypeError):
            return False
    return True
