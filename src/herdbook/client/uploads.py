"""Uploads: small files in one request; large ones piece by piece, and after an interruption from where it was."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

from herdbook.client import sources, unfinished
from herdbook.client.calls import Calls, asked
from herdbook.client.patience import Patience
from herdbook.client.refusals import refusal
from herdbook.client.sources import Source
from herdbook.client.transport import AWAY, Answer, Asking, BrokenError, bad_answer
from herdbook.kernel.errors import ConflictError, CorruptError, HerdbookError, MissingError
from herdbook.model.files import Content
from herdbook.ports.blobs import Progress
from herdbook.wire import files as wire
from herdbook.wire import headers

PIECE = 64 * 2**20
"""Bytes of one request of an upload of what can be read again."""
BUFFERED = 8 * 2**20
"""Bytes of one request of an upload of a stream that can be read once: they are kept in memory till they are there."""
SLOWEST = 20e6
"""Bytes a second that a server hashes at least."""
_OCTETS = "application/octet-stream"
_AGAIN = frozenset({429, 502, 503, 504})


class Uploads:
    """Uploads to one server; threads share them.

    Args:
        calls: to the server.
        folder: of the cache, where unfinished uploads are noted; ``None`` notes none.
        principal: who uploads.
    """

    def __init__(self, calls: Calls, folder: Path | None, principal: str) -> None:
        self._calls = calls
        self._folder = folder
        self._principal = principal
        self._large = threading.Semaphore(2)

    def put(self, stream: BinaryIO, progress: Progress | None = None) -> Content:
        """Upload what is left in a stream.

        Raises:
            UnavailableError: ``no-server``; when the stream cannot be read, or is a file that changes meanwhile.
            HerdbookError: what the server says.
        """
        self._calls.check_writable()
        source = sources.known(stream)
        if source is None:
            begin = sources.read(stream, wire.SINGLE + 1)
            if len(begin) > wire.SINGLE:
                with self._large:
                    return self._streamed(begin, stream, progress)
            source = sources.InMemory(begin)
        if source.size <= wire.SINGLE:
            return self._small(source, progress)
        with self._large, unfinished.note(self._folder, self._calls.transport.url, self._principal, source.key) as note:
            return self._resumed(source, note, progress)

    # -- in one request

    def _small(self, source: Source, progress: Progress | None) -> Content:
        data = source.read_at(0, source.size)
        source.check()
        digest = hashlib.sha256(data)
        head = {
            "Content-Type": _OCTETS,
            headers.SHA256: f"sha-256=:{base64.b64encode(digest.digest()).decode()}:",
            headers.IDEMPOTENCY_KEY: secrets.token_hex(16),
        }
        answer = self._calls.exchange(Asking("POST", wire.PUT.path, headers=head, body=data))
        if progress and data:
            progress(len(data))
        return _checked(wire.PUT.load(answer.body), "sha256:" + digest.hexdigest(), len(data))

    # -- piece by piece

    def _resumed(self, source: Source, note: unfinished.Note, progress: Progress | None) -> Content:
        """Go on with an upload that was begun before, else begin one."""
        upload = note.read()
        if upload:
            try:
                offset = self._standing(upload)
                if offset <= source.size:
                    content = self._pieces(source, upload, offset, progress)
                    note.remove()
                    return content
            except (MissingError, CorruptError) as error:
                if error.code not in {"no-upload", "wrong-digest"}:
                    raise
                progress = None  # what was told of it stays told
        upload = self._begin(source.size)
        note.write(upload)
        with self._dropping(upload, keep=bool(source.key)):
            content = self._pieces(source, upload, 0, progress)
        note.remove()
        return content

    def _pieces(self, source: Source, upload: str, offset: int, progress: Progress | None) -> Content:
        with _Hashed(source, progress) as hashed:
            hashed.to(offset)
            while offset < source.size:
                offset = self._append(upload, offset, min(PIECE, source.size - offset), hashed.chunks)
            source.check()
            return self._finish(upload, hashed.sha256, source.size)

    def _streamed(self, begin: bytes, stream: BinaryIO, progress: Progress | None) -> Content:
        upload = self._begin(None)
        digest, total, piece = hashlib.sha256(), 0, begin
        with self._dropping(upload, keep=False):
            while piece:
                digest.update(piece)
                held, start = piece, total

                def chunks(offset: int, length: int, held: bytes = held, start: int = start) -> Iterator[bytes]:
                    yield held[offset - start : offset - start + length]

                end = total + len(piece)
                while total < end:
                    total = self._append(upload, total, end - total, chunks)
                if progress:
                    progress(len(piece))
                piece = sources.read(stream, BUFFERED)
            return self._finish(upload, "sha256:" + digest.hexdigest(), total)

    def _begin(self, size: int | None) -> str:
        told = {} if size is None else {"size": size}
        return self._calls.post(wire.BEGIN, asked(wire.Begin, **told)).upload

    def _standing(self, upload: str) -> int:
        answer = self._calls.exchange(Asking("GET", wire.UPLOAD.format(upload=upload)))
        return _offset(answer)

    def _append(self, upload: str, offset: int, length: int, chunks: Callable[[int, int], Iterator[bytes]]) -> int:
        """Send a piece; return how many bytes of the upload are at the server then, which may be only a part of it."""
        transport = self._calls.transport
        patience = Patience(transport.timeouts.retry, least=2)
        start, path = offset, wire.UPLOAD.format(upload=upload)
        while True:
            left = start + length - offset
            head = {"Content-Type": _OCTETS, headers.OFFSET: str(offset), "Content-Length": str(left)}
            body = lambda offset=offset, left=left: chunks(offset, left)  # noqa: E731 - bound to this turn of the loop
            try:
                with transport.open(Asking("PATCH", path, headers=head, body=body)) as incoming:
                    answer = incoming.whole(60.0)
                trouble, after = f"HTTP status {answer.status}", answer.headers.get("retry-after", "")
                if answer.status < 400:
                    return _between(_offset(answer), start, start + length)
                error = refusal(answer)
                if error.code == "wrong-offset":
                    there = error.details.get("offset")
                    trouble = "it has other bytes than it said"
                elif answer.status in _AGAIN:
                    there = offset
                else:
                    raise error
            except BrokenError as broken:
                trouble, after, there = str(broken), "", None
            if not patience.again(after=float(after) if after.isdigit() else 0.0):
                raise transport.away(trouble, patience)
            at = _between(there if isinstance(there, int) else self._standing(upload), start, start + length)
            if at > offset:
                patience = Patience(transport.timeouts.retry, least=2)  # it goes on
            offset = at
            if offset == start + length:
                return offset

    def _finish(self, upload: str, sha256: str, size: int) -> Content:
        head = {"Content-Type": "application/json", headers.IDEMPOTENCY_KEY: secrets.token_hex(16)}
        body = asked(wire.Finish, sha256=sha256).json_bytes()
        read = self._calls.transport.timeouts.read + size / SLOWEST
        path = wire.FINISH.format(upload=upload)
        answer = self._calls.exchange(Asking("POST", path, headers=head, body=body, read=read))
        return _checked(wire.PUT.load(answer.body), sha256, size)

    @contextlib.contextmanager
    def _dropping(self, upload: str, *, keep: bool) -> Iterator[None]:
        """Drop an upload that fails; ``keep`` one that a later run can go on with, unless the server refuses it."""
        try:
            yield
        except BaseException as error:
            refused = isinstance(error, HerdbookError) and error.code != AWAY
            if not keep or refused:
                with contextlib.suppress(HerdbookError):
                    self._calls.transport.ask(Asking("DELETE", wire.UPLOAD.format(upload=upload), retry=0.0, read=5.0))
            raise


class _Hashed:
    """A source that is hashed once while it is sent, by a thread beside the one that sends."""

    def __init__(self, source: Source, progress: Progress | None) -> None:
        self._source = source
        self._progress = progress
        self._digest = hashlib.sha256()
        self._hashed = 0
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="herdbook-hash")

    def __enter__(self) -> _Hashed:
        return self

    def __exit__(self, *exc: object) -> None:
        self._beside.shutdown()

    def to(self, offset: int) -> None:
        """Hash what was sent before."""
        for _ in self.chunks(0, offset):
            pass

    def chunks(self, offset: int, length: int) -> Iterator[bytes]:
        """Yield bytes; those that are met for the first time are hashed and told of."""
        end = offset + length
        while offset < end:
            data = self._source.read_at(offset, min(sources.CHUNK, end - offset))
            new = data[max(0, self._hashed - offset) :]
            work = self._beside.submit(self._digest.update, new) if new else None
            try:
                yield data
            finally:
                if work is not None:
                    work.result()
                    self._hashed = offset + len(data)
            if new and self._progress:
                self._progress(len(new))
            offset += len(data)

    @property
    def sha256(self) -> str:
        """The digest of what was met."""
        return "sha256:" + self._digest.hexdigest()


def _offset(answer: Answer) -> int:
    text = answer.headers.get(headers.OFFSET.lower(), "")
    if text.isascii() and text.isdigit() and len(text) < 20:
        return int(text)
    told = wire.BEGIN.load(answer.body) if answer.body else None
    if told is None:
        raise bad_answer("the server does not say how many bytes of an upload it has")
    return told.offset


def _between(offset: int, low: int, high: int) -> int:
    if not low <= offset <= high:
        raise ConflictError(
            f"the server has {offset} bytes of an upload that stands between {low} and {high}",
            code="wrong-offset",
            hint="Does another process add to it? Begin again.",
            offset=offset,
        )
    return offset


def _checked(content: Content, sha256: str, size: int) -> Content:
    if (content.sha256, content.size) != (sha256, size):
        raise CorruptError(
            f"the server keeps {content.size} bytes as {content.sha256}; sent were {size} of {sha256}",
            code="wrong-bytes",
            hint="Something between alters bytes, or the server is not sound: tell who runs it.",
        )
    return content
