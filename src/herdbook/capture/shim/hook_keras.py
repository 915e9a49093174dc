"""What is told of Keras and TensorFlow: the history of a fit, epoch by epoch, the optimiser, the seed."""

from __future__ import annotations

from .hook_standard import seeding, training_begins
from .patching import patch
from .sessions import told

TYPE_CHECKING = False
if TYPE_CHECKING:  # the module typing is not imported into a training
    from types import ModuleType
    from typing import Any


def history(module: ModuleType) -> None:
    """Tell what the callback hears that Keras itself puts into every fit."""
    kind = vars(module).get("History")
    if isinstance(kind, type):
        patch(kind, "on_train_begin", None, _begins)
        patch(kind, "on_epoch_end", None, _epoch)


def _begins(_token: Any, args: tuple[Any, ...], _kwargs: dict[str, Any], _result: object) -> None:
    training_begins()
    callback = args[0]
    items = sorted((getattr(callback, "params", None) or {}).items())
    made = getattr(callback.model, "optimizer", None)
    for session in told():
        session.parameters("keras.fit", [(name, value) for name, value in items if name != "verbose"])
        if made is not None:
            session.parameters("keras.optimizers." + type(made).__name__, sorted(made.get_config().items()))


def _epoch(_token: Any, args: tuple[Any, ...], kwargs: dict[str, Any], _result: object) -> None:
    epoch = args[1] if len(args) > 1 else kwargs.get("epoch")
    logs = (args[2] if len(args) > 2 else kwargs.get("logs")) or {}
    for session in told():
        for name, value in logs.items():
            split = "validation" if name.startswith("val_") else "training"
            session.metric(name[4:] if name.startswith("val_") else name, value, split, epoch, "keras.fit")


def tensorflow_seed(module: ModuleType) -> None:
    """Tell TensorFlow's global seed."""
    patch(module, "set_seed", seeding("tensorflow"))
    patch(module, "set_random_seed", seeding("tensorflow"))
