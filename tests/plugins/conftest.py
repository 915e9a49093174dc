"""Bytes in memory and files on disk as ReadAt, each counting what is read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


class Bytes:
    """Bytes in memory."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = len(data)
        self.bytes_read = 0
        self.reads = 0

    def read_at(self, offset: int, length: int) -> bytes:
        assert offset >= 0
        assert length >= 0
        found = self.data[offset : offset + length]
        self.bytes_read += len(found)
        self.reads += 1
        return found


class OnDisk:
    """A file."""

    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, os.O_RDONLY)
        self.size = os.fstat(self.fd).st_size
        self.bytes_read = 0

    def read_at(self, offset: int, length: int) -> bytes:
        found = os.pread(self.fd, length, offset)
        self.bytes_read += len(found)
        return found


@pytest.fixture
def in_memory() -> type[Bytes]:
    return Bytes


@pytest.fixture
def on_disk() -> Iterator[Callable[[Path], OnDisk]]:
    opened: list[OnDisk] = []

    def open_(path: Path) -> OnDisk:
        opened.append(OnDisk(path))
        return opened[-1]

    yield open_
    for each in opened:
        os.close(each.fd)
