"""The entries of each part of a split as a file: an npz with one array of numbers a part, written in flat memory."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import zipfile
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Indices:
    """Collects numbers of entries in temporary files; ``write`` makes an npz of them. Numbers count from 0."""

    def __init__(self) -> None:
        self._files: dict[str, IO[bytes]] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def take(self, role: str, numbers: NDArray[np.int64]) -> None:
        """Take entry numbers of a part, in their order."""
        if role not in self._files:
            file = tempfile.TemporaryFile(prefix="herdbook-split-")  # noqa: SIM115 - closed with all
            self._files[role] = self._stack.enter_context(file)
        self._files[role].write(numbers.astype("<i8", copy=False).tobytes())

    def write(self, path: Path, roles: list[str]) -> None:
        """Write the npz, whole or not at all; ``numpy.load`` gives an int64 array for each role.

        Raises:
            OSError: when it cannot be written.
        """
        from numpy.lib import format as npy  # noqa: PLC0415 - of an extra

        beside = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                for role in dict.fromkeys(roles):
                    numbers = self._files.get(role, io.BytesIO())
                    count = numbers.seek(0, os.SEEK_END) // 8
                    numbers.seek(0)
                    with archive.open(zipfile.ZipInfo(f"{role}.npy"), "w", force_zip64=True) as into:
                        shape = {"descr": "<i8", "fortran_order": False, "shape": (count,)}
                        npy.write_array_header_1_0(into, shape)
                        shutil.copyfileobj(numbers, into, 1 << 20)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
