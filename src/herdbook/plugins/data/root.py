"""ROOT: TTree and RNTuple by uproot, without ROOT; units from titles of branches and descriptions of fields."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from herdbook.kernel.errors import CorruptError
from herdbook.model.dataset_profiles import ProfiledColumn
from herdbook.plugins.data.reading import AT_ONCE, MAX_COLUMNS, NUMBER, as_bad_file, at_once, column, row_bytes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_FIELDS = {
    "bool": "bool", "float": "float32", "double": "float64", "char": "int8",
    **{f"std::{sign}int{bits}_t": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}  # fmt: skip
"""Types of fields of an RNTuple whose values are numbers (RNTuple Binary Format Specification 1.0, "Fields")."""
_VECTOR = re.compile(r"(?:std::vector|ROOT::VecOps::RVec|ROOT::RVec)<\s*(.+?)\s*>")
_ARRAY = re.compile(r"std::array<\s*(.+?)\s*,\s*(\d+)\s*>")


class Root:
    """Reads ROOT files."""

    name = "root"

    def fits(self, path: Path, head: bytes) -> bool:
        """Say whether the file is ROOT's."""
        del path
        return head.startswith(b"root")

    def open(self, path: Path) -> RootFile:
        """Open a file."""
        return RootFile(path)


class RootFile:
    """An open ROOT file."""

    format = "root"

    def __init__(self, path: Path) -> None:
        import uproot  # noqa: PLC0415 - of an extra
        from uproot.source.file import MultithreadedFileSource  # noqa: PLC0415

        self.reader = f"root {uproot.__version__}"
        with as_bad_file("ROOT"):
            # Not mapped into memory: a worker has less room for addresses than a file may be large.
            self._file = uproot.open(
                str(path), handler=MultithreadedFileSource, num_workers=1, object_cache=None, array_cache=None
            )
            try:
                self.tables = list(_tables(self._file))
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _tables(file: Any) -> Iterator[RootTable]:  # noqa: ANN401 - uproot ships no types
    """Yield the newest cycle of every tree and n-tuple."""
    for name, kind in sorted(file.classnames(cycle=False).items()):
        if kind in {"TTree", "TNtuple", "TNtupleD"}:
            yield RootTable(name, file[name], _branches(file[name]))
        elif kind in {"ROOT::RNTuple", "ROOT::Experimental::RNTuple"}:
            yield RootTable(name, file[name], _fields(file[name]))


class RootTable:
    """A tree or an n-tuple."""

    def __init__(self, name: str, tree: Any, columns: list[ProfiledColumn]) -> None:  # noqa: ANN401 - as above
        if len(columns) > MAX_COLUMNS:
            raise CorruptError(f"{name!r} has more than {MAX_COLUMNS} columns", code="bad-data-file")
        self.name = name
        self.entries = int(tree.num_entries)
        self.columns = columns
        self._tree = tree

    def chunks(self, columns: Sequence[str], entries: int = 100_000) -> Iterator[dict[str, NDArray[np.generic]]]:
        """Yield columns in parts; see ``ports.dataset_readers``."""
        wanted = [each for each in self.columns if each.name in set(columns) and NUMBER.fullmatch(each.dtype)]
        if not wanted:
            return
        names = [each.name for each in wanted]
        seen = 0
        with as_bad_file("ROOT"):
            step = self._step(wanted, entries)
            # By exact name: a dot or a slash in it would else be taken for a calculation.
            parts = self._tree.iterate(
                filter_name=lambda name: name in set(names), step_size=step, library="ak", how=None
            )
            for part in parts:
                chunk = {name: _flat(part[name]) for name in names}
                seen += len(part)
                yield chunk
        if seen != self.entries:
            raise CorruptError(f"{self.name!r} promises {self.entries} entries and has {seen}", code="bad-data-file")

    def _step(self, wanted: Sequence[ProfiledColumn], entries: int) -> int:
        """Return how many entries to read at once, by what the baskets say of their sizes, where they do."""
        step = at_once(entries, row_bytes(wanted))
        said = sum(int(getattr(self._tree[each.name], "uncompressed_bytes", 0) or 0) for each in wanted)
        return max(1, min(step, self.entries * AT_ONCE // said)) if said and self.entries else step


def _flat(array: Any) -> NDArray[np.generic]:  # noqa: ANN401 - awkward ships no types
    import awkward as ak  # noqa: PLC0415 - of an extra
    import numpy as np  # noqa: PLC0415

    values: NDArray[np.generic] = np.asarray(ak.to_numpy(ak.flatten(array, axis=None), allow_missing=False))
    return values


def _branches(tree: Any) -> list[ProfiledColumn]:  # noqa: ANN401 - uproot ships no types
    """Return the branches of a tree that hold values, those inside others by their path."""
    found = []
    for name, branch in tree.iteritems(recursive=True, full_paths=True):
        if len(branch.branches):
            continue
        dtype, shape = _interpreted(branch)
        found.append(column(name, dtype, shape, title=branch.title))
    return found


def _interpreted(branch: Any) -> tuple[str, tuple[int | str, ...]]:  # noqa: ANN401 - uproot ships no types
    """Return numpy's name of a branch's type and its shape; uproot's name of it where its values are no numbers."""
    import uproot  # noqa: PLC0415 - of an extra

    told = branch.interpretation
    shape: tuple[int | str, ...] = ()
    if isinstance(told, uproot.AsJagged):
        told, shape = told.content, ("var",)
    to_dtype = getattr(told, "to_dtype", None)
    if to_dtype is None or not NUMBER.fullmatch(to_dtype.base.name):
        return str(branch.typename) or "unknown", shape
    return to_dtype.base.name, (*shape, *to_dtype.shape)


def _fields(ntuple: Any) -> list[ProfiledColumn]:  # noqa: ANN401 - uproot ships no types
    """Return the fields at the top of an n-tuple."""
    found = []
    for name, each in ntuple.items(recursive=False):
        inner, shape = str(each.typename), list[int | str]()
        while match := _VECTOR.fullmatch(inner) or _ARRAY.fullmatch(inner):
            inner = match[1]
            shape.append(int(match[2]) if match.re is _ARRAY else "var")
        found.append(column(name, _FIELDS.get(inner, inner or "unknown"), shape, title=each.description))
    return found
