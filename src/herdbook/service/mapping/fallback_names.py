"""Names and labels out of folders and stems: what looks like a version is the label, like a part of a set a member."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from herdbook.kernel import names
from herdbook.service.mapping import templates

_NUMBER = r"\d+(?:[p.]\d+)?"
_STRONG = (
    r"(?:19|20)\d{2}[vV]\d+(?:[p.]\d+)*",  # 2018v2p5
    r"Run(?:[1-4]|I{1,3}|IV)[vV]\d+(?:[p.]\d+)*",  # Run3v1, RunIIv2p0
)
"""Versions whose tail is of them, as in ``2017v2p6_e6`` and ``2017v0_quantized``."""

_VERSIONS = (
    r"CMSSW_\d+_\d+_(?:\d+|X)(?:_(?:pre|patch)\d+)?",
    r"\d{1,2}[_-]\d{1,2}[_-](?:19|20)\d{2}",  # 13_07_2015
    r"(?:19|20)\d{2}[_-]\d{2}[_-]\d{2}",
    r"(?:19|20)\d{6}(?:[_-]\d{4,6})?",  # 20220308, 20231030-1731
    r"\d{2,3}X",  # 94X
    r"[vV]\d+(?:[p.]\d+|-\d+(?![A-Za-z]))*[a-z]?",  # V00, v1.2, V00-01-00
)
_MEMBERS = (
    r"(?i:core|inner|outer|even|odd)",
    r"(?i:k?fold)[_-]?\d+",
    r"Event\d+",
    r"E[BE]\d?_\d+",  # EB1_5: a region and the lower edge of a bin
    rf"(?i:abs_?)?(?i:eta|pt|phi)[_-]?{_NUMBER}(?:[tT]o|[_-]){_NUMBER}",  # Eta0p0To2p5
    r"(?i:(?:eta|pt|phi)_?bin)[_-]?\d+|(?i:bin)[_-]?\d+",
    rf"{_NUMBER}[tT]o{_NUMBER}",
)


def _bounded(alternatives: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"(?:^|(?<=[_\-. ]))(?:{'|'.join(alternatives)})(?=$|[_\-. ])")


_TAILED = _bounded(_STRONG)
_VERSION = _bounded(_VERSIONS)
_MEMBER = _bounded(_MEMBERS)


@dataclass(frozen=True, slots=True)
class Named:
    """Parts of a model's name as they stand in the source, its label and the member of its set."""

    parts: tuple[str, ...]
    label: str = ""
    member: str = ""


def _taken(pattern: re.Pattern[str], text: str) -> tuple[str, list[str]]:
    """Return the text without what the pattern finds, and what it found."""
    found = pattern.findall(text)
    if not found:
        return text, []
    rest = pattern.sub("", text)
    return re.sub(r"([_\-. ])[_\-. ]+", r"\1", rest).strip("_-. "), found


@lru_cache(maxsize=65536)
def _versions(text: str) -> tuple[str, tuple[str, ...]]:
    """Return a segment or stem without its versions, and the versions."""
    if (found := _TAILED.search(text)) is not None:
        return text[: found.start()].strip("_-. "), (text[found.start() :].strip("_-. "),)
    rest, versions = _taken(_VERSION, text)
    return rest, tuple(versions)


def read(folder: str, stem: str, serial: int = 0) -> Named:
    """Return the name, label and member that a folder and a stem spell.

    Args:
        folder: where the version's paths begin, in the source.
        stem: of the file; empty where the folder names the model.
        serial: the integer of a Triton repository; 1 says nothing.
    """
    parts: list[str] = []
    versions: list[str] = []
    for segment in filter(None, folder.split("/")):
        rest, found = _versions(segment)
        parts.append(rest)
        versions += found
    rest, members = _taken(_MEMBER, stem)
    rest, found = _versions(rest)
    versions += found
    if serial > 1:
        versions.append(f"v{serial}")
    kept = tuple(part for part in (*parts, rest) if templates.slug(part))
    return Named(kept or ("model",), templates.label("_".join(dict.fromkeys(versions))), "_".join(members))


class Namer:
    """Makes names under a prefix that no two things share, whatever the case, and of which none is a folder of another.

    What comes first gets the plain name; the order is the history's, so that a name stays.

    Args:
        prefix: at most four segments and ``MAX_PREFIX`` characters.
    """

    MAX_PREFIX = 60

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._names: dict[tuple[str, ...], str] = {}
        self._taken: set[str] = set()
        self._folders: set[str] = set()

    def name(self, parts: tuple[str, ...]) -> str:
        """Return the name of what is called so in the source; the same for the same parts."""
        known = self._names.get(parts)
        if known is None:
            known = self._names[parts] = self._new(parts)
            self._taken.add(known.lower())
            self._folders.add(known.lower().rpartition("/")[0])
        return known

    def _new(self, parts: tuple[str, ...]) -> str:
        slugs = [templates.slug(part) for part in parts]
        folder, stem = "-".join(slugs[:-1]), slugs[-1]
        for choice in ((folder, stem), ("", f"{folder}-{stem}" if folder else f"{stem}-top")):
            name = self._written(*choice)
            if self._free(name):
                return name
        count = 1
        while not self._free(name := self._written("", f"{'-'.join(slugs)}-{_mark(parts, count)}")):
            count += 1
        return name

    def _free(self, name: str) -> bool:
        low = name.lower()
        return low not in self._taken and low not in self._folders and low.rpartition("/")[0] not in self._taken

    def _written(self, folder: str, stem: str) -> str:
        room = names.MAX_NAME - len(self._prefix) - 2
        stem = templates.shortened(stem, room - 12 if folder else room)
        folder = templates.shortened(folder, room - len(stem))
        return names.check_model("/".join(part for part in (self._prefix, folder, stem) if part))


def _mark(parts: tuple[str, ...], count: int) -> str:
    """Return six hex digits that tell parts from others that are written the same."""
    return templates.digest6(f"{count}/{'/'.join(parts)}")
