"""Gathering evidence: a handful of calls for a version, over the façade alone, so that it works over HTTP too."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from herdbook.kernel import canonical
from herdbook.kernel.errors import ConflictError, HerdbookError, MissingError
from herdbook.kernel.names import namespace_of
from herdbook.model.activities import ActivityEntry, Part
from herdbook.model.datasets import Dataset
from herdbook.model.dossiers import Dossier
from herdbook.model.journal import VersionOp
from herdbook.model.places import Location
from herdbook.model.statements import StatementEntry
from herdbook.model.versions import Version
from herdbook.ports.registry import Registry
from herdbook.service.auditing_evidence import Data, Evidence, Input, Look, Manifest, Parent
from herdbook.service.auditing_reruns import reruns
from herdbook.service.retraining import origin
from herdbook.service.retraining.origin import NOT_TRAININGS

PASSED = frozenset({"conversion", "firmware-build"})
"""Kinds that change how a model is written: what it learnt, it learnt before."""
MAX_HOPS = 10
MAX_SUMS = 100_000
MAX_ASKED = 1000
SMALL = 4 * 2**20
T = TypeVar("T")


class Memory:
    """What was looked up lately, by key; the oldest goes when it is full."""

    def __init__(self, most: int = 256) -> None:
        self._held: OrderedDict[str, object] = OrderedDict()
        self._most = most

    def get(self, key: str, make: Callable[[], T]) -> T:
        """Return what is held, or make it."""
        if key in self._held:
            self._held.move_to_end(key)
            return self._held[key]  # type: ignore[return-value]  # a key always stands for the same kind of value
        made = make()
        self._held[key] = made
        if len(self._held) > self._most:
            self._held.popitem(last=False)
        return made


class Gatherer:
    """Gathers evidence; what versions share, such as datasets, is looked up once for many of them.

    Args:
        registry: the registry, embedded or remote.
        level: gives the level of a parent by reference; ``None`` where that cannot be said.
    """

    def __init__(self, registry: Registry, level: Callable[[str], int | None]) -> None:
        self.registry = registry
        self._level = level
        self._memory = Memory()
        self._events = Memory(4)

    def gather(self, reference: str, now: datetime, *, verify: bool = False) -> Evidence:
        """Return the evidence about a version; with ``verify`` its files are read again."""
        dossier = self.registry.versions.dossier(reference)
        entry = dossier.entry
        exact = f"{entry.model}@{entry.ordinal}"
        training, hops = self.training(dossier)
        inputs = self._inputs(training, namespace_of(entry.model)) if training else ()
        wanted = _wanted(training, inputs)
        about = [entry.record, *([training.record] if training else [])]
        said = self.registry.statements.about(about)
        return Evidence(
            dossier=dossier,
            now=now,
            training=training,
            hops=hops,
            inputs=inputs,
            parents=tuple(self._parent(each) for each in inputs if each.version or each.part.role == "parent"),
            looks=looks(said[entry.record]),
            code_looks=looks(said[training.record]) if training else (),
            searches=self._searches(training),
            dry_runs=tuple(each for each in said[entry.record] if _dry_run(each)),
            reruns=reruns(self.registry, dossier, training, said[entry.record]),
            moves=self._moves(dossier),
            named=self._named(dossier),
            verified=tuple(self.registry.files.verify(exact)) if verify else None,
            asked=wanted,
            kept=self._kept(wanted, namespace_of(entry.model)),
            evaluated=self._evaluated(dossier),
            read=lambda sha256: self._small(namespace_of(entry.model), sha256),
        )

    def training(self, dossier: Dossier) -> tuple[ActivityEntry | None, tuple[ActivityEntry, ...]]:
        """Return the activity in which the version's model learnt, and the conversions between them."""
        hops: list[ActivityEntry] = []
        made = fullest(dossier)
        while made is not None and made.activity.kind in PASSED and len(hops) < MAX_HOPS:
            hops.append(made)
            made = self._before(made)
        return made, tuple(hops)

    def _before(self, hop: ActivityEntry) -> ActivityEntry | None:
        for part in hop.activity.inputs or ():
            if part.record is None or part.role == "config":
                continue
            try:
                return fullest(self.registry.versions.dossier(part.record))
            except (MissingError, ConflictError):  # a dataset, or a version that is not here
                continue
        return None

    def _inputs(self, training: ActivityEntry, namespace: str) -> tuple[Input, ...]:
        parts = training.activity.inputs or ()
        records = sorted({part.record for part in parts if part.record})
        bodies = self.registry.journal.bodies(records) if records else {}
        told = {digest: canonical.loads(body) for digest, body in bodies.items()}
        return tuple(self._input(part, told, namespace) for part in parts)

    def _input(self, part: Part, told: dict[str, object], namespace: str) -> Input:
        body = told.get(part.record or "")
        schema = body.get("schema") if isinstance(body, dict) else ""
        if schema == Version.model_fields["schema_"].default:
            return Input(part, version=True)
        if schema == Dataset.model_fields["schema_"].default and part.record:
            return Input(part, data=self.data(part.record, namespace))
        if part.id is not None and part.role != "parent":
            return Input(part, data=self._called(str(part.id), namespace))
        return Input(part)

    def _called(self, name: str, namespace: str) -> Data | None:
        """Return the dataset that an identifier names here, when it names one and no other."""
        try:
            record = self._memory.get(f"name {name}", lambda: self.registry.datasets.get(name).record)
        except HerdbookError:
            return None
        return self.data(record, namespace)

    def data(self, record: str, namespace: str) -> Data:
        """Return a dataset with what is said of it, its manifest, and what it was made from."""
        return self._memory.get(record, lambda: self._data(record, namespace))

    def _data(self, record: str, namespace: str) -> Data:
        entry = self.registry.datasets.get(record)
        if entry.dataset.manifest is None and (full := self._files_of(record)):
            entry = self.registry.datasets.get(full)
        walk = self.registry.versions.trace(entry.record, direction="up", depth=8, limit=100)
        sources = [node.id for node in walk.nodes if node.kind == "dataset" and node.id not in {record, entry.record}]
        said = self.registry.statements.about([*{record, entry.record}, *sources[:20]])
        about = [each for name in dict.fromkeys([record, entry.record]) for each in said[name]]
        return Data(
            record=entry.record,
            dataset=entry.dataset,
            said=tuple(each for each in about if each.current),
            looks=looks(about),
            manifest=self._manifest(list(dict.fromkeys([namespace, *entry.namespaces])), entry.dataset),
            origin=sum(node.kind == "activity" for node in walk.nodes),
            sources=tuple(sources[:20]),
            source_looks=tuple(look for source in sources[:20] for look in looks(said[source])),
        )

    def _files_of(self, record: str) -> str:
        """Return the record with the files of a dataset that was known by its name; nothing where there are several."""
        told = self.registry.statements.about([record])[record]
        found = {
            str(entry.statement.body["by"]) for entry in told if entry.current and entry.statement.kind == "resolves"
        }
        return min(found) if len(found) == 1 else ""

    def _manifest(self, namespaces: Sequence[str], dataset: Dataset) -> Manifest | None:
        for namespace in namespaces if dataset.manifest else ():
            try:
                with self.registry.files.blob(namespace, str(dataset.manifest)) as stream:
                    return read_manifest(stream)
            except HerdbookError:
                continue
        return None

    def _evaluated(self, dossier: Dossier) -> dict[str, Data]:
        records = {str(body["dataset"]) for body in dossier.said("evaluation") if body.get("dataset")}
        found: dict[str, Data] = {}
        for record in sorted(records):
            try:
                found[record] = self.data(record, namespace_of(dossier.entry.model))
            except HerdbookError:  # a dataset that is named and not here
                continue
        return found

    def _parent(self, given: Input) -> Parent:
        record = given.part.record or (self._made_by(str(given.part.id)) if given.part.id else "")
        if not record:
            return Parent(given.title)
        try:
            entry = self._memory.get(f"version {record}", lambda: self.registry.versions.get(record))
        except HerdbookError:
            return Parent(given.title)
        reference = f"{entry.model}@{entry.ordinal}"
        return Parent(entry.reference, reference, self._level(reference))

    def _made_by(self, name: str) -> str:
        """Return the record of the one version that an activity of this id put out, or nothing."""
        try:
            outputs = self.registry.activities.get(name).activity.outputs or ()
        except HerdbookError:
            return ""
        records = {part.record for part in outputs if part.record}
        return min(records) if len(records) == 1 else ""

    def _searches(self, training: ActivityEntry | None) -> tuple[ActivityEntry, ...]:
        """Return the searches for hyper-parameters that the training names."""
        found = []
        for part in (training.activity.inputs or ()) if training else ():
            name = part.record or (str(part.id) if part.id else "")
            if part.role == "search" and name:
                try:
                    found.append(self.registry.activities.get(name))
                except HerdbookError:
                    continue
        return tuple(found)

    def _moves(self, dossier: Dossier) -> int | None:
        entry = dossier.entry
        if not entry.labels:
            return None
        history = self.registry.pointers.history(f"{entry.model}:{entry.labels[0]}")
        return sum(bool(move.to) for move in history)

    def _named(self, dossier: Dossier) -> bool:
        entry = dossier.entry
        namespace = namespace_of(entry.model)
        told = self._events.get(f"{namespace} {entry.seq}", lambda: self._versions_of(namespace, entry.seq))
        return (entry.model, entry.ordinal, entry.record) in told

    def _versions_of(self, namespace: str, seq: int) -> frozenset[tuple[str, int, str]]:
        """Return the versions that an event entered; an import enters thousands in one."""
        page = self.registry.journal.events(namespace, after=seq - 1, limit=1)
        ops = [op for item in page.items for op in item.event.ops]
        return frozenset((op.model, op.ordinal, op.record) for op in ops if isinstance(op, VersionOp))

    def _kept(self, wanted: Iterable[str], namespace: str) -> frozenset[str]:
        digests = sorted(wanted)
        return frozenset(self.registry.files.find(namespace, digests)) if digests else frozenset()

    def _small(self, namespace: str, sha256: str) -> bytes | None:
        try:
            with self.registry.files.blob(namespace, sha256) as stream:
                return stream.read(SMALL)
        except HerdbookError:
            return None


