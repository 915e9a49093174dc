"""Schemes of dataset identifiers: which one a name is of, what its parts say, and what is a selector instead.

Syntax only. A name that fits is not known to exist, and one that fits nowhere is kept as it was written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from herdbook.kernel.errors import InvalidError
from herdbook.model.identifiers import check_scheme

Kind = Literal["dataset", "block", "file", "files", "container", "record", "selector", "freeform"]
MAX_VALUE = 4096
"""Characters; a list of files may have ``MAX_FILES``."""
MAX_FILES = 1 << 20


@dataclass(frozen=True, slots=True)
class Parsed:
    """A name and what it is: ``value`` as it was written, ``fields`` the parts that the scheme gives a meaning."""

    scheme: str
    value: str
    kind: Kind
    fields: Mapping[str, str] = field(default_factory=dict, hash=False)


WILDCARD = re.compile(r"[*?…]|\.{3}|\{[^{},]*,[^{}]*\}")
_PLACEHOLDER = re.compile(
    r"(?<![A-Za-z0-9])(?:X{1,4}toY{1,4}|N{1,4}toM{1,4}|M{1,4}toN{1,4}|A{1,4}toB{1,4})(?![A-Za-z0-9])"
)
_TOKEN = re.compile(r"(?<![A-Za-z0-9])([A-Z])\1{0,3}(?:to([A-Z])\2{0,3})?(?![A-Za-z0-9])")
_EXPLAINED = re.compile(
    r"(?<![A-Za-z0-9])(?:[Mm](?:in|ax)_?)?([A-Z])\1{0,3} ?(?:[=∈]|(?:is|from|between|runs|stands)\b|in [\[{(0-9])"
)


def shorthand(value: str, beside: str = "") -> bool:
    """Say whether a name has a placeholder instead of a number: ``QCD_Pt_XtoY`` where the bins differ.

    A pair such as ``XtoY``, ``NtoM`` or ``AtoB`` between separators is one. Any other capital letter that stands alone
    is one only when the text beside the name explains it, as in ``min_X=30, maxY=1400``.
    """
    if _PLACEHOLDER.search(value):
        return True
    explained = {match[1] for match in _EXPLAINED.finditer(beside)}
    return bool(explained) and any(explained & {match[1], match[2]} for match in _TOKEN.finditer(value))


_DBS_PRODUCTION = re.compile(r"([A-Za-z][A-Za-z0-9_]*)((?:-[A-Za-z0-9_]+){0,2})-v([0-9]+)")
_DBS_USER = re.compile(r"([A-Za-z0-9._]+)-(.+)-([0-9a-f]{32})")
_DBS = re.compile(
    r"/([A-Za-z0-9][A-Za-z0-9._-]{0,98})/([A-Za-z0-9._-]{1,199})/([A-Z0-9_-]{1,99})(?:#([A-Za-z0-9._-]{1,100}))?"
)


def _dbs(value: str) -> Parsed | None:
    """``/primary/processed/TIER``, and ``#…`` for a block (WMCore Lexicon: 99, 199 and 99 characters)."""
    match = _DBS.fullmatch(value)
    if match is None:
        return None
    fields = {"primary": match[1], "processed": match[2], "tier": match[3]}
    if made := _DBS_PRODUCTION.fullmatch(match[2]):
        told = {"acquisition": made[1], "processing": made[2][1:], "version": made[3]}
        fields |= {name: text for name, text in told.items() if text}
    elif user := _DBS_USER.fullmatch(match[2]):
        fields |= {"group": user[1], "name": user[2], "hash": user[3]}
    if match[4] is None:
        return Parsed("cms-dbs", value, "dataset", fields)
    return Parsed("cms-dbs", value, "block", {**fields, "block": match[4]})


_LFN = re.compile(r"/(store|lhcb)((?:/[A-Za-z0-9_.+=:%~-]{1,255}){1,60})(/?)")
_FILE_END = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,9}")


def _lfn(value: str) -> Parsed | None:
    """``/store/…`` (CMS) and ``/lhcb/…``; at most 500 characters. Without a suffix it is a folder of files."""
    match = _LFN.fullmatch(value) if len(value) <= 500 else None
    if match is None:
        return None
    parts = match[2].split("/")[1:]
    fields = {"area": parts[0]} if match[1] == "store" else {}
    if len(parts) >= 7 and fields.get("area") in {"mc", "data"}:  # /store/mc/ERA/PRIMARY/TIER/PROCESSING-vN/NNNN/x.root
        fields |= {"acquisition": parts[1], "primary": parts[2], "tier": parts[3], "processing": parts[4]}
    stem, dot, suffix = parts[-1].rpartition(".")
    if not match[3] and stem and _FILE_END.fullmatch(dot + suffix):
        return Parsed("lfn", value, "file", {**fields, "file": parts[-1]})
    return Parsed("lfn", value, "files", fields)


