"""Names and labels out of folders and stems: what looks like a version is the label, like a part of a set a member."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from herdbook.kernel import names
from herdbook.service.mapping import templates

_NUMBER = r"\d+(?:[p.]\d+)?"
_MONTH = (
    r"(?i:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|"
    r"nov(?:ember)?|dec(?:ember)?)"
)
_STRONG = (
    r"(?:19|20)\d{2}[vV]\d+(?:[p.]\d+)*",  # 2018v2p5
    r"Run(?:[1-4]|I{1,3}|IV)[vV]\d+(?:[p.]\d+)*",  # Run3v1, RunIIv2p0
)
"""Versions whose tail is of them, as in ``2017v2p6_e6`` and ``2017v0_quantized``."""

_VERSIONS = (
    r"CMSSW_\d+_\d+_(?:\d+|X)(?:_(?:pre|patch)\d+)?",
    r"\d{1,2}_\d{1,2}_X",  # 10_4_X
    r"\d{1,2}_\d{1,2}_\d{1,2}_(?:pre|patch)\d+",  # 12_5_0_pre5
    r"\d{1,2}[_-]\d{1,2}[_-](?:19|20)\d{2}",  # 13_07_2015
    r"(?:19|20)\d{2}[_-]\d{2}[_-]\d{2}",
    r"(?:19|20)\d{6}(?:[_-]\d{4,6})?",  # 20220308, 20231030-1731
    r"2\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])",  # 220104
    r"(?:0[1-9]|1[0-2])20[12]\d",  # 082026
    rf"(?:\d{{1,2}}[_-]?)?{_MONTH}[_-]?(?:(?:19|20)\d{{2}}|[0-3]\d)",  # 4sep_2016, June2013
    rf"(?:19|20)\d{{2}}[_-]?{_MONTH}[_-]?\d{{1,2}}",  # 2021May17
    r"\d{2,3}[xX]",  # 94X
    r"[vV]\d+(?:[p.]\d+|-\d+(?![A-Za-z]))*(?:(?:alpha|beta|rc)\d*|[a-z])?",  # V00, v1.2, V00-01-00, V03beta1
)
_ATTACHED = r"(?<=[A-Za-z0-9])(?<!MVA)(?<!CSV)(?<![GTM]e)V\d{1,3}(?=$|[_\-. ])"
"""``DeepFlavourV02``, ``Fall17IsoV2``; taggers are called ``CombinedMVAV2`` and ``CSVV2``, ``GeV5`` is an energy."""

_MEMBERS = (
    r"(?i:core|inner|outer|even|odd)",
    r"(?i:k?fold)[_-]?\d+",
    r"Event\d+",
    r"E[BE]\d?_\d+",  # EB1_5: a region and the lower edge of a bin
    r"E[BE]|(?i:barrel|endcap)",
    rf"(?i:abs_?|jt|jet_?)?(?i:eta|pt|phi)[_-]?{_NUMBER}(?:[tT]o|[_-]){_NUMBER}",  # Eta0p0To2p5, jteta_2_2p5
    r"(?i:(?:eta|pt|phi)_?bin)[_-]?\d+|(?i:bin)[_-]?\d+",
    rf"(?!(?:19|20)\d\d[tT]o(?:19|20)\d\d){_NUMBER}[tT]o{_NUMBER}",
)
_ERA = re.compile(
    r"(?:Run[_-]?(?:\d{1,4}[A-Z]?|I{1,3}|IV)|UL\d{2}(?:APV|preVFP|postVFP)?|"
    r"(?:Winter|Spring|Summer|Fall|Autumn)\d{2}|Phase(?:I{1,2}|[0-2]))"
)
"""What says when, and not what: a stem of nothing else names no model in a folder that does."""

_PLAIN = re.compile(
    r"(?i:(?:saved|frozen|trained|full|best|final)?[_-]?model(?:[_-]best)?|(?:constant|frozen|saved|model)[_-]?graph|"
    r"graph|network|modelDNN|tf)"
)
"""Stems that any model may have: the folder names it."""

_AROUND = re.compile(r"(?i:^(?:constant|frozen)_?graph[_\-.]+(?=\D)|[_\-.]+modelDNN$)")
"""The same with something that tells more: ``constant_graph_PtCut``, ``barrel_modelDNN``."""

_VAGUE = re.compile(
    r"data|files|mva|mvaweightfiles|nets|networks|(?:onnx|tf|pb|xml|keras|torch)?(?:models)?|trainings?|weights|xgboost"
)
"""Folders that name no model, without case and what is no letter or digit."""


def _bounded(alternatives: tuple[str, ...], more: str = "") -> re.Pattern[str]:
    return re.compile(rf"(?:^|(?<=[_\-. ]))(?:{'|'.join(alternatives)})(?=$|[_\-. ]){more}")


_TAILED = _bounded(_STRONG)
_VERSION = _bounded(_VERSIONS, f"|{_ATTACHED}")
_MEMBER = _bounded(_MEMBERS)


@dataclass(frozen=True, slots=True)
class Named:
    """Parts of a model's name as they stand in the source, its label and the member of its set."""

    parts: tuple[str, ...]
    label: str = ""
    member: str = ""

    @property
    def kin(self) -> str:
        """The parts and the label as one text, which is the same for what lies beside them under the same name."""
        return "\0".join((*self.parts, self.label))


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
    found = _VERSION.search(text)
    if found is not None and "__" in text[found.end() :]:  # mlpf_2021_11_16__no_einsum__all_data
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
        if _said(rest):
            parts.append(rest)
        versions += found
    rest, members = _taken(_MEMBER, stem)
    rest, found = _versions(rest)
    if (era := _era(rest, parts)) is not None:
        rest, found = "", (era, *found)
    versions += found
    rest = _telling(rest, parts)
    if serial > 1:
        versions.append(f"v{serial}")
    kept = tuple(part for part in (*parts, rest) if _said(part))
    return Named(kept or ("model",), templates.label("_".join(dict.fromkeys(versions))), "_".join(members))


