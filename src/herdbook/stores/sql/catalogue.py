"""The catalogue on SQLite or PostgreSQL: what the port promises, put together from the nouns' tables."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from herdbook.kernel.errors import UnavailableError
from herdbook.model.files import Content
from herdbook.model.rows import EventRow, Head, Lease, Projection
from herdbook.ports.catalogue import Catalogue, Reader, Writer
from herdbook.stores.sql import files
from herdbook.stores.sql.descent import DescentTables
from herdbook.stores.sql.engine import PATIENCE_S, Database, Streams
from herdbook.stores.sql.files import FileTables, FileWriting
from herdbook.stores.sql.index import IndexReader, IndexWriter
from herdbook.stores.sql.journal import JournalTables, JournalWriting
from herdbook.stores.sql.lineage import LineageTables, LineageWriting
from herdbook.stores.sql.memos import MemoTables, MemoWriting
from herdbook.stores.sql.people import PeopleTables, PeopleWriting
from herdbook.stores.sql.pointers import PointerTables, PointerWriting, models_of
from herdbook.stores.sql.sqlite import opening as sqlite_opening
from herdbook.stores.sql.statements import StatementTables, StatementWriting
from herdbook.stores.sql.versions import VersionTables, VersionWriting


class SqlReader(
    JournalTables,
    VersionTables,
    PointerTables,
    StatementTables,
    LineageTables,
    DescentTables,
    FileTables,
    PeopleTables,
    MemoTables,
    IndexReader,
):
    """One consistent look at everything."""


class SqlWriter(
    JournalWriting,
    VersionWriting,
    PointerWriting,
    StatementWriting,
    LineageWriting,
    DescentTables,
    FileWriting,
    PeopleWriting,
    MemoWriting,
    IndexWriter,
):
    """The one writer."""

    failure: Exception | None = None
    """What stopped an ``append`` half-way: after that the block cannot be committed."""

    def append(self, head: Head, event: EventRow, projection: Projection) -> list[int]:
        """Append an event, move the journal's head, and write what the event means. Return items of new versions.

        Raises:
            ConflictError: ``head-moved`` when the journal does not stand at ``head``; ``name-clash`` when a new model
                differs from another one by case only. After the latter the block can no longer be committed.
        """
        journal = self.advance(head, event)
        try:
            self.add_event(journal, event)
            return self._project(journal, event.seq, projection)
        except Exception as error:
            self.failure = error
            raise

    def _project(self, journal: int, seq: int, projection: Projection) -> list[int]:
        ids = self.number(_digests(projection))
        self.add_known(journal, seq, projection.known)
        named = chain((model for model, _, _ in projection.versions), models_of(projection.moves))
        numbers = self.number_models(journal, named)
        items = self.add_versions(journal, seq, projection.versions, numbers, ids)
        self.add_files(projection.files, ids)
        self.add_lineage(projection, ids)
        self.add_statements(projection, ids)
        self.add_moves(journal, seq, projection.moves, numbers, ids)
        self.add_purges(journal, seq, projection.purges)
        return items

    def clear_derived(self) -> None:
        """Empty the index and the tables of facts, to be built again."""
        self.clear_index()
        self.clear_facts()


def _digests(projection: Projection) -> Iterator[str]:
    """Yield all digests of records and statements that an event names; empty ones too."""
    return chain(
        (digest for _, digest in projection.known),
        (record for _, _, record in projection.versions),
        (row.record for row in projection.files),
        (row[0] for row in projection.datasets),
        (row[0] for row in projection.activities),
        (edge.activity for edge in projection.edges),
        (row[0] for row in projection.statements),
        (row[0] for row in projection.subjects),
        chain.from_iterable(projection.supersedes),
        chain.from_iterable(row[1:] for row in projection.moves),
    )


class SqlCatalogue:
    """A catalogue in a SQLite file or a PostgreSQL database. Threads may share it; see ``open`` and ``connect``.

    Attributes:
        registry: the id of this registry, ``registry:…``.
    """

    def __init__(self, database: Database, registry: str) -> None:
        self.registry = registry
        self._database = database

    @classmethod
    def open(
        cls, path: str | Path, *, create: bool = False, read_only: bool = False, patience_s: float = PATIENCE_S
    ) -> SqlCatalogue:
        """Open a catalogue.

        Any number of processes of one machine may read, and write one after the other. Where file or folder cannot be
        written, it is read; where moreover no shared memory can be made beside it (a read-only disk, a network), it is
        read without locks, which is right as long as nobody writes it, and refused while writes are still in its log.

        Args:
            path: the database file.
            create: make it, with its folder, when it is not there.
            read_only: never write; allowed on a network file system.
            patience_s: how long a writer waits for another one, in seconds.

        Raises:
            MissingError: when there is none.
            InvalidError: ``not-a-catalogue``; ``newer-schema``; ``older-schema``, which ``migrate`` cures.
            DeniedError: ``network-filesystem`` when it would be written there.
            CorruptError: when the file is no database.
            UnavailableError: when the disk is full or cannot be read.
        """
        database = sqlite_opening.open_database(Path(path), create=create, read_only=read_only, patience_s=patience_s)
        try:
            return cls(database, sqlite_opening.registry_of(database))
        except BaseException:
            database.close()
            raise

    @staticmethod
    def migrate(path: str | Path) -> Path | None:
        """Bring an older catalogue up to date; return the copy that was kept, ``None`` when there was nothing to do."""
        return sqlite_opening.migrate(Path(path))

    @classmethod
    def connect(
        cls, url: str, *, create: bool = False, read_only: bool = False, patience_s: float = PATIENCE_S
    ) -> SqlCatalogue:
        """Open a catalogue in a PostgreSQL database, which is its alone.

        Any number of processes of any number of machines may read, and write one after the other.

        Args:
            url: ``postgresql://HOST/DATABASE``, as libpq reads it; the password comes from the environment or a file.
            create: make the tables when the database is empty.
            read_only: never write; so it is too where the server follows another one.
            patience_s: how long a writer waits for another one, in seconds.

        Raises:
            MissingError: when there is no such database, or it is empty.
            InvalidError: ``not-a-catalogue``; ``newer-schema``; ``older-schema``, which ``migrate_database`` cures.
            DeniedError: when PostgreSQL does not let us in.
            UnavailableError: when it does not answer; ``no-extra`` when its driver is not installed.
        """
        with _driver_needed():
            from herdbook.stores.sql.postgres import opening  # noqa: PLC0415  # of an extra, and not for SQLite
        database = opening.open_database(url, create=create, read_only=read_only, patience_s=patience_s)
        try:
            return cls(database, opening.registry_of(database))
        except BaseException:
            database.close()
            raise

    @staticmethod
    def migrate_database(url: str) -> str | None:
        """Bring an older catalogue in PostgreSQL up to date; return its revision before, ``None`` if it is the last.

        All of it is one transaction; no copy is kept.
        """
        with _driver_needed():
            from herdbook.stores.sql.postgres import opening  # noqa: PLC0415  # of an extra, and not for SQLite
        return opening.migrate(url)

    @property
    def read_only(self) -> bool:
        """Whether nothing can be written."""
        return self._database.read_only

    @contextmanager
    def read(self) -> Iterator[Reader]:
        """Open one consistent look."""
        streams = Streams()
        with self._database.reading(streams) as connection:
            yield SqlReader(connection, streams)

    @contextmanager
    def write(self) -> Iterator[Writer]:
        """Become the one writer until the block ends; then all is durable, or, after an exception, nothing happened.

        Raises:
            DeniedError: when the catalogue is read-only.
            UnavailableError: when another writer did not end in time, or the disk is full.
        """
        streams = Streams()
        with self._database.writing(streams) as connection:
            writer = SqlWriter(connection, streams)
            yield writer
            if writer.failure is not None:
                raise writer.failure

    def lease(self, leases: Iterable[Lease], contents: Iterable[Content] = ()) -> None:
        """Write leases, and the digests of what they protect; within this thread's write they are part of it.

        A lease of the same principal and blob is renewed. The write survives the process, not a power loss.
        """
        with self._database.leasing() as connection:
            files.put_leases(connection, leases, time.time())
            files.put_contents(connection, contents)

    def release(self, principal: str, sha256s: Iterable[str]) -> None:
        """End leases."""
        with self._database.leasing() as connection:
            files.end_leases(connection, principal, sha256s)

    def check(self) -> list[str]:
        """Run the database's own integrity check; return problems."""
        return self._database.check()

    def backup(self, folder: str) -> None:
        """Write a consistent copy into a folder, while others read and write; an older one goes when it is whole.

        Raises:
            InvalidError: when that would be the catalogue itself.
            UnavailableError: when the disk is full.
        """
        self._database.backup(Path(folder))

    def close(self) -> None:
        """Release the database."""
        self._database.close()


@contextmanager
def _driver_needed() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise UnavailableError(
            f"PostgreSQL's driver cannot be loaded: {error}", code="no-extra", hint="Install herdbook[postgres]."
        ) from error


def _conforms(catalogue: SqlCatalogue) -> Catalogue:
    """Let the type checker prove that the port is kept."""
    return catalogue
