"""A small training that is real: a script under git, data, a model; put on record as a capture would tell it."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from herdbook.kernel import digests
from herdbook.model.activities import Activity
from herdbook.model.datasets import Dataset, ManifestLine, write_manifest
from herdbook.model.files import File
from herdbook.model.registrations import Registration
from herdbook.model.statements import Said, Subject
from herdbook.model.versions import Version
from herdbook.ports.registry import Registry

MODEL = "demo/tiny/classifier"
SCRIPT = '''
"""Fits a line to points by so many steps; prints nothing."""
import argparse, json, pathlib, random

parser = argparse.ArgumentParser()
parser.add_argument("--data", required=True)
parser.add_argument("--out", required=True)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--rate", type=float, default=0.01)
options = parser.parse_args()
rows = [tuple(map(float, line.split(","))) for line in (pathlib.Path(options.data) / "points.csv").read_text().split()]
generator = random.Random(options.seed)
slope, offset = generator.random(), generator.random()
for _ in range(2000):
    x, y = generator.choice(rows)
    error = slope * x + offset - y
    slope -= options.rate * error * x
    offset -= options.rate * error
out = pathlib.Path(options.out)
out.mkdir(parents=True)
loss = sum((slope * x + offset - y) ** 2 for x, y in rows) / len(rows)
(out / "model.json").write_text(json.dumps({"slope": slope, "offset": offset, "pad": "x" * 5000}))
(out / "metrics.json").write_text(json.dumps({"loss": loss}))
'''
APPLY = """
# Applies the model to an array x of float64, with the standard library alone.
import json, struct, sys, zipfile

