"""What a namespace wants of checks: its newest statement of the kind ``check-policy``, in its own journal."""

from __future__ import annotations

from herdbook.model.checks import CheckPolicy
from herdbook.ports.registry import Registry

KIND = "check-policy"


def policy(registry: Registry, namespace: str) -> CheckPolicy:
    """Return the policy of a namespace; where nobody said one, that of the rules themselves.

    What is said of it in another namespace's journal does not count.
    """
    said = [
        entry
        for entry in registry.statements.list(namespace, kind=KIND, limit=1000).items
        if entry.namespace == namespace
    ]
    newest = max(said, key=lambda entry: entry.seq, default=None)
    return CheckPolicy() if newest is None else CheckPolicy.read(newest.statement.body)
