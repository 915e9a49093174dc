"""What a namespace wants of checks: its newest statement of the kind ``check-policy``, in its own journal."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator

from herdbook.kernel.errors import MissingError
from herdbook.model.checks import CheckPolicy
from herdbook.ports.registry import Registry

KIND = "check-policy"


def named(registry: Registry, namespace: str) -> CheckPolicy:
    """Return the policy of a namespace that somebody asked for by its name.

    Raises:
        MissingError: when there is no such namespace here.
    """
    known = [each.namespace for each in registry.namespaces.list()]
    if namespace not in known:
        raise MissingError(
            f"there is no namespace {namespace!r} here",
            code="no-namespace",
            hint=f"Here are: {', '.join(known) or 'none yet'}.",
        )
    return policy(registry, namespace)


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


def misspelt(policy: CheckPolicy, rules: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield names in a policy that no rule has, each with the rule that is nearly called so.

    A name that is like none is left alone: readers have findings of many names, and so may plug-ins elsewhere.
    """
    for name in policy.severities or {}:
        if name not in rules and (near := difflib.get_close_matches(name, rules, n=1, cutoff=0.85)):
            yield name, near[0]
