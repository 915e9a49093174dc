"""The reference page has every item, as the checklist has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from herdbook.model.audits import Item
from herdbook.service import checklist

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "audit.md").read_text("utf-8")


@pytest.mark.parametrize("item", checklist.core().items, ids=lambda item: str(item.id))
def test_an_item_stands_with_its_weight_its_gate_and_what_gives_its_scores(item: Item) -> None:
    mark = "gate" if item.gate else "fixed" if item.fixed else ""
    gives = [*item.gives, *["–"] * (4 - len(item.gives))]
    row = f"| {item.id} {item.title} | {item.weight} | {mark} | {' | '.join(gives)} |"
    assert row in PAGE, row
