"""`defines.h` of a project that hls4ml generated: the types of inputs, outputs and everything between.

Source: what hls4ml writes: `typedef ap_fixed<16,6> input_t;` (with streams `nnet::array<…>`) and, before version 1,
`#define N_INPUT_1_1 16`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Any

from herdbook.model.facts import Finding, Severity
from herdbook.plugins.formats import fixed_point
from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.text_file import TextFile
from herdbook.ports.formats import Listing

FORMAT = "hls4ml-defines"
MAX_TYPES = 20_000
_MARK = re.compile(rb"hls-fpga-machine-learning")
_TYPED = re.compile(
    rb"^[ \t]*typedef[ \t]+(?:nnet::array\s*<\s*)?(?:a[pc]_u?(?:fixed|int)\s*<|float\b|double\b)", re.MULTILINE
)
_COMMENT = re.compile(r"/\*|//[^\n]*")
_TYPEDEF = re.compile(r"[ \t]*typedef\s+(?P<type>\S[^;{}\n]{0,1000}?)\s+(?P<name>\w{1,400})\s*;")
_DEFINE = re.compile(r"[ \t]*#define\s+(?P<name>\w{1,400})\s+(?P<value>\d{1,18})\s*")


def fits(content: Any, path: str) -> bool:  # noqa: ANN401 - a kind is asked about anything
    """Say whether it is a header with types of fixed point that hls4ml wrote, or is called `defines.h`."""
    if not isinstance(content, TextFile) or posixpath.splitext(path)[1].lower() not in {".h", ".hpp"}:
        return False
    data = content.data[:65536]
    if _TYPED.search(data) is None:
        return False
    return posixpath.basename(path).lower() == "defines.h" or (b"DEFINES_H_" in data and _MARK.search(data) is not None)


def read(content: TextFile, path: str, listing: Listing) -> Content:  # noqa: ARG001 - the signature of a kind
    """Read what is defined: numbers, and all types; of fixed point width, integer bits, rounding and overflow."""
    defines: dict[str, int] = {}
    typedefs: dict[str, str] = {}
    where: dict[str, str] = {}
    for number, line in _code(content):
        if found := _TYPEDEF.match(line):
            typedefs[found["name"]] = found["type"]
            where[f"/typedefs/{found['name']}"] = f"line {number}"
        elif found := _DEFINE.fullmatch(line):
            defines[found["name"]] = int(found["value"])
            where[f"/defines/{found['name']}"] = f"line {number}"
        if len(typedefs) + len(defines) > MAX_TYPES:
            break
    parsed = {name: fixed_point.parse(text) for name, text in typedefs.items()}
    values: dict[str, Any] = {
        "defines": defines,
        "typedefs": typedefs,
        "fixed_point": [{"at": name, **each} for name, each in parsed.items() if each],
    }
    return Content(format=FORMAT, values=values, where=where, findings=tuple(_findings(typedefs, parsed)))


def _code(content: TextFile) -> Iterator[tuple[int, str]]:
    """Yield lines without comments, with their numbers; a comment of several lines leaves empty ones."""
    kept: list[str] = []
    at, text = 0, content.text
    while found := _COMMENT.search(text, at):
        kept.append(text[at : found.start()])
        at = found.end()
        if found[0] == "/*":
            close = text.find("*/", at)
            end = len(text) if close < 0 else close + 2
            kept.append("\n" * text.count("\n", at, end))
            at = end
    kept.append(text[at:])
    yield from enumerate(re.split(r"\r\n?|\n", "".join(kept)), 1)


def _findings(typedefs: dict[str, str], parsed: dict[str, Any]) -> Iterator[Finding]:
    for name in ("input_t", "result_t"):
        if name in typedefs and parsed[name] is None:
            message = f"{name} is {typedefs[name][:200]!r}, no type that this reader knows"
            yield Finding(
                rule="unknown-number-type", severity=Severity.NOTE, message=message, where=f"/typedefs/{name}"
            )
