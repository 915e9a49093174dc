"""The checklist: items as data, what a namespace adds and demands, what was waived, and the checks by name."""

from __future__ import annotations

import re
import tomllib
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

from herdbook.kernel import canonical, digests
from herdbook.kernel.errors import HerdbookError, HerdbookWarning, MissingError
from herdbook.kernel.names import namespace_of
from herdbook.model.audits import Absent, Checklist, Declared, Item, Score, Waived
from herdbook.model.dossiers import Dossier
from herdbook.ports.registry import Registry
from herdbook.service.auditing_evidence import Evidence
from herdbook.service.checks import datasets, findable, interface, operations, retrainings, reusable, trainings
from herdbook.service.checks.declared import declared

CORE = "core-1"
TYPE = "herdbook/checklist/1"
Check = Callable[[Evidence], Score]
_ROOMS = (findable, interface, reusable, trainings, datasets, retrainings, operations)
_FIELD = re.compile(r"\{(reference|namespace|model|dataset|activity)\}")


@dataclass(frozen=True)
class Demands:
    """What a namespace adds to the core, and what it demands."""

    items: tuple[Item, ...] = ()
    minima: Mapping[str, int] = field(default_factory=dict)
    digest: str | None = None
    """Names what was added and demanded, so that a frozen audit says under which rules it was."""


@cache
def core() -> Checklist:
    """Return the checklist that comes with Herdbook."""
    text = (resources.files("herdbook.service") / "checklists" / f"{CORE}.toml").read_text("utf-8")
    return Checklist.read(tomllib.loads(text))


@cache
def checks() -> dict[str, Check]:
    """Return the checks by the name that items give: ``room.function``."""
    found: dict[str, Check] = {}
    for room in _ROOMS:
        name = room.__name__.rpartition(".")[2]
        found |= {f"{name}.{key}": value for key, value in vars(room).items() if callable(value) and key[0] != "_"}
    return found


def score(item: Item, evidence: Evidence, waivers: Mapping[str, str]) -> Score:
    """Return the score of an item; a check that cannot be made leaves it unknown, and says why."""
    if not item.fixed and (reason := waivers.get(item.id)):
        return Waived(reason=reason)
    try:
        if isinstance(item.check, Declared):
            return declared(evidence, item.check)
        return checks()[item.check](evidence)
    except HerdbookError as error:
        return Absent(why=f"it could not be looked at: {error.message}")
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        # Open objects (links, features, trials) hold whatever somebody wrote: one of them must not end the audit.
        return Absent(why=f"what is said of it has a shape that was not expected: {type(error).__name__}")


def demands(registry: Registry, namespace: str) -> Demands:
    """Return what a namespace adds and demands, by statements in its own journal; of two minima the stricter counts."""
    items: dict[str, Item] = {}
    minima: dict[str, int] = {}
    told = []
    for entry in registry.statements.list(namespace, kind="checklist", limit=1000).items:
        if entry.namespace != namespace:
            continue
        body = Checklist.read(entry.statement.body)
        told.append(entry.digest)
        items |= {item.id: item for item in body.items if _counts(item, namespace)}
        for name, least in body.minima.items():
            minima[name] = max(least, minima.get(name, 0))
    digest = digests.of(canonical.dumps(sorted(told))) if told else None
    return Demands(tuple(items.values()), minima, digest)


def _counts(item: Item, namespace: str) -> bool:
    """Whether an item is the namespace's own and declares its check; of another a person is told."""
    if item.id.startswith(f"{namespace}.") and isinstance(item.check, Declared):
        return True
    warnings.warn(
        f"the checklist of {namespace} adds {item.id!r}, which does not count: an item is called {namespace}.NAME,"
        " and its check is an object",
        HerdbookWarning,
        stacklevel=2,
    )
    return False


def waivers(dossier: Dossier, general: Iterable[Mapping[str, str]] = ()) -> dict[str, str]:
    """Return, by item, why it does not apply to a version: only words of the model's own namespace count."""
    home = namespace_of(dossier.entry.model)
    found: dict[str, str] = {}
    for each in general:
        found |= each
    for entry in dossier.statements:
        if entry.statement.type == TYPE and entry.namespace == home and entry.about == "this":
            found |= Checklist.read(entry.statement.body).waivers
    return found


def general_waivers(registry: Registry, namespace: str) -> dict[str, str]:
    """Return, by item, why it does not apply to any model of a namespace."""
    found: dict[str, str] = {}
    for entry in registry.statements.list(namespace, kind="checklist", limit=1000).items:
        if entry.namespace == namespace:
            found |= Checklist.read(entry.statement.body).waivers
    return found


def supply(item: Item, evidence: Evidence, found: Score) -> str:
    """Return the command that would supply an item, filled in as far as it is known."""
    entry = evidence.dossier.entry
    known = {
        "reference": entry.reference,
        "model": entry.model,
        "namespace": namespace_of(entry.model),
        "dataset": next((_called(data.dataset.id, data.record) for data in evidence.datasets), "DATASET"),
        "activity": evidence.training.record if evidence.training else "ACTIVITY",
    }
    text = item.first if item.first and found.score == 0 else item.supply
    return _FIELD.sub(lambda match: known[match[1]], text)


def _called(name: object, record: str) -> str:
    return str(name) if name is not None else record[:19]


def find(registry: Registry | None, name: str, namespace: str = "") -> Item:
    """Return an item of the core, or of a namespace, by its id.

    Raises:
        MissingError: ``no-item``, when there is none.
    """
    items = list(core().items)
    if registry is not None and namespace:
        items += demands(registry, namespace).items
    for item in items:
        if item.id.lower() == name.lower():
            return item
    raise MissingError(
        f"the checklist has no item {name!r}",
        code="no-item",
        hint="There are: " + ", ".join(item.id for item in items) + ".",
    )
