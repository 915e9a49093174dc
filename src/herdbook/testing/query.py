"""Random queries and random documents that meet often: one generator for every implementation of search.

Needs Hypothesis (``pip install herdbook[testing]``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from hypothesis import strategies as st

from herdbook.kernel.digests import HEX_DIGITS
from herdbook.model import query as q
from herdbook.model.rows import Document

TEXTS = ("label", "path", "format", "parameter.optimizer", "ext.hep.era")
NUMBERS = ("ordinal", "size", "registered", "metric.auc", "parameter.epochs")
WORDS = ("text",)

# Few letters, so that prefixes and ranges meet; some whose order by code point, UTF-8 and UTF-16 differ, or none has.
_ALPHABET = "ab0é字\ud7ff\uffee\U0001f600\U0010ffff"
_VALUES = st.text(_ALPHABET, min_size=1, max_size=3).map(q.fold_value)
_WORDS = st.text("ab01é字", min_size=1, max_size=3)
_FIGURES = st.one_of(
    st.integers(-3, 3).map(float),
    st.sampled_from((0.5, 1e9, 1e9 + 0.25, -1e-300, 1.7e308)),
)


@dataclass(frozen=True, slots=True)
class Told:
    """A document, and the digests of its record and of its files."""

    document: Document
    digests: tuple[str, ...]


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Return what is known of some version."""
    terms = draw(st.frozensets(st.tuples(st.sampled_from(TEXTS), _VALUES), max_size=5))
    words = draw(st.frozensets(st.tuples(st.sampled_from(WORDS), _WORDS), max_size=5))
    flags = draw(st.frozensets(st.sampled_from((("state", "current"), ("issue", "yes"))), max_size=2))
    more = draw(st.frozensets(st.sampled_from(("digest", "file")).flatmap(_resolving), max_size=1))
    numbers = draw(st.frozensets(st.tuples(st.sampled_from(NUMBERS), _FIGURES), max_size=4))
    return Document(terms=terms | words | flags | more, numbers=numbers)


def _resolving(field: str) -> st.SearchStrategy[tuple[str, str]]:
    return st.tuples(st.just(field), digests("sha256"))


def digests(algorithm: str | None = None) -> st.SearchStrategy[str]:
    """Return digests, of which many begin alike."""
    algorithms = st.just(algorithm) if algorithm else st.sampled_from(sorted(HEX_DIGITS))
    return st.tuples(algorithms, st.sampled_from("01"), st.sampled_from("01f")).map(
        lambda parts: f"{parts[0]}:{parts[1] * 8 + parts[2] * (HEX_DIGITS[parts[0]] - 8)}"
    )


def told() -> st.SearchStrategy[Told]:
    """Return a document with its digests, the record's first."""
    files = st.lists(digests(), min_size=1, max_size=3)
    return st.builds(
        lambda document, record, files: Told(document, (record, *files)), documents(), digests("sha256"), files
    )


def expressions(max_leaves: int = 8) -> st.SearchStrategy[q.Expression]:
    """Return queries, which the language can all say."""
    return st.recursive(leaves(), _joined, max_leaves=max_leaves)


def _joined(parts: st.SearchStrategy[q.Expression]) -> st.SearchStrategy[q.Expression]:
    several = st.lists(parts, min_size=1, max_size=4).map(tuple)
    return st.one_of(several.map(q.And), several.map(q.Or), parts.map(q.Not))


def leaves() -> st.SearchStrategy[q.Expression]:
    """Return queries of one condition."""
    texts, numbers = st.sampled_from(TEXTS), st.sampled_from(NUMBERS)
    ordered = st.sampled_from([compare for compare in q.Compare if compare is not q.Compare.EQUAL])
    return st.one_of(
        st.just(q.All()),
        st.builds(q.Word, _WORDS),
        st.builds(q.WordPrefix, _WORDS),
        st.builds(q.Is, texts, st.lists(_VALUES, min_size=1, max_size=3, unique=True).map(tuple)),
        st.sampled_from((q.Is("state", ("current",)), q.Is("issue", ("yes",)))),
        st.builds(q.Begins, texts, _VALUES),
        st.builds(q.Has, st.sampled_from((*TEXTS, *NUMBERS, "title"))),
        st.builds(q.Text, texts, ordered, _VALUES),
        numbers.flatmap(lambda field: st.builds(q.Number, st.just(field), _compares(field), _bounds(field))),
        hashes(),
    )


def _compares(field: str) -> st.SearchStrategy[q.Compare]:
    # ``parameter.epochs = 3`` means the text 3 too, so that the language has no way to say the number alone.
    return st.sampled_from([c for c in q.Compare if c is not q.Compare.EQUAL or not field.startswith("parameter.")])


def _bounds(field: str) -> st.SearchStrategy[float]:
    return st.integers(-2, 4).map(float) if field == "registered" else _FIGURES.filter(math.isfinite)


def hashes() -> st.SearchStrategy[q.Hash]:
    """Return queries for digests that begin so."""
    parts = st.tuples(digests(), st.booleans(), st.sampled_from(("", "record", "file")), st.integers(8, 64))
    return parts.map(lambda part: _hash(*part))


def _hash(digest: str, named: bool, scope: str, length: int) -> q.Hash:
    algorithm, _, found = digest.partition(":")
    return q.Hash(found[:length], algorithm if named else "", scope)
