"""Pickles in files of their own: PyTorch's old checkpoints, scikit-learn, joblib, anything. Never unpickled.

A pickle is only ever a quarantined checkpoint: what it names is listed, and that it is unsafe is said always.
"""

from __future__ import annotations

import posixpath
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from herdbook.kernel.errors import CorruptError
from herdbook.model.facts import Facts, Finding, Probe, Safety, Severity
from herdbook.plugins.formats import pickle_begins, torch_legacy
from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.joblib_arrays import Arrays
from herdbook.plugins.formats.pickle_estimators import estimator
from herdbook.plugins.formats.pickle_nodes import Call, Global, Node, type_name
from herdbook.plugins.formats.pickle_packed import UNREAD, compression, unpacked
from herdbook.plugins.formats.pickle_scan import MAX_PICKLES, Scan, unsafe
from herdbook.plugins.formats.pickle_stream import Bytes, Flat

if TYPE_CHECKING:
    from herdbook.plugins.formats.pickle_walk import Pickle
    from herdbook.ports.formats import Format, Listing, ReadAt

INSTEAD = {
    "joblib": "Save it with skops, or export the model to ONNX.",
    "sklearn-pickle": "Save it with skops, or export the model to ONNX.",
    "pickle": "Save numbers as npz, tables as Parquet, and models in a format of their own.",
}
_OTHERS = frozenset({
    ".onnx", ".pb", ".pbtxt", ".h5", ".hdf5", ".keras", ".root", ".safetensors", ".skops", ".npy", ".npz", ".json",
    ".xml", ".pmml", ".cbm", ".ubj", ".txt", ".md", ".rst", ".csv", ".yaml", ".yml", ".h", ".features", ".params",
    ".index", ".zip",
})  # fmt: skip
"""Suffixes that promise something else than a pickle."""
INCOMPLETE = "the stream does not end as a pickle does: globals up to there"
_HEAD = 4096


class Pickles:
    """The reader of pickles."""

    name = "pickles"
    version = "2"

    def probe(self, file: ReadAt, path: str) -> Probe | None:
        """Take what is a pickle whatever it is called, plain or compressed, and checkpoints in a tar archive."""
        format_ = pickle_begins.which(file, path)
        return Probe(format=format_, unknown=("kind",)) if format_ else None

    def read(self, file: ReadAt, path: str, listing: Listing) -> Facts:  # noqa: ARG002 - the port's signature
        """Follow the opcodes.

        Raises:
            CorruptError: when a tar archive is no checkpoint.
        """
        head = file.read_at(0, min(_HEAD, file.size))
        if torch_legacy.is_stream(head):
            content = torch_legacy.read_stream(file)
        elif torch_legacy.is_tar(head):
            content = torch_legacy.read_tar(file, path)
        else:
            content = _plain(file, path, compression(head))
        return replace(content, findings=(*content.findings, *_lies(path, content.format))).facts(
            self.name, self.version
        )


_: type[Format] = Pickles


def _lies(path: str, format_: str) -> list[Finding]:
    """Return a finding where the name says a format that is none of pickles."""
    suffix = posixpath.splitext(path)[1].lower()
    if suffix not in _OTHERS:
        return []
    return [Finding(rule="suffix-lies", severity=Severity.WARNING, message=f"it is called {suffix}, and is {format_}")]


def _plain(file: ReadAt, path: str, how: str) -> Content:
    values: dict[str, Any] = {"zip_container": False}
    if how:
        values["compression"] = how
    if how in UNREAD:
        message = f"It is compressed with {how}, which is not unpacked here: nothing is known of what it names."
        said = Finding(rule="pickle-unread", severity=Severity.ERROR, message=message)
        return Content("joblib", values, Safety.UNSAFE, findings=(unsafe(INSTEAD["joblib"]), said))
    source: Bytes = unpacked(file, how) if how else Flat(file)
    scan = Scan()
    arrays = Arrays(scan)
    found = scan.stream(source, built=arrays.built)
    root = found[0].root
    names = [each for listed in scan.places.values() for each in listed]
    format_ = _format(path, root, names)
    ended = [each for each in found if each.trouble is None]
    values |= {"pickle_globals": scan.listed, "pickles_in_stream": len(ended)}
    if not ended:
        values["pickle_incomplete"] = INCOMPLETE
    values["protocol"] = max(each.protocol for each in found)
    values["python_type"] = str(root.function) if _is_object(root) else type_name(root)
    if arrays.seen:
        values["arrays"] = arrays.seen
    values |= estimator(root)
    if maker := _maker(names):
        values["made_with"] = maker
    findings = [unsafe(INSTEAD[format_]), *scan.findings(), *_behind(found, source, file, how)]
    return Content(format_, values, Safety.UNSAFE, findings=tuple(findings))


def _format(path: str, root: Node, names: list[Global]) -> str:
    if path.lower().endswith((".joblib", ".jl")) or any("joblib.numpy_pickle" in each.module for each in names):
        return "joblib"
    if _is_object(root) and root.function.module.partition(".")[0] == "sklearn":
        return "sklearn-pickle"
    return "pickle"


def _is_object(node: Node) -> bool:
    return isinstance(node, Call) and isinstance(node.function, Global)


def _maker(names: list[Global]) -> str | None:
    packages = {each.module.partition(".")[0] for each in names}
    return next((each for each in ("dill", "cloudpickle") if packages & {each, f"_{each}"}), None)


def _behind(found: list[Pickle], source: Bytes, file: ReadAt, how: str) -> list[Finding]:
    """Return a finding where more follows than one pickle."""
    if found[-1].trouble is not None:
        return []
    left = len(_rest(source)) if how else file.size - found[-1].end
    said = []
    if len(found) > 1:
        said.append(f"{len(found)} pickles stand one after another")
    if len(found) >= MAX_PICKLES:
        said.append("more may follow, which were not looked at")
    if left > 0:
        said.append(f"{'at least ' if how else ''}{left} bytes follow that are no pickle")
    if not said:
        return []
    return [Finding(rule="pickle-trailing", severity=Severity.WARNING, message="; ".join(said))]


def _rest(source: Bytes) -> bytes:
    try:
        return source.take(1)
    except CorruptError:
        return b"?"
