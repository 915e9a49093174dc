"""What every command prints on stdout with ``--json``: the shapes that are published as JSON Schemas."""

from __future__ import annotations

from typing import NamedTuple

from herdbook.apps.cli.answers import (
    Cached,
    CardAnswer,
    Cleared,
    ConfigFile,
    ContractAnswer,
    Count,
    Created,
    Done,
    Facets,
    Fetched,
    FoundDossier,
    FoundVersion,
    Inspected,
    Me,
    More,
    Problem,
    ProfileAnswer,
    Retrained,
    RulesAnswer,
    Script,
    Serving,
    SettingAnswer,
    ShownRelease,
    StateDigest,
    Surveyed,
    Usage,
    Verified,
    WebhookEntry,
)
from herdbook.model.activities import ActivityEntry
from herdbook.model.audits import Audited, AuditLine, Item
from herdbook.model.base import Value
from herdbook.model.captures import Capture, CapturedFile, Pushed, RunEntry
from herdbook.model.checks import Report as CheckReport
from herdbook.model.checks import Rule
from herdbook.model.dataset_profiles import DatasetProfile, ProfileDifference
from herdbook.model.datasets import DatasetEntry
from herdbook.model.dossiers import Diff
from herdbook.model.health import BundleReport, DoctorReport, GarbageReport
from herdbook.model.identities import IdentityEntry
from herdbook.model.imports import ImportEntry, Report, Status
from herdbook.model.journal import Checkpoint, EventEntry
from herdbook.model.lineage import Impact, Lineage
from herdbook.model.mirrors import AdoptReport, MirrorReport
from herdbook.model.models import ModelEntry
from herdbook.model.places import Location, Rechecked, Resolved, Sent
from herdbook.model.plans import Plan
from herdbook.model.pointers import Move, PointerEntry
from herdbook.model.preprocessing import Exported, Preparation
from herdbook.model.rechecks import Looked, RecheckReport
from herdbook.model.registrations import Intake
from herdbook.model.releases import Released, ReleaseEntry
from herdbook.model.splits import SplitEntry
from herdbook.model.statements import StatementEntry
from herdbook.model.stores import StoreEntry, StoreReport


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
    "preprocessing show": Shape((Preparation,), many=True),
    "preprocessing export": Shape((Exported,)),
    "contract init": Shape((ContractAnswer,)),
    "contract show": Shape((ContractAnswer,)),
    "contract add": Shape((ContractAnswer,)),
    "check": Shape((CheckReport, Rule), many=True),
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
