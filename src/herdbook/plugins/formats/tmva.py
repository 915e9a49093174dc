"""TMVA's weight files: XML, plain or compressed with gzip, and the text format of before 2010."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.model.facts import Facts, Finding, Probe, Safety, Severity
from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.tmva_text import read_text
from herdbook.plugins.formats.tmva_xml import parse, values
from herdbook.plugins.formats.xml_events import HEAD, begins_with, leading_space

if TYPE_CHECKING:
    from herdbook.ports.formats import Format, Listing, ReadAt

MAX_SIZE = 48 * 1024 * 1024
"""Bytes of text, uncompressed: with what the parser keeps, it stays below what a worker has."""

_GZIP = b"\x1f\x8b"
_TEXT = re.compile(rb"(?:\s|#[^\n]*\n)*#GEN -\*-.{0,2000}^Method\s*:", re.DOTALL | re.MULTILINE)


class Tmva:
    """The reader of TMVA's weight files."""

    name = "tmva"
    version = "1"

    def probe(self, file: ReadAt, path: str) -> Probe | None:  # noqa: ARG002 - the port's signature
        """Recognise the root element, or the text format's first section; of gzip, after decompressing a little."""
        head = file.read_at(0, HEAD)
        packed = head.startswith(_GZIP)
        if packed:
            head = _inflated_head(head)
        if begins_with(head, b"MethodSetup"):
            return Probe(format="tmva-xml-gz" if packed else "tmva-xml")
        return Probe(format="tmva-txt") if _TEXT.match(head) and not packed else None

    def read(self, file: ReadAt, path: str, listing: Listing) -> Facts:  # noqa: ARG002 - the port's signature
        """Read the facts.

        Raises:
            CorruptError: when it is no well-formed XML, or its gzip is damaged.
            InvalidError: when it is larger than this reader goes, compressed or not, or has a DTD.
        """
        if file.size > MAX_SIZE:
            raise InvalidError(f"{path} has {file.size} bytes", code="too-large")
        data = file.read_at(0, file.size)
        format_ = "tmva-xml"
        if data.startswith(_GZIP):
            data, format_ = _inflated(data, path), "tmva-xml-gz"
        elif _TEXT.match(data[:HEAD]):
            content = read_text(data)
            return content.facts(self.name, self.version)
        findings = []
        start = leading_space(data)
        if start:
            message = "white space stands before the XML declaration, so a strict parser refuses the file"
            findings.append(Finding(rule="xml-leading-space", severity=Severity.WARNING, message=message))
        setup = parse(data, start)
        found, worth = values(setup)
        content = Content(format_, found, Safety.GUARDED, setup.where, (*findings, *worth, *setup.kept.findings))
        return content.facts(self.name, self.version)


_: type[Format] = Tmva


def _inflated_head(data: bytes) -> bytes:
    """Return the first bytes of what gzip holds, also where it is damaged further on."""
    stream = zlib.decompressobj(wbits=31)
    head = b""
    for at in range(0, len(data), 256):
        try:
            head += stream.decompress(data[at : at + 256], HEAD)
        except zlib.error:
            break
        if len(head) >= HEAD or stream.eof:
            break
    return head[:HEAD]


def _inflated(data: bytes, path: str) -> bytes:
    """Return what gzip holds, all of its members.

    Raises:
        CorruptError: when it is damaged or ends too early.
        InvalidError: when it is larger than this reader goes.
    """
    parts: list[bytes] = []
    size = 0
    while data.startswith(_GZIP):
        stream = zlib.decompressobj(wbits=31)
        try:
            parts.append(stream.decompress(data, MAX_SIZE - size + 1))
        except zlib.error as error:
            raise CorruptError(f"{path} is damaged gzip: {error}", code="gzip-bad") from error
        size += len(parts[-1])
        if size > MAX_SIZE:
            raise InvalidError(f"{path} has more than {MAX_SIZE} bytes when decompressed", code="too-large")
        if not stream.eof:
            raise CorruptError(
                f"{path} ends within its gzip", code="gzip-cut", hint="Fetch it again; it was cut short."
            )
        data = stream.unused_data
    return b"".join(parts)
