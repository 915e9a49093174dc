"""The index against the plain filter: the same sets, in the same explicit order."""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdbook.kernel.errors import InvalidError
from herdbook.model import query as q
from herdbook.model.query import Order
from herdbook.model.query_match import matches
from herdbook.model.query_parser import parse
from herdbook.model.rows import Document
from herdbook.stores.sql import index, index_facets, index_plan
from herdbook.stores.sql.index_blocks import BLOCK, CHUNK
from herdbook.stores.sql.index_tables import documents, numbers, postings, terms
from herdbook.testing import query as queries
from herdbook.testing.query import Told

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # tests are no package that is installed
from tests.search.registry import Registry, opened

# Both sides of the edges of chunks and blocks, and blocks with nothing in them between.
ITEMS = [1, 2, 3, CHUNK - 1, CHUNK, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK - 1, 3 * BLOCK]
BATCHES = st.lists(st.dictionaries(st.sampled_from(ITEMS), queries.told(), min_size=1, max_size=6), max_size=5)
SIZES = st.lists(st.integers(1, 4), min_size=1, max_size=3)


def _fill(registry: Registry, batches: list[dict[int, Told]]) -> None:
    for batch in batches:
        registry.put(batch)


def _check(registry: Registry, query: q.Expression, sizes: list[int]) -> None:
    for order in Order:
        expected = registry.expected(query, order)
        assert [item for item, _ in registry.index.search(query, order, "", 1000)] == expected
        assert registry.pages(query, order, sizes) == expected
    total = len(registry.expected(query, Order.NEWEST))
    assert [registry.index.count(query, cap) for cap in (1, 2, 1000)] == [min(total, cap) for cap in (1, 2, 1000)]


@given(BATCHES, st.lists(queries.expressions(), min_size=1, max_size=5), SIZES)
def test_the_index_finds_what_a_plain_filter_finds_in_the_same_order(
    batches: list[dict[int, Told]], asked: list[q.Expression], sizes: list[int]
) -> None:
    with opened() as connection:
        registry = Registry(connection)
        _fill(registry, batches)
        for query in asked:
            _check(registry, query, sizes)


@given(BATCHES, st.lists(queries.expressions(), min_size=1, max_size=5), SIZES)
def test_prefixes_of_very_many_words_and_long_sorted_listings_find_the_same(
    batches: list[dict[int, Told]], asked: list[q.Expression], sizes: list[int]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index_plan, "WIDE", 1)
        patch.setattr(index_plan, "_DOCUMENT_US", 0)
        patch.setattr(index, "_PATIENCE", 0)
        test_the_index_finds_what_a_plain_filter_finds_in_the_same_order.hypothesis.inner_test(batches, asked, sizes)  # type: ignore[attr-defined]  # Hypothesis puts the plain function there


@given(BATCHES)
def test_what_is_indexed_again_leaves_nothing_of_what_was_there_before(batches: list[dict[int, Told]]) -> None:
    with opened() as once, opened() as often:
        registry, fresh = Registry(often), Registry(once)
        _fill(registry, batches)
        fresh.put(registry.told)
        for item, told in registry.told.items():
            assert registry.index.document(item) == told.document
        assert _content(registry) == _content(fresh)
        registry.index.index({item: Document() for item in registry.told})
        left = {row.field for row in often.execute(terms.select())}
        assert left <= {index_plan.PRESENCE}


def _content(registry: Registry) -> dict[str, list[object]]:
    """Return all rows of the index, ids replaced by what they mean."""
    run = registry.connection.execute
    meaning = {row.id: (row.field, row.value) for row in run(terms.select())}
    return {
        "terms": sorted((row.field, row.value, row.count) for row in run(terms.select())),
        "postings": sorted((meaning[row.term], row.block, row.data) for row in run(postings.select())),
        "numbers": sorted(tuple(row) for row in run(numbers.select())),
        "documents": [row.item for row in run(documents.select().order_by(documents.c.item))],
    }


@given(BATCHES, queries.expressions(), st.sampled_from([*queries.TEXTS, "text", *queries.NUMBERS, "state", "title"]))
def test_facets_count_what_matches(batches: list[dict[int, Told]], query: q.Expression, field: str) -> None:
    with opened() as connection:
        registry = Registry(connection)
        _fill(registry, batches)
        found = [registry.told[item].document for item in registry.expected(query, Order.NEWEST)]
        counts = Counter(value for one in found for name, value in one.terms if name == field)
        if not any(name == field for told in registry.told.values() for name, _ in told.document.terms):
            counts = Counter(_shortest(value) for one in found for name, value in one.numbers if name == field)
        ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
        assert registry.index.facets(query, field, 3) == ranked[:3]


@given(BATCHES, queries.expressions(), st.sampled_from([*queries.TEXTS, "text", "state"]))
def test_facets_of_a_field_of_very_many_values_count_the_same(
    batches: list[dict[int, Told]], query: q.Expression, field: str
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"_FEW_VALUES": 0, "_LOOKED_UP": 0, "_SOME_VALUES": 0, "_NAMED": 1}.items():
            patch.setattr(index_facets, name, value)
        test_facets_count_what_matches.hypothesis.inner_test(batches, query, field)  # type: ignore[attr-defined]  # Hypothesis puts the plain function there


def _shortest(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)


