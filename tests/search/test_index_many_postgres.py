"""The index on PostgreSQL with thirty thousand versions: sets, order and pages are those of the plain filter."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # tests are no package that is installed
from tests.search.test_index import (
    many,
    test_an_update_of_one_among_many_changes_only_that_one,
    test_common_words_and_rare_ones_find_the_same_among_many,
)
from tests.search.test_index_postgres import on_postgres

__all__ = [
    "many",
    "on_postgres",
    "test_an_update_of_one_among_many_changes_only_that_one",
    "test_common_words_and_rare_ones_find_the_same_among_many",
]
pytestmark = pytest.mark.slow
