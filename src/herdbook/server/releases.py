"""The noun ``releases`` over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from herdbook.model.releases import Released, ReleaseEntry
from herdbook.ports.registry import Registry
from herdbook.server.calls import Calls
from herdbook.server.parameters import Prefix, Reference
from herdbook.wire import releases as wire

router = Calls("releases")

Release = Annotated[str, Query(description="The name of a release, or of a cycle.", examples=["CMSSW_14_1_0"])]


@router.answers(wire.GET)
def get(registry: Registry, name: Release) -> ReleaseEntry:
    """Return a release: which packages at which tags."""
    return registry.releases.get(name)


@router.answers(wire.VERSIONS)
def versions(
    registry: Registry, name: Release, package: Annotated[str, Query(description="Only of this package.")] = ""
) -> list[Released]:
    """Return which versions were in a release, under which identities."""
    return registry.releases.versions(name, package=package)


@router.answers(wire.OF)
def of(registry: Registry, reference: Reference) -> list[Released]:
    """Return in which releases a version was."""
    return registry.releases.of(reference)


@router.answers(wire.LIST)
def list_(registry: Registry, prefix: Prefix = "") -> list[ReleaseEntry]:
    """Return releases by name."""
    return registry.releases.list(prefix)
