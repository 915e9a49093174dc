"""What each command prints with ``--json``: the model's values, and the few that only the command has."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple

from pydantic import ConfigDict, Field, computed_field

from herdbook.model.activities import ActivityEntry
from herdbook.model.audits import Audited, AuditLine, Item
from herdbook.model.base import Bool, Int, Json, Sha256, Text, Value
from herdbook.model.captures import Capture, CapturedFile, Pushed, RunEntry
from herdbook.model.dataset_profiles import DatasetProfile, ProfileDifference
from herdbook.model.datasets import DatasetEntry
from herdbook.model.dossiers import Diff, Dossier
from herdbook.model.health import BundleReport, DoctorReport, GarbageReport
from herdbook.model.identities import IdentityEntry
from herdbook.model.imports import Coverage, ImportEntry, Report, Status
from herdbook.model.journal import Checkpoint, EventEntry
from herdbook.model.lineage import Impact, Lineage
from herdbook.model.mirrors import AdoptReport, MirrorReport
from herdbook.model.models import ModelEntry
from herdbook.model.places import Location, Rechecked, Resolved, Sent, Tried
from herdbook.model.plans import Plan
from herdbook.model.pointers import Move, PointerEntry
from herdbook.model.rechecks import Looked, RecheckReport
from herdbook.model.registrations import Intake
from herdbook.model.releases import Released, ReleaseEntry
from herdbook.model.retrainings import Retraining, RetrainingPlan
from herdbook.model.splits import SplitEntry
from herdbook.model.statements import StatementEntry
from herdbook.model.stores import StoreEntry, StoreReport
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


class Shape(NamedTuple):
    """What a command prints on stdout: one object of these values, or, where ``many``, any number, one a line."""

    values: tuple[type[Value], ...]
    many: bool = False


ANSWERS: dict[str, Shape] = {
    "init": Shape((Created,)),
    "register": Shape((Done, Intake), many=True),
    "show": Shape((FoundDossier,)),
    "list": Shape((ModelEntry, FoundVersion), many=True),
    "search": Shape((FoundVersion, Count, Facets), many=True),
    "card": Shape((CardAnswer,)),
    "impact": Shape((Impact,)),
    "study add": Shape((ActivityEntry,)),
    "study show": Shape((ActivityEntry,)),
    "trace": Shape((Lineage,)),
    "audit": Shape((Audited, AuditLine, Item), many=True),
    "recheck": Shape((Looked, RecheckReport), many=True),
    "history": Shape((Move,), many=True),
    "diff": Shape((Diff,)),
    "run": Shape((RunEntry,)),
    "push": Shape((Pushed,), many=True),
    "spool list": Shape((RunEntry,), many=True),
    "spool show": Shape((Capture, CapturedFile), many=True),
    "spool drop": Shape((RunEntry,), many=True),
    "fetch": Shape((Fetched,)),
    "verify": Shape((Verified, StoreReport), many=True),
    "inspect": Shape((Inspected,), many=True),
    "import git": Shape((Plan, Report)),
    "import folder": Shape((Plan, Report)),
    "import status": Shape((Status,)),
    "import verify": Shape((Status,)),
    "import survey": Shape((Surveyed,), many=True),
    "import list": Shape((ImportEntry,), many=True),
    "import show": Shape((ImportEntry,)),
    "import undo": Shape((ImportEntry,)),
    "import rules": Shape((RulesAnswer,), many=True),
    "adopt": Shape((AdoptReport,)),
    "release list": Shape((ReleaseEntry,), many=True),
    "release show": Shape((ShownRelease,)),
    "release of": Shape((Released,), many=True),
    "identity show": Shape((IdentityEntry,), many=True),
    "identity of": Shape((IdentityEntry,), many=True),
    "alias set": Shape((PointerEntry,)),
    "alias remove": Shape((PointerEntry,)),
    "alias list": Shape((PointerEntry,), many=True),
    "alias history": Shape((Move,), many=True),
    "statement add": Shape((StatementEntry,)),
    "statement list": Shape((StatementEntry,), many=True),
    "statement show": Shape((StatementEntry,)),
    "statement withdraw": Shape((StatementEntry,)),
    "statement supersede": Shape((StatementEntry,)),
    "dataset register": Shape((DatasetEntry,)),
    "dataset show": Shape((DatasetEntry,)),
    "dataset profile": Shape((DatasetProfile,)),
    "dataset diff": Shape((ProfileDifference,)),
    "dataset split": Shape((SplitEntry,)),
    "dataset list": Shape((DatasetEntry,), many=True),
    "dataset resolve": Shape((Resolved,)),
    "dataset recheck": Shape((Rechecked,), many=True),
    "data put": Shape((Sent,)),
    "data where": Shape((StatementEntry, Location), many=True),
    "activity add": Shape((ActivityEntry,)),
    "activity register": Shape((ActivityEntry,)),
    "activity show": Shape((ActivityEntry,)),
    "activity list": Shape((ActivityEntry,), many=True),
    "retrain": Shape((Retrained,)),
    "golden add": Shape((StatementEntry,)),
    "profile show": Shape((ProfileAnswer,)),
    "profile set": Shape((ProfileAnswer,)),
    "namespace create": Shape((Checkpoint,)),
    "namespace list": Shape((Checkpoint,), many=True),
    "namespace usage": Shape((Usage,), many=True),
    "namespace schema": Shape((StatementEntry,)),
    "journal log": Shape((EventEntry,), many=True),
    "journal show": Shape((EventEntry,)),
    "journal checkpoint": Shape((Checkpoint,), many=True),
    "journal state": Shape((StateDigest,)),
    "bundle export": Shape((BundleReport,)),
    "bundle verify": Shape((BundleReport,)),
    "bundle import": Shape((BundleReport,)),
    "store list": Shape((StoreEntry,), many=True),
    "store copy": Shape((StoreReport,)),
    "store verify": Shape((StoreReport,), many=True),
    "store repair": Shape((StoreReport,), many=True),
    "mirror": Shape((MirrorReport,), many=True),
    "backup": Shape((BundleReport,)),
    "move": Shape((BundleReport,)),
    "undo": Shape((Done,)),
    "whoami": Shape((Me,)),
    "config show": Shape((SettingAnswer,), many=True),
    "config set": Shape((ConfigFile,)),
    "config unset": Shape((ConfigFile,)),
    "config path": Shape((ConfigFile,)),
    "serve": Shape((Serving,)),
    "webhook list": Shape((WebhookEntry,), many=True),
    "webhook test": Shape((WebhookEntry,)),
    "webhook deliver": Shape((WebhookEntry,), many=True),
    "doctor": Shape((DoctorReport,)),
    "gc": Shape((GarbageReport,)),
    "cache list": Shape((Cached,), many=True),
    "cache verify": Shape((Cached,), many=True),
    "cache clear": Shape((Cleared,)),
    "completion": Shape((Script,)),
}
"""By command, as it is typed behind ``herdbook``."""

ON_STDERR: dict[str, type[Value]] = {"error": Problem, "more": More}
"""Objects that stand on stderr with ``--json``."""
