"""ROOT files: forests of CMS (GBRForest), and all others by what they hold. Of a forest, only the head is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from herdbook.kernel.errors import CorruptError, InvalidError, UnavailableError
from herdbook.model.facts import Facts, Finding, Probe, Safety, Severity
from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.kept import Kept
from herdbook.plugins.formats.root_file import MAGIC, Cursor, Key, RootFile
from herdbook.plugins.formats.root_streamers import Described, Streamers, skip_head

if TYPE_CHECKING:
    from herdbook.ports.formats import Format, Listing, ReadAt

_TABLES = ("TTree", "TNtuple", "TNtupleD", "TChain", "ROOT::RNTuple", "ROOT::Experimental::RNTuple")
_FOREST = "GBRForest"
_NAMES = frozenset({"vector<string>", "std::vector<std::string>", "vector<std::string>"})
_MAX_NAMES = 1024 * 1024
_HEAD = 512


class Root:
    """The reader of ROOT files."""

    name = "root"
    version = "1"

    def probe(self, file: ReadAt, path: str) -> Probe | None:  # noqa: ARG002 - the port's signature
        """Recognise the magic and a plausible begin of the first record."""
        head = file.read_at(0, 12)
        if not head.startswith(MAGIC) or len(head) < 12 or not 0 < int.from_bytes(head[8:12], "big") <= 1024:
            return None
        return Probe(format="root-other", unknown=("gbrforest-root",))

    def read(self, file: ReadAt, path: str, listing: Listing) -> Facts:  # noqa: ARG002 - the port's signature
        """Read the facts.

        Raises:
            CorruptError: when a record lies outside of the file, or is damaged.
            InvalidError: when there are more keys, or deeper directories, than this reader walks over.
        """
        root = RootFile(file)
        kept = Kept()
        keys = list(root.keys())
        names = [(key.name, key.class_name) for key in keys]
        values: dict[str, Any] = {
            "keys": {
                kept.text(name, "keys"): kept.text(class_, "classes") for name, class_ in kept.items(names, "keys")
            },
            "root_version": root.root_version,
            "compression_setting": root.compression,
        }
        if root.algorithm is not None:
            values["compression"] = root.algorithm
        findings: list[Finding] = []
        described = _streamers(root, findings)
        if described:
            own = sorted(each.name for each in described if each.name not in {"TObject", "TNamed"})
            values["streamers"] = kept.items(own, "streamers")
            values["class_versions"] = {each.name: each.version for each in kept.items(described, "streamers")}
        forests = [key for key in keys if key.class_name.startswith(_FOREST)]
        if forests:
            values |= _forest(root, keys, forests, described, findings)
        elif tables := [key.name for key in keys if key.class_name in _TABLES]:
            values["tables"] = kept.items(tables, "tables")
            message = f"it holds tables of events ({', '.join(tables[:5])}): data, not a model"
            findings.append(Finding(rule="root-data", severity=Severity.NOTE, message=message, where="/tables"))
        format_ = "gbrforest-root" if forests else "root-other"
        content = Content(format_, values, Safety.GUARDED, findings=(*findings, *kept.findings))
        return content.facts(self.name, self.version)


_: type[Format] = Root


def _streamers(root: RootFile, findings: list[Finding]) -> list[Described]:
    """Return the classes that the file describes; where they cannot be read, a finding says so."""
    try:
        data, head = root.described()
        return list(Streamers(data, head).read()) if data else []
    except (CorruptError, InvalidError, UnavailableError) as error:
        findings.append(_trouble("root-streamers", f"what the file says of its classes could not be read: {error}"))
        return []


def _forest(
    root: RootFile, keys: list[Key], forests: list[Key], described: list[Described], findings: list[Finding]
) -> dict[str, Any]:
    """Return a forest's number of trees and initial response, and the names of its variables."""
    values: dict[str, Any] = {}
    if len(forests) > 1:
        named = ", ".join(key.name for key in forests[:5])
        findings.append(_trouble("root-many-forests", f"{len(forests)} forests; the last one is read: {named}"))
    for key in keys:
        try:
            if key.class_name in _NAMES:
                names = _texts(root.object(key, _MAX_NAMES))
                values |= {"feature_names_key": key.name, "num_features": len(names)}
                values["features"] = [{"name": name} for name in names]
            elif key in forests:
                values["forest_class"] = key.class_name
                bases = next((each.bases for each in described if each.name == key.class_name), ())
                values |= _head(root.object(key, _HEAD), named="TNamed" in bases)
        except (CorruptError, UnavailableError) as error:
            findings.append(_trouble("root-object", f"{key.name} could not be read: {error}"))
    if "features" not in values:
        findings.append(_trouble("no-feature-names", "there is no vector<string> with the names of variables"))
    return values


def _head(data: bytes, *, named: bool) -> dict[str, Any]:
    """Return what stands before a forest's trees.

    Layout: length and version (0: a checksum follows); a TNamed where the class has that base; the initial response
    (float64); a vector of trees: length and version (with the bit 0x4000, stored member by member: the version of its
    class follows), and the number of trees.
    """
    cursor = Cursor(data)
    skip_head(cursor)
    if named:
        length = cursor.take(">I") & 0x3FFF_FFFF
        cursor.at += length
    response = cursor.take(">d")
    cursor.take(">I")
    if cursor.take(">H") & 0x4000 and cursor.take(">H") == 0:
        cursor.take(">I")
    return {"initial_response": Kept.number(response), "trees": cursor.take(">I")}


def _texts(data: bytes) -> list[str]:
    """Return a vector of texts: length and version, which a vector that stands alone has not, number, texts.

    Raises:
        CorruptError: when there are fewer texts than it says.
    """
    cursor = Cursor(data)
    if data[:1] >= b"\x40":
        skip_head(cursor)
    count = cursor.take(">I")
    if count > len(data):
        raise CorruptError(f"{count} names in {len(data)} bytes", code="root-bad-key")
    return [cursor.text() for _ in range(count)]


def _trouble(rule: str, message: str) -> Finding:
    return Finding(rule=rule, severity=Severity.WARNING, message=message)