def _said(text: str) -> bool:
    return any(char.isalnum() for char in text)


def _era(rest: str, parts: list[str]) -> str | None:
    """Return what is left of a stem when it says only when, and the folder says what."""
    return rest if parts and not _VAGUE.fullmatch(_plain(parts[-1])) and _ERA.fullmatch(rest) else None


def _telling(rest: str, parts: list[str]) -> str:
    """Return what a stem tells beyond its folders: ``particle-net`` in ``ParticleNetAK4`` and ``model`` nothing."""
    rest = _AROUND.sub("", rest).strip("_-. ") or rest
    if not parts or _VAGUE.fullmatch(_plain(parts[-1])):
        return rest
    plain = _plain(rest)
    said = [_plain(part)[len(plain) :] for part in parts if len(plain) >= 4 and _plain(part).startswith(plain)]
    return "" if _PLAIN.fullmatch(rest) or any(not more or re.search(r"\d", more) for more in said) else rest


def _plain(text: str) -> str:
    return re.sub(r"[\W_]", "", text).lower()


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
        # What no name can hold, as a word in another script, is told by its digest.
        slugs = [templates.slug(part) or f"x{templates.digest6(part)}" for part in parts]
        for folder, stem in self._choices(slugs):
            name = self._written(folder, stem)
            if self._free(name):
                return name
        count = 1
        while not self._free(name := self._written("", f"{'-'.join(slugs)}-{_mark(parts, count)}")):
            count += 1
        return name

    def _choices(self, slugs: list[str]) -> Iterator[tuple[str, str]]:
        """Yield what may be the name; where it is too long, without the outer folders, which tell the least."""
        room = names.MAX_NAME - len(self._prefix) - 2
        *folders, stem = slugs
        flat = "-".join(slugs) if folders else f"{stem}-top"
        whole = [("-".join(folders), stem), ("", flat)]
        fitting = [choice for choice in whole if sum(map(len, choice)) <= room]
        shorter = [("-".join(folders[count:]), stem) for count in range(1, len(folders) + 1)]
        yield from fitting
        yield from (choice for choice in shorter if sum(map(len, choice)) <= room)
        yield from whole

    def _free(self, name: str) -> bool:
        low = name.lower()
        return low not in self._taken and low not in self._folders and low.rpartition("/")[0] not in self._taken

    def _written(self, folder: str, stem: str) -> str:
        room = names.MAX_NAME - len(self._prefix) - 2
        stem = templates.shortened(stem, room - 12 if len(folder) + len(stem) > room and folder else room)
        folder = templates.shortened(folder, room - len(stem))
        return names.check_model("/".join(part for part in (self._prefix, folder, stem) if part))


def _mark(parts: tuple[str, ...], count: int) -> str:
    """Return six hex digits that tell parts from others that are written the same."""
    return templates.digest6(f"{count}/{'/'.join(parts)}")
