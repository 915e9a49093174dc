"""Functions put around functions of libraries. The name of this file is what Python itself looks at.

``warnings.warn(stacklevel=2)`` in a wrapped function should point to the training's line, as it does without the shim.
CPython passes over frames of files whose name has ``importlib`` and ``_bootstrap`` in it (``_warnings.c``,
``is_internal_frame``; ``warnings._is_internal_frame``); so all wrappers are made here, and nowhere else.
"""

from __future__ import annotations

from .guard import quietly
from .sessions import active

TYPE_CHECKING = False
if TYPE_CHECKING:  # the module typing is not imported into a training
    from collections.abc import Callable
    from typing import Any

    Before = Callable[[tuple[Any, ...], dict[str, Any]], Any]
    After = Callable[[Any, tuple[Any, ...], dict[str, Any], Any], None]

MARK = "__noticed_by_herdbook__"


def around(
    original: Callable[..., Any], before: Before | None = None, after: After | None = None
) -> Callable[..., Any]:
    """Return a function that does what the original does, and tells the shim before and after.

    ``before(args, kwargs)`` returns a token for ``after(token, args, kwargs, result)``, which is called when the token
    is not None, also when the original raises (``result`` is then the exception).
    """

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if not active:
            return original(*args, **kwargs)
        token = True if before is None else quietly(before, args, kwargs)
        if token is None or after is None:
            return original(*args, **kwargs)
        try:
            result = original(*args, **kwargs)
        except BaseException as failure:
            quietly(after, token, args, kwargs, failure)
            raise
        quietly(after, token, args, kwargs, result)
        return result

    return _dressed(wrapper, original)


def _dressed(wrapper: Callable[..., Any], original: Callable[..., Any]) -> Callable[..., Any]:
    """Let it look like the original, as ``functools.wraps`` does, which is not imported here."""
    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        if hasattr(original, name):
            setattr(wrapper, name, getattr(original, name))
    wrapper.__dict__.update(getattr(original, "__dict__", {}))
    wrapper.__wrapped__ = original  # type: ignore[attr-defined]  # as functools does
    setattr(wrapper, MARK, True)
    return wrapper
