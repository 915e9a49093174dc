"""XML as events, by expat: no DTD, no entities of its own, nothing fetched, bounded depth and text."""

from __future__ import annotations

import re
from xml.parsers import expat

from herdbook.kernel.errors import CorruptError, InvalidError

MAX_DEPTH = 200
MAX_ENTRIES = 100_000
MAX_TEXT = 4 * 1024 * 1024
_ENCODINGS = frozenset({"utf-8", "us-ascii", "iso-8859-1", "iso-8859-15", "windows-1252"})
_SPACE = re.compile(rb"[ \t\r\n]*+")
HEAD = 4096
"""How many bytes are enough to see the root element."""

_PROLOGUE = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:\s|(?><\?.*?\?>)|(?><!--.*?-->)|(?><!DOCTYPE[^\[>]*(?:\[.*?\])?\s*>))*+<(?:[\w.-]+:)?([\w.-]+)",
    re.DOTALL,
)
"""What may stand before the root element, and its name. Nothing is tried twice: a hostile head costs no time."""


def leading_space(data: bytes) -> int:
    """Return how many bytes of white space stand before the document; XML allows none before its declaration."""
    found = _SPACE.match(data)
    return found.end() if found else 0


def begins_with(head: bytes, root: bytes) -> bool:
    """Say whether the root element of a document has this name, whatever its prefix."""
    found = _PROLOGUE.match(head)
    return found is not None and found[1] == root


class Events:
    """What a document says, event by event, to methods that a reader fills in.

    `start` is called with the path of names from the root, `text` with what an element for which `start` returned
    true holds, before its `end`.

    Args:
        skipped: how many lines of the file were before what is fed.
    """

    def __init__(self, skipped: int = 0) -> None:
        self.path: list[str] = []
        self._skipped = skipped
        self._entries = MAX_ENTRIES
        self._collect = 0
        self._text: list[str] = []
        self._length = 0
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.XmlDeclHandler = self._declared
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._parser.EntityDeclHandler = self._refuse
        self.listen()

    @property
    def line(self) -> int:
        """The line of the element that begins. The parser counts it when it is asked, from where it was asked last."""
        return self._parser.CurrentLineNumber + self._skipped

    def start(self, name: str, attributes: dict[str, str]) -> bool:
        """Begin an element; its path is ``self.path``, itself included. Return whether its text is wanted."""
        raise NotImplementedError

    def end(self, name: str, text: str) -> None:
        """End an element; ``text`` is all text in it, when it was wanted."""
        raise NotImplementedError

    def spend(self) -> None:
        """Take one more element into the facts.

        Raises:
            InvalidError: when these were more than any real document has.
        """
        self._entries -= 1
        if self._entries < 0:
            raise InvalidError(f"it has more than {MAX_ENTRIES} entries", code="too-many-values")

    def feed(self, data: bytes | memoryview, *, last: bool = False) -> None:
        """Parse what comes next.

        Raises:
            CorruptError: when it is not well-formed.
            InvalidError: when it has a DTD or an odd encoding, or is deeper or longer than this reader goes.
        """
        try:
            self._parser.Parse(data, last)
        except expat.ExpatError as error:
            raise CorruptError(f"it is no well-formed XML: {error}", code="not-xml") from error

    def listen(self) -> None:
        """Call `start` and `end` from here on."""
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end

    def be_quiet(self) -> None:
        """Parse on without calling anything, until `listen`."""
        self._parser.StartElementHandler = None
        self._parser.EndElementHandler = None

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.path.append(name)
        if len(self.path) > MAX_DEPTH:
            raise InvalidError(f"elements are nested deeper than {MAX_DEPTH}", code="nested-too-deep")
        if self.start(name, attributes):
            self._collect = len(self.path)  # of wanted elements inside one another, the innermost
            self._text.clear()
            self._length = 0
            self._parser.CharacterDataHandler = self._more

    def _end(self, name: str) -> None:
        text = ""
        if self._collect == len(self.path):
            text, self._collect = "".join(self._text), 0
            self._text.clear()
            self._length = 0
            self._parser.CharacterDataHandler = None
        if not self.path or self.path[-1] != name:  # the parser was quiet where elements ended
            raise CorruptError(f"</{name}> ends something else", code="not-xml")
        self.end(name, text)
        self.path.pop()

    def _more(self, text: str) -> None:
        self._length += len(text)
        if self._length > MAX_TEXT:
            raise InvalidError(f"an element has more than {MAX_TEXT} characters", code="too-much-text")
        self._text.append(text)

    def _declared(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.lower() not in _ENCODINGS:
            raise InvalidError(f"its encoding is {encoding[:40]!r}, which is not read", code="xml-encoding")

    def _refuse(self, *_: object) -> None:
        raise InvalidError(
            "it has a document type declaration, which can name files and multiply text; it is not read",
            code="xml-dtd",
            hint="Remove the DOCTYPE.",
        )