@pytest.fixture(scope="module")
def many() -> Iterator[Registry]:
    """Return thirty thousand versions whose words are in all, half, few, or one of them."""
    chance = random.Random(7)
    told: dict[int, Told] = {}
    for item in range(1, 30_000):
        words = {f"w{int(chance.paretovariate(0.6)) % 5000}" for _ in range(6)} | {"every", f"only{item}"}
        if item % 2:
            words.add("odd")
        texts = {("format", chance.choice(["onnx", "onnx", "keras", "json"])), ("state", "current")}
        figures = {("ordinal", float(item % 7)), ("size", float(chance.randrange(10**9))), ("registered", float(item))}
        document = Document(frozenset({("text", word) for word in words} | texts), frozenset(figures))
        told[item] = Told(document, (f"sha256:{item:064x}",))
    with opened() as connection:
        registry = Registry(connection)
        registry.put(dict(list(told.items())[:20_000]))
        registry.put(dict(list(told.items())[20_000:]))
        yield registry


@pytest.mark.parametrize(
    "text",
    [
        "every", "odd w1", "w1 OR w2", "odd NOT w1", "w17 format = keras", "only77", "only1*", "w* format = json",
        "size < 1000", "size > 10 odd", "ordinal = 3 size >= 500000000", "registered < 1970-01-01T01:00:00Z",
        "NOT every", "NOT w1 NOT format = onnx", "format IN (keras, json) ordinal < 2", "*", "text1 OR only20000",
        "(w1 OR ordinal = 2) AND (w2 OR size < 1e8)", "only12345 every", "odd only12346",
    ],
)  # fmt: skip
def test_common_words_and_rare_ones_find_the_same_among_many(many: Registry, text: str) -> None:
    query = parse(text)
    for order in Order:
        expected = many.expected(query, order)
        assert [item for item, _ in many.index.search(query, order, "", 100_000)] == expected
        first = many.index.search(query, order, "", 50)
        assert [item for item, _ in first] == expected[:50]
        if first:
            following = many.index.search(query, order, first[-1][1], 70)
            assert [item for item, _ in following] == expected[50:120]
    if expected:  # in order of name, the last order above
        middle = len(expected) // 2
        model, ordinal = many.names[expected[middle]]
        following = many.index.search(query, Order.NAME, f"{model}@{ordinal}", 90)
        assert [item for item, _ in following] == expected[middle + 1 : middle + 91]
    assert many.index.count(query, 10**6) == len(expected)
    assert many.index.count(query, 500) == min(500, len(expected))


def test_an_update_of_one_among_many_changes_only_that_one(many: Registry) -> None:
    old, item = many.told[5000], 5000
    told = Told(Document(frozenset({("text", "new"), ("text", "odd")}), frozenset({("size", 3.0)})), old.digests)
    many.put({item: told})
    try:
        for text in ("new", "odd", "every", "size = 3", "has(format)", "has(size)"):
            assert many.pages(parse(text), Order.NEWEST, [997]) == many.expected(parse(text), Order.NEWEST)
    finally:
        many.put({item: old})
    assert many.index.document(item) == old.document
    assert many.index.count(parse("new"), 10) == 0


def test_facets_of_very_many_matches_count_fields_of_few_values_in_full(many: Registry) -> None:
    found = Counter(
        value for told in many.told.values() for name, value in told.document.terms if name == "format"
        and matches(parse("every"), told.document, told.digests)
    )  # fmt: skip
    assert many.index.facets(parse("every"), "format", 10) == sorted(found.items(), key=lambda pair: -pair[1])
    words = dict(many.index.facets(parse("every odd"), "text", 3))
    assert words["every"] == words["odd"] == index_facets.MAX_COUNTED


def test_versions_registered_between_two_pages_do_not_shift_the_second(many: Registry) -> None:
    query = parse("odd")
    first = many.index.search(query, Order.NEWEST, "", 10)
    expected = [item for item, _ in many.index.search(query, Order.NEWEST, "", 20)][10:]
    many.put({29_999: Told(Document(frozenset({("text", "odd")})), (f"sha256:{'e' * 64}",))})
    assert [item for item, _ in many.index.search(query, Order.NEWEST, first[-1][1], 10)] == expected


@pytest.mark.parametrize(("order", "after"), [(Order.NEWEST, "x"), (Order.OLDEST, "-1"), (Order.NAME, "demo/a@x")])
def test_a_position_that_never_was_one_is_refused(order: Order, after: str) -> None:
    with opened() as connection, pytest.raises(InvalidError) as caught:
        Registry(connection).index.search(q.All(), order, after, 10)
    assert caught.value.code == "bad-cursor"


def test_an_emptied_index_finds_nothing_and_can_be_filled_again() -> None:
    with opened() as connection:
        registry = Registry(connection)
        assert registry.index.search(q.All(), Order.NAME, "", 10) == []
        assert registry.index.last_item() == 0
        told = Told(Document(frozenset({("text", "a")})), (f"sha256:{'0' * 64}",))
        registry.put({7: told})
        registry.index.clear_index()
        assert registry.index.last_item() == 7
        for query in (q.All(), q.Not(q.Word("a")), q.Word("a")):
            assert registry.index.search(query, Order.OLDEST, "", 10) == []
            assert registry.index.facets(query, "text", 10) == []
        assert registry.index.document(7) == Document()
        registry.index.index({7: told.document})
        assert registry.index.search(q.Word("a"), Order.NEWEST, "", 10) == [(7, "7")]