def _wanted(training: ActivityEntry | None, inputs: Sequence[Input]) -> frozenset[str]:
    """Return the files of a training whose bytes may be here: blobs, inputs, and small datasets."""
    if training is None:
        return frozenset()
    wanted = {*training.activity.blobs(), *(each.part.file or "" for each in inputs)}
    for each in inputs:
        sums = each.data.manifest.sums if each.data and each.data.manifest else None
        if sums and len(sums) <= MAX_ASKED:
            wanted |= {digest for digest in sums if digest.startswith("sha256:")}
    for item in (training.activity.code.untracked or ()) if training.activity.code else ():
        wanted.add(_digest(item.get("sha256")))
    return frozenset(wanted - {""})


def _digest(text: object) -> str:
    return "" if not isinstance(text, str) else text if text.startswith("sha256:") else f"sha256:{text}"


def _dry_run(entry: StatementEntry) -> bool:
    return entry.current and entry.statement.type == "herdbook/retraining/1"


def fullest(dossier: Dossier) -> ActivityEntry | None:
    """Return the activity that a retraining would repeat; a retraining only where there is no other."""
    made = [each for each in dossier.made_by if each.activity.kind not in NOT_TRAININGS - {"retraining"}]
    first = [each for each in made if each.activity.kind != "retraining"] or made
    return origin.fullest(first) if first else None


