"""Which files are opened: the interpreter's own audit event, and what wrappers of C-level openers tell."""

from __future__ import annotations

import os
import sys

from .guard import local
from .sessions import active, told

TYPE_CHECKING = False
if TYPE_CHECKING:  # the module typing is not imported into a training
    from types import FrameType
    from typing import Any

FOLDER = os.path.dirname(os.path.abspath(__file__))
"""What ``PYTHONPATH`` must name for an interpreter to take the shim in; its own files are not noticed."""
_STANDARD = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
_NOISE = ("/proc/", "/sys/", "/dev/", "/etc/", "/run/", "/usr/share/zoneinfo", FOLDER + os.sep, _STANDARD)
_MEMORY = "/dev/shm/"
_MEMORY_NOISE = ("joblib_memmapping", "pymp-", "psm_", "sem.", "torch_", "loky-")
_PACKAGES = ("/site-packages/", "/dist-packages/", "/__pycache__/")
_LIBRARIES = {
    *("numpy", "pandas", "torch", "uproot", "h5py", "pyarrow", "joblib", "PIL", "xgboost", "lightgbm", "sklearn"),
    *("keras", "tensorflow", "yaml", "omegaconf", "hydra", "awkward", "scipy", "fastparquet", "safetensors", "onnx"),
}
_IMPORTS = ("_frozen_importlib_external", "importlib._bootstrap_external", "runpy", "zipimport")
_MOST_FRAMES = 40
_MOST_QUICK = 200_000
_quick: set[tuple[str, int]] = set()
"""Absolute paths that need no second look; emptied whenever the sessions change."""


def forget() -> None:
    """Look at every path anew: a session began, or a process was forked."""
    _quick.clear()


def hook(event: str, arguments: tuple[Any, ...]) -> None:
    """Be told by the interpreter (PEP 578). It cannot be taken out again, so it returns at once when nobody listens."""
    if event == "open":
        if active and not local.busy:
            try:
                _opened(arguments)
            except Exception:
                pass
    elif event == "os.exec" and active:
        for session in list(active):
            session.flush()


def _opened(arguments: tuple[Any, ...]) -> None:
    path, _, flags = arguments
    if path.__class__ is not str:
        if isinstance(path, int):
            return
        path = os.fsdecode(path)  # bytes or a PathLike, or it raises
    rooted = path[:1] == "/"
    key = (path, flags)
    if (rooted and key in _quick) or flags & getattr(os, "O_DIRECTORY", 0):
        return
    local.busy = True
    try:
        _look(path, _mode(flags))
    finally:
        local.busy = False
    if rooted and len(_quick) < _MOST_QUICK:
        _quick.add(key)


def _mode(flags: int) -> str:
    access = flags & os.O_ACCMODE
    if access == os.O_RDONLY:
        return "r"
    if flags & os.O_APPEND:
        return "a"
    return "w" if access == os.O_WRONLY or flags & os.O_TRUNC else "+"


def _look(path: str, mode: str) -> None:
    path = os.path.abspath(path)
    if mode == "r" and path.endswith(".pyc"):
        path = _source(path)
    if not is_noise(path) and any(not session.knows("open", (path, mode)) for session in told()):
        via = _via()
        if via:
            _tell(path, mode, via)


def _source(path: str) -> str:
    """Return the module that a file of compiled code was made from: that is what is imported."""
    folder, name = os.path.split(path)
    parent, cache = os.path.split(folder)
    return os.path.join(parent, name.partition(".")[0] + ".py") if cache == "__pycache__" else path


def is_noise(path: str) -> bool:
    """Say whether an absolute path is of the interpreter, of an installed package, of the system or of the shim."""
    if path.startswith(_NOISE):
        return not path.startswith(_MEMORY) or path[len(_MEMORY) :].startswith(_MEMORY_NOISE)
    if any(part in path for part in _PACKAGES) or path.endswith("/pyvenv.cfg"):
        return True
    return any(path.startswith(session.folder + os.sep) for session in active)


def _tell(path: str, mode: str, via: str) -> None:
    size, changed = None, None
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        if mode == "r":
            return  # there is none: the opening will fail
        mode = "w"  # made by this
    else:
        if found.st_mode & 0o170000 != 0o100000:  # no regular file
            return
        if mode != "w":
            size, changed = found.st_size, found.st_mtime_ns
    for session in told():
        session.once("open", (path, mode), path=path, mode=mode, via=via, size=size, mtime_ns=changed)


def by_library(source: object, mode: str, via: str) -> None:
    """Tell of a file or an address that a library opens below Python.

    Args:
        source: a path or an address, or a list of such; what is neither is passed over.
        mode: ``r``, ``w``, ``a`` or ``+``.
        via: the library.
    """
    if isinstance(source, (list, tuple, set)):
        for item in source:
            by_library(item, mode, via)
        return
    if not isinstance(source, (str, bytes)) and not hasattr(type(source), "__fspath__"):
        return
    path = os.fsdecode(source)  # type: ignore[arg-type]  # asked above
    if path.startswith("file://"):
        path = path[7:]
    if "://" in path:
        path = _public(path)
        for session in told():
            session.once("open", (path, mode), path=path, mode=mode, via=via, size=None, mtime_ns=None)
        return
    path = os.path.abspath(path)
    if not is_noise(path):
        _tell(path, mode, via)


def _public(address: str) -> str:
    """Return an address without user, password and query, in which signed addresses have their secret."""
    scheme, _, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    return scheme + "://" + host.rpartition("@")[2] + slash + path.partition("?")[0]


def _via() -> str:
    """Name the library that opens: the nearest frame outside the standard library decides.

    Empty when it is ``tempfile`` that tries whether a folder can be written.
    """
    frame: FrameType | None = sys._getframe(1)
    first = True
    for _ in range(_MOST_FRAMES):
        if frame is None:
            break
        name = str(frame.f_globals.get("__name__") or "")
        if not name.startswith(__package__ or "?"):
            top = name.partition(".")[0]
            if first and name.startswith(_IMPORTS):
                return "import"
            if frame.f_code.co_name == "_get_default_tempdir":
                return ""
            first = False
            if top in _LIBRARIES:
                return "torch.load" if name == "torch.serialization" else top
            if not frame.f_code.co_filename.startswith((_STANDARD, "<frozen")) and top != "fsspec":
                return "open"
        frame = frame.f_back
    return "import" if first else "open"  # no frame of Python at all: the interpreter reads the script
