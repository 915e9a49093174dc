"""HDF5: Keras's models and weights, and other files, of which the names are told. Needs h5py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, cast

from herdbook.model.facts import Facts, Probe, Safety
from herdbook.plugins.formats import hdf5_tree, keras_h5
from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.seekable import Seekable

if TYPE_CHECKING:
    from herdbook.plugins.formats.hdf5_tree import Tree
    from herdbook.ports.formats import Format, Listing, ReadAt

_MAGIC = b"\x89HDF\r\n\x1a\n"
_SHOWN = 1000


class Hdf5:
    """The reader of HDF5 files."""

    name = "hdf5"
    version = "1"

    def probe(self, file: ReadAt, path: str) -> Probe | None:
        """Take what has HDF5's signature, at the beginning or behind 512 bytes of the writer's own."""
        del path
        if file.read_at(0, 8) == _MAGIC or (file.size > 520 and file.read_at(512, 8) == _MAGIC):
            return Probe(format="hdf5-other", unknown=("kind",))
        return None

    def read(self, file: ReadAt, path: str, listing: Listing) -> Facts:
        """Read the facts.

        Raises:
            CorruptError: when it is damaged.
            InvalidError: when it is larger than this reader goes.
            UnavailableError: when h5py is not installed.
        """
        del path, listing
        with hdf5_tree.opened(cast("BinaryIO", Seekable(file))) as tree:
            content = keras_h5.read(tree) if keras_h5.fits(tree) else other(tree)
        return content.facts(self.name, self.version)


_: type[Format] = Hdf5


def other(tree: Tree) -> Content:
    """Return what can be said of a file that Keras did not write: names, types and shapes at the top."""
    names = tree.names(tree.root)
    groups: list[str] = []
    tensors: list[dict[str, Any]] = []
    for name in names[:_SHOWN]:
        item = tree.child(tree.root, name)
        found = None if item is None else tree.dataset(item, name)
        if found is not None:
            tensors.append({"name": name, "dtype": found.dtype, "shape": list(found.shape)})
        elif tree.is_group(item):
            groups.append(name)
    values = {"groups": groups, "datasets": tensors, "names": len(names)}
    return Content("hdf5-other", values, Safety.GUARDED, findings=tuple(tree.findings))