def looks(said: Iterable[StatementEntry]) -> tuple[Look, ...]:
    """Return, for each URI, the newest current word about it."""
    newest: dict[str, Look] = {}
    for entry in said:
        if not entry.current or entry.statement.type != "herdbook/location/1":
            continue
        location = Location.read(entry.statement.body)
        subject = entry.statement.subject[0].key[1]
        known = newest.get(location.uri)
        if known is None or (location.asked or "") >= (known.location.asked or ""):
            newest[location.uri] = Look(location, entry.digest, subject, entry.statement.issuer)
    return tuple(newest.values())


def read_manifest(lines: Iterable[bytes]) -> Manifest:
    """Return what a manifest holds; the sums of at most 100,000 files are kept."""
    files = summed = 0
    sums: set[str] | None = set()
    for line in lines:
        files += 1
        if not (b'"sha256":' in line or b'"md5":' in line or b'"adler32":' in line):
            continue
        summed += 1
        if sums is not None:
            told = canonical.loads(line)
            assert isinstance(told, dict)
            name = next(name for name in ("sha256", "md5", "adler32") if name in told)
            sums.add(f"{name}:{told[name]}")
            sums = None if len(sums) > MAX_SUMS else sums
    return Manifest(files, summed, frozenset(sums) if sums is not None else None)
