"""Formats by what they are for: which names of docs/reference/facts.md hold a model, and which lie beside one."""

from __future__ import annotations

from typing import Final

TENSORFLOW: Final = frozenset({"tf-graphdef", "tf-graphdef-text", "tf-memmapped", "tf-savedmodel"})
KERAS: Final = frozenset({"keras-json", "keras-h5", "keras-v3"})
XGBOOST: Final = frozenset({"xgboost-json", "xgboost-ubj", "xgboost-binf", "xgboost-bin-old"})
TREES: Final = XGBOOST | {"lightgbm-text", "catboost-cbm", "tmva-xml", "tmva-xml-gz", "tmva-txt", "gbrforest-root"}
TORCH: Final = frozenset({"torchscript", "torch-state-dict", "torch-pickle", "torch-export"})
PICKLES: Final = frozenset({"torch-state-dict", "torch-pickle", "sklearn-pickle", "joblib", "pickle"})
"""Formats that are pickles, in whatever container: loading one can run code."""

MODELS: Final = (
    TENSORFLOW
    | KERAS
    | TREES
    | TORCH
    | PICKLES
    | {"onnx", "qonnx", "safetensors", "skops", "sklearn-skops", "conifer-json", "pmml"}
    | {"lwtnn-json", "lwtnn-graph-json", "mxnet-symbol", "mxnet-params", "tf-checkpoint-data", "tf-checkpoint-index"}
)
"""Formats that hold a model, or part of one: what a framework loads."""

PARTS: Final = frozenset({"tf-checkpoint-data", "tf-checkpoint-index"})
"""Formats that hold weights of a model whose graph is another file, and cannot be loaded without it."""

SIDECARS: Final = frozenset(
    {"weaver-preprocess", "weaver-data-config", "normalisation-dict", "scaler", "feature-list", "labels"}
)
"""Formats of files that say how a model is fed, or what its outputs are."""
