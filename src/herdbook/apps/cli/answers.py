"""What each command prints with ``--json``: the model's values, and the few that only the command has."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, computed_field

from herdbook.model.base import Bool, Int, Json, Sha256, Text, Value
from herdbook.model.contracts import Contract
from herdbook.model.dossiers import Dossier
from herdbook.model.facts import Finding
from herdbook.model.imports import Coverage
from herdbook.model.journal import Checkpoint
from herdbook.model.places import Tried
from herdbook.model.releases import Released, ReleaseEntry
from herdbook.model.retrainings import Retraining, RetrainingPlan
from herdbook.model.statements import Evidence
from herdbook.model.versions import Entry, Registered


class Answer(Value):
    """A value that only the command has; what pydantic needs for it is built when it is used, not at every start."""

    model_config = ConfigDict(defer_build=True)


class FoundVersion(Entry):
    """A version where it stands, with the shortest exact reference to it."""

    model_config = ConfigDict(defer_build=True)

    @computed_field  # type: ignore[prop-decorator]  # pydantic documents this order; mypy does not know it
    @property
    def reference(self) -> str:
        """The shortest exact reference: by label, else by ordinal."""
        return super().reference

    @classmethod
    def of(cls, entry: Entry) -> FoundVersion:
        """Return the entry with its reference."""
        return cls.model_construct(**dict(entry))


class FoundDossier(Dossier):
    """A version with all that is currently said about it."""

    model_config = ConfigDict(defer_build=True)
    entry: FoundVersion

    @classmethod
    def of(cls, dossier: Dossier) -> FoundDossier:
        """Return the dossier with the reference of its version."""
        return cls.model_construct(**{**dict(dossier), "entry": FoundVersion.of(dossier.entry)})


class Done(Registered):
    """The answer to a registration, with the reference to write down."""

    model_config = ConfigDict(defer_build=True)

    @computed_field  # type: ignore[prop-decorator]  # pydantic documents this order; mypy does not know it
    @property
    def reference(self) -> str:
        """The reference to write down."""
        return super().reference

    @classmethod
    def of(cls, registered: Registered) -> Done:
        """Return the answer with its reference."""
        return cls.model_construct(**dict(registered))


class Created(Answer):
    """A registry that was created, or was there; ``config`` is the file that now names it."""

    folder: Text
    namespaces: tuple[Checkpoint, ...] = ()
    config: Text | None = None


class Count(Answer):
    """How many versions match; with ``exact`` false it is a lower bound."""

    total: Int
    exact: Bool


class FacetValue(Answer):
    """A value of a field and how many versions have it."""

    value: Text
    count: Int


class Facets(Answer):
    """The most common values of each field among what matches."""

    facets: dict[Text, tuple[FacetValue, ...]]


class More(Answer):
    """On stderr, after a page that was not the last: where the next one begins."""

    cursor: Text
    total: Int | None = None
    total_is_exact: Bool | None = None


class Fetched(Answer):
    """What was fetched: paths relative to the folder, and copies in places that were tried."""

    reference: Text
    folder: Text
    files: tuple[Text, ...]
    tried: tuple[Tried, ...] = ()


class Verified(Answer):
    """What verifying one file of a version showed."""

    reference: Text
    path: Text
    digest: Text
    status: Literal["ok", "missing", "corrupt", "unresolved"]
    message: Text = ""


class Cached(Answer):
    """A file of a server that is kept here; ``used`` is when it was last asked for, ``status`` only after a look."""

    sha256: Text
    size: Int
    used: Text
    status: Literal["ok", "corrupt"] | None = None


class Cleared(Answer):
    """What was removed from the cache, in bytes."""

    folder: Text
    bytes: Int


class Inspected(Answer):
    """Facts of a file that is not registered, in the vocabulary of facts.md; further fields follow the format."""

    model_config = ConfigDict(extra="allow")
    path: Text
    size: Annotated[Int, Field(ge=0)]
    sha256: Annotated[Text, Field(pattern="^[0-9a-f]{64}$")]
    md5: Annotated[Text, Field(pattern="^[0-9a-f]{32}$")]
    adler32: Annotated[Text, Field(pattern="^[0-9a-f]{8}$")]
    git_id: Annotated[Text, Field(pattern="^[0-9a-f]{40}$")]
    format: Text
    safety: Literal["safe", "guarded", "unsafe"] | None = None


class ContractAnswer(Answer):
    """A contract with where each value came from, and what is asked for and not known.

    ``source`` says whether an author declared it, or the files alone tell it. ``evidence``, by JSON pointer, holds for
    all below, where nothing nearer stands.
    """

    of: Text
    source: Literal["declared", "files"]
    contract: Contract
    evidence: dict[Text, Evidence]
    unknown: tuple[Text, ...]
    findings: tuple[Finding, ...]
    file: Text | None = None
    statement: Sha256 | None = None


class Retrained(Answer):
    """What retraining a version takes, and what came of it; ``registered`` is the reference of what came out."""

    reference: Text
    download_bytes: Annotated[Int, Field(ge=0)]
    plan: RetrainingPlan
    retraining: Retraining
    statement: Sha256 | None = None
    registered: Text | None = None
    folder: Text | None = None


class Usage(Answer):
    """What a model's files need here, in bytes: all of them, and those that no other model shares."""

    model: Text
    bytes: Int
    own_bytes: Int


