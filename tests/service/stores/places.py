"""A registry with three blob stores on disk, and what may happen to their files."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from tests.admin.registries import Place

from herdbook.model.files import File
from herdbook.model.registrations import Registration
from herdbook.model.versions import Version
from herdbook.service.tiers import Tiers
from herdbook.stores.disk.blobs import DiskBlobs

NAMES = ("first", "second", "third")


@dataclass
class Stores(Place):
    """The registry; ``told`` is which store was passed over, and why."""

    told: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.disks = {name: DiskBlobs(self.folder / name) for name in NAMES}
        self.context.blobs = Tiers(
            self.disks,
            {name: f"file:{disk.root}" for name, disk in self.disks.items()},
            note=lambda name, _, error: self.told.append((name, error.code)),
        )

    def keep(self, *contents: bytes) -> list[str]:
        """Register files; return their sha256."""
        sha256s = [self.put(data) for data in contents]
        versions = (
            Version.of([File(path="m.bin", digest=sha256, size=len(data))])
            for sha256, data in zip(sha256s, contents, strict=True)
        )
        self.registry.versions.record(
            [Registration(model="demo/stores/m", version=each) for each in versions], batch=True
        )
        return sha256s

    def at(self, name: str, sha256: str) -> Path:
        """Return where a copy lies."""
        return self.folder / name / sha256[7:9] / sha256[7:]

    def flip(self, name: str, sha256: str, at: int = 0) -> None:
        """Change one bit of a copy."""
        path = self.at(name, sha256)
        path.chmod(0o600)
        with path.open("r+b") as file:
            file.seek(at)
            byte = file.read(1)
            file.seek(at)
            file.write(bytes([byte[0] ^ 1]))

    def cut(self, name: str, sha256: str, size: int = 0) -> None:
        """Cut a copy short."""
        os.truncate(self.at(name, sha256), size)

    def lose(self, name: str, sha256: str) -> None:
        """Remove a copy."""
        self.at(name, sha256).unlink()

    def fill(self, *names: str) -> None:
        """Copy what the first has to others."""
        for name in names or NAMES[1:]:
            self.admin.copy_store("first", name)
