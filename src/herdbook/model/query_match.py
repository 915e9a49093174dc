"""What a query means, said plainly: the filter that the index is held against."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from herdbook.model.query import (
    All,
    And,
    Begins,
    Compare,
    Expression,
    Has,
    Hash,
    Is,
    Not,
    Number,
    Or,
    Text,
    Word,
    WordPrefix,
)
from herdbook.model.rows import Document

WORDS = "text"
"""The field of a document that holds its words."""

DIGESTS = {"record": "digest", "file": "file"}
"""Fields in which a document names further digests of its record and its files: those that resolve them."""

_COMPARE: dict[Compare, Callable[[Any, Any], bool]] = {
    Compare.EQUAL: operator.eq,
    Compare.LESS: operator.lt,
    Compare.LESS_EQUAL: operator.le,
    Compare.GREATER: operator.gt,
    Compare.GREATER_EQUAL: operator.ge,
}


def matches(expression: Expression, document: Document, digests: Sequence[str]) -> bool:
    """Say whether a version matches a query.

    Args:
        expression: the query; its values are folded.
        document: what is known of the version; its values are folded by ``fold_value``, its words by the kernel.
        digests: the digest of the version's record, then all that are known of its files.
    """
    match expression:
        case All():
            return True
        case Word(word):
            return (WORDS, word) in document.terms
        case WordPrefix(prefix):
            return any(value.startswith(prefix) for value in _values(document, WORDS))
        case Is(field, values):
            return any((field, value) in document.terms for value in values)
        case Begins(field, prefix):
            return any(value.startswith(prefix) for value in _values(document, field))
        case Has(field):
            return any(name == field for name, _ in document.terms | document.numbers)
        case Number(field, compare, bound):
            return any(name == field and _COMPARE[compare](value, bound) for name, value in document.numbers)
        case Text(field, compare, bound):
            return any(_COMPARE[compare](value, bound) for value in _values(document, field))
        case Hash():
            return _hash(expression, document, digests)
        case Not(of):
            return not matches(of, document, digests)
        case And(of):
            return all(matches(part, document, digests) for part in of)
        case Or(of):
            return any(matches(part, document, digests) for part in of)


def _values(document: Document, field: str) -> list[str]:
    return [value for name, value in document.terms if name == field]


def _hash(of: Hash, document: Document, digests: Sequence[str]) -> bool:
    named = {"record": list(digests[:1]), "file": list(digests[1:])}
    for scope, field in DIGESTS.items():
        named[scope] += _values(document, field)
    return any(
        digest.partition(":")[2].startswith(of.prefix) and of.algorithm in {"", digest.partition(":")[0]}
        for scope, found in named.items()
        if of.scope in {"", scope}
        for digest in found
    )
