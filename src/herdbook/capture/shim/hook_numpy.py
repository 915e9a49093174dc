"""What is told of numpy: seeds. The files that it opens are opened by Python's own ``open``."""

from __future__ import annotations

from .hook_standard import seeding
from .patching import patch

TYPE_CHECKING = False
if TYPE_CHECKING:  # the module typing is not imported into a training
    from types import ModuleType


def randomness(module: ModuleType) -> None:
    """Tell what the global generator is seeded with, and generators that the training makes.

    ``RandomState(seed)`` is a class in C that cannot be wrapped without becoming another: it is not seen.
    """
    patch(module, "seed", seeding("numpy"))
    patch(module, "default_rng", seeding("numpy.default_rng", by_hand=True))
