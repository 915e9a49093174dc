"""What runs in a worker for files of data: readers, one file at a time, under limits. Numbers go over the pipe.

Frames as in ``frames``. To the worker: ``{"do": "open", "path"}``, ``{"do": "chunks", "table", "columns", "entries"}``,
``{"do": "close"}``. From the worker: ``{"is": "ready"}``; ``{"is": "file", "reader", "format"}`` with the tables as
JSON; ``{"is": "chunk", "columns": [[name, type, count, masked] …]}`` with the values, and where masked the mask, one
column behind the other; ``{"is": "end"}``; ``{"is": "refused", "kind", "code", "message", "hint"}``.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from math import prod
from pathlib import Path
from typing import Any

from herdbook.kernel.errors import CorruptError, HerdbookError, InvalidError, UnavailableError
from herdbook.plugins.host import frames
from herdbook.plugins.host.child import Pipe, die_with, limit
from herdbook.ports.dataset_readers import DataFile, DatasetReader

LARGE, TIMES = 4 * 2**30, 1000
"""Bytes of values, and how many times its size, up to which a file may hold values; beyond both it is a bomb."""
_HEAD = 1024


class Child:
    """The loop of a worker.

    Args:
        pipe: to who asks.
        readers: name → ``module:Class``, in the order in which they are asked.
    """

    def __init__(self, pipe: Pipe, readers: Mapping[str, str]) -> None:
        self._pipe = pipe
        self._targets = dict(readers)
        self._readers: dict[str, DatasetReader] = {}
        self._file: DataFile | None = None
        self._most = 0

    def serve(self) -> None:
        """Read files until nobody asks any more."""
        while True:
            header, _ = self._pipe.receive()
            try:
                self._do(header)
            except HerdbookError as error:
                self._refuse(error)
            except MemoryError:
                os._exit(frames.OUT_OF_MEMORY)
            except ModuleNotFoundError as error:
                what = f"{error.name} is not installed, which reads such files"
                self._refuse(UnavailableError(what, code="no-extra", hint="Install herdbook[datasets]."))
            except Exception as error:  # noqa: BLE001 - a plug-in may raise anything
                said = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
                self._refuse(CorruptError(f"its reader failed: {said}", code="bad-data-file"))

    def _do(self, header: dict[str, Any]) -> None:
        match header["do"]:
            case "open":
                self._open(Path(os.fsdecode(bytes.fromhex(header["path"]))))
            case "chunks":
                self._chunks(header["table"], header["columns"], header["entries"])
            case _:
                self._close()

    def _refuse(self, error: HerdbookError) -> None:
        told = {"kind": str(error.kind), "code": error.code, "message": error.message, "hint": error.hint}
        self._pipe.send({"is": "refused", **told})

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self, path: Path) -> None:
        self._close()
        with path.open("rb") as stream:
            head = stream.read(_HEAD)
            self._most = max(LARGE, TIMES * os.fstat(stream.fileno()).st_size)
        self._file = self._reader(path, head).open(path)
        for table in self._file.tables:
            _check_size(table.entries, table.columns, self._most)
        tables = [
            {"name": table.name, "entries": table.entries, "columns": [each.json_object() for each in table.columns]}
            for table in self._file.tables
        ]
        told = {"is": "file", "reader": self._file.reader, "format": self._file.format}
        self._pipe.send(told, json.dumps(tables).encode())

    def _reader(self, path: Path, head: bytes) -> DatasetReader:
        for name, target in self._targets.items():
            if name not in self._readers:
                module, _, attribute = target.partition(":")
                self._readers[name] = getattr(import_module(module), attribute)()
            if self._readers[name].fits(path, head):
                return self._readers[name]
        raise InvalidError(
            "it is of no format that is known here",
            code="no-reader",
            hint=f"Known are: {', '.join(self._targets)}. A plug-in adds one.",
        )

    def _chunks(self, number: int, columns: Sequence[str], entries: int) -> None:
        import numpy as np  # noqa: PLC0415 - of an extra

        assert self._file is not None
        given = 0
        for chunk in self._file.tables[number].chunks(columns, entries):
            told, parts = [], []
            for name, values in chunk.items():
                mask = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else None
                plain = np.asarray(values).astype(values.dtype.newbyteorder("<"), copy=False)
                told.append([name, plain.dtype.str, plain.size, mask is not None])
                parts += [plain.tobytes()] + ([mask.tobytes()] if mask is not None else [])
                given += plain.nbytes
            if given > self._most:
                raise bomb(given, self._most)
            self._pipe.send({"is": "chunk", "columns": told}, b"".join(parts))
        self._pipe.send({"is": "end"})


def _check_size(entries: int, columns: Sequence[Any], most: int) -> None:
    """Refuse a file whose arrays promise more values than a file of its size holds."""
    if entries < 0 or entries >= 2**53:
        raise CorruptError(f"it promises {entries} entries", code="bad-data-file")
    fixed = [column.shape or () for column in columns if not (column.shape and "var" in column.shape)]
    promised = entries * sum(prod(shape) for shape in fixed)  # a byte each is the least
    if promised > most:
        raise bomb(promised, most)


def bomb(found: int, most: int) -> CorruptError:
    """Return the refusal of a small file that says it holds a great deal."""
    return CorruptError(
        f"it would unpack to {found} bytes and more, which a file of its size hardly does (at most {most})",
        code="data-bomb",
        hint="If it is meant so, split it, or pack it less tightly.",
    )


def main(argv: Sequence[str]) -> int:
    """Run a worker; ``argv`` is one JSON object: ``readers``, ``memory`` (bytes), ``lifeline``."""
    if len(argv) != 1:
        sys.stderr.write("This is a worker of Herdbook, which starts it itself; see `herdbook dataset profile`.\n")
        return 2
    settings = json.loads(argv[0])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with(settings["lifeline"])
    os.environ["HDF5_PLUGIN_PRELOAD"] = "::"  # HDF5 then loads no filter from a folder of this machine
    pipe = Pipe()
    try:
        import numpy as np  # noqa: PLC0415 - of an extra

        del np
    except ModuleNotFoundError:
        error = UnavailableError("numpy is not installed", code="no-extra", hint="Install herdbook[datasets].")
        pipe.send({"is": "refused", "kind": "unavailable", "code": error.code, "message": error.message})
        return 1
    limit(settings["memory"])
    pipe.send({"is": "ready"})
    with contextlib.suppress(EOFError, BrokenPipeError):
        Child(pipe, settings["readers"]).serve()
    return 0
