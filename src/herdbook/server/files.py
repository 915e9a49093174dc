"""What is asked and said about files in JSON; their bytes are in ``transfers``."""

from __future__ import annotations

from herdbook.model.files import Content
from herdbook.model.registrations import FileCheck
from herdbook.model.versions import Registered
from herdbook.ports.registry import Registry
from herdbook.server.calls import Calls
from herdbook.wire import files as wire

router = Calls("files")


@router.answers(wire.VERIFY)
def verify(registry: Registry, asked: wire.Verify) -> list[FileCheck]:
    """Read the files of a version again and compare."""
    return registry.files.verify(asked.reference)


@router.answers(wire.SUPPLY)
def supply(registry: Registry, asked: wire.Supply) -> list[Registered]:
    """Let bytes that were put resolve unresolved versions of this principal; returns what they completed."""
    return registry.files.supply(asked.sha256s)


@router.answers(wire.FIND)
def find(registry: Registry, asked: wire.Find) -> dict[str, Content]:
    """Return, by digest of any kind, contents that one may name in a namespace without bringing the bytes."""
    return registry.files.find(asked.namespace, asked.digests)
