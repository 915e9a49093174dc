"""Where a database lies: SQLite's locks and its shared memory are not to be trusted over a network."""

from __future__ import annotations

import os
import re
from pathlib import Path

_TYPES = """
    9p acfs afpfs afs beegfs ceph cifs coda davfs eos glusterfs gpfs lustre mmfs ncpfs nfs nfs4 ocfs2 openafs orangefs
    panfs prl_fs pvfs2 smb2 smb3 smbfs vboxsf
"""
_NETWORK = frozenset(_TYPES.split())
_LOCAL_FUSE = frozenset({"fuse.fuse-overlayfs"})  # the root of a rootless container, on a local disk
_ESCAPE = re.compile(r"\\([0-7]{3})")
_MOUNTS = Path("/proc/self/mounts")


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, durably."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def filesystem(path: str, mounts: str) -> tuple[str, str]:
    """Return (type of the file system, mount point) for an absolute path without links, both empty when none fits.

    Args:
        path: where the database lies.
        mounts: the text of ``/proc/self/mounts``, see fstab(5): blanks in names are octal escapes.
    """
    best = ("", "")
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = _ESCAPE.sub(lambda match: chr(int(match[1], 8)), fields[1])
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best[1]):  # of two mounts on one point the later one is seen
            best = (fields[2], point)
    return best


def is_network(kind: str) -> bool:
    """Say whether a type of file system, as the mount table writes it, is one over a network, or may be one."""
    if kind == "fuse" or kind.startswith("fuse."):
        return kind not in _LOCAL_FUSE
    return kind in _NETWORK


def network_filesystem(path: Path) -> tuple[str, str] | None:
    """Return (type, mount point) when the path lies on a network file system, else ``None``.

    Without a mount table, as on macOS, nothing is known and nothing is refused.
    """
    try:
        mounts = _MOUNTS.read_text("utf-8", errors="surrogateescape")
    except OSError:
        return None
    kind, point = filesystem(os.path.realpath(path), mounts)
    return (kind, point) if is_network(kind) else None
