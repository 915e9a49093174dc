"""A reader that does what a reader must not do. Workers import this module by name."""

from __future__ import annotations

import os
import signal
import time

from herdbook.model.facts import Facts, Probe
from herdbook.ports.formats import Listing, ReadAt


class Misbehaving:
    """Takes files ``deed.…`` and does what the suffix says."""

    name = "misbehaving"
    version = "1"

    def probe(self, file: ReadAt, path: str) -> Probe | None:
        assert file.size >= 0
        return Probe(format="deed") if path.startswith("deed.") else None

    def read(self, file: ReadAt, path: str, listing: Listing) -> Facts:
        assert path in listing
        match path.removeprefix("deed."):
            case "hang":
                time.sleep(600)
            case "die":
                os.kill(os.getpid(), signal.SIGKILL)
            case "eat":
                kept = []
                while True:
                    kept.append(b"x" * (1 << 24))
            case "fail":
                raise ZeroDivisionError("by nought")
        return Facts(reader=self.name, reader_version=self.version, format="deed", values={"size": file.size})
