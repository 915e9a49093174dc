"""Drafts: what a source tells, before anybody decided to register it. Every value has its evidence."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from herdbook.model.base import Bool, Digest, Int, Json, Text, Time, Value
from herdbook.model.datasets import Dataset
from herdbook.model.files import Path
from herdbook.model.identifiers import NonEmpty
from herdbook.model.models import Profile
from herdbook.model.statements import Evidence, JsonPointer, Said, Type
from herdbook.model.versions import Label, ModelName


class SourceState(Value):
    """Tells whether a source moved. ``state`` is a digest over everything that can move (refs and where they lead)."""

    kind: NonEmpty
    name: NonEmpty
    state: NonEmpty
    head: NonEmpty | None = None


class Finding(Value):
    """Something that a person should know: ``where`` is a path, a commit, a tag."""

    code: NonEmpty
    message: NonEmpty
    where: Text = ""


class DraftFile(Value):
    """A file of a version: ``path`` in the version, ``source_path`` in the source, ``size`` in bytes.

    ``digest`` is the source's own (``git-sha1:…``); without ``present`` the source lacks the content.
    """

    path: Path
    source_path: NonEmpty
    digest: Digest
    size: Annotated[Int, Field(ge=0)] | None = None
    present: Bool = True
    role: NonEmpty | None = None


class DraftSaid(Value):
    """A statement about a version that has no digest yet, or with ``file`` (a path in it) about that file's bytes.

    ``people`` are JSON pointers into the body where the id of an actor is to be put, and keys of ``Drafts.people``.
    """

    type: Type
    body: Json
    file: Path | None = None
    issued: Time | None = None
    evidence: dict[JsonPointer, Evidence] | None = None
    unknown: tuple[JsonPointer, ...] | None = None
    people: dict[JsonPointer, Text] = Field(default_factory=dict)


class DraftActivity(Value):
    """An activity. The versions it put out are named by key and added as outputs with role ``model``."""

    activity: Json
    outputs: tuple[Text, ...] = ()
    blobs: dict[JsonPointer, Digest] = Field(default_factory=dict)
    """JSON pointers into the activity where the sha256 of a file of the source is to be put once its bytes are."""
    evidence: dict[JsonPointer, Evidence] | None = None
    issued: Time | None = None


class DraftVersion(Value):
    """One distinct set of files.

    ``key`` tells it in every plan of this source, however it is named: it is made of paths and digests alone.
    ``labels`` are proposed, the first is the one to use. ``first`` and ``last`` are tags; ``commit`` brought the set.
    """

    key: NonEmpty
    model: ModelName
    labels: tuple[Label, ...] = ()
    files: Annotated[tuple[DraftFile, ...], Field(min_length=1)]
    said: tuple[DraftSaid, ...] = ()
    rule: NonEmpty
    commit: Text = ""
    date: Time | None = None
    first: NonEmpty | None = None
    last: NonEmpty | None = None
    current: Bool = False
    """Whether the set stands at the source's head."""


class DraftModel(Value):
    """A model: its proposed name, and what the rules say it is for."""

    name: ModelName
    rule: NonEmpty
    profile: Profile | None = None
    evidence: dict[JsonPointer, Evidence] | None = None


class DraftDataset(Value):
    """A dataset that the source names, and what is said about it (subjects are filled in: its record)."""

    dataset: Dataset
    said: tuple[DraftSaid, ...] = ()


class DraftWithdrawal(Value):
    """The source tells that versions must not be used any more: proposed, until a person accepts it."""

    key: NonEmpty
    versions: Annotated[tuple[Text, ...], Field(min_length=1)]
    replacement: Text | None = None
    reason: NonEmpty
    issued: Time | None = None
    evidence: dict[JsonPointer, Evidence]


class DraftBlob(Value):
    """What became of one distinct blob of the source.

    ``taken``: its bytes are in a version. ``absent``: the source lacks its content; ``versions`` says whether one
    names it all the same. ``skipped``: no version has it, and why. (``duplicate`` is for the report to say.)
    """

    digest: Digest
    size: Annotated[Int, Field(ge=0)] | None = None
    paths: Annotated[tuple[Text, ...], Field(min_length=1)]
    link: Bool = False
    fate: Literal["taken", "absent", "skipped"]
    reason: Text = ""
    versions: tuple[Text, ...] = ()
    commit: Text = ""
    tags: tuple[Text, ...] = ()


class DraftPerson(Value):
    """An author, by the key under which drafts name them."""

    name: Text
    email: Text = ""


class Drafts(Value):
    """All that a source tells."""

    source: SourceState
    rules: NonEmpty
    namespace: NonEmpty
    package: Text = ""
    tags: tuple[Text, ...] = ()
    """All tags in the recorded order: the order in which ranges are half-open."""
    models: tuple[DraftModel, ...] = ()
    versions: tuple[DraftVersion, ...] = ()
    datasets: tuple[DraftDataset, ...] = ()
    activities: tuple[DraftActivity, ...] = ()
    statements: tuple[Said, ...] = ()
    """About names, namespaces and foreign identities: subjects that need no digest of this import."""
    withdrawals: tuple[DraftWithdrawal, ...] = ()
    blobs: tuple[DraftBlob, ...] = ()
    people: dict[Text, DraftPerson] = Field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
