"""Reading ONNX headers: our reader against ``onnx.load(load_external_data=False)``, in one run.

``python -m bench.onnx_headers [--quick]``. Imports are apart on both sides; times are the best of several, warm. The
peer parses all in C and looks at nothing; ours yields the facts. Models are those of the data pack (HERDBOOK_DATA, or
../shared/data beside the checkout), where it is present, and generated ones.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from herdbook.plugins.formats.onnx import Onnx
from herdbook.plugins.host.pool import WorkerPool

AIM_SMALL = 0.005
AIM_LARGE = 0.2
SMALL = 5_000_000
Row = dict[str, Any]


class File:
    """A file as ReadAt, which counts what is read."""

    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, os.O_RDONLY)
        self.size = os.fstat(self.fd).st_size
        self.bytes_read = 0

    def read_at(self, offset: int, length: int) -> bytes:
        """Return bytes, and count them."""
        found = os.pread(self.fd, length, offset)
        self.bytes_read += len(found)
        return found


@contextmanager
def opened(path: Path) -> Iterator[File]:
    file = File(path)
    try:
        yield file
    finally:
        os.close(file.fd)


def best(work: Callable[[], object], times: int) -> float:
    """Return the shortest wall time in seconds."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return min(taken)


def ours(path: Path) -> int:
    """Open, recognise and read a file; return how many bytes that took."""
    with opened(path) as file:
        assert Onnx().probe(file, path.name) is not None
        Onnx().read(file, path.name, {path.name: file.size})
        return file.bytes_read


def peer(path: Path) -> None:
    onnx.load(os.fspath(path), load_external_data=False)


def row(path: Path, name: str, aim: float, times: int) -> Row:
    size = path.stat().st_size
    read = ours(path)
    mine, theirs = best(lambda: ours(path), times), best(lambda: peer(path), times)
    return {
        "what": f"header of {name} ({size / 1e6:.3g} MB)",
        "ours": f"{mine * 1e3:.2f} ms",
        "peer": f"{theirs * 1e3:.2f} ms",
        "ratio": round(theirs / mine, 3),
        "aim": f"< {aim * 1e3:.0f} ms",
        "met": mine < aim,
        "note": f"{read} bytes read, {read / size:.2%} of the file",
    }


def pack() -> Path | None:
    given = os.environ.get("HERDBOOK_DATA")
    folder = Path(given) if given else Path(__file__).resolve().parents[2] / "shared" / "data"
    return folder / "models" if (folder / "models").is_dir() else None


def deep(path: Path, layers: int, width: int) -> None:
    """Write a model of many layers with their weights in the file."""
    nodes, weights = [], []
    for index in range(layers):
        nodes += [
            helper.make_node("MatMul", [f"x{index}", f"w{index}"], [f"y{index}"], name=f"matmul_{index}"),
            helper.make_node("LeakyRelu", [f"y{index}"], [f"x{index + 1}"], name=f"relu_{index}", alpha=0.1),
        ]
        raw = np.zeros(width * width, np.float32).tobytes()
        weights.append(helper.make_tensor(f"w{index}", TensorProto.FLOAT, [width, width], raw, raw=True))
    ends = [helper.make_tensor_value_info(f"x{at}", TensorProto.FLOAT, ["N", width]) for at in (0, layers)]
    graph = helper.make_graph(nodes, "deep", ends[:1], ends[1:], weights)
    path.write_bytes(helper.make_model(graph).SerializeToString())


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def large(path: Path, tensors: int, each: int) -> None:
    """Write a model whose weights are holes in the file, just under the 2 GiB that a protobuf message may have."""
    small = path.with_suffix(".small")
    deep(small, tensors, 1)
    model = onnx.load(os.fspath(small))
    small.unlink()
    model.graph.ClearField("initializer")
    body = model.graph.SerializeToString()
    model.ClearField("graph")
    heads = [
        b"\x08" + varint(each // 4) + b"\x08\x01\x10\x01\x42" + varint(len(name)) + name + b"\x4a" + varint(each)
        for name in (b"w%d" % index for index in range(tensors))
    ]
    heads = [b"\x2a" + varint(len(head) + each) + head for head in heads]
    with path.open("wb") as file:
        file.write(
            model.SerializeToString() + b"\x3a" + varint(len(body) + sum(map(len, heads)) + tensors * each) + body
        )
        for head in heads:
            file.write(head)
            file.seek(each, os.SEEK_CUR)
        file.truncate()


def worker_row(path: Path, times: int) -> Row:
    """Time one file through a warm worker process."""
    with WorkerPool() as pool, opened(path) as file:
        listing = {path.name: file.size}
        started = time.perf_counter()
        pool.read([(path.name, file)], listing)
        first = time.perf_counter() - started
        warm = best(lambda: pool.read([(path.name, file)], listing), times)
        theirs = best(lambda: peer(path), times)
    return {
        "what": f"the same in a worker process, {path.name}",
        "ours": f"{warm * 1e3:.2f} ms",
        "peer": f"{theirs * 1e3:.2f} ms",
        "ratio": round(theirs / warm, 3),
        "aim": f"< {AIM_SMALL * 1e3:.0f} ms",
        "met": warm < AIM_SMALL,
        "note": f"first file, with the start of the worker: {first * 1e3:.0f} ms; the peer runs in this process",
    }


def run(quick: bool) -> list[Row]:
    """Return the rows of the table."""
    times = 5 if quick else 30
    rows = []
    if folder := pack():
        files = sorted(folder.rglob("*.onnx"))
        rows += [row(path, f"{path.parent.parent.name}/{path.name}", AIM_SMALL, times) for path in files]
        largest = max((path for path in files if path.stat().st_size < SMALL), key=lambda path: path.stat().st_size)
        rows.append(worker_row(largest, times))
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary, "deep.onnx")
        deep(path, 300, 60)
        rows.append(row(path, "a generated model of 600 nodes", AIM_SMALL, times))
        path.unlink()
        deep(path, 5000, 4)
        rows.append(row(path, "a generated model of 10,000 nodes", AIM_LARGE, 5))
        path.unlink()
        path = Path(temporary, "large.onnx")
        large(path, 107, 20_000_000)
        rows.append(row(path, "a generated model", AIM_LARGE, 1 if quick else 3))
    return rows


def main() -> None:
    for each in run("--quick" in sys.argv):
        met = "met" if each["met"] else "MISSED"
        print(f"{each['what']}: {each['ours']}, peer {each['peer']} (ratio {each['ratio']}); {each['aim']} {met}")
        print(f"    {each['note']}")


if __name__ == "__main__":
    main()