model = json.load(open(sys.argv[1]))
raw = zipfile.ZipFile(sys.argv[2]).read("x.npy")
head = 10 + struct.unpack("<H", raw[8:10])[0]
form = "<%dd" % ((len(raw) - head) // 8)
answers = [model["slope"] * x + model["offset"] for x in struct.unpack(form, raw[head:])]
with zipfile.ZipFile(sys.argv[3], "w") as out:
    out.writestr("y.npy", raw[:head] + struct.pack(form, *answers))
"""
POINTS = "\n".join(f"{x / 50},{0.5 * x / 50 + 0.25}" for x in range(50)) + "\n"


def git(folder: Path, *words: str) -> str:
    """Run git for an author without settings."""
    said = ["-c", "user.name=Author", "-c", "user.email=author@example.org", "-c", "commit.gpgsign=false"]
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        ["git", *said, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@dataclass
class Training:
    """A training on record.

    ``told`` is the activity's JSON, to be changed and told once more by ``tell``.
    """

    registry: Registry
    folder: Path
    told: dict[str, Any] = field(default_factory=dict)
    version: Version | None = None
    reference: str = f"{MODEL}:v1"
    dataset: str = ""

    @property
    def code(self) -> Path:
        """The working copy."""
        return self.folder / "code"

    @property
    def data(self) -> Path:
        """The folder with the data, beside the working copy."""
        return self.folder / "data"

    def forget(self) -> None:
        """Delete the author's machine."""
        shutil.rmtree(self.folder)

    def tell(self, **changed: Any) -> Activity:
        """Put the training on record once more, as a run of its own; ``None`` leaves a field out."""
        told = {**self.told, **changed, "ids": [{"scheme": "herdbook-run", "value": os.urandom(16).hex()}]}
        activity = Activity.read({name: value for name, value in told.items() if value is not None})
        self.registry.activities.register("demo", activity)
        return activity

    def model(self) -> Any:
        """Return the model as JSON."""
        with self.registry.files.open(self.reference, "model.json") as stream:
            return json.load(stream)

    def put(self, data: bytes) -> str:
        """Put bytes; return their sha256."""
        return self.registry.files.put(io.BytesIO(data)).sha256


def trained(
    registry: Registry,
    folder: Path,
    *,
    script: str = SCRIPT,
    store_data: bool = True,
    dirty: bool = False,
    **changed: Any,
) -> Training:
    """Train, and put it on record: with its code as a bundle and its data as a blob, or as a dataset alone.

    With ``dirty`` the script was changed after its commit, and another file is not under git. ``changed`` fields of
    the activity are told so, ``None`` not at all.
    """
    made = Training(registry, folder)
    made.code.mkdir(parents=True)
    made.data.mkdir()
    (made.code / "train.py").write_text(script)
    (made.data / "points.csv").write_text(POINTS)
    git(made.code, "init", "--quiet", "--initial-branch=main")
    (made.code / "apply.py").write_text(APPLY)
    git(made.code, "add", ".")
    git(made.code, "commit", "--quiet", "-m", "Train")
    if dirty:
        (made.code / "train.py").write_text("import extra\n" + script.replace("2000", "extra.STEPS"))
        (made.code / "extra.py").write_text("STEPS = 1500\n")
    argv = [sys.executable, "train.py", "--data", str(made.data), "--out", "out/v1", "--seed", "7"]
    subprocess.run(argv, cwd=made.code, check=True)
    _tell(made, argv, store_data=store_data, changed=changed)
    return made


def _tell(made: Training, argv: list[str], *, store_data: bool, changed: dict[str, Any]) -> None:
    out = made.code / "out" / "v1"
    files = [out / "model.json", out / "metrics.json"]
    made.version = Version.of(
        File(path=file.name, digest=made.put(file.read_bytes()), size=file.stat().st_size) for file in files
    )
    points = (made.data / "points.csv").read_bytes()
    line = ManifestLine(path="points.csv", size=len(points), sha256=digests.of(points).partition(":")[2])
    dataset = Dataset.read(
        {"id": {"scheme": "local", "value": "points"}, "manifest": made.put(b"".join(write_manifest([line])))}
    )
    made.dataset = dataset.digest
    git(made.code, "bundle", "create", "--quiet", str(made.folder / "code.bundle"), "HEAD")
    bundle = made.put((made.folder / "code.bundle").read_bytes())
    path = str(made.data / "points.csv")
    data = {"blob": made.put(points)} if store_data else {"record": dataset.digest, "file": digests.of(points)}

    code: dict[str, Any] = {"commit": git(made.code, "rev-parse", "HEAD"), "branch": "main", "dirty": False}
    more: list[dict[str, Any]] = []
    if git(made.code, "diff"):
        extra = (made.code / "extra.py").read_bytes()
        untracked = {"path": "extra.py", "sha256": made.put(extra), "size": len(extra)}
        diff = made.put((git(made.code, "diff") + "\n").encode())
        code |= {"dirty": True, "diff": diff, "untracked": [untracked]}
        more.append({"blob": untracked["sha256"], "role": "untracked", "path": "extra.py"})
    made.told = {
        "kind": "training",
        "status": "finished",
        "started": "2026-11-20T09:00:00Z",
        "ended": "2026-11-20T09:01:00Z",
        "code": code,
        "command": {"argv": argv, "cwd": str(made.code)},
        "environment": {
            "kind": "packages",
            "python": ".".join(map(str, sys.version_info[:3])),
            "packages": {"tiny": "1.0"},
        },
        "parameters": [{"name": "rate", "text": "0.01"}],
        "seeds": [{"name": "random.Random", "text": "7"}],
        "metrics": [{"name": "loss", "value": json.loads((out / "metrics.json").read_text())["loss"]}],
        "inputs": [{**data, "role": "train", "path": path}, {"blob": bundle, "role": "code-bundle"}, *more],
        "outputs": [{"record": made.version.digest, "role": "model", "path": "out/v1"}],
        "ids": [{"scheme": "herdbook-run", "value": os.urandom(16).hex()}],
    }
    made.told = {name: value for name, value in {**made.told, **changed}.items() if value is not None}
    activity = Activity.read(made.told)
    made.registry.versions.record(
        [Registration(model=MODEL, label="v1", version=made.version, datasets=(dataset,), activities=(activity,))]
    )


def tiny(folder: Path, version: str = "1.0") -> Path:
    """Make a Python with one distribution, ``tiny``, of a version, that is installed as pip would."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    packages = next((folder / "lib").glob("python*/site-packages"))
    code = f"VERSION = {version!r}\n".encode()
    about = f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n".encode()
    info = packages / f"tiny-{version}.dist-info"
    info.mkdir()
    rows = []
    for path, data in ((packages / "tiny.py", code), (info / "METADATA", about)):
        path.write_bytes(data)
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.append(f"{path.relative_to(packages)},sha256={digest},{len(data)}")
    (info / "RECORD").write_text("\n".join([*rows, f"{info.name}/RECORD,,"]) + "\n")
    return folder / "bin" / "python"


def lose(registry: Registry, sha256: str) -> None:
    """Delete the bytes of a blob behind the registry's back."""
    found = [
        path
        for path in Path(registry.url).rglob("*")
        if path.is_file() and sha256[7:] in path.as_posix().replace("/", "")
    ]
    assert found, "the blob lies under its digest"
    for path in found:
        path.unlink()


def say(made: Training, kind: str, body: dict[str, Any], record: str) -> str:
    """Say something about a record; return the statement's digest."""
    said = Said(type=f"herdbook/{kind}/1", subject=(Subject(record=record),), body=body)
    return made.registry.statements.add("demo", [said])[0].digest
