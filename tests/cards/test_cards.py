"""Cards: generated from what is known, again and again, and what people wrote in them is kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import herdbook
from herdbook.kernel.errors import InvalidError
from herdbook.model.activities import Activity
from herdbook.model.datasets import Dataset
from herdbook.model.statements import Said
from herdbook.ports.registry import Registry
from herdbook.service import cards

REFERENCE = "demo/tau/toy:v1"
SECTIONS = [("head", "", "A table."), ("use", "Use", "For taus."), ("limits", "Limits", ""), ("files", "Files", "Two.")]
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\r\f\v\x1c\x1d\x1e\x85\u2028\u2029"), max_size=60)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    model = tmp_path / "model.bin"
    model.write_bytes(b"weights")
    with herdbook.open(str(tmp_path / "registry")) as opened:
        data = opened.datasets.register("demo", Dataset.read({"id": {"scheme": "local", "value": "toys"}}))
        entry = opened.versions.register(REFERENCE, model, description={"title": "Toy", "intended_use": "Taus only."})
        told = {
            "kind": "training",
            "status": "finished",
            "inputs": [{"record": data.record, "role": "train"}],
            "outputs": [{"record": entry.record, "role": "model"}],
            "metrics": [{"name": "auc", "value": 0.91, "split": "test", "stat": 0.002}],
        }
        opened.activities.register("demo", Activity.read(told))
        yield opened


def _say(registry: Registry, kind: str, body: dict[str, object], **subject: object) -> None:
    said = Said.read({"type": f"herdbook/{kind}/1", "subject": [subject], "body": body})
    registry.statements.add("demo", [said])


def test_a_card_has_what_is_known_and_says_what_nobody_stated(registry: Registry) -> None:
    text = cards.model_card(registry, REFERENCE)
    assert text.startswith("# Toy\n")
    assert "Taus only." in text
    assert "| train | `local:toys` |" in text
    assert "| auc | test | 0.91 | ± 0.002 (stat) |" in text
    assert "```mermaid" in text
    limitations = text.split("<!-- herdbook:limitations -->")[1].split("<!-- /")[0]
    assert limitations.strip() == cards.NOT_STATED


def test_what_somebody_wrote_is_kept_and_what_became_known_is_new(registry: Registry) -> None:
    text = cards.model_card(registry, REFERENCE)
    mine = text.replace("<!-- /herdbook:limitations -->", "<!-- /herdbook:limitations -->\n\nNot above 1 TeV.")
    mine = "Read this first.\n\n" + mine + "\n## My own chapter\n\nThanks.\n"
    _say(registry, "known-issue", {"title": "Bad at high |eta|", "workaround": "Cut."}, name="demo/tau/toy")
    again = cards.model_card(registry, REFERENCE, mine)
    assert again.startswith("Read this first.\n\n# Toy\n")
    assert "Not above 1 TeV." in again
    assert again.endswith("\n## My own chapter\n\nThanks.\n")
    assert "Bad at high \\|eta\\|" in again
    assert cards.model_card(registry, REFERENCE, again) == again


def test_what_was_saved_is_in_a_card_written_elsewhere(registry: Registry) -> None:
    text = cards.model_card(registry, REFERENCE)
    mine = text.replace("<!-- /herdbook:limitations -->", "<!-- /herdbook:limitations -->\n\nNot above 1 TeV.\n")
    record = registry.versions.get(REFERENCE).record
    cards.save(registry, "demo", record, "model-card", mine)
    elsewhere = cards.model_card(registry, REFERENCE)
    assert "Not above 1 TeV." in elsewhere
    assert cards.parse(elsewhere).written == {"limitations": "Not above 1 TeV."}
    better = elsewhere.replace("1 TeV", "2 TeV")
    cards.save(registry, "demo", record, "model-card", better)
    assert "2 TeV" in cards.model_card(registry, REFERENCE)
    assert "1 TeV" not in cards.model_card(registry, REFERENCE)
    with pytest.raises(InvalidError, match="nothing was written"):
        cards.save(registry, "demo", record, "model-card", text)


def test_a_withdrawn_version_says_so_before_all_else(registry: Registry) -> None:
    record = registry.versions.get(REFERENCE).record
    _say(registry, "withdrawal", {"reason": "Trained on bad data", "replacement": "demo/tau/toy:v2"}, record=record)
    text = cards.model_card(registry, REFERENCE)
    assert "> **WITHDRAWN.** Trained on bad data Use `demo/tau/toy:v2` instead." in text.split("## ")[0]


def test_a_datasheet_says_what_was_made_with_the_dataset(registry: Registry) -> None:
    text = cards.datasheet(registry, "local:toys")
    assert "1 versions descend from it: `demo/tau/toy` (1)." in text
    assert "known by its name alone" in text


def test_words_of_others_cannot_end_a_block_or_bring_a_tag(registry: Registry) -> None:
    record = registry.versions.get(REFERENCE).record
    evil = "x\n<!-- /herdbook:summary -->\n<!-- herdbook:files -->\n<script>alert(1)</script>"
    _say(registry, "description", {"summary": evil}, record=record)
    _say(registry, "card", {"kind": "model-card", "sections": {"summary": evil}}, record=record)
    text = cards.model_card(registry, REFERENCE)
    assert "files" in cards.parse(text).names
    assert re.sub(r"(?s)<!-- /herdbook:summary -->.*", "", text).count("<script") == 0
    assert cards.model_card(registry, REFERENCE, text) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<!-- herdbook:a -->\nx\n", "does not end"),
        ("x\n<!-- /herdbook:a -->\n", "line 2"),
        ("<!-- herdbook:a -->\n<!-- /herdbook:b -->\n", "line 2"),
        ("<!-- herdbook:a -->\n<!-- /herdbook:a -->\n<!-- herdbook:a -->\n<!-- /herdbook:a -->\n", "line 3"),
    ],
)
def test_a_broken_card_is_left_alone_and_the_line_is_named(text: str, words: str) -> None:
    with pytest.raises(InvalidError, match=words):
        cards.write("T", SECTIONS, text)


@given(st.lists(WORDS, min_size=5, max_size=5))
def test_no_word_around_the_blocks_is_ever_lost(words: list[str]) -> None:
    first = cards.write("T", SECTIONS)
    pieces = cards.parse(first)
    texts = [f"{text}\n{word}\n" for text, word in zip(pieces.texts, words, strict=True)]
    mine = texts[0] + "".join(
        cards._block(name, "old") + text for name, text in zip(pieces.names, texts[1:], strict=True)
    )
    if cards._MARKER.search("".join(f"\n{word}\n" for word in words)):
        return
    again = cards.write("T", SECTIONS, mine)
    assert cards.parse(again).texts == texts
    assert "\nold\n<!-- /" not in again


def test_a_section_that_an_older_card_lacks_is_added_in_its_place() -> None:
    old = cards.write("T", [SECTIONS[0], SECTIONS[1], SECTIONS[3]])
    mine = old.replace("<!-- /herdbook:use -->", "<!-- /herdbook:use -->\n\nMy words on use.")
    again = cards.write("T", SECTIONS, mine)
    assert cards.parse(again).names == ["head", "use", "limits", "files"]
    assert again.index("My words on use.") < again.index("## Limits") < again.index("## Files")
    assert cards.write("T", SECTIONS, again) == again
