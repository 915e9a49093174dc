"""How a server was asked to behave."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """What an application is made with.

    Args:
        read_only: refuse every write.
        root_path: what a proxy in front takes off the beginning of a path, such as ``/models``.
        max_json_bytes: the largest body of JSON that is read, in bytes.
    """

    read_only: bool = False
    root_path: str = ""
    max_json_bytes: int = 64 * 2**20
