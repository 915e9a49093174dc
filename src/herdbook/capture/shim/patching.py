"""Puts wrappers in place: in a module, in the modules that took the name from it, in a class."""

from __future__ import annotations

import sys

from .importlib_bootstrap import MARK, around

TYPE_CHECKING = False
if TYPE_CHECKING:  # the module typing is not imported into a training
    from .importlib_bootstrap import After, Before


def patch(
    owner: object, name: str, before: Before | None = None, after: After | None = None, also: tuple[str, ...] = ()
) -> None:
    """Wrap a function of a module or a method of a class, once.

    Args:
        owner: the module or class; a class is wrapped only where it defines the name itself.
        name: of the function.
        before: see ``around``.
        after: see ``around``.
        also: names of modules that hold the same function when they were loaded earlier.
    """
    held = vars(owner)
    original = held.get(name)
    if original is None or not callable(original) or getattr(original, MARK, False):
        return
    wrapped = around(original, before, after)
    setattr(owner, name, wrapped)
    for other in also:
        module = sys.modules.get(other)
        if module is not None and vars(module).get(name) is original:
            setattr(module, name, wrapped)
