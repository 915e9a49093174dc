"""Files on the wire. Bytes go as they are, never inside JSON.

Up: small ones in one request (``PUT``). Large ones piece by piece: ``BEGIN`` answers with an upload, each PATCH with
``Upload-Offset`` adds what follows and answers how much is there, GET tells that after an interruption, ``FINISH``
hashes and keeps. Whoever knows an upload's id, which is random, may go on with it.

Down: ``OPEN`` and ``BLOB`` answer with ETag, ``Repr-Digest`` and ``Accept-Ranges``; ranges and conditions as in
RFC 9110.
"""

from __future__ import annotations

from herdbook.model.base import Int, Sha256, Text, Value
from herdbook.model.files import Content
from herdbook.model.registrations import FileCheck
from herdbook.model.versions import Registered
from herdbook.wire.routes import PREFIX, Asked, Route


class Upload(Value):
    """How an upload stands: its id, how many bytes are there and durable."""

    upload: Text
    offset: Int


SINGLE = 4 * 2**20
"""Bytes up to which a client sends a file in one request."""

PUT: Route[Content] = Route("files.put", "POST", "/files", Content)
BEGIN: Route[Upload] = Route("uploads.begin", "POST", "/uploads", Upload)
UPLOAD = PREFIX + "/uploads/{upload}"
"""GET tells how it stands, PATCH appends, DELETE abandons; POST to ``/finish`` below it keeps."""
FINISH = UPLOAD + "/finish"
VERIFY: Route[list[FileCheck]] = Route("files.verify", "POST", "/version/verify", list[FileCheck], asks=True)
SUPPLY: Route[list[Registered]] = Route("files.supply", "POST", "/files/supply", list[Registered])
FIND: Route[dict[str, Content]] = Route("files.find", "POST", "/files/find", dict[str, Content], asks=True)
OPEN = PREFIX + "/version/file"
"""GET with ``reference`` and ``path``: the bytes of a file of a version."""
BLOB = PREFIX + "/blob"
"""GET with ``namespace`` and ``digest``: bytes that a record of a namespace names."""


class Begin(Asked):
    """A file to come; ``size`` in bytes where it is known."""

    size: Int | None = None


class Finish(Asked):
    """The end of an upload; with ``sha256`` it is kept only when the bytes are what they should be."""

    sha256: Sha256 | None = None


class Verify(Asked):
    """A version whose files are to be read again."""

    reference: Text


class Supply(Asked):
    """Bytes that were put, and now resolve."""

    sha256s: tuple[Text, ...]


class Find(Asked):
    """Digests of any kind to look for."""

    namespace: Text
    digests: tuple[Text, ...]