class ProfileAnswer(Answer):
    """What a model is for, and the statement that says so."""

    model: Text
    profile: Json
    statement: Sha256 | None = None


class StateDigest(Answer):
    """The digest of a namespace's state, equal in every true copy."""

    namespace: Text
    state_digest: Sha256


class ShownRelease(Answer):
    """A release, and the versions that were in it."""

    release: ReleaseEntry
    versions: tuple[Released, ...] = ()


class Surveyed(Answer):
    """What a source knows of its versions: how many have each field, and how many could."""

    name: Text
    kind: Text
    versions: Int
    coverage: tuple[Coverage, ...]


class RulesAnswer(Answer):
    """Mapping rules: what they are for, and how many of their own tests fail, with what each failure is."""

    name: Text
    source: Text
    namespace: Text
    ready_made: Bool
    tests: Int
    failures: tuple[Text, ...] = ()


class Me(Answer):
    """Who acts, and where that was found."""

    id: Text
    kind: Literal["person", "service", "group"]
    assurance: Literal["claimed", "os", "token", "oidc"]
    name: Text | None = None
    email: Text | None = None
    origin: Text
    source: Text = ""


class SettingAnswer(Answer):
    """A setting and where its value comes from; without ``value`` it has none. ``known`` is false for a stray key."""

    name: Text
    value: Text | Int | None = None
    origin: Literal["argument", "environment", "file", "default"]
    source: Text = ""
    about: Text = ""
    known: Bool = True


class ConfigFile(Answer):
    """The configuration file; ``changed`` names what a command wrote."""

    file: Text
    exists: Bool
    changed: tuple[Text, ...] = ()


class Script(Answer):
    """A shell's completion script."""

    shell: Text
    script: Text


class Serving(Answer):
    """A server that answers; printed once it does."""

    url: Text
    folder: Text
    workers: Int


class WebhookStanding(Answer):
    """How far a webhook is in a journal: the last event it heard of, how many there are beyond, and why not."""

    namespace: Text
    seq: Int
    behind: Int
    failures: Int = 0
    trouble: Text | None = None


class WebhookEntry(Answer):
    """A webhook; without ``namespaces`` or ``kinds`` it hears of all."""

    name: Text
    url: Text
    namespaces: tuple[Text, ...] = ()
    kinds: tuple[Text, ...] = ()
    standings: tuple[WebhookStanding, ...] = ()


class Problem(Answer):
    """On stderr: what went wrong, after RFC 9457 (problem details)."""

    type: Text
    title: Text
    kind: Text
    code: Text
    detail: Text
    hint: Text | None = None
    details: dict[Text, Any] | None = None
    exit_status: Int


class CardAnswer(Value):
    """A card: what was written where, or what was saved."""

    file: Text | None = None
    changed: Bool | None = None
    text: Text | None = None
    statement: Sha256 | None = None
    sections: tuple[Text, ...] | None = None
