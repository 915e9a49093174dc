"""Canonical bytes: equal to another implementation's, and nothing ambiguous taken."""

from __future__ import annotations

import json
import random
import struct
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from herdbook.kernel import canonical
from herdbook.kernel.errors import InvalidError

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = canonical.SAFE_INTEGER


def _doubles(count: int) -> Iterator[float]:
    """Yield doubles drawn by their bits, so that every exponent is as likely as any other."""
    source = random.Random(20261121)
    while count:
        (value,) = struct.unpack(">d", source.randbytes(8))
        if value == value and abs(value) != float("inf"):  # noqa: PLR0124 - NaN differs from itself
            count -= 1
            yield value


def _refused(value: float) -> bool:
    """Say, without our code, whether records.md refuses the number: its text is an integer beyond the limit."""
    text = rfc8785.dumps(value).decode()
    return text.lstrip("-").isdigit() and abs(int(text)) > LIMIT


@pytest.mark.parametrize("exponents", ["all", "near one"])
def test_a_double_has_the_bytes_that_another_implementation_gives(exponents: str) -> None:
    compared = 0
    for drawn in _doubles(6000):
        value = drawn if exponents == "all" else (drawn % 1.0) * 10.0 ** (compared % 44 - 22)
        compared += 1
        if _refused(value):
            with pytest.raises(InvalidError, match="beyond"):
                canonical.dumps(value)
        else:
            assert canonical.dumps(value) == rfc8785.dumps(value), struct.pack(">d", value).hex()
    assert compared == 6000


_numbers = st.one_of(
    st.integers(-LIMIT, LIMIT),
    st.floats(allow_nan=False, allow_infinity=False).filter(lambda value: not _refused(value)),
)
_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_json = st.recursive(
    st.one_of(st.booleans(), _numbers, _texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_texts, inner, max_size=5)),
    max_leaves=20,
)


@given(_json)
@example({"\U0001f42e": 1, "\uff21": 2})
def test_any_json_has_the_bytes_that_another_implementation_gives(value: Any) -> None:
    assert canonical.dumps(value) == rfc8785.dumps(value)


@given(_json)
def test_canonical_bytes_read_back_are_written_the_same(value: Any) -> None:
    written = canonical.dumps(value)
    assert canonical.dumps(canonical.loads(written)) == written


def test_keys_sort_by_utf16_units_so_that_an_astral_key_comes_before_a_private_one() -> None:
    assert canonical.dumps({"\ufb33": 1, "\U0001f600": 2, "a": 3}) == '{"a":3,"\U0001f600":2,"\ufb33":1}'.encode()


class _Count(IntEnum):
    THREE = 3


def test_a_number_of_another_library_is_written_as_the_number_it_is() -> None:
    assert canonical.dumps([np.float64(0.1), _Count.THREE, np.float64(-0.0)]) == b"[0.1,3,0]"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "null"),
        ({"a": [1, None]}, "null"),
        (2**53, "integer-too-large"),
        (-(2**53), "integer-too-large"),
        (1e20, "integer-too-large"),
        (9007199254740992.0, "integer-too-large"),
        (float("nan"), "not-finite"),
        (float("-inf"), "not-finite"),
        ("\ud800", "lone-surrogate"),
        ({"\udfff": 1}, "lone-surrogate"),
        ({1: 2}, "bad-key"),
        ({"a": 1, 2: 3}, "bad-key"),
        (b"bytes", "not-json"),
        ({"a": {1, 2}}, "not-json"),
    ],
)
def test_a_value_without_canonical_bytes_is_refused(value: object, code: str) -> None:
    with pytest.raises(InvalidError) as refused:
        canonical.dumps(value)
    assert refused.value.code == code


def test_an_integer_that_python_will_not_print_is_refused_all_the_same() -> None:
    with pytest.raises(InvalidError) as refused:
        canonical.dumps(10**5000)
    assert refused.value.code == "integer-too-large"


def test_a_refusal_says_where() -> None:
    with pytest.raises(InvalidError, match="/metrics/1/value"):
        canonical.dumps({"metrics": [{"value": 1}, {"value": float("nan")}]})


def test_a_number_that_is_large_but_no_integer_text_is_kept() -> None:
    assert canonical.dumps([1e21, LIMIT, -LIMIT]) == b"[1e+21,9007199254740991,-9007199254740991]"


def _nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def test_nesting_is_taken_up_to_the_limit_and_refused_beyond() -> None:
    assert canonical.dumps(_nested(canonical.MAX_DEPTH)).startswith(b"[[[")
    with pytest.raises(InvalidError) as refused:
        canonical.dumps(_nested(canonical.MAX_DEPTH + 1))
    assert refused.value.code == "too-deep"


def test_a_value_that_holds_itself_does_not_hang() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(InvalidError) as refused:
        canonical.dumps(loop)
    assert refused.value.code == "too-deep"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "not-json"),
        (b"{", "not-json"),
        (b"{} {}", "not-json"),
        (b"\xef\xbb\xbf{}", "not-json"),
        (b"[01]", "not-json"),
        (b"{'a': 1}", "not-json"),
        (b'["a\nb"]', "not-json"),
        (b'{"a": 1, "b": {"c": 1, "c": 1}}', "key-twice"),
        (b'{"a": 1, "\\u0061": 2}', "key-twice"),
        (b"[NaN]", "not-finite"),
        (b"[-Infinity]", "not-finite"),
        (b"[1e400]", "not-finite"),
        (b'["\\ud800"]', "lone-surrogate"),
        (b'{"\\uDC00": 1}', "lone-surrogate"),
        (b'["\xff"]', "not-utf8"),
        (b'["\xed\xa0\x80"]', "not-utf8"),
        ('{"a": 1}'.encode("utf-16"), "not-utf8"),
        (b"[" * 200_000, "too-deep"),
        (b"1" * 6000, "bad-number"),
    ],
)
def test_json_that_two_readers_may_read_differently_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(InvalidError) as refused:
        canonical.loads(data)
    assert refused.value.code == code


def test_a_surrogate_pair_is_one_character_and_an_escaped_backslash_none() -> None:
    assert canonical.loads(rb'["\ud83d\udc2e", "\\ud800"]') == ["\U0001f42e", "\\ud800"]


@given(st.one_of(st.binary(max_size=40), st.text(alphabet='{}[]",:0123eE+-.ntrue\\u', max_size=30).map(str.encode)))
def test_any_bytes_are_read_as_json_or_refused_with_our_error(data: bytes) -> None:
    try:
        value = canonical.loads(data)
    except InvalidError:
        return
    assert json.loads(data) == value
