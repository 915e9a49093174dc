"""Protobuf's text format, as TensorFlow and Triton write it and as people do."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdbook.kernel.errors import CorruptError, HerdbookError, InvalidError
from herdbook.plugins.formats import protobuf_text
from herdbook.plugins.formats.protobuf_text import Message, Quoted, Word, parse, walk


def plain(value: object) -> object:
    """Return what a test can compare."""
    if isinstance(value, Message):
        return [(field.name, plain(field.value)) for field in value.fields]
    return value.text if isinstance(value, Quoted) else value


def test_both_styles_of_a_repeated_field_give_the_same_fields() -> None:
    one = parse("input [ { dims: [ 1, -1 ] }, { dims: [ 2 ] } ]")
    two = parse("input { dims: 1 dims: -1 } input < dims: 2; >")
    assert plain(one) == plain(two) == [("input", [("dims", 1), ("dims", -1)]), ("input", [("dims", 2)])]
    assert [each.numbers("dims") for each in one.messages("input")] == [[1, -1], [2]]


def test_numbers_words_and_strings_are_told_apart() -> None:
    message = parse(
        'a: 0x10 b: 017 c: -1.5e3f d: - inf e: TYPE_FP32 f: true g: \'it\' "\'s" h: "\\303\\251\\n\\x41\\u00e9"'
    )
    assert plain(message) == [
        ("a", 16), ("b", 15), ("c", -1500.0), ("d", float("-inf")), ("e", "TYPE_FP32"), ("f", "true"),
        ("g", "it's"), ("h", "é\nAé"),
    ]  # fmt: skip
    assert isinstance(message.last("e"), Word)
    assert message.flag("f") is True
    assert message.flag("e") is None
    assert message.text("g") == "it's"
    assert message.number("a") == 16
    assert message.number("c") is None


def test_comments_separators_and_names_in_brackets_are_taken() -> None:
    message = parse('# a comment\n[type.x/y.Z] { q: 1 } , # another\n[a.b]: 2;\nempty: []\n\nlast: "x" # end')
    assert plain(message) == [("[type.x/y.Z]", [("q", 1)]), ("[a.b]", 2), ("last", "x")]
    assert [field.line for field in message.fields] == [2, 3, 6]


def test_lines_of_nested_fields_are_those_of_the_file() -> None:
    inner = parse("a {\n  b: [\n1,\n2]\n  c: 3\n}").messages("a")[0]
    assert [(field.name, field.line) for field in inner.fields] == [("b", 3), ("b", 4), ("c", 5)]


def test_weights_can_be_dropped_and_the_rest_stays() -> None:
    text = 'node { v: [1, 2, 3] v: 4 v: "a" "b" n: 5 } node { n: 6 }'
    assert [plain(field.value) for field in walk(text, frozenset({"v"}))] == [[("n", 5)], [("n", 6)]]


@pytest.mark.parametrize(
    "text",
    ["a:", "a 1", "a { b: 1", "}", "a: [1 2]", "a: [1,]", "a: 'x", "a: 1.2.3", "a: 08", "a: -foo", "a [1]", "a: 1x"],
)
def test_what_is_no_text_format_is_said_with_its_line(text: str) -> None:
    with pytest.raises(CorruptError, match=r"^line 2 is not protobuf's text format: ") as raised:
        parse("x: 1\n" + text)
    assert raised.value.code == "not-text-format"


def test_depth_number_of_fields_and_size_have_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidError, match="deeper"):
        parse("a{" * 100_000)
    assert plain(parse("a{" * 60 + "}" * 60))
    monkeypatch.setattr(protobuf_text, "MAX_FIELDS", 10)
    with pytest.raises(InvalidError, match="fields"):
        parse("a: [" + "1," * 10 + "1]")
    monkeypatch.setattr(protobuf_text, "MAX_SIZE", 10)
    with pytest.raises(InvalidError, match="bytes"):
        parse("a: 1 " * 3)


@given(st.text(alphabet="ab:{}<>[],;\"'\\#\n 019.-xef", max_size=80))
def test_any_text_gives_fields_or_an_error_of_ours(text: str) -> None:
    with contextlib.suppress(HerdbookError):
        assert isinstance(plain(parse(text)), list)


_scalars = st.one_of(
    st.integers(-(2**63), 2**64 - 1).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.binary(max_size=20).map(lambda raw: '"' + "".join(f"\\{byte:03o}" for byte in raw) + '"'),
)
_texts = st.recursive(
    st.lists(st.tuples(st.sampled_from("abc"), _scalars), max_size=4).map(
        lambda rows: " ".join(f"{name}: {value}" for name, value in rows)
    ),
    lambda inner: st.lists(st.tuples(st.sampled_from("mn"), inner), max_size=3).map(
        lambda rows: "\n".join(f"{name} {{ {value} }}" for name, value in rows)
    ),
    max_leaves=10,
)


@given(_texts)
def test_what_was_written_is_read(text: str) -> None:
    message = parse(text)
    assert sum(1 for _ in _flat(message)) == text.count("{") + text.count(":")


def _flat(message: Message) -> list[object]:
    found: list[object] = []
    for field in message.fields:
        found += [field, *(_flat(field.value) if isinstance(field.value, Message) else [])]
    return found
