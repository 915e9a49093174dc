"""What was acknowledged survives a power loss; a full disk leaves nothing half."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.stores.sql.conftest import PREAMBLE, Script

from herdbook.testing import power

_WRITE = """
c = SqlCatalogue.open(path, create=True)
os.write(1, b"ACK made\\n")
with c.write() as tx:
    begin(tx, "cms")
os.write(1, b"ACK begun\\n")
for number in range(1, 40):
    c.lease([Lease("actor:" + "0" * 32, named("x"), 1e12)])
    with c.write() as tx:
        tx.put_bodies({named(str(n)): os.urandom(5000) for n in range(50 * number, 50 * number + 50)})
        tell(tx, "cms", placed(("cms/a/b", number, str(number))))
    os.write(1, b"ACK %d\\n" % number)
c.backup(os.path.dirname(path) + "/copy")
os.write(1, b"ACK copied\\n")
c.close()
"""


def test_at_every_acknowledgement_all_bytes_and_names_are_on_disk(tmp_path: Path) -> None:
    if reason := power.why_not():
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail(reason)
        pytest.skip(reason)
    folder = (tmp_path / "watched").resolve()
    folder.mkdir()
    argv = [sys.executable, "-c", PREAMBLE + _WRITE, str(folder / "new" / "catalogue.sqlite")]
    # The shared memory is made afresh after a power loss; the database follows its log, which is whole.
    watched = power.watch(argv, folder, ignore=(*power.IGNORED, "new/*-shm"))
    assert [ack.id for ack in watched.acks][-1] == "copied"
    made, *later = watched.acks
    assert [(problem.kind, problem.path) for problem in made.problems] in ([], [("name", "new/catalogue.sqlite-wal")])
    for ack in later:  # an empty log may be gone, one that holds something may not
        assert ack.problems == (), ack


_FILL = """
c = SqlCatalogue.open(path)
number = 0
try:
    while number < 10000:
        with c.write() as tx:
            tx.put_bodies({named(f"{number} {n}"): os.urandom(20000) for n in range(20)})
            tell(tx, "cms", placed(("cms/a/b", number + 1, str(number)), labels=True))
        number += 1
except HerdbookError as error:
    print(error.code, error.hint)
with c.read() as look:
    print(look.last_ordinals(["cms/a/b"])["cms/a/b"] - number, look.head("cms").seq - number)
try:
    with c.write() as tx:
        tx.put_bodies({named("large"): os.urandom(10_000_000)})
    print("written")
except HerdbookError as error:
    print(error.code)
c.close()
"""
_AGAIN = """
c = SqlCatalogue.open(path)
with c.write() as tx:
    tell(tx, "cms", placed(("cms/a/b", 10001, "x")))
    print(tx.last_ordinals(["cms/a/b"])["cms/a/b"])
print(c.check())
c.close()
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_said_and_leaves_nothing_half(small_disk: Path, script: Script) -> None:
    path = small_disk / "catalogue.sqlite"
    make = "c = SqlCatalogue.open(path, create=True)\nwith c.write() as tx: begin(tx, 'cms')\nc.close()"
    assert script(make, path).communicate(timeout=60)[0] == ""
    reserve = small_disk / "reserve"
    reserve.write_bytes(b"x" * 2**20)
    said, standing, large = script(_FILL, path).communicate(timeout=120)[0].splitlines()
    assert said.startswith("disk-full Free ")
    assert standing == "0 1", "as many versions as were acknowledged, and the event of the beginning"
    assert large == "disk-full"
    reserve.unlink()
    assert script(_AGAIN, path).communicate(timeout=60)[0].splitlines() == ["10001", "[]"]


def test_a_registry_on_a_full_disk_is_not_half_made(small_disk: Path, script: Script) -> None:
    path = small_disk / "new" / "catalogue.sqlite"
    rest = small_disk / "rest"
    with suppress(OSError), rest.open("wb", buffering=0) as file:
        while file.write(b"x" * 65536):
            pass
    make = "try: SqlCatalogue.open(path, create=True)\nexcept HerdbookError as error: print(error.code, error.hint)"
    assert "disk-full Free" in script(make, path).communicate(timeout=60)[0]
    rest.unlink()
    make = (
        "c = SqlCatalogue.open(path, create=True)\nwith c.write() as tx: begin(tx, 'cms')\nprint(c.check()); c.close()"
    )
    assert script(make, path).communicate(timeout=60)[0] == "[]\n"
