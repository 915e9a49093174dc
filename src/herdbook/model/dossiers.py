"""The dossier: a version with all that is currently said about it. Derived; nothing in it is stored as such."""

from __future__ import annotations

from typing import Literal

from herdbook.kernel.errors import ConflictError, InvalidError, MissingError
from herdbook.model import members
from herdbook.model.activities import ActivityEntry
from herdbook.model.base import Bool, Int, Json, Sha256, Text, Value
from herdbook.model.contracts import Contract, Member
from herdbook.model.facts import Facts
from herdbook.model.files import Content
from herdbook.model.formats import MODELS
from herdbook.model.models import Profile
from herdbook.model.statements import StatementEntry
from herdbook.model.versions import Entry


class FileView(Value):
    """A file of a version with what is known of its bytes; ``here`` says whether this registry keeps them."""

    path: Text
    digest: Text
    size: Int | None = None
    here: Bool = False
    content: Content | None = None
    facts: Facts | None = None


class Dossier(Value):
    """A version with all that is currently said about it, each with the journal it stands in."""

    entry: Entry
    profile: Profile | None = None
    files: tuple[FileView, ...]
    statements: tuple[StatementEntry, ...] = ()
    made_by: tuple[ActivityEntry, ...] = ()
    used_by: Int = 0
    same_content: tuple[Text, ...] = ()
    same_payload: tuple[Text, ...] = ()
    warnings: tuple[Text, ...] = ()

    def said(self, kind: str) -> list[Json]:
        """Return the bodies of current statements of a kind about this version itself."""
        return [
            entry.statement.body
            for entry in self.statements
            if entry.current and entry.about == "this" and entry.statement.kind == kind
        ]

    @property
    def interface(self) -> Facts | None:
        """The facts of the first model file that has inputs, else features; without one, of a file that has inputs."""
        told = [file.facts for file in self.files if file.facts]
        models = [facts for facts in told if facts.format in MODELS]
        for facts, field in ((models, "inputs"), (models, "features"), (told, "inputs")):
            if found := next((each for each in facts if each.values.get(field)), None):
                return found
        return None

    @property
    def contract(self) -> Contract | None:
        """The contract that is said of this version, as one value; ``None`` when nobody said one.

        Raises:
            ConflictError: when several current ones differ.
        """
        told = self.said("contract")
        if any(body != told[0] for body in told):
            raise ConflictError(
                f"{len(told)} contracts of {self.entry.reference} differ",
                code="several-contracts",
                hint="See herdbook contract show; let one supersede the others, or withdraw them.",
            )
        return Contract.read(told[0]) if told else None

    def select(self, **coordinates: members.Given) -> Member:
        """Return the member of this model set that serves: ``select(event_number=7, pt=(45, "GeV"))``.

        A bare number is in the unit of the contract's condition; (value, unit) must be in that unit, for nothing is
        converted.

        Raises:
            MissingError: when nobody said that this is a set, or no member serves (a hole).
            ConflictError: when several members serve (an overlap), or several contracts differ.
            InvalidError: when a coordinate is missing, unknown or in another unit, or the conditions are only inferred.
        """
        contract = self.contract
        if contract is None or not contract.members:
            raise MissingError(
                f"no contract says that {self.entry.reference} is a set",
                code="no-set",
                hint="See herdbook contract init.",
            )
        if guessed := self._inferred("/members"):
            raise InvalidError(
                f"{guessed} was inferred from names, and nobody confirmed it",
                code="inferred-members",
                hint="Check the conditions in contract.yaml, delete their lines under evidence, and add it again.",
            )
        return members.select(contract.members, coordinates)

    def _inferred(self, below: str) -> str:
        """Return the first place below another that a current contract has only by inference; empty when none is."""
        told = (each.statement for each in self.statements if each.current and each.about == "this")
        return next(
            (
                pointer
                for statement in told
                if statement.kind == "contract"
                for pointer, evidence in sorted((statement.evidence or {}).items())
                if evidence.how == "inferred" and (pointer == below or pointer.startswith(below + "/"))
            ),
            "",
        )

    def __repr__(self) -> str:
        files = f"{len(self.files)} file{'' if len(self.files) == 1 else 's'}"
        said = f"{len(self.statements)} statement{'' if len(self.statements) == 1 else 's'}"
        return f"<dossier of {self.entry.reference}: {files}, {said}>"


class Change(Value):
    """One difference between two versions: where, and what stands on each side (absent: ``None``)."""

    part: Literal["file", "fact", "parameter", "dataset", "metric", "statement"]
    name: Text
    before: Json | Text | None = None
    after: Json | Text | None = None


class Diff(Value):
    """What differs between two versions."""

    before: Text
    after: Text
    changes: tuple[Change, ...]
    same_record: Bool = False
    record_before: Sha256
    record_after: Sha256
