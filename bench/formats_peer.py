"""The official library's time for one file: run by an interpreter that has it. Prints import and median seconds."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path


def onnx(path: str) -> Callable[[], object]:
    import onnx

    return lambda: onnx.load(path, load_external_data=False)


def torchscript(path: str) -> Callable[[], object]:
    import torch

    return lambda: torch.jit.load(path, map_location="cpu")


def state_dict(path: str) -> Callable[[], object]:
    import torch

    return lambda: torch.load(path, map_location="cpu", weights_only=True)


def xgboost(path: str) -> Callable[[], object]:
    import xgboost

    return lambda: xgboost.Booster(model_file=path)


def lightgbm(path: str) -> Callable[[], object]:
    import lightgbm

    return lambda: lightgbm.Booster(model_file=path)


def graphdef(path: str) -> Callable[[], object]:
    from tensorflow.core.framework.graph_pb2 import GraphDef

    return lambda: GraphDef.FromString(Path(path).read_bytes())


def savedmodel(path: str) -> Callable[[], object]:
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    return lambda: SavedModel.FromString(Path(path).read_bytes())


def hdf5(path: str) -> Callable[[], object]:
    import h5py

    def walk() -> None:
        with h5py.File(path, "r") as file:
            file.visititems(lambda _, item: getattr(item, "shape", None))

    return walk


def root(path: str) -> Callable[[], object]:
    import uproot

    def names() -> None:
        with uproot.open(path) as file:
            file.classnames()
            if "variableNames" in file:
                list(file["variableNames"])

    return names


def safetensors(path: str) -> Callable[[], object]:
    import safetensors

    def keys() -> None:
        with safetensors.safe_open(path, framework="numpy") as file:
            list(file.keys())

    return keys


PEERS = {
    "onnx": onnx,
    "qonnx": onnx,
    "torchscript": torchscript,
    "torch-state-dict": state_dict,
    "xgboost-json": xgboost,
    "xgboost-ubj": xgboost,
    "lightgbm-text": lightgbm,
    "tf-graphdef": graphdef,
    "tf-savedmodel": savedmodel,
    "keras-h5": hdf5,
    "gbrforest-root": root,
    "safetensors": safetensors,
}


def main() -> None:
    """Time the formats and paths of the arguments: FORMAT PATH ROUNDS."""
    format_, path, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
    begun = time.perf_counter()
    work = PEERS[format_](path)
    imported = time.perf_counter() - begun
    work()
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    print(json.dumps({"import_s": imported, "median_s": statistics.median(times)}))


if __name__ == "__main__":
    main()
