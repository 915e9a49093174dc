"""Evidence made by hand: of a version of which nothing is known, and with what a test adds."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from herdbook.kernel import digests, times
from herdbook.model.activities import Activity, ActivityEntry, Part
from herdbook.model.datasets import Dataset
from herdbook.model.dossiers import Dossier, FileView
from herdbook.model.facts import Facts
from herdbook.model.files import File
from herdbook.model.models import Profile
from herdbook.model.places import Location
from herdbook.model.retrainings import Retraining
from herdbook.model.statements import Statement, StatementEntry, Subject
from herdbook.model.versions import Entry, Version
from herdbook.service.auditing_evidence import Data, Evidence, Input, Look, Manifest, Rerun

NOW = times.read("2026-11-21T12:00:00Z")
FRESH, STALE = "2026-11-01T00:00:00Z", "2026-05-01T00:00:00Z"
ISSUER = "actor:" + "a" * 32
COMMIT = "0123456789" * 4


def sha(word: str) -> str:
    """Return the sha256 of a word."""
    return digests.of(word.encode())


def said(kind: str, body: dict[str, Any], *, record: str = "", namespace: str = "demo") -> StatementEntry:
    """Return a statement about a record, the version if none is named."""
    statement = Statement.read(
        {
            "type": f"herdbook/{kind}/1",
            "subject": [Subject(record=record or sha("version")).json_object()],
            "body": body,
            "issuer": ISSUER,
            "issued": "2026-11-20T00:00:00Z",
        }
    )
    return StatementEntry(digest=statement.digest, statement=statement, namespace=namespace, seq=7)


def view(path: str, *, here: bool = True, weak: bool = False, **facts: Any) -> FileView:
    """Return a file; ``facts`` are what a reader found, if any did."""
    digest = "git-sha1:" + sha(path)[7:47] if weak else sha(path)
    found = {"reader": "r", "reader_version": "1", "format": "text", **facts} if facts else None
    return FileView(
        path=path, digest=digest, size=None if weak else 5, here=here, facts=Facts.read(found) if found else None
    )


def graph(**values: Any) -> FileView:
    """Return an ONNX file that a reader read."""
    return view("model.onnx", format="onnx", values=values)


def bare(*statements: StatementEntry, files: tuple[FileView, ...] = (), **given: Any) -> Evidence:
    """Return evidence of a version of which only a weak digest is known, and what is given."""
    views = files or (view("model.bin", here=False, weak=True),)
    version = Version.of(
        File(path=each.path, digest=each.digest, size=5 if each.size is not None else None) for each in views
    )
    entry = Entry(
        model="demo/m",
        ordinal=1,
        record=sha("version"),
        version=version,
        labels=given.pop("labels", ("v1",)),
        registered="2026-11-19T00:00:00Z",
        seq=3,
    )
    profile = given.pop("profile", None)
    dossier = Dossier(
        entry=entry, files=views, statements=statements, profile=Profile.read(profile) if profile else None
    )
    return Evidence(dossier=dossier, now=NOW, **given)


def activity(**fields: Any) -> ActivityEntry:
    """Return a training; without fields only its id is known."""
    told = {"kind": "training", "status": "finished", "ids": [{"scheme": "herdbook-run", "value": "1" * 32}], **fields}
    made = Activity.read(told)
    return ActivityEntry(record=made.digest, activity=made, namespaces=("demo",))


def look(uri: str, state: str = "exists", asked: str = FRESH, **told: Any) -> Look:
    """Return a word about a place."""
    return Look(Location.read({"uri": uri, "state": state, "asked": asked, **told}), sha(uri), sha("x"), ISSUER)


def data(name: str = "toy", *, files: tuple[str, ...] = ("a", "b"), unsummed: int = 0, **given: Any) -> Data:
    """Return a dataset with a manifest of these files; ``statements`` are pairs of kind and body."""
    dataset = Dataset.read({"id": {"scheme": "local", "value": name}, "manifest": sha(name)})
    told = given.pop("statements", ())
    manifest = Manifest(len(files) + unsummed, len(files), frozenset(map(sha, files))) if files else None
    entries = tuple(said(kind, body, record=dataset.digest) for kind, body in told)
    return Data(record=dataset.digest, dataset=dataset, said=entries, manifest=manifest, **given)


def uses(*inputs: Data, role: str = "train") -> tuple[Input, ...]:
    """Return datasets as inputs."""
    return tuple(Input(Part(record=each.record, role=role), data=each) for each in inputs)


def trained(*statements: StatementEntry, fields: dict[str, Any] | None = None, **given: Any) -> Evidence:
    """Return evidence of a version that was trained, with the fields of its activity."""
    return bare(*statements, training=activity(**(fields or {})), **given)


def dry_run(evidence: Evidence, *, inputs: tuple[str, ...] = ("a", "b"), **told: Any) -> Evidence:
    """Return evidence with a dry run of its training that found these files."""
    assert evidence.training is not None
    body = Retraining.read(
        {
            "of": evidence.training.record,
            "mode": "dry-run",
            "outcome": "ready",
            "done": FRESH,
            "inputs": [{"path": name, "digest": sha(name), "state": "verified"} for name in inputs],
            **told,
        }
    )
    return replace(evidence, dry_runs=(said("retraining", body.json_object()),))


def rerun(evidence: Evidence, *, outcome: str = "bytes", **told: Any) -> Evidence:
    """Return evidence with a retraining that was held against the records already."""
    assert evidence.training is not None
    body = {"of": evidence.training.record, "mode": "run", "outcome": outcome, "done": FRESH}
    return replace(evidence, reruns=(*evidence.reruns, Rerun(said("retraining", body), activity(), **told)))


def at(moment: str) -> datetime:
    """Return a moment."""
    return times.read(moment)
