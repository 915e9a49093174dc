"""The tokeniser: whatever stands in a text can be found by typing it, whole or in part."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from herdbook.kernel import words

_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def test_a_camel_case_name_is_found_whole_and_by_its_parts() -> None:
    assert list(words.split("ParticleNetAK4")) == ["particlenetak4", "particle", "net", "ak4"]
    assert list(words.split("HTTPServer")) == ["httpserver", "http", "server"]
    assert list(words.split("deepTau_2018v2p5")) == ["deeptau", "deep", "tau", "2018v2p5"]
    assert list(words.split("cms/btv, AK4-jets (13.6 TeV)")) == [
        *("cms", "btv", "ak4", "jets", "13", "6", "tev", "te", "v"),
    ]


def test_case_width_and_ligatures_make_no_difference() -> None:
    assert words.whole("\uff21\uff2b\uff14 \ufb01t STRASSE Stra\u00dfe") == ["ak4", "fit", "strasse", "strasse"]
    assert words.whole("\u0130stanbul") == words.whole("istanbul")
    assert words.whole("e\u0301tiquette") == words.whole("\u00c9TIQUETTE")


@given(_texts)
def test_every_word_of_a_query_is_among_the_words_of_the_same_text(text: str) -> None:
    assert set(words.whole(text)) <= set(words.split(text))


@given(_texts)
@example("a\u0130b")
def test_a_word_of_the_index_typed_as_a_query_is_that_word(text: str) -> None:
    for word in words.split(text):
        assert words.whole(word) == [word]
        assert 1 <= len(word) <= words.MAX_WORD


@given(st.text("aZ09 -_\u00e9\u03c4", max_size=30))
def test_case_does_not_change_what_a_query_finds(text: str) -> None:
    assert words.whole(text.upper()) == words.whole(text.lower()) == words.whole(text)


def test_a_long_run_is_cut_the_same_in_text_and_query() -> None:
    run = "q" * 200
    assert list(words.split(run)) == words.whole(run) == ["q" * words.MAX_WORD]


def test_a_text_without_words_has_none() -> None:
    assert list(words.split(" \t\n--- ___ \u2026 ")) == words.whole("") == []
