"""A program that registers and dies often: ``writer.py FOLDER SECONDS LONGEST SEED``."""

from __future__ import annotations

import hashlib
import random
import sys
import tempfile
from pathlib import Path

import herdbook

# Imported before the first fork, so that children write at once.
import herdbook.service.registry
import herdbook.stores.disk.blobs
import herdbook.stores.sql.catalogue
from herdbook.testing import crash

FOLDER, SECONDS, LONGEST, SEED = sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])


def write(rng: random.Random) -> None:
    """Register without end: new labels, labels that were given already, aliases, files that others bring too."""
    with tempfile.TemporaryDirectory(dir=Path(FOLDER).parent) as scratch, herdbook.open(FOLDER) as registry:
        while True:
            data = (
                rng.randbytes(rng.choice((10, 1000, 100_000)))
                if rng.random() < 0.7
                else b"shared %d" % rng.randrange(5)
            )
            files = {"model.bin": data, "README.md": b"# Toy %d\n" % rng.randrange(3)}
            for name, content in files.items():
                Path(scratch, name).write_bytes(content)
            model = f"demo/kill/{rng.choice(('shared', f'own{SEED}'))}"
            label = f"v{rng.getrandbits(48):x}"
            done = registry.versions.register(f"{model}:{label}", scratch, description={"title": f"Toy {label}"})
            digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
            crash.acknowledge([done.reference, done.ordinal, done.record, digests])
            if rng.random() < 0.2:
                moved = registry.pointers.alias(model, f"a{SEED}", label)
                crash.acknowledge([f"{model}@a{SEED}", moved.seq, done.record, {}])


if __name__ == "__main__":
    crash.die_often(write, seed=SEED, seconds=SECONDS, longest_s=LONGEST)
