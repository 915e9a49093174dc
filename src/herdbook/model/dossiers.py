"""The dossier: a version with all that is currently said about it. Derived; nothing in it is stored as such."""

from __future__ import annotations

from typing import Literal

from herdbook.model.activities import ActivityEntry
from herdbook.model.base import Bool, Int, Json, Sha256, Text, Value
from herdbook.model.facts import Facts
from herdbook.model.files import Content
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
        """The facts of the first file that has inputs."""
        return next((file.facts for file in self.files if file.facts and "inputs" in file.facts.values), None)

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
