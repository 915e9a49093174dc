"""Bundles made by hand: the standard library and an RFC 8785 writer that is not ours."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import rfc8785

SCRIPT = Path(__file__).resolve().parents[2] / "docs" / "reference" / "verify_bundle.py"
ACTOR = "actor:9d3f1c70b8e24a56a1f4c2e70d5b6839"
MODEL, LABELS = b"weights, one would hope\n", b"jet\ntau\n"


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def place(kind: str, named: str) -> str:
    return f"{kind}/{named[7:9]}/{named[7:]}"


@dataclass
class Bundle:
    """A bundle in memory: files by name. Events are added with ``say``; ``write`` puts it into a folder."""

    namespace: str = "demo"
    files: dict[str, bytes] = field(default_factory=dict)
    events: list[bytes] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    first: int = 1

    def body(self, **value: Any) -> str:
        data = rfc8785.dumps(value)
        self.files[place("bodies", digest(data))] = data
        return digest(data)

    def blob(self, data: bytes) -> str:
        self.files[place("blobs", digest(data))] = data
        return digest(data)

    def statement(self, kind: str, subject: dict[str, Any], body: dict[str, Any]) -> str:
        return self.body(
            schema="herdbook/statement/1", type=f"herdbook/{kind}/1", subject=[subject], body=body, issuer=ACTOR,
            issued="2026-11-20T09:01:00Z",
        )  # fmt: skip

    def say(self, *ops: dict[str, Any], time: str = "", **other: Any) -> str:
        seq = len(self.events) + 1
        event: dict[str, Any] = {
            "schema": "herdbook/event/1",
            "seq": seq,
            "time": time or f"2026-11-20T09:{seq:02}:00Z",
            "principal": {"id": ACTOR, "kind": "person", "assurance": "os"},
            "ops": list(ops),
        }
        if self.events:
            event |= {"journal": self.journal, "prev": self.head}
        self.events.append(rfc8785.dumps(event | other))
        return self.head

    def version(self, size: int) -> str:
        """Write the body of a version whose one file is said to have this size."""
        return self.body(
            schema="herdbook/version/1", files=[{"path": "model.onnx", "digest": digest(MODEL), "size": size}]
        )

    @property
    def journal(self) -> str:
        return digest(self.events[0])

    @property
    def head(self) -> str:
        return digest(self.events[-1])

    @property
    def checkpoint(self) -> str:
        return f"{self.journal}:{len(self.events)}:{self.head}"

    @property
    def entry(self) -> dict[str, Any]:
        return {
            "namespace": self.namespace, "journal": self.journal, "first": self.first, "last": len(self.events),
            "head": self.head,
        }  # fmt: skip

    def all_files(self) -> dict[str, bytes]:
        manifest = {"schema": "herdbook/bundle/1", "journals": [self.entry], "absent": self.absent}
        lines = b"".join(event + b"\n" for event in self.events[self.first - 1 :])
        made = {"herdbook-bundle.json": json.dumps(manifest).encode(), f"journals/{self.namespace}.ndjson": lines}
        return made | self.files

    def write(self, folder: Path) -> Path:
        for name, data in self.all_files().items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        return folder


def genesis(namespace: str = "demo") -> dict[str, Any]:
    return {"op": "genesis", "namespace": namespace, "home": "registry:" + "2b0c9f4e" * 4, "salt": "5eed"}


def story() -> Bundle:
    """Return a bundle like the project's vectors: a version with dataset and training, a second one without bytes."""
    made = Bundle()
    model, labels = made.blob(MODEL), made.blob(LABELS)
    manifest = made.blob(rfc8785.dumps({"path": "a.root", "size": 12}) + b"\n")
    dataset = made.body(schema="herdbook/dataset/1", id={"scheme": "local", "value": "toy-taus"}, manifest=manifest)
    files = [
        {"path": "labels.txt", "digest": labels, "size": len(LABELS)},
        {"path": "model.onnx", "digest": model, "size": len(MODEL)},
    ]
    version = made.body(schema="herdbook/version/1", files=files)
    training = made.body(
        schema="herdbook/activity/1", kind="training", status="finished",
        inputs=[{"record": dataset, "role": "train"}, {"blob": made.blob(b"eta: 0.1\n"), "role": "config"}],
        outputs=[{"record": version, "file": model, "role": "model"}],
        code={"commit": "0" * 40, "diff": made.blob(b"--- a\n+++ b\n")},
        environment={"kind": "lock", "blob": made.blob(b"numpy==2.0\n")},
        metrics=[{"name": "auc", "value": 0.9130000000000001}, {"name": "é", "value": 1e21}],
    )  # fmt: skip
    description = made.statement("description", {"record": version}, {"title": "Toy τ-ID", "licence": "CC0-1.0"})
    note = made.statement("note", {"name": "demo/tau/toy"}, {"text": "first", "😀": 1, "דּ": 2, "\r": 3})
    unresolved = made.body(
        schema="herdbook/version/1", files=[{"path": "1/model.onnx", "digest": "git-sha1:" + "48" * 20}]
    )
    label, name = "label:demo/tau/toy:v1.0", "demo/tau/toy"
    made.say(genesis())
    made.say(
        *({"op": "record", "digest": named} for named in (dataset, version, training)),
        {"op": "statement", "digest": description},
        {"op": "version", "model": name, "ordinal": 1, "record": version},
        {"op": "point", "pointer": label, "to": version},
    )
    made.say(
        {"op": "statement", "digest": note},
        {"op": "point", "pointer": f"alias:{name}@production", "to": version, "reason": note},
    )
    made.say(
        {"op": "batch", "id": "5" * 32, "part": 1, "of": 1},
        {"op": "record", "digest": unresolved},
        {"op": "version", "model": name, "ordinal": 2, "record": unresolved},
        {"op": "point", "pointer": f"label:{name}:v0.9", "to": unresolved},
    )
    made.say({"op": "point", "pointer": f"label:{name}:v0.9", "from": unresolved, "reason": note})
    return made


def verify(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the script as a stranger would: isolated, so that nothing of this project can be imported."""
    command = [sys.executable, "-I", "-W", "error", str(SCRIPT), str(path), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def refused(path: Path, *words: str) -> str:
    """Check that the bundle is refused in these words; return all that was said."""
    done = verify(path)
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr
    return done.stderr


def sound(path: Path, *arguments: str) -> str:
    """Check that the bundle is found sound; return what was printed."""
    done = verify(path, *arguments)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout
