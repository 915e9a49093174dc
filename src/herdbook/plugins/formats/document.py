"""What lies beside a model as text: its words, so that a search finds them. Asked after all other formats."""

from __future__ import annotations

import json
import posixpath
import re
from typing import TYPE_CHECKING, Any

from herdbook.kernel import words
from herdbook.kernel.errors import InvalidError
from herdbook.model.facts import Facts, Finding, Probe, Safety, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from herdbook.ports.formats import Format, Listing, ReadAt

MAX_SIZE = 4 * 1024 * 1024
MAX_INDEXED = 1024 * 1024
MAX_WORDS = 5000
_MAX_TITLE = 200
_HEAD = 4096

_NAMES = (
    (re.compile(r"readme.*|.*\.(md|rst)"), "readme"),
    (re.compile(r".*labels.*\.txt"), "labels"),
    (re.compile(r"config\.pbtxt|.*_config\.pbtxt"), "triton-config"),
    (re.compile(r"preprocess.*\.json"), "weaver-preprocess"),
)
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")  # ESC stays: logs have colours
_UNDERLINE = re.compile(r"([=\-~^\"'`#*+.:_])\1+\s*")
_HEADING = re.compile(r"#{1,6}\s+(.+?)\s*#*\s*")


class Document:
    """The reader of text."""

    name = "document"
    version = "1"

    def probe(self, file: ReadAt, path: str) -> Probe | None:
        """Take text of at most 4 MiB; where the name does not say that it is text, it must be UTF-8 as well."""
        if file.size > MAX_SIZE:
            return None
        head = file.read_at(0, min(file.size, _HEAD))
        if _BINARY.search(head):
            return None
        name = posixpath.basename(path).lower()
        format_ = next((format_ for pattern, format_ in _NAMES if pattern.fullmatch(name)), "text")
        if format_ == "text" and not (name.endswith(".txt") or _is_utf8(head, cut=file.size > len(head))):
            return None
        return Probe(format=format_, unknown=("keys",) if format_ == "weaver-preprocess" else ())

    def read(self, file: ReadAt, path: str, listing: Listing) -> Facts:  # noqa: ARG002 - the port's signature
        """Read words, number of lines and, of a README, the title.

        Raises:
            InvalidError: when there are bytes further on that no text has.
        """
        data = file.read_at(0, file.size)
        if b"\0" in data:
            raise InvalidError(f"{path} begins as text and has zero bytes further on", code="not-text")
        findings = []
        try:
            data[:MAX_INDEXED].decode()
        except UnicodeDecodeError as error:
            if error.start < MAX_INDEXED - 4:
                message = f"byte {error.start} is not UTF-8; U+FFFD stands for what is not"
                findings.append(Finding(rule="not-utf8", severity=Severity.WARNING, message=message))
        text = data[:MAX_INDEXED].decode("utf-8", "replace").removeprefix("\ufeff")
        probe = self.probe(file, path)
        format_ = "text" if probe is None else probe.format
        if format_ == "weaver-preprocess" and not _is_weaver(data):
            format_ = "text"
        if len(data) > MAX_INDEXED:
            text = "".join(text.rsplit(maxsplit=1)[:1])  # half a word is none
        found, all_ = _words(text)
        values: dict[str, Any] = {"words": found, "lines": data.count(b"\n") + (data[-1:] not in {b"", b"\n"})}
        if format_ == "readme" and (title := _title(text)):
            values["title"] = title
        if not all_ or len(data) > MAX_INDEXED:
            message = f"only the first {MAX_WORDS} different words of the first MiB can be found by a search"
            findings.append(Finding(rule="words-cut", severity=Severity.NOTE, message=message))
        return Facts(
            reader=self.name,
            reader_version=self.version,
            format=format_,
            safety=Safety.SAFE,
            values=values,
            findings=tuple(findings),
        )


_: type[Format] = Document


def _is_utf8(head: bytes, *, cut: bool) -> bool:
    """Say whether bytes are UTF-8; ``cut``: the last character may be incomplete."""
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return cut and error.start >= len(head) - 3 and error.reason == "unexpected end of data"
    return True


def _is_weaver(data: bytes) -> bool:
    """Say whether this is weaver's preprocessing: names of inputs, each with the names of its variables."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return False
    if not isinstance(value, dict) or not isinstance(value.get("input_names"), list):
        return False
    groups = [value.get(name) for name in value["input_names"] if isinstance(name, str)]
    return bool(groups) and all(isinstance(group, dict) and "var_names" in group for group in groups)


def _words(text: str) -> tuple[list[str], bool]:
    """Return the first different words, sorted, and whether these are all."""
    found: set[str] = set()
    for word in words.split(text):
        if len(found) == MAX_WORDS and word not in found:
            return sorted(found), False
        found.add(word)
    return sorted(found), True


def _title(text: str) -> str:
    """Return the first heading (Markdown, reStructuredText); without one, the first line that says something."""
    first = ""
    before = ""
    for line in _lines(text):
        if heading := _HEADING.fullmatch(line):
            return heading[1][:_MAX_TITLE]
        if before and _UNDERLINE.fullmatch(line):
            return before[:_MAX_TITLE]
        before = line if line and not _UNDERLINE.fullmatch(line) else ""
        first = first or before
    return first[:_MAX_TITLE]


def _lines(text: str) -> Iterator[str]:
    """Yield stripped lines, without fenced code and YAML front matter."""
    fence = ""
    for number, raw in enumerate(text.split("\n", 2000)[:2000]):
        line = raw.strip()
        mark = line[:3]
        if fence:
            fence = "" if line.startswith(fence) else fence
        elif mark in {"```", "~~~"} or (mark == "---" and number == 0):
            fence = mark
        else:
            yield line
