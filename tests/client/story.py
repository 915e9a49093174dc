"""A story in chapters, told to a registry: what is recorded of a release, and replayed to those that follow.

A chapter that was released is not changed; what is new gets a new one. Each knows what those before it did.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from herdbook.kernel.errors import HerdbookError
from herdbook.model.activities import Activity
from herdbook.model.base import Value
from herdbook.model.datasets import Dataset
from herdbook.model.files import File
from herdbook.model.imports import Delivery
from herdbook.model.models import Profile
from herdbook.model.principals import Person
from herdbook.model.query import Order
from herdbook.model.registrations import Registration
from herdbook.model.statements import Said
from herdbook.model.versions import Version
from herdbook.ports.registry import Registry
from herdbook.testing.registry_samples import content_of

ACTOR = "actor:" + "5" * 32
MODEL = "demo/tau/toy"
WEIGHTS = b"\0\xfe" + b"0.25 0.75 " * 40
LARGE = (b"herdbook" * 2) * 300_000
"""More than a client sends at once."""
Chapter = Callable[[Registry], list[object]]


def version(files: Mapping[str, bytes]) -> Version:
    contents = {path: content_of(data) for path, data in files.items()}
    return Version.of(File(path=path, digest=each.sha256, size=each.size) for path, each in contents.items())


def said(kind: str, body: Mapping[str, object], **subject: object) -> Said:
    told = {"type": f"herdbook/{kind}/1", "subject": [subject], "body": body, "issued": "2026-11-20T09:00:00Z"}
    return Said.read(told)


def refused(call: Callable[[], object]) -> dict[str, object]:
    """Return the error of a call as JSON."""
    try:
        call()
    except HerdbookError as error:
        return {
            "class": type(error).__name__,
            "code": error.code,
            "message": error.message,
            "hint": error.hint,
            "details": error.details,
        }
    raise AssertionError("it was not refused")


def _namespaces(registry: Registry) -> list[object]:
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"}
    return [
        registry.namespaces.create("demo"),
        registry.namespaces.create("demo"),
        registry.namespaces.schema("demo", "model", "1.0", schema),
        len(registry.namespaces.list()),
        refused(lambda: registry.namespaces.create("no/such")),
        registry.people.name(Person(id=ACTOR, name="Ada")),
        registry.people.me(),
        registry.people.list(),
        registry.people.identify([("Grace", "grace@example.org")])[0].name,
    ]


def _files(registry: Registry) -> list[object]:
    put = registry.files.put(io.BytesIO(WEIGHTS))
    return [
        put,
        registry.files.put(io.BytesIO(LARGE)),
        registry.files.put_many([io.BytesIO(b"# Toy\n")]),
        registry.files.find("demo", [put.md5, "sha256:" + "0" * 64]),
        registry.files.supply([put.sha256]),
    ]


def _versions(registry: Registry) -> list[object]:
    first, second = version({"w.bin": WEIGHTS, "README.md": b"# Toy\n"}), version({"large.bin": LARGE})
    about = said("description", {"title": "A toy", "licence": "MIT"}, record=first.digest)
    items = [
        Registration(model=MODEL, label="V1", version=first, statements=(about,)),
        Registration(model=MODEL, version=second),
    ]
    made = registry.versions.record(items)
    return [
        made,
        registry.versions.record(items[:1]),
        refused(lambda: registry.versions.record([Registration(model=MODEL, label="V1", version=second)])),
        registry.versions.get(f"{MODEL}:V1"),
        registry.versions.get(f"{MODEL}:V1"),
        registry.versions.get(MODEL),
        registry.versions.get(f"{MODEL}@2", as_of=made[0].seq),
        refused(lambda: registry.versions.get("demo/tau/toi:V1")),
        registry.versions.list(MODEL, limit=1),
        registry.versions.search("toy AND files = 2", order=Order.NEWEST, total=True),
        registry.versions.search("", order=Order.NAME, limit=2),
        refused(lambda: registry.versions.search("name = ")),
        registry.versions.facets("", ["format"], limit=3),
        registry.versions.dossier(f"{MODEL}:V1"),
        _read(registry, f"{MODEL}:V1", "w.bin"),
        _read(registry, f"{MODEL}@2", "large.bin"),
        refused(lambda: registry.files.open(f"{MODEL}:V1", "no")),
        _blob(registry, WEIGHTS),
        _blob(registry, b"# Toy\n"),
        registry.files.verify(f"{MODEL}:V1"),
        registry.versions.undo(f"{MODEL}@2", reason="a slip"),
        refused(lambda: registry.versions.undo(f"{MODEL}@2", reason="again")),
    ]


def _read(registry: Registry, reference: str, path: str) -> str:
    with registry.files.open(reference, path) as stream:
        return content_of(stream.read()).sha256


def _blob(registry: Registry, data: bytes) -> str:
    with registry.files.blob("demo", content_of(data).sha256) as stream:
        return base64.b64encode(stream.read()).decode()


def _models(registry: Registry) -> list[object]:
    return [
        registry.models.profile(MODEL, Profile(title="Toy", step="trigger")).statement.body,
        registry.models.get(MODEL),
        registry.models.list("demo", limit=5),
        registry.models.usage(),
        refused(lambda: registry.models.get("demo/tau/no")),
        registry.pointers.label(f"{MODEL}@1", "V1-final"),
        registry.pointers.alias(MODEL, "production", f"{MODEL}:V1", expected="-", reason="validated"),
        refused(lambda: registry.pointers.alias(MODEL, "production", f"{MODEL}:V1", expected="-")),
        registry.pointers.list(MODEL),
        registry.pointers.history(f"{MODEL}@production"),
        registry.pointers.clear(MODEL, "production", reason="gone"),
    ]


def _lineage(registry: Registry) -> list[object]:
    dataset = Dataset.read({"id": {"scheme": "local", "value": "toys"}})
    record = registry.versions.get(f"{MODEL}:V1").record
    activity = Activity.read(
        {
            "kind": "training",
            "status": "finished",
            "ids": [{"scheme": "job", "value": "7"}],
            "inputs": [{"record": dataset.digest, "role": "train"}],
            "outputs": [{"record": record, "role": "model"}],
        }
    )
    return [
        registry.datasets.register("demo", dataset, [said("note", {"text": "toys"}, record=dataset.digest)]),
        registry.datasets.get("local:toys"),
        registry.datasets.list("local:"),
        registry.activities.register("demo", activity),
        registry.activities.get("job:7"),
        registry.activities.list(kind="training"),
        registry.versions.trace(f"{MODEL}:V1"),
        registry.versions.trace("local:toys", direction="down", depth=2, limit=10),
        registry.versions.impact("local:toys", limit=2),
    ]


def _statements(registry: Registry) -> list[object]:
    record = registry.versions.get(f"{MODEL}:V1").record
    issue = said("known-issue", {"title": "fails above 1 TeV", "severity": "low"}, record=record)
    made = registry.statements.add("demo", [issue])[0]
    return [
        made,
        registry.statements.get(made.digest),
        registry.statements.about([record]),
        registry.statements.list(f"{MODEL}:V1", kind="known-issue", every=True, limit=3),
    ]


def _imports(registry: Registry) -> list[object]:
    item = Registration(model="demo/tau/other", label="W1", version=version({"w.bin": WEIGHTS}))
    path = {"scheme": "cms-fileinpath", "value": "Pkg/data/w.bin"}
    body = {"id": path, "source": "Pkg", "path": "w.bin", "first": "T1"}
    names = [{"id": {"scheme": "source", "value": name}} for name in ("pkg.git", "Pkg")]
    told = {"kind": "git", "name": "pkg.git", "package": "Pkg", "state": "s1", "tags": ["T1", "T2"]}
    packages = [{"package": "Pkg", "tag": "T2", "line": 1}]
    delivery = Delivery(
        registrations=(item,),
        statements=(
            said("identity", body, record=item.version.digest),
            Said.read({"type": "herdbook/source/1", "subject": names, "body": told, "issued": "2026-11-20T09:00:00Z"}),
            said("release", {"packages": packages}, id={"scheme": "cms-release-cycle", "value": "CMSSW_1"}),
        ),
    )
    entry = registry.imports.record("demo", delivery)
    return [
        entry,
        registry.imports.get("demo", entry.batch),
        registry.imports.list("demo"),
        registry.identities.find("cms-fileinpath:Pkg/data/w.bin", tag="T2"),
        registry.identities.of("demo/tau/other:W1"),
        registry.releases.get("CMSSW_1"),
        registry.releases.versions("CMSSW_1", package="Pkg"),
        registry.releases.of("demo/tau/other:W1"),
        registry.releases.list("CMSSW"),
        registry.imports.undo("demo", entry.batch, reason="a slip"),
    ]


def _journal(registry: Registry) -> list[object]:
    events = registry.journal.events("demo", after=1, limit=3)
    record = registry.versions.get(f"{MODEL}:V1").record
    return [
        events,
        [line.decode() for line in registry.journal.lines("demo", after=0, limit=2)],
        registry.journal.checkpoint("demo"),
        registry.journal.state_digest("demo"),
        {digest: data.decode() for digest, data in registry.journal.bodies([record]).items()},
        refused(lambda: registry.journal.checkpoint("none")),
    ]


CHAPTERS: dict[str, Chapter] = {
    "01-namespaces": _namespaces,
    "02-files": _files,
    "03-versions": _versions,
    "04-models": _models,
    "05-lineage": _lineage,
    "06-statements": _statements,
    "07-imports": _imports,
    "08-journal": _journal,
}


def as_json(value: object) -> Any:
    """Return what a call answered as JSON."""
    if isinstance(value, Value):
        return value.json_object()
    if isinstance(value, Mapping):
        return {str(name): as_json(each) for name, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [as_json(each) for each in value]
    return value
