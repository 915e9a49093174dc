"""Files that were made to do harm, or are broken: refused in words, in another process, and nothing is followed."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from herdbook.kernel.errors import HerdbookError
from herdbook.plugins.host.data_reading import DataLimits, GuardedFiles
from herdbook.ports.dataset_readers import DataFiles
from herdbook.service.dataset_profiling import profile

from .conftest import FORMATS, at, columns, write


def refused(files: DataFiles, path: Path) -> HerdbookError:
    """Return what refuses a file, at the latest when its values are read."""
    with pytest.raises(HerdbookError) as error:
        walk(files, path)
    return error.value


def walk(files: DataFiles, path: Path) -> int:
    """Read all of a file; return how many values came."""
    opened = files.open(path)
    try:
        return sum(
            len(values)
            for table in opened.tables
            for chunk in table.chunks([column.name for column in table.columns])
            for values in chunk.values()
        )
    finally:
        opened.close()


def test_links_and_data_outside_an_hdf5_file_are_not_followed(files: DataFiles, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["x"] = np.arange(3)
    with h5py.File(tmp_path / "link.h5", "w") as file:
        file["x"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "/x")
    layout = h5py.VirtualLayout((3,), dtype="i8")
    layout[:] = h5py.VirtualSource(tmp_path / "secret.h5", "x", (3,))
    with h5py.File(tmp_path / "virtual.h5", "w") as file:
        file.create_virtual_dataset("x", layout)
    (tmp_path / "raw").write_bytes(bytes(24))
    with h5py.File(tmp_path / "external.h5", "w") as file:
        file.create_dataset("x", (3,), "i8", external=[(str(tmp_path / "raw"), 0, 24)])
    for name, word in (("link", "link"), ("virtual", "virtual"), ("external", "lie in")):
        error = refused(files, tmp_path / f"{name}.h5")
        assert error.code == "points-outside", name
        assert word in error.message


def test_a_loop_of_groups_ends(files: DataFiles, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "loop.h5", "w") as file:
        inner = file.create_group("a/b")
        inner["up"] = file["a"]
        inner["x"] = np.arange(3)
    assert walk(files, tmp_path / "loop.h5") == 3


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (os.mkdir, (str(self.path),))


def test_an_npz_with_a_pickle_is_refused_and_not_run(files: DataFiles, tmp_path: Path) -> None:
    trapped = np.empty(1, dtype=object)
    trapped[0] = Trap(tmp_path / "sprung")
    np.savez(tmp_path / "a.npz", x=trapped)
    np.save(tmp_path / "b.npy", trapped, allow_pickle=True)
    for name in ("a.npz", "b.npy"):
        error = refused(files, tmp_path / name)
        assert error.code == "data-pickle"
        assert "run" in error.message
    (tmp_path / "c.npz").write_bytes(pickle.dumps(trapped))
    refused(files, tmp_path / "c.npz")
    assert not (tmp_path / "sprung").exists()


def test_small_files_that_promise_a_great_deal_are_refused_at_once(files: DataFiles, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", (10**13,), "f8", chunks=(10**6,))
    assert refused(files, tmp_path / "a.h5").code == "data-bomb"
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**12,)})
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", header.getvalue() + bytes(80))
    assert "promises 8000000000000 bytes" in refused(files, tmp_path / "a.npz").message
    (tmp_path / "b.npy").write_bytes(header.getvalue() + bytes(80))
    assert refused(files, tmp_path / "b.npy").code == "data-bomb"


def test_text_that_is_one_line_without_end_or_a_heading_without_end_is_refused(
    files: DataFiles, tmp_path: Path
) -> None:
    (tmp_path / "line.csv").write_bytes(b"x," * 5_000_000)
    (tmp_path / "quote.csv").write_bytes(b'x,y\n1,"' + b"a" * 10_000_000)
    (tmp_path / "wide.csv").write_text(",".join(f"c{n}" for n in range(30_000)) + "\n", "utf-8")
    (tmp_path / "twice.csv").write_text("x,x\n1,2\n", "utf-8")
    (tmp_path / "ragged.csv").write_text("x,y\n1,2\n3\n", "utf-8")
    for name in ("line", "quote", "wide", "twice", "ragged"):
        assert refused(files, tmp_path / f"{name}.csv").code == "bad-data-file", name


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_that_ends_early_is_refused_or_seen_to_be_shorter(files: DataFiles, tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, columns())
    whole, values = path.read_bytes(), walk(files, path)
    for share in (0.02, 0.3, 0.7, 0.99):
        path.write_bytes(whole[: int(len(whole) * share)])
        if name.endswith(".csv"):
            assert _count(files, path) < values
        else:
            assert refused(files, path).code in {"bad-data-file", "no-reader", "data-bomb"}, share


@pytest.mark.parametrize("name", FORMATS)
def test_flipped_bytes_end_in_words_and_the_next_file_is_read(files: DataFiles, tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, columns(count=200))
    whole, random = path.read_bytes(), np.random.Generator(np.random.PCG64(7))
    expected = walk(files, path)
    for _ in range(25):
        broken = bytearray(whole)
        for place in random.integers(0, len(whole), 4):
            broken[place] ^= int(random.integers(1, 256))
        path.write_bytes(broken)
        with contextlib.suppress(HerdbookError):
            walk(files, path)
    path.write_bytes(whole)
    assert walk(files, path) == expected


def _count(files: DataFiles, path: Path) -> int:
    try:
        return walk(files, path)
    except HerdbookError:
        return 0


EVIL = """
import os, time
from herdbook.model.dataset_profiles import ProfiledColumn

