"""The noun ``identities`` over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from herdbook.model.identities import IdentityEntry
from herdbook.ports.registry import Registry
from herdbook.server.calls import Calls
from herdbook.server.parameters import Reference
from herdbook.wire import identities as wire

router = Calls("identities")


@router.answers(wire.FIND)
def find(
    registry: Registry,
    identifier: Annotated[
        str,
        Query(
            description="What another system calls it, `scheme:value`.",
            examples=["cms-fileinpath:RecoTauTag/TrainingFiles/data/x.pb"],
        ),
    ],
    tag: Annotated[str, Query(description="Only what it led to in this tag.")] = "",
) -> list[IdentityEntry]:
    """Return all that a foreign identity led to, oldest tag first."""
    return registry.identities.find(identifier, tag=tag)


@router.answers(wire.OF)
def of(registry: Registry, reference: Reference) -> list[IdentityEntry]:
    """Return what a version, and its files, are called elsewhere."""
    return registry.identities.of(reference)
