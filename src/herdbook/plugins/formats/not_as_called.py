"""Files called like a model that no reader takes: cut within their first bytes, or something else under its name."""

from __future__ import annotations

import posixpath
import re
import zlib
from typing import TYPE_CHECKING

from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.model.facts import Finding, Severity
from herdbook.plugins.formats.xml_events import Events

if TYPE_CHECKING:
    from herdbook.ports.formats import ReadAt

_ZIP = (b"PK\x03\x04",)
_HDF5 = (b"\x89HDF\r\n\x1a\n",)
_TORCH = (*_ZIP, b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.")
_BEGINNINGS: dict[str, tuple[str, tuple[bytes, ...]]] = {
    ".pt": ("a file of PyTorch", _TORCH),
    ".pth": ("a file of PyTorch", _TORCH),
    ".pt2": ("a program of torch.export", _ZIP),
    ".pkl": ("a pickle", (b"\x80",)),
    ".pickle": ("a pickle", (b"\x80",)),
    ".dill": ("a pickle", (b"\x80",)),
    ".joblib": ("a pickle of joblib", (b"\x80",)),
    ".h5": ("HDF5", _HDF5),
    ".hdf5": ("HDF5", _HDF5),
    ".keras": ("an archive of Keras", _ZIP),
    ".npz": ("an archive of numpy", _ZIP),
    ".skops": ("an archive of skops", _ZIP),
    ".npy": ("an array of numpy", (b"\x93NUMPY",)),
    ".root": ("a ROOT file", (b"root",)),
    ".pb": ("a GraphDef or SavedModel of TensorFlow", ()),
    ".cbm": ("a model of CatBoost", (b"CBM1",)),
    ".ubj": ("a model in UBJSON", (b"{L",)),
    ".pmml": ("PMML", (b"<?xml", b"<PMML")),
    ".fml": ("an archive of hls4ml", (b"\x1f\x8b",)),
    ".zip": ("a zip archive", _ZIP),
    ".json": ("JSON", (b"{", b"[")),
    ".gz": ("gzip", (b"\x1f\x8b",)),
    ".params": ("a list of arrays of MXNet", (b"\x12\x01\0\0\0\0\0\0",)),
}
"""What a suffix says, and how such files begin."""
_ALSO_OTHERS = frozenset({".gz", ".params"})
"""Suffixes of many formats: that no reader takes such a file means nothing, unless it is cut."""
_PAGE = re.compile(rb"\s*<(?:!doctype html|html|head)", re.IGNORECASE)
_TEXT = re.compile(rb"[\t\r\n -~]+")
_HEAD = 512
_LEAST = 16
_MOST = 1024 * 1024
_MOST_XML = 4 * _MOST
_MOST_UNPACKED = 16 * 1024 * 1024


def claims(path: str) -> bool:
    """Say whether the name alone says which format it is."""
    return _suffix(path) in _BEGINNINGS


def finding(file: ReadAt, path: str) -> Finding | None:
    """Return what is wrong with a file that no other reader took; nothing where its name does not say a format."""
    suffix = _suffix(path)
    if suffix == ".xml":
        return _broken_xml(file.read_at(0, file.size)) if file.size <= _MOST_XML else None
    if suffix not in _BEGINNINGS:
        return None
    what, beginnings = _BEGINNINGS[suffix]
    head = file.read_at(0, _HEAD)
    cut = any(head.startswith(each) or each.startswith(head) for each in beginnings)
    if suffix in _ALSO_OTHERS and not (cut and _ends_early(file, suffix)):
        return None
    if cut:
        message = f"it begins as {what}, and ends too early, or is damaged: it has {file.size} bytes. Fetch it again"
        return Finding(rule="file-cut", severity=Severity.ERROR, message=message)
    found = "a web page" if _PAGE.match(head) else "text" if _TEXT.fullmatch(head) else "in no format that is known"
    message = f"it is called {suffix}, and is not {what}, but {found}: fetch it again, or give it its own suffix"
    return Finding(rule="not-as-called", severity=Severity.WARNING, message=message)


def _suffix(path: str) -> str:
    return posixpath.splitext(path)[1].lower()


def _ends_early(file: ReadAt, suffix: str) -> bool:
    """Say whether a file, of which the beginning is as it should be, has no end. Large ones are not looked at."""
    if suffix != ".gz":
        return file.size < _LEAST
    if file.size > _MOST:
        return False
    stream = zlib.decompressobj(wbits=31)
    try:
        stream.decompress(file.read_at(0, file.size), _MOST_UNPACKED)
    except zlib.error:
        return True
    return not stream.eof and not stream.unconsumed_tail


class _Form(Events):
    def start(self, name: str, attributes: dict[str, str]) -> bool:
        del name, attributes
        return False

    def end(self, name: str, text: str) -> None:
        pass


def _broken_xml(data: bytes) -> Finding | None:
    """Return a finding where it is not well-formed; a DTD is well-formed, and what is not read is not judged."""
    try:
        _Form().feed(data.strip(), last=True)
    except CorruptError as error:
        return Finding(rule=error.code, severity=Severity.ERROR, message=f"{error.message}. Fetch it again")
    except InvalidError:
        return None
    return None
