"""What is told of PyTorch: seeds, optimisers, data loaders, files that it opens in C++."""

from __future__ import annotations

from .guard import local
from .hook_standard import seeding, training_begins
from .opens import by_library
from .patching import patch
from .sessions import told

TYPE_CHECKING = False
if TYPE_CHECKING:  # the module typing is not imported into a training
    from types import ModuleType
    from typing import Any


def randomness(module: ModuleType) -> None:
    """Tell what the global generators are seeded with."""
    patch(module, "manual_seed", seeding("torch"), also=("torch",))


def serialization(module: ModuleType) -> None:
    """Tell of files that ``torch.save`` writes; those that ``torch.load`` reads are opened by Python."""
    patch(module, "_open_zipfile_writer", lambda args, _kwargs: by_library(args[0], "w", "torch.save"))


def jit(module: ModuleType) -> None:
    """Tell of files of TorchScript."""
    patch(module, "load", lambda args, kwargs: by_library(args[0] if args else kwargs.get("f"), "r", "torch.jit.load"))

    def saves(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        by_library(args[1] if len(args) > 1 else kwargs.get("f"), "w", "torch.jit.save")

    patch(module, "save", saves)


def optimizer(module: ModuleType) -> None:
    """Tell an optimiser's hyper-parameters; making the first one counts as the beginning of the training."""

    def after(_token: Any, args: tuple[Any, ...], _kwargs: dict[str, Any], result: object) -> None:
        if not isinstance(result, BaseException):
            training_begins()
            if local.depth == 0:
                _tell_optimizer(args[0])

    patch(module.Optimizer, "__init__", None, after)


def _tell_optimizer(made: Any) -> None:
    kind = type(made)
    source = "torch.optim." + kind.__name__ if kind.__module__.startswith("torch.optim") else _name(kind)
    items = list(made.defaults.items())
    for at, group in enumerate(getattr(made, "param_groups", [])):
        for name, value in group.items():
            if name != "params" and not (name in made.defaults and _same(made.defaults[name], value)):
                items.append((f"param_groups[{at}].{name}", value))
    for session in told():
        session.parameters(source, items)


def loader(module: ModuleType) -> None:
    """Tell how a data loader makes its batches."""

    def after(_token: Any, args: tuple[Any, ...], _kwargs: dict[str, Any], result: object) -> None:
        if isinstance(result, BaseException):
            return
        made = args[0]
        names = ("batch_size", "num_workers", "drop_last", "prefetch_factor")
        items = [(name, getattr(made, name, None)) for name in names]
        sampler = getattr(made, "sampler", None)
        if sampler is not None:
            items.append(("sampler", _name(type(sampler))))
        for session in told():
            session.parameters("torch.DataLoader", items)

    patch(module.DataLoader, "__init__", None, after)


def _name(kind: type) -> str:
    return kind.__module__ + "." + kind.__qualname__


def _same(one: object, other: object) -> bool:
    return one is other or (type(one) is type(other) and isinstance(one, (int, float, str, tuple)) and one == other)
