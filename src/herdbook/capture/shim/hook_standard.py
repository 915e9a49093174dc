"""What is told of the standard library: parsed arguments, and the seeds of ``random``."""

from __future__ import annotations

from .ending import flags, random_state
from .guard import local
from .lines import called_from, caller
from .patching import patch
from .sessions import told

TYPE_CHECKING = False
if TYPE_CHECKING:  # the module typing is not imported into a training
    from types import ModuleType
    from typing import Any


def arguments(module: ModuleType) -> None:
    """Tell the namespace that the outermost parser made."""
    for name in ("parse_args", "parse_known_args"):
        patch(module.ArgumentParser, name, _parse, _parsed)


def _parse(_args: tuple[Any, ...], _kwargs: dict[str, Any]) -> int:
    local.parsers += 1
    return local.parsers


def _parsed(depth: int, _args: tuple[Any, ...], _kwargs: dict[str, Any], result: object) -> None:
    local.parsers = depth - 1
    namespace = result[0] if isinstance(result, tuple) and result else result
    if depth != 1 or isinstance(namespace, BaseException) or not hasattr(namespace, "__dict__"):
        return
    items = sorted(vars(namespace).items())
    for session in told():
        if session.how in (None, "fork"):  # an interpreter started as a worker parses what its starter needs
            session.parameters("argparse", [(name, value) for name, value in items if not callable(value)])


def seed(name: str, value: object) -> None:
    """Tell a seed, when it is a whole number."""
    item = getattr(value, "item", None)
    if item is not None and getattr(value, "shape", None) == ():
        value = item()
    if isinstance(value, int) and not isinstance(value, bool):
        for session in told():
            session.once("seed", (name, value), name=name, text=int.__repr__(value))


def seeding(name: str, position: int = 0, keyword: str = "seed", *, by_hand: bool = False) -> Any:
    """Return a hook that tells the seed which a function is given.

    With ``by_hand`` calls from installed packages are passed over, which make generators for their own ends.
    """

    def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        value = args[position] if len(args) > position else kwargs.get(keyword)
        if value is None:
            return
        if called_from("torch.utils.data", frames=10):
            return  # a worker's, made from the loader's
        file = caller()
        if by_hand and ("/site-packages/" in file or "/dist-packages/" in file or "/lib/python" in file):
            return
        seed(name, value)

    return before


def randomness(module: ModuleType) -> None:
    """Tell what ``random`` is seeded with, and generators that the training makes for itself."""
    patch(module, "seed", seeding("random", keyword="a"))
    patch(module.Random, "__init__", seeding("random.Random", 1, "x", by_hand=True))


def training_begins() -> None:
    """Tell the random state and the flags as they are when the first call trains."""
    for session in told():
        if not session.trained:
            session.trained = True
            random_state(session)
            flags(session)