_ATLAS_MC = re.compile(
    r"((?:mc|valid)\d{1,2}(?:_[A-Za-z0-9]+)?)\.(\d{6,8})\.([A-Za-z0-9_-]{1,60})\.([A-Za-z]+)\.([A-Za-z0-9_]+)"
    r"\.([a-z]\d+(?:_[A-Za-z]+\d+)*?)(?:_tid(\d+)_\d+)?(/?)"
)
_ATLAS_DATA = re.compile(
    r"(data\d{1,2}(?:_[A-Za-z0-9]+)?)\.(\d{8}|period[A-Za-z0-9]+)\.([A-Za-z0-9_-]{1,60})\.([A-Za-z]+)\.([A-Za-z0-9_]+)"
    r"\.([a-z]\d+(?:_[A-Za-z]+\d+)*?)(?:_tid(\d+)_\d+)?(/?)"
)
_ATLAS_MC_FIELDS = ("project", "dsid", "physics", "step", "type", "tags", "task")
_ATLAS_DATA_FIELDS = ("project", "run", "stream", "step", "type", "tags", "task")


def _atlas(value: str) -> Parsed | None:
    """``project.number.name.step.type.tags`` (ATL-GEN-INT-2007-001); a slash at the end makes it a container."""
    if len(value) > 255:
        return None
    for pattern, names in ((_ATLAS_MC, _ATLAS_MC_FIELDS), (_ATLAS_DATA, _ATLAS_DATA_FIELDS)):
        if match := pattern.fullmatch(value):
            fields = {name: text for name, text in zip(names, match.groups(), strict=False) if text}
            if fields.get("run", "").startswith("period"):
                fields["period"] = fields.pop("run")
            kind: Kind = "container" if match[8] else "dataset"
            return Parsed("atlas", value, kind, {**fields, "scope": default_scope(value)[0]})
    return None


_SCOPE = re.compile(r"[A-Za-z_.0-9-]{1,25}")
_DID_NAME = re.compile(r"[/A-Za-z0-9][/A-Za-z0-9._#-]{0,249}")


def default_scope(name: str) -> tuple[str, str]:
    """Return (scope, name) of a Rucio name without scope, by ATLAS's rule (``rucio.common.utils``).

    The scope is the text before the first dot, or the first two fields of what begins with ``user`` or ``group``; a
    slash at the end is dropped.
    """
    fields = name.split(".")
    scope = ".".join(fields[:2]) if name.startswith(("user", "group")) else fields[0]
    return scope, name.removesuffix("/")


def _rucio(value: str) -> Parsed | None:
    """``scope:name`` (25 and 250 characters), or a name from which ATLAS's rule takes the scope."""
    scope, colon, name = value.partition(":")
    if not colon:
        if "." not in value or "/" in value[:-1]:
            return None
        scope, name = default_scope(value)
    if not _SCOPE.fullmatch(scope) or not _DID_NAME.fullmatch(name):
        return None
    fields = {"scope": scope, "name": name}
    if inner := _dbs(name):
        kind: Kind = "block" if inner.kind == "block" else "container"
        return Parsed("rucio", value, kind, {**inner.fields, **fields})
    if name.startswith("/store/") and (file := _lfn(name)):
        return Parsed("rucio", value, file.kind, {**file.fields, **fields})
    kind = "container" if value.endswith("/") else "dataset"
    inner = _atlas(name)
    return Parsed("rucio", value, kind, {**(inner.fields if inner else {}), **fields})


_LHCB = re.compile(r"(evt|sim)\+(std|conf)://([A-Za-z0-9_.+()-]+(?: [A-Za-z0-9_.+()-]+)*(?:/[^/\x00-\x1f\x7f]+){3,12})")


def _lhcb(value: str) -> Parsed | None:
    """``evt+std://MC/2018/EVENTTYPE/BEAM/SIM/TRIGGER/RECO/STREAM``, or ``sim+std://`` with the type later."""
    match = _LHCB.fullmatch(value)
    if match is None or value != value.strip():
        return None
    parts = match[3].split("/")
    at = next((index for index, part in enumerate(parts) if re.fullmatch(r"\d{8}", part)), None)
    fields = {"configuration": "/".join(parts[:2]), "file_type": parts[-1]}
    if at is not None:
        fields["event_type"] = parts[at]
    return Parsed("lhcb-bk", value, "dataset", fields)


