"""Keys in the tables give back the text they stand for, and sort and search as it does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdbook.kernel.digests import HEX_DIGITS
from herdbook.kernel.errors import InvalidError
from herdbook.stores.sql import digests

_HEX = st.sampled_from("0123456789abcdef")
DIGESTS = st.sampled_from([*HEX_DIGITS.items(), ("actor", 32), ("registry", 32)]).flatmap(
    lambda kind: st.text(_HEX, min_size=kind[1], max_size=kind[1]).map(lambda digits: f"{kind[0]}:{digits}")
)
LIKE = st.tuples(st.sampled_from(["sha256:", "md5:", "actor:", "x:", ""]), st.text("0aAfF :\u0660", max_size=70)).map(
    "".join
)
ANY = st.one_of(DIGESTS, LIKE, DIGESTS.map(str.upper), st.text(st.characters(exclude_categories=["Cs"])))


@given(ANY)
def test_any_text_comes_back_as_it_was(text: str) -> None:
    assert digests.unpack(digests.pack(text)) == text


@given(ANY, ANY)
def test_two_texts_never_share_a_key(one: str, two: str) -> None:
    assert (digests.pack(one) == digests.pack(two)) is (one == two)


@given(st.binary(min_size=32, max_size=32))
def test_a_sha256_is_its_bytes(value: bytes) -> None:
    text = digests.text(value)
    assert digests.raw(text) == value
    assert digests.pack(text) == b"\0" + value


@given(st.binary(min_size=4, max_size=4), st.integers(0, 8), st.binary(min_size=4, max_size=4))
def test_the_span_of_a_prefix_holds_what_begins_so_and_nothing_else(value: bytes, length: int, other: bytes) -> None:
    span = digests.span(value.hex()[:length], 4)
    assert span
    assert (span[0] <= other <= span[1]) is other.hex().startswith(value.hex()[:length])
    assert span[0] <= value <= span[1]


@pytest.mark.parametrize("text", ["", "sha256:", "sha256:" + "g" * 64, "sha256:" + "0" * 63, "md5:" + "0" * 32])
def test_what_is_no_sha256_is_refused(text: str) -> None:
    with pytest.raises(InvalidError):
        digests.raw(text)


def test_a_prefix_that_is_not_hexadecimal_has_no_span() -> None:
    assert digests.span("xyz", 4) is None
    assert digests.span("0" * 9, 4) is None
