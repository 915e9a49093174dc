"""The index on PostgreSQL against the plain filter: the same sets in the same order as on SQLite."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, insert

from herdbook.model import query as q
from herdbook.stores.sql.postgres.engine import Database
from herdbook.stores.sql.postgres.links import say
from herdbook.stores.sql.schema import journals, models
from herdbook.testing import query as queries
from herdbook.testing.query import Told

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # tests are no package that is installed
from tests.search import test_index as base
from tests.search.registry import MODELS
from tests.servers.postgres import Server, fresh

FEWER = settings(max_examples=settings.default.max_examples // 4)  # type: ignore[union-attr]  # a profile is loaded
Opened = Callable[[], AbstractContextManager[Connection]]


@pytest.fixture(scope="module", autouse=True)
def on_postgres(postgres_server: Server) -> Iterator[None]:
    """Let ``opened`` give a transaction on PostgreSQL that is undone; one within another is in another database."""
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        free = [stack.enter_context(_filled(postgres_server)) for _ in range(3)]

        @contextmanager
        def opened() -> Iterator[Connection]:
            database = free.pop()
            with database.linked() as link:
                say(link.raw, "BEGIN")
                yield link.sql
            free.append(database)

        patch.setattr(base, "opened", opened)
        yield


@contextmanager
def _filled(server: Server) -> Iterator[Database]:
    """Give a database with a journal and models."""
    with fresh(server) as url, closing(Database(url, read_only=False)) as database:
        zero = bytes(32)
        journal = {"id": 1, "namespace": "demo", "folded": "demo", "journal": zero, "home": "", "seq": 1, "head": zero}
        rows = [
            {"id": id_, "name": name, "folded": name.casefold(), "journal": 1, "versions": 0, "last": 0}
            for id_, name in enumerate(MODELS, 1)
        ]
        with database.linked() as link:
            link.sql.execute(insert(journals), {**journal, "time": "", "current": True})
            link.sql.execute(insert(models), rows)
        yield database


@FEWER
@given(base.BATCHES, st.lists(queries.expressions(), min_size=1, max_size=5), base.SIZES)
def test_the_index_finds_what_a_plain_filter_finds_in_the_same_order(
    batches: list[dict[int, Told]], asked: list[q.Expression], sizes: list[int]
) -> None:
    base.test_the_index_finds_what_a_plain_filter_finds_in_the_same_order.hypothesis.inner_test(batches, asked, sizes)  # type: ignore[attr-defined]  # Hypothesis puts the plain function there


@FEWER
@given(base.BATCHES)
def test_what_is_indexed_again_leaves_nothing_of_what_was_there_before(batches: list[dict[int, Told]]) -> None:
    base.test_what_is_indexed_again_leaves_nothing_of_what_was_there_before.hypothesis.inner_test(batches)  # type: ignore[attr-defined]  # Hypothesis puts the plain function there


@FEWER
@given(
    base.BATCHES, queries.expressions(), st.sampled_from([*queries.TEXTS, "text", *queries.NUMBERS, "state", "title"])
)
def test_facets_count_what_matches(batches: list[dict[int, Told]], query: q.Expression, field: str) -> None:
    base.test_facets_count_what_matches.hypothesis.inner_test(batches, query, field)  # type: ignore[attr-defined]  # Hypothesis puts the plain function there
