"""Wraps functions of a library when the training imports it, never before, and never makes it import one."""

from __future__ import annotations

import sys

from .guard import local, quietly

TYPE_CHECKING = False
if TYPE_CHECKING:  # the module typing is not imported into a training
    from collections.abc import Sequence
    from types import ModuleType
    from typing import Any

HOOKS = {
    "argparse": ("hook_standard", "arguments"),
    "random": ("hook_standard", "randomness"),
    "numpy.random": ("hook_numpy", "randomness"),
    "h5py._hl.files": ("hook_files", "h5py"),
    "tables.file": ("hook_files", "tables"),
    "uproot.reading": ("hook_files", "uproot"),
    "pyarrow": ("hook_files", "pyarrow"),
    "pyarrow.parquet.core": ("hook_files", "parquet"),
    "pyarrow.dataset": ("hook_files", "dataset"),
    "pyarrow.csv": ("hook_files", "pyarrow_csv"),
    "pyarrow.json": ("hook_files", "pyarrow_json"),
    "pyarrow.feather": ("hook_files", "feather"),
    "pyarrow.ipc": ("hook_files", "ipc"),
    "torch.random": ("hook_torch", "randomness"),
    "torch.serialization": ("hook_torch", "serialization"),
    "torch.jit._serialization": ("hook_torch", "jit"),
    "torch.optim.optimizer": ("hook_torch", "optimizer"),
    "torch.utils.data.dataloader": ("hook_torch", "loader"),
    "sklearn.base": ("hook_sklearn", "estimators"),
    "xgboost.core": ("hook_boosting", "xgboost_files"),
    "xgboost.training": ("hook_boosting", "xgboost_training"),
    "lightgbm.basic": ("hook_boosting", "lightgbm_files"),
    "lightgbm.engine": ("hook_boosting", "lightgbm_training"),
    "keras.src.callbacks.history": ("hook_keras", "history"),
    "keras.src.callbacks": ("hook_keras", "history"),
    "keras.callbacks": ("hook_keras", "history"),
    "tensorflow.python.framework.random_seed": ("hook_keras", "tensorflow_seed"),
    "optuna.study.study": ("hook_optuna", "study"),
}
"""The module whose import is waited for → the module here and its function that wraps what is in it."""


class Finder:
    """Stands first in ``sys.meta_path``; finds nothing itself, but lets a wrapped library know of itself once run."""

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> Any:
        """Return what the other finders find, for modules that are waited for; None for all others."""
        if name not in HOOKS:
            return None
        for finder in list(sys.meta_path):
            search = getattr(finder, "find_spec", None)
            if finder is self or search is None:
                continue
            spec = search(name, path, target)
            if spec is not None:
                quietly(_arm, spec)
                return spec
        return None


def _arm(spec: Any) -> None:
    """Let the loader call us after the module ran; it is as before once it did."""
    loader = spec.loader
    if loader is None or isinstance(loader, type) or not hasattr(loader, "exec_module"):
        return
    original = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        loader.__dict__.pop("exec_module", None)
        original(module)
        quietly(wrap, spec.name, module)

    loader.exec_module = exec_module


def wrap(name: str, module: ModuleType) -> None:
    """Wrap what is told of a module that has been imported."""
    file, function = HOOKS[name]
    # With a name asked for, ``__import__`` returns the module itself, and does not go looking for the package on top.
    hooks = __import__(f"{__package__}.{file}", None, None, [function])
    getattr(hooks, function)(module)


def start() -> None:
    """Wait for imports; wrap what is there already."""
    if not any(type(finder).__name__ == Finder.__name__ and isinstance(finder, Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, Finder())
    for name in HOOKS:
        module = sys.modules.get(name)
        if module is not None and not local.busy:
            quietly(wrap, name, module)
