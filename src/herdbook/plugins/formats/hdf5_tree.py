"""HDF5 as a tree of groups and data sets, through h5py's low-level calls: links are seen before they are followed.

Source: HDF5 File Format Specification 3.0. Links out of the file, soft links, virtual data sets and data in other files
are never followed; no data set is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from herdbook.kernel.errors import CorruptError, InvalidError, UnavailableError
from herdbook.model.facts import Finding, Severity

if TYPE_CHECKING:
    from types import ModuleType

MAX_OBJECTS = 100_000
MAX_TEXT = 32 * 1024 * 1024
_MAX_DEPTH = 50
_CACHE = 64 * 1024


@dataclass(frozen=True)
class Dataset:
    """A data set: its path, numpy's name of its type, its shape."""

    path: str
    dtype: str
    shape: tuple[int, ...]


def library() -> ModuleType:
    """Return h5py.

    Raises:
        UnavailableError: when it is not installed.
    """
    try:
        import h5py  # noqa: PLC0415 - of an extra
    except ImportError as error:
        raise UnavailableError(
            "HDF5 is read with h5py", code="needs-extra", hint="pip install 'herdbook[formats]'"
        ) from error
    return h5py  # type: ignore[no-any-return] # h5py ships no types


@contextmanager
def opened(stream: BinaryIO) -> Iterator[Tree]:
    """Open HDF5 that a seekable file gives.

    Raises:
        CorruptError: when it is damaged, also later, while the tree is used.
    """
    h5py = library()
    try:
        with h5py.File(stream, "r", rdcc_nbytes=_CACHE) as file:
            yield Tree(file)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, UnicodeError, IndexError) as error:
        if "truncated file" in str(error):  # the library's sizes may be of memory that was never written
            raise CorruptError("the HDF5 is cut short", code="bad-hdf5", hint="Fetch it again.") from error
        raise CorruptError(f"the HDF5 is damaged: {str(error)[:300]}", code="bad-hdf5") from error


class Tree:
    """An open file.

    Args:
        file: as h5py has it.
    """

    def __init__(self, file: Any) -> None:  # noqa: ANN401 - h5py ships no types
        self._h5 = library()
        self.root = file.id
        self.findings: list[Finding] = []
        self._left = MAX_OBJECTS
        self._last: tuple[Any, str, Any] = (None, "", None)

    def names(self, group: Any) -> list[str]:  # noqa: ANN401 - h5py ships no types
        """Return the names in a group, sorted."""
        group = self._h5.Group(group)
        self._spend(len(group))
        return sorted(group)

    def child(self, group: Any, path: str) -> Any:  # noqa: ANN401 - h5py ships no types
        """Return what stands at a path, step by step over hard links; ``None`` where nothing may be read."""
        before, _, name = path.rpartition("/")
        if before:  # most weights of a layer lie in the same group
            if self._last[0] is not group or self._last[1] != before:
                inside = group
                for part in before.split("/"):
                    inside = self._step(inside, part, path) if part else inside
                self._last = (group, before, inside)
            group = self._last[2]
        return self._step(group, name, path) if name else group

    def _step(self, group: Any, name: str, path: str) -> Any:  # noqa: ANN401 - h5py ships no types
        self._spend(1)
        raw = name.encode("utf-8", "surrogateescape")
        kind = self._link(group, raw)
        if kind is None:
            return None
        if kind != self._h5.h5l.TYPE_HARD:
            self._refuse("hdf5-link", f"{path[:200]!r} is a link that leads elsewhere; it is not followed")
            return None
        return self._h5.h5o.open(group, raw)

    def _link(self, group: Any, name: bytes) -> int | None:  # noqa: ANN401 - h5py ships no types
        """Return the kind of a link; ``None`` when there is none."""
        if not isinstance(group, self._h5.h5g.GroupID):
            return None
        try:
            kind: int = group.links.get_info(name).type
        except (KeyError, RuntimeError):
            if group.links.exists(name):  # it is damaged
                raise
            return None
        return kind

    def is_group(self, item: Any) -> bool:  # noqa: ANN401 - h5py ships no types
        """Say whether it is a group."""
        return isinstance(item, self._h5.h5g.GroupID)

    def dataset(self, item: Any, path: str) -> Dataset | None:  # noqa: ANN401 - h5py ships no types
        """Return type and shape of a data set; ``None`` when it is none, or its values lie elsewhere."""
        if not isinstance(item, self._h5.h5d.DatasetID):
            return None
        plist = item.get_create_plist()
        if plist.get_layout() == self._h5.h5d.VIRTUAL or plist.get_external_count():
            self._refuse("hdf5-outside", f"the values of {path[:200]!r} lie elsewhere; they are not followed")
            return None
        return Dataset(path, item.dtype.name, tuple(int(axis) for axis in item.shape or ()))

    def attribute(self, item: Any, name: str) -> Any:  # noqa: ANN401 - any attribute
        """Return an attribute's value, bytes and arrays of bytes as text; ``None`` when there is none.

        Raises:
            InvalidError: when it is larger than this reader takes.
        """
        raw = name.encode()
        if not self._h5.h5a.exists(item, raw):
            return None
        found = self._h5.h5a.open(item, raw)
        if found.get_space().get_simple_extent_npoints() * found.get_type().get_size() > MAX_TEXT:
            raise InvalidError(f"the attribute {name} is larger than {MAX_TEXT} bytes", code="too-large")
        value = self._h5.AttributeManager(self._h5.Group(item) if self.is_group(item) else self._h5.Dataset(item))[name]
        if hasattr(value, "tolist"):
            value = value.tolist()
        if isinstance(value, list):
            self._spend(len(value))
            return [_text(each) for each in value]
        return _text(value)

    def texts(self, item: Any, name: str) -> list[str]:  # noqa: ANN401 - h5py ships no types
        """Return an attribute that lists texts; Keras spreads a long one over several, numbered from 0."""
        found = self.attribute(item, name)
        if isinstance(found, list):
            return [each for each in found if isinstance(each, str)]
        listed: list[str] = []
        for number in range(MAX_OBJECTS):
            part = self.attribute(item, f"{name}{number}")
            if not isinstance(part, list):
                break
            listed += [each for each in part if isinstance(each, str)]
        return listed

    def walk(self, group: Any, inside: str = "", depth: int = 0) -> Iterator[Dataset]:  # noqa: ANN401 - h5py ships no types
        """Yield every data set under a group, by name.

        Raises:
            InvalidError: when groups are nested too deep, or there are too many.
        """
        if depth > _MAX_DEPTH:
            raise InvalidError(f"groups are nested deeper than {_MAX_DEPTH}", code="nested-too-deep")
        for name in self.names(group):
            path = f"{inside}/{name}" if inside else name
            item = self.child(group, name)
            if self.is_group(item):
                yield from self.walk(item, path, depth + 1)
            elif item is not None and (found := self.dataset(item, path)) is not None:
                yield found

    def _refuse(self, rule: str, message: str) -> None:
        if len(self.findings) < 100:
            self.findings.append(Finding(rule=rule, severity=Severity.ERROR, message=message))

    def _spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise InvalidError(f"the file has more than {MAX_OBJECTS} names", code="too-many-objects")


def _text(value: object) -> object:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
