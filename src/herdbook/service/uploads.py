"""Uploads: bytes that come piece by piece, and bytes that must be what was announced; kept as ``files.put`` keeps."""

from __future__ import annotations

from typing import BinaryIO

from herdbook.kernel import digests
from herdbook.kernel.errors import CorruptError, MissingError
from herdbook.model.files import Content
from herdbook.model.rows import Lease
from herdbook.ports.blobs import Progress, Staged
from herdbook.service.context import LEASE_S, Context

LARGE = 16 * 2**20
"""Bytes from which a stream of known size is taken as an upload."""


class Uploads:
    """Uploads, for one principal. Whoever knows an upload's id may go on with it."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def put(self, source: BinaryIO, *, size: int | None = None, sha256: str | None = None) -> Content:
        """Store bytes that come in one piece; nothing of them is kept when they are not what ``sha256`` announces.

        A large stream whose ``size`` in bytes is known is hashed as it comes, which an upload can and ``stage`` cannot.

        Raises:
            CorruptError: ``wrong-digest``.
        """
        if size is None or size < LARGE:
            self._context.readers.prepare()  # it is read when it is registered, as a rule soon
            return self._keep(self._context.blobs.stage(source), sha256)
        upload = self.begin(size)
        try:
            self.append(upload, 0, source)
            return self.finish(upload, sha256=sha256)
        except BaseException:
            self.abandon(upload)
            raise

    def begin(self, size: int | None = None) -> str:
        """Begin an upload, of ``size`` bytes where that is known; return its id."""
        return self._context.blobs.uploads.begin(size=size)

    def standing(self, upload: str) -> int:
        """Return how many bytes of it are here.

        Raises:
            MissingError: ``no-upload``.
        """
        return self._context.blobs.uploads.offset(upload)

    def append(self, upload: str, offset: int, source: BinaryIO) -> int:
        """Add what follows; return how many bytes are here now. What came before the source broke off is kept.

        Raises:
            MissingError: ``no-upload``.
            ConflictError: ``wrong-offset``, with ``offset``, when another number of bytes is here.
        """
        return self._context.blobs.uploads.append(upload, offset, source)

    def finish(self, upload: str, *, sha256: str | None = None, progress: Progress | None = None) -> Content:
        """Hash what came, and keep it under a lease of this principal.

        An upload with another digest than ``sha256`` is gone: nothing can be added to it that would mend it. One that
        was finished already is answered alike where ``sha256`` names it, and this principal brought it.

        Raises:
            MissingError: ``no-upload``.
            CorruptError: ``wrong-digest``.
        """
        self._context.readers.prepare()
        try:
            staged = self._context.blobs.uploads.finish(upload, progress=progress)
        except MissingError:
            if sha256 and (content := self._brought(sha256)):
                return content
            raise
        return self._keep(staged, sha256)

    def abandon(self, upload: str) -> None:
        """Drop an upload; harmless when there is none."""
        self._context.blobs.uploads.abandon(upload)

    def _brought(self, sha256: str) -> Content | None:
        """Return a content that this principal brought, and that is here."""
        with self._context.catalogue.read() as tx:
            leases = tx.leases([sha256], self._context.seconds())
            content = tx.contents([sha256]).get(sha256)
        own = any(lease.principal == self._context.principal.id for lease in leases)
        return content if own and self._context.blobs.size(sha256) is not None else None

    def _keep(self, staged: Staged, sha256: str | None) -> Content:
        """Lease first, then give the blob its name: garbage collection never meets it bare."""
        content = staged.content
        try:
            if sha256 is not None and digests.check_sha256(sha256) != content.sha256:
                raise CorruptError(
                    f"{content.size} bytes came as {content.sha256}, announced was {sha256}",
                    code="wrong-digest",
                    hint="Nothing of it was kept. Send it again from the beginning.",
                    found=content.sha256,
                    expected=sha256,
                )
            until = self._context.seconds() + LEASE_S
            self._context.catalogue.lease([Lease(self._context.principal.id, content.sha256, until)], [content])
            staged.keep()
        finally:
            staged.discard()
        return content
