"""A line of the shim as JSON, and a value of the training as a short text, without importing ``json``.

The training may have a module of its own called ``json``: whatever is imported before its script starts would hide it.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # the module typing is not imported into a training
    from types import FrameType

try:
    from _json import encode_basestring_ascii as _quote
except ImportError:  # an interpreter without the C accelerator
    from json.encoder import py_encode_basestring_ascii as _quote


LONGEST = 4096
"""Characters of a text after which it is cut."""
MOST_ITEMS = 64
"""Items of a list after which it is cut."""
_SECRET = (
    "password",
    "passwd",
    "passphrase",
    "secret",
    "apikey",
    "accesskey",
    "privatekey",
    "credential",
    "credentials",
)
_SECRET_WORDS = ("token", "authtoken", "accesstoken", "apitoken", "hftoken", "bearer", "authorization")


def encode(value: object) -> str:
    """Return JSON of plain values; a number that JSON cannot write is a string (``"NaN"``, ``"Infinity"``)."""
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, str):
        return _quote(value)
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        if value != value:  # noqa: PLR0124 - NaN is the one number that differs from itself
            return '"NaN"'
        if value in (float("inf"), float("-inf")):
            return '"Infinity"' if value > 0 else '"-Infinity"'
        return float.__repr__(value)
    if isinstance(value, dict):
        return "{" + ", ".join([_quote(str(key)) + ": " + encode(item) for key, item in value.items()]) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join([encode(item) for item in value]) + "]"
    return _quote(str(value))


def number(value: object) -> object:
    """Return a number as Python's own: scalars of numpy and of other libraries have ``item``; None when it is none."""
    if isinstance(value, (bool, int, float)):
        return value
    if not _of(value, "numpy", "torch", "tensorflow", "jax", "jaxlib"):
        return None
    if getattr(value, "shape", None) not in ((), None):
        return None
    found = value.item() if hasattr(value, "item") else None
    return found if isinstance(found, (bool, int, float)) else None


def plain(value: object, depth: int = 0) -> object:
    """Return what can be written of a value without asking a foreign object for its text, which could be costly."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return value[:LONGEST]
    as_number = number(value)
    if as_number is not None:
        return as_number
    if depth < 4 and isinstance(value, dict):
        return {str(key): plain(value[key], depth + 1) for key in list(value)[:MOST_ITEMS]}
    if depth < 4 and isinstance(value, (list, tuple)):
        return [plain(item, depth + 1) for item in value[:MOST_ITEMS]]
    if depth < 4 and isinstance(value, (set, frozenset)):
        return sorted([encode(plain(item, depth + 1)) for item in list(value)[:MOST_ITEMS]])
    if isinstance(value, type) or callable(value):
        return f"{getattr(value, '__module__', '?')}.{getattr(value, '__qualname__', type(value).__name__)}"
    if hasattr(type(value), "__fspath__"):
        return str(value)[:LONGEST]
    return f"{type(value).__module__}.{type(value).__qualname__}"


def describe(value: object) -> tuple[str, str]:
    """Return the text of a parameter's value, and the name of its type."""
    found = plain(value)
    name = type(value).__name__ if value is not None else "null"
    return (found if isinstance(found, str) else encode(found).strip('"'))[:LONGEST], name


def is_secret(name: str) -> bool:
    """Say whether an option's name is that of a secret; a tokeniser, and a number of tokens, are none."""
    bare = name.lower().lstrip("-").replace("-", "").replace("_", "").replace(".", "")
    return bare.endswith(_SECRET) or bare in _SECRET_WORDS


def masked(words: list[str]) -> list[str]:
    """Return a command line without the values of options that are secrets."""
    out: list[str] = []
    hidden = False
    for word in words:
        option, equals, _ = word.partition("=")
        if hidden and not word.startswith("-"):
            out.append("***")
        elif equals and is_secret(option):
            out.append(option + "=***")
        else:
            out.append(word[:LONGEST])
        hidden = word.startswith("-") and not equals and is_secret(word)
    return out


def caller() -> str:
    """Return the file of the nearest frame that is not the shim's."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if not str(frame.f_globals.get("__name__")).startswith(__package__ or "?"):
            return frame.f_code.co_filename
        frame = frame.f_back
    return ""


def called_from(*modules: str, frames: int = 60) -> bool:
    """Say whether one of the nearest frames is of one of these modules, or of one below it."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frames > 0:
        name = str(frame.f_globals.get("__name__"))
        if name.startswith(modules) and any(name == module or name.startswith(module + ".") for module in modules):
            return True
        frame = frame.f_back
        frames -= 1
    return False


def _of(value: object, *packages: str) -> bool:
    return type(value).__module__.partition(".")[0] in packages
