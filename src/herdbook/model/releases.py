"""Releases of software: which packages at which tags, and so which versions of models."""

from __future__ import annotations

from herdbook.model.base import Sha256, Text, Value
from herdbook.model.identities import IdentityEntry
from herdbook.model.kinds import ReleasePackage


class ReleaseEntry(Value):
    """A release, or a release cycle: which packages at which tags."""

    name: Text
    packages: tuple[ReleasePackage, ...]
    statement: Sha256
    namespace: Text
    where: Text | None = None


class Released(Value):
    """A version in a release, by which package and tag, and under which foreign identity."""

    release: Text
    package: Text
    tag: Text
    identity: IdentityEntry