_ALICE = re.compile(r"(LHC(\d{2})[a-z]{1,3}(?:\d{1,2}[a-z]?\d?)?)((?:_[A-Za-z0-9]+){0,6})")
_PASS = re.compile(r"[a-z]{0,4}pass\d{1,2}")


def _alice(value: str) -> Parsed | None:
    """A period, as ``LHC24g4``, and a pass where there is one: ``LHC22o_pass7``."""
    match = _ALICE.fullmatch(value)
    if match is None:
        return None
    words = match[3].split("_")[1:]
    passes = [word for word in words if _PASS.fullmatch(word)]
    rest = "_".join(word for word in words if word not in passes[:1])
    told = {"period": match[1], "year": "20" + match[2], "pass": passes[0] if passes else "", "suffix": rest}
    return Parsed("alice", value, "dataset", {name: text for name, text in told.items() if text})


_BELLE2 = re.compile(r"/belle((?:/[A-Za-z0-9_.+=-]{1,128}){2,30})/?")


def _belle2(value: str) -> Parsed | None:
    """``/belle/MC/release-…/…/mdst``: a folder of files, a collection or, with a suffix, one file."""
    match = _BELLE2.fullmatch(value)
    if match is None:
        return None
    parts = match[1].split("/")[1:]
    fields = {"area": parts[0]}
    if release := next((part for part in parts if part.startswith("release-")), ""):
        fields["release"] = release.removeprefix("release-")
    if parts[-1].endswith(".root"):
        return Parsed("belle2-lpn", value, "file", fields)
    return Parsed("belle2-lpn", value, "container" if parts[0] == "collection" else "dataset", fields)


_COD = re.compile(r"(?:(?:https?://)?opendata\.cern\.ch/record/|recid:)?([1-9]\d{0,8})/?")
_DOI = re.compile(r"(?:doi:|https?://(?:dx\.)?doi\.org/)?(10\.\d{4,9}/[^\s\x00-\x1f\x7f]{1,1024})", re.IGNORECASE)


def _cod(value: str) -> Parsed | None:
    """A record of the CERN Open Data portal: its number, alone or in the portal's address."""
    match = _COD.fullmatch(value)
    return Parsed("cod", value, "record", {"recid": match[1]}) if match else None


def _doi(value: str) -> Parsed | None:
    """A DOI, alone or in an address; DOIs are equal without case."""
    match = _DOI.fullmatch(value)
    return Parsed("doi", value, "record", {"doi": match[1].lower()}) if match else None


_FILE = re.compile(
    r"(?:[a-z]{2,8}://)?[^\s,;\x00-\x1f\x7f]{1,1000}"
    r"\.(?:root|h5|hdf5|parquet|npz|npy|tfrecord|csv|mdst|dst|edm4hep|lhe|hepmc)"
)


def _files(value: str) -> Parsed | None:
    """Paths or addresses of data files, between them white space or commas."""
    files = value.replace(",", " ").split()
    if not files or not all(_FILE.fullmatch(file) for file in files):
        return None
    return Parsed("file-list", value, "files", {"files": str(len(files)), "first": files[0]})


@dataclass(frozen=True, slots=True)
class _Scheme:
    """``selector`` fits a name with wildcards whose scheme is known, ``alone`` one whose scheme it must tell itself."""

    read: Callable[[str], Parsed | None]
    selector: re.Pattern[str]
    alone: re.Pattern[str] | None


