"""Which opened files are data, configuration, code, or nothing that concerns a training: the interpreter, caches."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Literal

Sort = Literal["data", "config", "code", "noise"]

_SYSTEM = tuple(
    f"/{name}/" for name in ("proc", "sys", "dev", "etc", "run", "usr", "lib", "lib32", "lib64", "bin", "sbin", "boot")
)
_MEMORY = "/dev/shm/"  # noqa: S108 - people lay data there, and take them from there
_PACKAGES = re.compile(r"/(?:site-packages|dist-packages|__pycache__|\.git|\.hg|\.svn|conda-meta)(?:/|$)")
_STDLIB = re.compile(r"/lib(?:64)?/python\d(?:\.\d+)?/")
_ABOUT_PACKAGES = re.compile(r"\.(?:dist-info|egg-info|egg)(?:/|$)")
_CODE = frozenset(
    (".py", ".pyi", ".pyc", ".pyo", ".pyx", ".ipynb", ".sh", ".c", ".cc", ".cpp", ".cxx", ".h", ".hh", ".hpp", ".f90")
)
_LIBRARIES = frozenset((".so", ".pth", ".dylib", ".pcm", ".rootmap", ".modulemap", ".pxd", ".ttf", ".afm", ".mplstyle"))
_CONFIG = frozenset((".yaml", ".yml", ".toml", ".ini", ".cfg", ".conf", ".json", ".jsonc", ".json5", ".xml", ".props"))
CONFIG_SIZE = 1 << 20
"""Bytes above which a file is no configuration, whatever it is called."""
_DOWNLOADS = re.compile(r"/\.(?:cache/(?:torch|huggingface|keras)|keras|torch|huggingface)/")
"""Caches that hold what a training can begin from: weights, data sets."""
_HIDDEN = re.compile(r"/\.(?:cache|config|local|matplotlib|ipython|jupyter|nv|triton|pytest_cache|mypy_cache)/")
_LOG = re.compile(r"(?:\.(?:log|out|err|lock|pid|tmp|part)|~|/events\.out\.tfevents[^/]*)$")


def sort_of(path: str, size: int | None = None, *, prefixes: tuple[str, ...] = ()) -> Sort:
    """Say what an absolute path that was opened is.

    Args:
        path: as it was opened, made absolute.
        size: in bytes, where it is known.
        prefixes: folders whose files never count: the training's interpreter, the spool.
    """
    system = path.startswith(_SYSTEM) and not path.startswith(_MEMORY)
    if path.startswith(prefixes) or system or not path.startswith("/"):
        return "noise"
    if _PACKAGES.search(path) or _STDLIB.search(path) or _ABOUT_PACKAGES.search(path):
        return "noise"
    if _HIDDEN.search(path) and not _DOWNLOADS.search(path):
        return "noise"
    end = PurePosixPath(path).suffix.lower()
    if end == ".pth" and (size is None or size > CONFIG_SIZE):
        return "data"  # weights of PyTorch; the small ones tell the interpreter where packages are
    if end in _LIBRARIES or re.search(r"\.so(?:\.\d+)+$", path):
        return "noise"
    if end in _CODE:
        return "code"
    if end in _CONFIG and (size is None or size <= CONFIG_SIZE):
        return "config"
    return "data"


def is_log(path: str) -> bool:
    """Say whether a written file is a protocol or a lock, and no result."""
    return _LOG.search(path) is not None
