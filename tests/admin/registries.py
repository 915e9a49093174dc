"""Registries of tests: small ones with a bit of everything, and many versions fast."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from herdbook.kernel import digests, times
from herdbook.model.activities import Activity
from herdbook.model.datasets import Dataset
from herdbook.model.facts import Facts
from herdbook.model.files import File
from herdbook.model.principals import Principal
from herdbook.model.registrations import Registration
from herdbook.model.statements import Said, Subject
from herdbook.model.versions import Registered, Version
from herdbook.ports.formats import Listing, ReadAt
from herdbook.service.admin import LocalAdmin
from herdbook.service.context import Context
from herdbook.service.registry import LocalRegistry
from herdbook.stores.disk.blobs import DiskBlobs
from herdbook.stores.sql.catalogue import SqlCatalogue

ANNA = "actor:" + "a" * 32
BERT = "actor:" + "b" * 32
NAME = "demo/tau/toy"


class NoReaders:
    """A registry in which no format is known: no process is started."""

    def __init__(self) -> None:
        self.versions: Mapping[str, str] = {}

    def prepare(self) -> None:
        """Nothing to prepare."""

    def read(self, files: Sequence[tuple[str, ReadAt]], listing: Listing) -> list[Facts | None]:
        del listing
        return [None for _ in files]

    def close(self) -> None:
        """Nothing to close."""


@dataclass
class Place:
    """A registry in a folder, opened as one principal; ``seconds`` is what its clock shows for leases."""

    folder: Path
    actor: str = ANNA
    clock: Callable[[], str] = times.now
    now: list[float] = field(default_factory=lambda: [1.8e9])
    read_only: bool = False

    def __post_init__(self) -> None:
        self.context = Context(
            url=str(self.folder),
            catalogue=SqlCatalogue.open(
                self.folder / "catalogue.sqlite", create=not self.read_only, read_only=self.read_only
            ),
            blobs=DiskBlobs(self.folder / "blobs"),
            principal=Principal(id=self.actor, assurance="os"),
            make_readers=NoReaders,
            clock=self.clock,
            seconds=lambda: self.now[0],
        )
        self.registry = LocalRegistry(self.context)
        self.admin = LocalAdmin(self.context, str(self.folder))

    def blob(self, sha256: str) -> Path:
        """Return where a blob lies."""
        return self.folder / "blobs" / sha256[7:9] / sha256[7:]

    def put(self, data: bytes) -> str:
        """Store bytes; return their sha256."""
        return self.registry.files.put(io.BytesIO(data)).sha256

    def register(self, model: str, label: str | None, files: Mapping[str, bytes], **more: Any) -> Registered:
        """Register files of this content."""
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(self.put, files.values()))
        version = Version.of(File(path=path, digest=digests.of(data), size=len(data)) for path, data in files.items())
        item = Registration(model=model, label=label, version=version, **more)
        return self.registry.versions.record([item])[0]

    def many(self, count: int, *, model: str = "demo/many/m", start: int = 0, here: bool = True) -> None:
        """Register versions in ten models, fast: one small file each, here or absent; half of them described."""
        data = [b"weights %d" % number for number in range(start, start + count)]
        if here:
            with ThreadPoolExecutor(8) as threads:
                list(threads.map(self.put, data))
        items = []
        for number, content in enumerate(data, start):
            version = Version.of([File(path="m.bin", digest=digests.of(content), size=len(content))])
            said = (Said(type="herdbook/description/1", subject=(Subject(record=version.digest),),
                         body={"title": f"Version {number}", "licence": "CC0-1.0"}),)  # fmt: skip
            items.append(
                Registration(
                    model=f"{model}{number % 10}", label=f"v{number}", version=version,
                    statements=said if number % 2 else (), absent=() if here else (digests.of(content),),
                )
            )  # fmt: skip
        self.registry.versions.record(items, batch=True)

    def close(self) -> None:
        self.context.close()

    def __enter__(self) -> Place:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def story(place: Place) -> None:
    """Tell a story with every noun: dataset, training, schema, unresolved files, an undo, moves, two namespaces."""
    registry = place.registry
    manifest = place.put(b'{"path":"a.root","size":12}\n')
    dataset = Dataset.read(
        {"schema": "herdbook/dataset/1", "id": {"scheme": "local", "value": "toy"}, "manifest": manifest}
    )
    config, diff, lock, history = (
        place.put(text) for text in (b"eta: 0.1\n", b"--- a\n+++ b\n", b"numpy==2\n", b"{}\n")
    )
    model, labels = b"not a model\n", b"tau\njet\n"
    version = Version.of(
        [
            File(path="model.bin", digest=digests.of(model), size=len(model)),
            File(path="labels.txt", digest=digests.of(labels), size=len(labels)),
        ]
    )
    training = Activity.read(
        {
            "kind": "training", "status": "finished",
            "inputs": [{"record": dataset.digest, "role": "train"}, {"blob": config, "role": "config"}],
            "outputs": [{"record": version.digest, "role": "model"}],
            "code": {"commit": "0" * 40, "diff": diff}, "environment": {"kind": "lock", "blob": lock},
            "history": history, "metrics": [{"name": "auc", "value": 0.913}, {"name": "loss", "value": "NaN"}],
        }
    )  # fmt: skip
    described = Said(
        type="herdbook/description/1", subject=(Subject(record=version.digest),), body={"title": "Toy τ identification"}
    )
    place.register(NAME, "v1", {"model.bin": model, "labels.txt": labels}, datasets=(dataset,), activities=(training,),
                   statements=(described,))  # fmt: skip
    place.register(NAME, "v2", {"model.bin": b"another\n"})
    place.register(NAME, "v3", {"model.bin": b"a mistake\n"})
    registry.versions.undo(f"{NAME}:v3", reason="wrong file")
    registry.pointers.alias(NAME, "production", "v1", reason="first")
    registry.pointers.alias(NAME, "production", "v2", reason="better")
    registry.statements.add(
        "demo", [Said(type="herdbook/known-issue/1", subject=(Subject(name=NAME),), body={"title": "x"})]
    )
    registry.namespaces.schema("demo", "version", "1.0", {"type": "object", "properties": {"era": {"type": "string"}}})
    unresolved(place)
    absent = b"nobody brings this\n"
    item = Version.of([File(path="big.bin", digest=digests.of(absent), size=len(absent))])
    registry.versions.record([Registration(model="other/a/b", version=item, absent=(digests.of(absent),))])
    place.register("other/a/c", "v1", {"model.bin": model})


def unresolved(place: Place) -> str:
    """Register a version whose two files are known by git blob id, and bring one of them; return its sha256."""
    git = place.registry.files.put(io.BytesIO(b"graph\n"))
    files = [File(path="1/model.graphdef", digest=git.git_sha1), File(path="1/weights", digest="git-sha1:" + "4" * 40)]
    place.registry.versions.record([Registration(model="demo/tau/old", label="v0", version=Version.of(files))])
    place.registry.files.supply([git.sha256])
    return git.sha256


class StopError(Exception):
    """Somebody pulled the plug."""


def rules(report: Any, severity: str = "error") -> set[str]:
    """Return the rules of a report's findings."""
    return {finding.rule for finding in report.findings if finding.severity == severity}
