"""Nothing of the shim reaches the training: a call that fails is no failure, and the shim does not notice itself."""

from __future__ import annotations

import _thread

TYPE_CHECKING = False
if TYPE_CHECKING:  # the module typing is not imported into a training
    from collections.abc import Callable
    from typing import Any


class _Local(_thread._local):
    """What each thread is in the middle of."""

    busy = False
    """Whether the shim itself is at work: what it opens is not noticed."""
    depth = 0
    """How many calls that train are open: what one of them trains inside is its own affair."""
    parsers = 0
    """How many parsers of arguments are open: a sub-command's is called by the outer one."""
    told = ""
    """The library whose outermost call was told, while it lasts."""


local = _Local()


def quietly(function: Callable[..., Any], *args: object, **keywords: object) -> Any:
    """Call and return the result, or None when it fails, or when the shim is at work in this thread already.

    A ``KeyboardInterrupt`` that arrives meanwhile is the training's: it goes on.
    """
    if local.busy:
        return None
    try:
        local.busy = True
        return function(*args, **keywords)
    except Exception:
        return None
    finally:
        local.busy = False
