"""What is told of files that libraries open below Python: HDF5, ROOT at a distance, Arrow and Parquet."""

from __future__ import annotations

import os

from .opens import by_library
from .patching import patch

TYPE_CHECKING = False
if TYPE_CHECKING:  # the module typing is not imported into a training
    from types import ModuleType
    from typing import Any


def _first(position: int, keyword: str, mode: str, via: str) -> Any:
    """Return a hook that tells the file which a function is given."""

    def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if kwargs.get("filesystem") is None:  # a path on another file system is none of this machine's
            by_library(args[position] if len(args) > position else kwargs.get(keyword), mode, via)

    return before


def h5py(module: ModuleType) -> None:
    """Tell of files of HDF5 that h5py opens."""

    def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        name = args[1] if len(args) > 1 else kwargs.get("name")
        mode = (args[2] if len(args) > 2 else kwargs.get("mode")) or "r"
        driver = args[3] if len(args) > 3 else kwargs.get("driver")
        if driver == "core" and kwargs.get("backing_store") is False:
            return
        by_library(name, {"r": "r", "r+": "+", "a": "a"}.get(mode, "w"), "h5py")

    patch(module.File, "__init__", before)


def tables(module: ModuleType) -> None:
    """Tell of files of HDF5 that PyTables opens, also for ``pandas.read_hdf``."""

    def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        mode = (args[1] if len(args) > 1 else kwargs.get("mode")) or "r"
        name = args[0] if args else kwargs.get("filename")
        by_library(name, {"r": "r", "r+": "+", "a": "a"}.get(mode, "w"), "tables")

    patch(module, "open_file", before, also=("tables",))


def uproot(module: ModuleType) -> None:
    """Tell of files of ROOT that uproot opens, also at a distance."""
    patch(module.ReadOnlyFile, "__init__", _first(1, "file_path", "r", "uproot"))


def pyarrow(module: ModuleType) -> None:
    """Tell of files that are mapped into memory by hand."""
    patch(module, "memory_map", _first(0, "path", "r", "pyarrow"))


def parquet(module: ModuleType) -> None:
    """Tell of files of Parquet; the files of a dataset one by one."""
    patch(module.ParquetFile, "__init__", _first(1, "source", "r", "pyarrow"))
    patch(module.ParquetWriter, "__init__", _first(1, "where", "w", "pyarrow"))
    patch(module.ParquetDataset, "__init__", lambda args, _kwargs: args[0], _files)


def dataset(module: ModuleType) -> None:
    """Tell of the files of a dataset of Arrow, and of the folder that one is written to."""
    for name in ("dataset", "parquet_dataset"):
        patch(module, name, None, lambda _token, _args, _kwargs, result: _files(result, (), {}, None))

    def written(_token: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: object) -> None:
        folder: Any = args[1] if len(args) > 1 else kwargs.get("base_dir")
        if isinstance(result, BaseException) or kwargs.get("filesystem") is not None:
            return
        for at, _, names in os.walk(folder):
            by_library([os.path.join(at, name) for name in names], "w", "pyarrow")

    patch(module, "write_dataset", None, written)


def _files(found: Any, _args: tuple[Any, ...], _kwargs: dict[str, Any], _result: object) -> None:
    """Tell of the files of a dataset, which knows them itself once it was made."""
    files = getattr(found, "files", None)
    if not files:
        return
    kind = getattr(getattr(found, "filesystem", None), "type_name", "local")
    prefix = "" if kind in ("local", "subtree", "mock") else kind + "://"
    by_library([prefix + str(path) for path in files], "r", "pyarrow")


def pyarrow_csv(module: ModuleType) -> None:
    """Tell of text files that Arrow reads and writes."""
    for name in ("read_csv", "open_csv"):
        patch(module, name, _first(0, "input_file", "r", "pyarrow"))
    patch(module, "write_csv", _first(1, "output_file", "w", "pyarrow"))


def pyarrow_json(module: ModuleType) -> None:
    """Tell of files of JSON that Arrow reads."""
    patch(module, "read_json", _first(0, "input_file", "r", "pyarrow"))


def feather(module: ModuleType) -> None:
    """Tell of files of Feather."""
    for name in ("read_table", "read_feather"):
        patch(module, name, _first(0, "source", "r", "pyarrow"))
    patch(module, "write_feather", _first(1, "dest", "w", "pyarrow"))


def ipc(module: ModuleType) -> None:
    """Tell of files of Arrow that are given by name."""
    for name in ("open_file", "open_stream"):
        patch(module, name, _first(0, "source", "r", "pyarrow"))
    for name in ("new_file", "new_stream"):
        patch(module, name, _first(0, "sink", "w", "pyarrow"))