class Reader:
    name = "evil"
    def fits(self, path, head):
        return path.suffix == ".evil"
    def open(self, path):
        return File(path.stem)

class File:
    reader, format = "evil 1", "evil"
    def __init__(self, what):
        self.what = what
        self.tables = [self]
        self.name, self.entries, self.columns = "", 3, [ProfiledColumn(name="x", dtype="float64")]
        if what == "open":
            os.abort()
    def close(self):
        pass
    def chunks(self, columns, entries=0):
        import numpy as np
        if self.what == "hangs":
            time.sleep(600)
        if self.what == "eats":
            held = bytearray(2**34)
        if self.what == "dies":
            os.kill(os.getpid(), 11)
        if self.what == "raises":
            raise RuntimeError("no")
        if self.what == "objects":
            yield {"x": np.array(["a", "b", "c"])}
        yield {"x": np.zeros(3)}
"""


@pytest.fixture
def evil(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GuardedFiles]:
    """Return files whose reader does harm by the file's name."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "evil_reader.py").write_text(EVIL, "utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    limits = DataLimits(seconds=5.0, memory=2**30)
    with contextlib.closing(GuardedFiles({"evil": "evil_reader:Reader"}, limits)) as opened:
        yield opened


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's memory in a useful way")
@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("open", "reader-died"),
        ("dies", "reader-died"),
        ("hangs", "reader-hung"),
        ("eats", "reader-out-of-memory"),
        ("raises", "bad-data-file"),
        ("objects", "worker-nonsense"),
    ],
)
def test_a_reader_that_does_not_behave_costs_its_file_and_nothing_else(
    evil: GuardedFiles, tmp_path: Path, what: str, code: str
) -> None:
    for name in ("good", what, "other"):
        (tmp_path / f"{name}.evil").write_bytes(b"x")
    found = profile(evil, [at(tmp_path / f"{name}.evil") for name in ("good", what, "other")], width=1)
    assert found.unread is not None
    assert (found.files, found.unread_files, found.events) == (3, 1, 6)
    assert found.unread[0].startswith(f"{what}.evil: ")
    assert found.unread[0].endswith(f"({code})")


def test_workers_end_with_who_opened_them(files: DataFiles, tmp_path: Path) -> None:
    path = write(tmp_path / "toy.npz", columns())
    with contextlib.closing(GuardedFiles({"npz": "herdbook.plugins.data.npz:Npz"})) as opened:
        assert walk(opened, path) == 5000
        (worker,) = opened._all
    with pytest.raises(ProcessLookupError):
        os.kill(worker.pid, 0)
    left = files.open(path)
    next(iter(left.tables[0].chunks(["event"], 10)))  # closed in the middle of its values
    left.close()
    assert walk(files, path) == 5000
