"""What a registry knows of a run's inputs already: data sets and versions, by name and by digests of files."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Any

from herdbook.kernel import canonical
from herdbook.kernel.errors import HerdbookError, MissingError
from herdbook.model import schemes
from herdbook.model.activities import Part, Selector
from herdbook.model.datasets import Dataset, DatasetEntry
from herdbook.model.identifiers import Identifier
from herdbook.model.versions import Entry
from herdbook.ports.registry import Registry

MOST_DATASETS = 200
"""So many data sets of the namespace are looked through for a run's files."""
MOST_BYTES = 16 * 2**20
"""Bytes of a manifest up to which it is read for that."""
MOST_FILES = 64
"""So many files of a run are looked for among registered versions."""


@dataclass
class Known:
    """Asks a registry, each thing once."""

    registry: Registry
    namespace: str
    _records: set[str] = field(default_factory=set)
    _files: dict[str, str] = field(default_factory=dict)
    """Record of a data set by sha256 of a file."""
    _parents: dict[str, str] = field(default_factory=dict)
    """Record of a parent by sha256 of a file."""
    _versions: set[str] = field(default_factory=set)
    _walked: bool = False
    _asked: int = 0

    def dataset(self, text: str) -> tuple[Part, Dataset | None]:
        """Return a data set that was named as an input, and its record when it is not known yet."""
        if not text.startswith("sha256:"):
            name = Identifier.parse(text)
            if schemes.is_selector(name.scheme, name.value):
                return Part(selector=Selector(scheme=name.scheme, value=name.value), role="train"), None
        try:
            entry = self.registry.datasets.get(text)
        except MissingError:
            if text.startswith("sha256:"):
                raise
            value = Dataset(id=Identifier.parse(text))
            return Part(record=value.digest, role="train"), value
        self._learn(entry)
        new = None if self.namespace in entry.namespaces else entry.dataset
        return Part(record=entry.record, role="train"), new

    def version(self, reference: str) -> str:
        """Return the record of a version that the training began from, and remember its files."""
        entry: Entry = self.registry.versions.get(reference)
        self._versions.add(entry.record)
        self._parents.update((file.digest, entry.record) for file in entry.version.files)
        return entry.record

    def is_version(self, record: str) -> bool:
        """Say whether a record that was found here is a version's, whose bytes are kept."""
        return record in self._versions

    def has(self, record: str) -> bool:
        """Say whether the namespace has a data set by its digest."""
        try:
            return self.namespace in self.registry.datasets.get(record).namespaces
        except MissingError:
            return False

    def file(self, sha256: str, *, dataset: bool = True) -> Part | None:
        """Return the file of a parent, of a data set, or of another version, that has these bytes."""
        if sha256 in self._parents:
            return Part(record=self._parents[sha256], file=sha256, role="parent")
        if not dataset:
            return None
        self._walk()
        if sha256 in self._files:
            return Part(record=self._files[sha256], file=sha256, role="input")
        return self._version_with(sha256)

    def _version_with(self, sha256: str) -> Part | None:
        if self._asked >= MOST_FILES:
            return None
        self._asked += 1
        for entry in self.registry.versions.search(sha256, limit=5).items:
            if any(file.digest == sha256 for file in entry.version.files):
                self._versions.add(entry.record)
                return Part(record=entry.record, file=sha256, role="input")
        return None

    def _walk(self) -> None:
        if self._walked:
            return
        self._walked = True
        cursor, seen = None, 0
        while seen < MOST_DATASETS:
            page = self.registry.datasets.list(cursor=cursor, limit=50)
            for entry in page.items:
                self._learn(entry)
            seen += len(page.items)
            cursor = page.cursor
            if cursor is None:
                return

    def _learn(self, entry: DatasetEntry) -> None:
        """Remember which files a data set of this namespace has; a name counts before a bare manifest."""
        manifest = entry.dataset.manifest
        if manifest is None or entry.record in self._records or self.namespace not in entry.namespaces:
            return
        self._records.add(entry.record)
        with contextlib.suppress(HerdbookError, OSError), self.registry.files.blob(self.namespace, manifest) as stream:
            for line in stream.read(MOST_BYTES).splitlines():
                told: Any = canonical.loads(line)
                if "sha256" not in told:
                    continue
                digest = f"sha256:{told['sha256']}"
                if digest not in self._files or entry.dataset.id is not None:
                    self._files[digest] = entry.record