_LOCAL = r"(?!/(?:eos|afs|cvmfs|nfs|pnfs|data|tmp|usr|etc|opt|var|mnt|dev|scratch|user|users|home|work|root)/)"
_WIDE = r"[A-Za-z0-9_.*?…{},-]+"
_SCHEMES = {
    "lhcb-bk": _Scheme(_lhcb, re.compile(r"(?:evt|sim)\+.+"), re.compile(r"(?:evt|sim)\+(?:std|conf)://\S+")),
    "lfn": _Scheme(_lfn, re.compile(r"/(?:store|lhcb)\S*"), re.compile(r"/(?:store|lhcb)/\S+")),
    "belle2-lpn": _Scheme(_belle2, re.compile(r"/belle\S*"), re.compile(r"/belle/\S+")),
    "cms-dbs": _Scheme(
        _dbs,
        re.compile(r"[/*…]\S*"),
        re.compile(rf"{_LOCAL}/(?=[^/]*[A-Z*…]){_WIDE}/{_WIDE}/(?=[^/]*[A-Z]{{2}}|[*…]+$)[A-Z0-9_*?…{{}},-]+(?:#\S+)?"),
    ),
    "atlas": _Scheme(
        _atlas,
        re.compile(r"\S+"),
        re.compile(rf"(?=[^.]*\.[^.]*\.)(?:mc|valid|data)\d\d?[A-Za-z0-9_*?]*\.{_WIDE}"),
    ),
    "rucio": _Scheme(
        _rucio, re.compile(r"\S+"), re.compile(r"(?:cms:/|(?:mc|data|user|group)[A-Za-z0-9_.-]{0,20}:)\S+")
    ),
    "alice": _Scheme(_alice, re.compile(r"LHC\S*"), re.compile(r"LHC\d\d[A-Za-z0-9_*?{},]+")),
    "cod": _Scheme(_cod, re.compile(r"(?!)"), None),
    "doi": _Scheme(_doi, re.compile(r"(?:doi:|\S*doi\.org/)?10\.\S+"), None),
    "file-list": _Scheme(
        _files, re.compile(r".+", re.DOTALL), re.compile(r"(?:[a-z]{2,8}:/)?/\S+\.(?:root|h5|hdf5|parquet)")
    ),
}
SCHEMES = tuple(_SCHEMES)
_PLACES_NUMBERS = {"cms-dbs", "lfn", "rucio"}
"""Schemes in whose names people write a capital letter instead of a number."""


def is_selector(scheme: str, value: str, beside: str = "") -> bool:
    """Say whether a name chooses datasets instead of being one: a wildcard, or a placeholder.

    In ``doi``, and in a scheme that Herdbook does not know, only ``*`` and ``…`` are wildcards. Never raises.
    """
    if scheme not in _SCHEMES or scheme == "doi":
        return "*" in value or "…" in value
    if scheme == "cod":
        return False
    return WILDCARD.search(value) is not None or (scheme in _PLACES_NUMBERS and shorthand(value, beside))


def parse(scheme: str, value: str) -> Parsed:
    """Read a name of a scheme. One of a scheme that Herdbook does not know is taken by its word.

    Raises:
        InvalidError: ``bad-identifier``, when the name cannot be of the scheme.
    """
    known = _SCHEMES.get(scheme)
    if known is None:
        kind: Kind = "freeform" if scheme == "freeform" else "dataset"
        return Parsed(check_scheme(scheme), value, "selector" if is_selector(scheme, value) else kind)
    found: Parsed | None = None
    if len(value) <= (MAX_FILES if scheme == "file-list" else MAX_VALUE):
        if is_selector(scheme, value):
            found = Parsed(scheme, value, "selector") if known.selector.fullmatch(value) else None
        else:
            found = known.read(value)
    if found is None:
        raise InvalidError(
            f"{value[:200]!r} cannot be a name of the scheme {scheme}",
            code="bad-identifier",
            hint="Check it where you took it from; docs/reference/identifiers.md shows how each scheme is written.",
        )
    return found


_CMS = re.compile(rf"{_LOCAL}/[^/]+/[^/-]*-[^/]*/[^/]*[A-Z]{{2}}[^/]*")
_RUCIO_ALONE = re.compile(
    r"cms:/.*|([a-z][A-Za-z0-9_]*(?:\.[A-Za-z0-9_-]+)?):\1\..*|(?:user|group)(?:\.[A-Za-z0-9_-]+){3,}/?"
)


def _certain(name: str, value: str) -> bool:
    """Say whether a name without its scheme is so much like the scheme's that it is taken for one."""
    if name == "cms-dbs":
        return _CMS.fullmatch(value) is not None
    if name == "rucio":
        return _RUCIO_ALONE.fullmatch(value) is not None
    if name == "cod":
        return not value.isdigit()
    if name == "file-list":
        return "/" in value or len(value.replace(",", " ").split()) > 1
    return True


def recognise(text: str, beside: str = "") -> Parsed:
    """Return of which scheme a raw text is. What fits nowhere is of kind ``freeform``, kept as it is; never raises.

    Args:
        text: the name, nothing around it.
        beside: what stands beside it in the same text; explains placeholders.
    """
    freeform = Parsed("freeform", text, "freeform")
    if not text or len(text) > MAX_FILES:
        return freeform
    wild = WILDCARD.search(text) is not None
    for name, scheme in _SCHEMES.items():
        if len(text) > MAX_VALUE and name != "file-list":
            continue
        if wild:
            if scheme.alone is not None and scheme.alone.fullmatch(text):
                return Parsed(name, text, "selector")
        elif (found := scheme.read(text)) and _certain(name, text):
            return replace(found, kind="selector", fields={}) if is_selector(name, text, beside) else found
    return freeform
