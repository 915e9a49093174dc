"""``kill -9`` while stores are filled, verified and mended: no sound copy goes, and the next run ends the work."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.service.stores.places import NAMES, Stores

from herdbook.testing import crash
from herdbook.testing.blobs import sample

ROOT = Path(__file__).resolve().parents[3]
_WRITER = """
import sys
from pathlib import Path
from herdbook.kernel.errors import UnavailableError
from herdbook.service import blob_checks
from herdbook.testing import crash
from tests.service.stores.places import Stores
blob_checks.NOTE_EVERY_S = 0.01

def work(rng):
    with Stores(Path(sys.argv[1])) as stores:
        sha256s = [sha256 for sha256, _ in stores.disks["first"].list()]
        while True:
            for name in ("second", "third"):
                for sha256 in rng.sample(sha256s, 3):
                    if stores.at(name, sha256).exists():
                        rng.choice([stores.flip, stores.lose])(name, sha256)
            try:
                stores.admin.copy_store("first", rng.choice(["second", "third"]))
                stores.admin.verify_stores()
                stores.admin.repair_stores()
                crash.acknowledge("round")
            except UnavailableError as error:
                assert error.code == "store-empty", error

crash.die_often(work, seed=int(sys.argv[2]), seconds=8, longest_s=0.6)
"""


def test_no_sound_copy_goes_and_all_is_mended_in_the_end(stores: Stores) -> None:
    sha256s = stores.keep(*(sample(150_000 + seed, seed) for seed in range(12)))
    argv = [sys.executable, "-c", f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{_WRITER}", str(stores.folder)]
    lived = crash.run(argv, writers=1, seed=2311, timeout_s=120)
    assert lived.deaths > 5
    assert lived.left == []
    for sha256 in sha256s:
        stores.disks["first"].verify(sha256)
    for name in ("second", "third"):
        stores.admin.copy_store("first", name)
    stores.admin.verify_stores(resume=False)
    assert all(report.sound for report in stores.admin.repair_stores())
    assert all(report.sound and report.ok == len(sha256s) for report in stores.admin.verify_stores())
    stores.admin.garbage(dry_run=False)
    for name in NAMES:
        assert list((stores.folder / name / "tmp").glob("*.part")) == []
