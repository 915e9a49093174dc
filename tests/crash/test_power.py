"""Power loss: when a registration answers, its bytes, their names, and the journal are on disk."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import pytest

from herdbook.testing import power

SCRIPT = """
import os, sys
from pathlib import Path
import herdbook

root, source = sys.argv[1], Path(sys.argv[2])
with herdbook.open(root + "/registry") as registry:
    for number in range(4):
        (source / "model.bin").write_bytes(b"weights %d" % number * 1000)
        done = registry.versions.register(f"demo/power/m:v{number}", source, description={"title": f"Toy {number}"})
        os.write(1, f"ACK {done.reference}\\n".encode())
    registry.pointers.alias("demo/power/m", "production", "v1")
    os.write(1, b"ACK alias\\n")
    registry.versions.undo("demo/power/m:v2", reason="wrong")
    os.write(1, b"ACK undo\\n")
"""
# Locks of uploads, and shared memory of SQLite, mean nothing after a power failure; leases neither, but they lie in the
# log, before what is acknowledged.
IGNORED = (*power.IGNORED, "registry/blobs/tmp/*")


@pytest.fixture(autouse=True)
def _strace() -> None:
    if reason := power.why_not():
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail(reason)
        pytest.skip(reason)


def test_what_a_registration_acknowledged_is_on_disk(tmp_path: Path) -> None:
    folder, source = (tmp_path / name for name in ("disk", "source"))
    folder.mkdir()
    source.mkdir()
    (source / "README.md").write_text("# Toy\n")
    watched = power.watch([sys.executable, "-c", SCRIPT, str(folder), str(source)], folder, ignore=IGNORED)
    assert [ack.id for ack in watched.acks] == [*(f"demo/power/m:v{number}" for number in range(4)), "alias", "undo"]
    readme = hashlib.sha256(b"# Toy\n").hexdigest()
    for number, ack in enumerate(watched.acks):
        assert ack.problems == (), ack
        wanted = [hashlib.sha256(b"weights %d" % each * 1000).hexdigest() for each in range(min(number, 3) + 1)]
        blobs = {f"registry/blobs/{digest[:2]}/{digest}" for digest in (readme, *wanted)}
        assert ack.durable >= blobs | {"registry/catalogue.sqlite", "registry/catalogue.sqlite-wal"}
    assert watched.hasty == ()


EXPORT = """
import os, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from tests.admin.registries import Place, story
root = Path(sys.argv[1])
with Place(root / "registry") as place:
    place.register("demo/a/b", "v1", {"m": b"one", "n": b"two"})
    report = place.admin.export_bundle(str(root / "bundle"), [])
    os.write(1, b"ACK bundle\\n")
    place.admin.backup(str(root / "backup"))
    os.write(1, b"ACK backup\\n")
with Place(root / "other") as other:
    other.admin.import_bundle(str(root / "bundle"))
    os.write(1, b"ACK import\\n")
"""


def test_a_bundle_a_backup_and_an_import_are_on_disk_when_they_answer(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    ignore = (*power.IGNORED, "*/blobs/tmp/*", "registry/*")
    watched = power.watch([sys.executable, "-c", EXPORT, str(tmp_path), str(root)], tmp_path, ignore=ignore)
    one = hashlib.sha256(b"one").hexdigest()
    assert [ack.id for ack in watched.acks] == ["bundle", "backup", "import"]
    for ack in watched.acks:
        assert ack.problems == (), ack
    bundle, backup, other = (ack.durable for ack in watched.acks)
    assert bundle >= {"bundle/herdbook-bundle.json", "bundle/journals/demo.ndjson", f"bundle/blobs/{one[:2]}/{one}"}
    assert backup >= {"backup/catalogue.sqlite", f"backup/blobs/{one[:2]}/{one}", "backup/herdbook-backup.json"}
    assert other >= {"other/catalogue.sqlite", "other/catalogue.sqlite-wal", f"other/blobs/{one[:2]}/{one}"}
    assert watched.hasty == ()
