"""READMEs: names of datasets in running text, with the counts beside them, and the training that used them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from herdbook.model import schemes
from herdbook.model.base import Json
from herdbook.model.drafts import DraftActivity
from herdbook.model.schemes import Parsed
from herdbook.model.statements import Evidence
from herdbook.service.mapping.lists import Inputs, ListDrafts

MAX_LINE = 20_000
"""Characters of a line that are looked at."""

_LINE_END = re.compile(r"\r\n|\n|\r")
_QUOTED = re.compile(r"`([^`\n]{3,2000})`")
_BARE = re.compile(r"(?<![^\s`'\"<>()|,;\[\]])(?:\{[^{}\s]{0,200}\}|[^\s`'\"<>()|,;\[\]]){5,2000}")
_FILES = re.compile(
    r"(?<![\w.])(\d{1,3}(?:,\d{3})+|\d{1,12})\s?files\b(\s+(?:each|per (?:sample|dataset|bin))\b)?", re.IGNORECASE
)
_EVENTS = re.compile(
    r"(?<![\w.])(\d{1,3}(?:,\d{3})+|\d{1,12}(?:\.\d{1,9})?)\s?([kMG]?)\s?(?:events|evts)\b(\s+each\b)?", re.IGNORECASE
)
_PARENTHESES = re.compile(r"\s{0,4}[`*_]{0,3}\s{0,4}\(([^()]{1,500})\)")
_SCALE = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}
_ROLES = (
    ("validation", re.compile(r"\bvalidat\w*", re.IGNORECASE)),
    ("test", re.compile(r"\b(?:test|tests|tested|testing|evaluat\w*)\b", re.IGNORECASE)),
    ("train", re.compile(r"\b(?:re)?train\w*", re.IGNORECASE)),
)
_LIST_ITEM = re.compile(r"\s*(?:[-*+]|\d{1,3}[.)])\s")


@dataclass(frozen=True, slots=True)
class Mention:
    """A dataset, files or a selector that a text names.

    ``line`` counts from 1. ``files`` and ``events`` are counts that stand beside the name, of each dataset where
    ``each``. ``note`` is the parenthesis behind it; ``role`` what the text around says it was used for.
    """

    line: int
    raw: str
    parsed: Parsed
    files: int | None = None
    events: int | None = None
    note: str = ""
    each: bool = False
    role: str = "train"


def mentions(text: str) -> list[Mention]:
    """Return the names that a text mentions, in order. Paths, addresses and other words are none.

    A DOI counts only when it is one of CERN Open Data: others may be papers.
    """
    found = []
    around = "train"
    for number, whole in enumerate(_LINE_END.split(text), 1):
        line = whole[:MAX_LINE]
        names = list(_names(line))
        words = line
        for _, _, raw, _ in names:
            words = words.replace(raw, " ", 1)
        said = _role(words)
        if not names and line.strip() and (said or not _LIST_ITEM.match(line)):
            around = said or ("train" if line.startswith("#") else around)
        for index, (_, end, raw, parsed) in enumerate(names):
            stop = names[index + 1][0] if index + 1 < len(names) else len(line)
            beside = line[end:stop]
            found.append(_mention(number, raw, parsed, beside, words if len(names) == 1 else beside, said or around))
    return found


def _names(line: str) -> Iterator[tuple[int, int, str, Parsed]]:
    """Yield (begin, end, raw, parsed); what stands behind a name explains its placeholders."""
    spans = [(match.start(1), match.end(1)) for match in _QUOTED.finditer(line)]
    spans += [match.span() for match in _BARE.finditer(line)]
    taken = 0
    for begin, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if begin < taken:
            continue
        raw = line[begin:end].rstrip(".:")
        parsed = schemes.recognise(raw, line[end : end + 500])
        if _counts(parsed):
            taken = end
            yield begin, begin + len(raw), raw, parsed


def _counts(parsed: Parsed) -> bool:
    if parsed.scheme == "file-list":
        return parsed.value.startswith(("/eos/", "root://"))
    if parsed.scheme == "doi":
        return "10.7483/opendata" in parsed.fields.get("doi", "")
    return parsed.kind != "freeform"


def _role(words: str) -> str:
    said = [role for role, pattern in _ROLES if pattern.search(words)]
    return said[0] if len(said) == 1 else "train" if "train" in said else ""


def _mention(line: int, raw: str, parsed: Parsed, beside: str, words: str, role: str) -> Mention:
    files = _FILES.search(beside) or _FILES.search(words)
    events = _EVENTS.search(beside) or _EVENTS.search(words)
    note = _PARENTHESES.match(beside)
    return Mention(
        line=line,
        raw=raw,
        parsed=parsed,
        files=int(files[1].replace(",", "")) if files else None,
        events=round(float(events[1].replace(",", "")) * _SCALE[events[2].lower()]) if events else None,
        note=note[1].strip() if note else "",
        each=bool((files and files[2]) or (events and events[3])),
        role=role,
    )


def activity(text: str, where: str, issued: str | None = None) -> ListDrafts | None:
    """Return the training that used what a README mentions, and its datasets; ``None`` when it mentions none.

    The activity has no outputs yet: whoever knows which versions lie beside the README adds them.

    Args:
        text: at most 1 MiB; the caller sees to it.
        where: the evidence of the file, as ``git-sha1:…:README.md``; line numbers are added.
        issued: when it was written.
    """
    named = mentions(text)
    if not named:
        return None
    gathered = Inputs(where, "readme-datasets")
    for mention in named:
        gathered.add(mention.parsed, mention.role, f"L{mention.line}", _used(mention))
    body: Json = {"kind": "training", "status": "unknown", "inputs": gathered.inputs}
    evidence = {**gathered.evidence, "/kind": Evidence(how="inferred", where=where, rule="readme-datasets")}
    draft = DraftActivity(activity=body, evidence=evidence, issued=issued)
    return ListDrafts(gathered.merged(), (draft,), (), tuple(gathered.findings))


def _used(mention: Mention) -> Json:
    used: Json = {}
    if mention.files is not None:
        used["files"] = mention.files
    if mention.events is not None:
        used["events"] = mention.events
    if mention.each:
        used["each"] = True
    plain = _FILES.sub("", _EVENTS.sub("", mention.note)).strip(" ,;.")
    if plain:
        used["selection"] = mention.note
    return used
