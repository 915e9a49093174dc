"""Text beside a model: it is found by its words, and what is no text is left alone."""

from __future__ import annotations

import string
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdbook.kernel import words
from herdbook.model.facts import Facts
from herdbook.plugins.formats import text_words
from herdbook.plugins.formats.document import MAX_SIZE, Document

Memory = Callable[[bytes], Any]


@pytest.fixture
def read(in_memory: Memory) -> Callable[[str, bytes], Facts]:
    def read_(path: str, data: bytes) -> Facts:
        file = in_memory(data)
        assert Document().probe(file, path) is not None
        return Document().read(file, path, {})

    return read_


@pytest.mark.parametrize(
    ("path", "format_"),
    [
        ("README", "readme"),
        ("sub/README.md", "readme"),
        ("readme.txt", "readme"),
        ("docs/usage.md", "readme"),
        ("notes.rst", "readme"),
        ("particlenet_labels.txt", "labels"),
        ("config.pbtxt", "triton-config"),
        ("particlenet_AK4_PT_config.pbtxt", "triton-config"),
        ("graph.pbtxt", "other"),
        ("model_info.txt", "other"),
        ("train.py", "other"),
        ("preprocess.json", "other"),  # by its name alone it is not weaver's
    ],
)
def test_the_name_says_which_kind_of_text_it_is(read: Callable[[str, bytes], Facts], path: str, format_: str) -> None:
    assert read(path, b"some words\n").format == format_


def test_every_word_of_a_readme_is_found_once(read: Callable[[str, bytes], Facts]) -> None:
    facts = read("README.md", "# ParticleNet\n\nTrained on `/TTbar/Run2-v1`, größer; größer.\n".encode())
    said = "particlenet particle net trained on ttbar t tbar run2 v1 grösser"
    assert facts.values["words"] == sorted(set(said.split()) & set(facts.values["words"]))
    assert {"particlenet", "particle", "net", "trained", "run2", "v1", "grösser"} <= set(facts.values["words"])
    assert facts.values["lines"] == 3
    assert facts.findings == ()


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# One\n\n# Two\n", "One"),
        ("\n\n## Deep title ##\n", "Deep title"),
        ("[badge]\n\n# Title\n", "Title"),
        ("Title\n=====\n\ntext", "Title"),
        ("=====\nTitle\n=====\n", "Title"),
        ("A line that says it.\n\nAnother.", "A line that says it."),
        ("---\nlicense: mit\n---\n# Title\n", "Title"),
        ("```\n# a comment\n```\nWords\n", "Words"),
        ("#hashtag is no heading\n", "#hashtag is no heading"),
        ("# " + "x" * 500, "x" * 200),
        ("", None),
        ("\n\n  \n", None),
    ],
)
def test_the_title_of_a_readme_is_its_first_heading(
    read: Callable[[str, bytes], Facts], text: str, title: str | None
) -> None:
    assert read("README.md", text.encode()).values.get("title") == title


@pytest.mark.parametrize(("data", "lines"), [(b"a", 1), (b"a\n", 1), (b"a\nb", 2), (b"\n\n", 2), (b"a\r\nb\r\n", 2)])
def test_lines_are_counted_as_an_editor_does(read: Callable[[str, bytes], Facts], data: bytes, lines: int) -> None:
    assert read("a.txt", data).values["lines"] == lines


@pytest.mark.parametrize(
    "data",
    [
        b"\0\1\2\3",
        b"\x80\x04\x95pickle",
        b"PK\x03\x04zip",
        b"\x1f\x8b\x08gzip",
        b"\x89PNG\r\n",
        "utf-16".encode("utf-16"),
        bytes(range(128, 256)),
        b"x" * (MAX_SIZE + 1),
    ],
)
def test_what_is_no_text_is_left_alone(in_memory: Memory, data: bytes) -> None:
    assert Document().probe(in_memory(data), "model.bin") is None


def test_a_readme_in_an_old_encoding_is_read_and_said_to_be(read: Callable[[str, bytes], Facts]) -> None:
    facts = read("README", "Größe und Maß\n".encode("latin-1"))
    assert [finding.rule for finding in facts.findings] == ["not-utf8"]
    assert "und" in facts.values["words"]


def test_text_that_ends_in_the_middle_of_a_character_of_the_first_look_is_text(
    read: Callable[[str, bytes], Facts],
) -> None:
    for shift in range(4):
        assert read("notes", b"x" * shift + "τ😀".encode() * 5000).findings == ()


def test_a_byte_order_mark_is_no_part_of_the_title(read: Callable[[str, bytes], Facts]) -> None:
    assert read("README.md", "\ufeff# Title\n".encode()).values["title"] == "Title"


def test_words_are_cut_where_there_are_too_many_and_that_is_said(read: Callable[[str, bytes], Facts]) -> None:
    facts = read("a.txt", " ".join(f"w{i}x" for i in range(20_000)).encode())
    assert len(facts.values["words"]) == 5000
    assert [finding.rule for finding in facts.findings] == ["words-cut"]
    facts = read("b.txt", b"word " * 300_000 + b"late")
    assert facts.values["words"] == ["word"]
    assert [finding.rule for finding in facts.findings] == ["words-cut"]


@given(st.text(st.characters(max_codepoint=0x17F)) | st.text(string.printable))
def test_words_of_plain_text_are_those_of_any_text(text: str) -> None:
    """What is quick for ASCII gives the words that the one tokeniser gives, or a search would miss them."""
    told, findings = text_words.searched(text.encode(), text)
    assert (told["words"], findings) == (sorted(set(words.split(text))), ())
