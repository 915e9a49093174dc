"""The query language: what is understood, what is refused and how, and that the page tells the truth."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdbook.kernel.errors import InvalidError
from herdbook.model.query import (
    FAMILIES,
    FIELDS,
    All,
    And,
    Begins,
    Compare,
    Expression,
    FieldType,
    Has,
    Hash,
    Is,
    Not,
    Number,
    Or,
    Text,
    Word,
    WordPrefix,
    fold_value,
)
from herdbook.model.query_match import matches
from herdbook.model.query_parser import MAX_DEPTH, MAX_QUERY, parse, unparse
from herdbook.testing import query as queries
from herdbook.testing.query import Told

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "query.md").read_text("utf-8")


def words(*found: str) -> And:
    return And(tuple(Word(word) for word in found))


def seconds(*parts: int) -> float:
    return datetime(*parts, tzinfo=UTC).timestamp()  # type: ignore[misc, arg-type]  # year, month, day and more


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("", All()),
        (" \n", All()),
        ("*", All()),
        ("Tau", Word("tau")),
        ("tau jet", words("tau", "jet")),
        ("tau AND jet", words("tau", "jet")),
        ("tau and jet", words("tau", "and", "jet")),
        ('"tau jet"', words("tau", "jet")),
        ('"NOT"', Word("not")),
        ("a OR b c", Or((Word("a"), words("b", "c")))),
        ("NOT a b", And((Not(Word("a")), Word("b")))),
        ("NOT NOT a", Not(Not(Word("a")))),
        ("(a OR b) c", And((Or((Word("a"), Word("b"))), Word("c")))),
        ("deep*", WordPrefix("deep")),
        ('"Deep Tau"*', And((Word("deep"), WordPrefix("tau")))),
        ("v1.*", Word("v1")),
        ("ParticleNetAK4", Word("particlenetak4")),
        ("cms/btv/x:CHS-V00", words("cms", "btv", "x", "chs", "v00")),
        ("/TTTo2L2Nu_x/Run-v1/MINIAODSIM", words("ttto2l2nu", "x", "run", "v1", "miniaodsim")),
        ("DEADBEEF", Or((Word("deadbeef"), Hash("deadbeef")))),
        ("deadbee", Word("deadbee")),
        ('"deadbeef"', Word("deadbeef")),
        ("md5:9E107D9D", Or((words("md5", "9e107d9d"), Hash("9e107d9d", "md5")))),
        ("format = ONNX", Is("format", ("onnx",))),
        ("FORMAT=onnx", Is("format", ("onnx",))),
        ("format:onnx", Is("format", ("onnx",))),
        ('title:"a (b)"', Is("title", ("a (b)",))),
        ("id:doi:10.1/x", Is("id", ("doi:10.1/x",))),
        ('"format:onnx"', words("format", "onnx")),
        ("doi:10.1", words("doi", "10", "1")),
        ("format != onnx", Not(Is("format", ("onnx",)))),
        ("path = a*", Begins("path", "a")),
        ('path = "a b"*', Begins("path", "a b")),
        (r'path = "a\"b\\*"', Is("path", ('a"b\\*',))),
        ("path = *", Has("path")),
        ("path != *", Not(Has("path"))),
        ("has(path)", Has("path")),
        ("has (path)", words("has", "path")),
        ("has(digest)", All()),
        ("format IN (onnx, 'x', \"a b\")", Is("format", ("onnx", "'x'", "a b"))),
        ("format NOT IN (onnx)", Not(Is("format", ("onnx",)))),
        ("path IN (a*, b)", Or((Is("path", ("b",)), Begins("path", "a")))),
        ("format in onnx", words("format", "in", "onnx")),
        ("size > 1e6", Number("size", Compare.GREATER, 1e6)),
        ("size=-.5", Number("size", Compare.EQUAL, -0.5)),
        ("opset IN (9, 11)", Or((Number("opset", Compare.EQUAL, 9), Number("opset", Compare.EQUAL, 11)))),
        ("label >= V1", Text("label", Compare.GREATER_EQUAL, "v1")),
        ("issue = yes", Is("issue", ("yes",))),
        ("issue = no", Not(Is("issue", ("yes",)))),
        ("digest = 4F2A91C0", Hash("4f2a91c0", "", "record")),
        ("file = md5:9e107d9d", Hash("9e107d9d", "md5", "file")),
        ("parent = 4f2a91c0", Begins("parent", "sha256:4f2a91c0")),
        ("code = 4f2a91c0", Begins("code", "4f2a91c0")),
        ("metric.AUC > 0.9", Number("metric.auc", Compare.GREATER, 0.9)),
        ('"metric.ROC AUC" > 0.9', Number("metric.roc auc", Compare.GREATER, 0.9)),
        ("parameter.lr = 0.1", Or((Is("parameter.lr", ("0.1",)), Number("parameter.lr", Compare.EQUAL, 0.1)))),
        ('parameter.lr = "0.1"', Is("parameter.lr", ("0.1",))),
        ("ext.hep.era < b", Text("ext.hep.era", Compare.LESS, "b")),
        ("registered < 2026-02", Number("registered", Compare.LESS, seconds(2026, 2, 1))),
        ("registered <= 2026-12", Number("registered", Compare.LESS, seconds(2027, 1, 1))),
        ("registered > 2026", Number("registered", Compare.GREATER_EQUAL, seconds(2027, 1, 1))),
        ("registered >= 2026-11-20T09:01Z", Number("registered", Compare.GREATER_EQUAL, seconds(2026, 11, 20, 9, 1))),
        (
            "registered = 2024-02-29",
            And(
                (
                    Number("registered", Compare.GREATER_EQUAL, seconds(2024, 2, 29)),
                    Number("registered", Compare.LESS, seconds(2024, 3, 1)),
                )
            ),
        ),
    ],
)
def test_a_query_means_what_the_page_says(text: str, meaning: Expression) -> None:
    assert parse(text) == meaning


@pytest.mark.parametrize(
    ("text", "position", "hint"),
    [
        ("fromat = onnx", 0, "format"),
        ("a b  license = MIT", 5, "licence"),
        ("zzzz = 1", 0, "Fields are"),
        ("metric > 1", 0, "metric.auc"),
        ("ext.hep = 1", 0, "ext.hep.era"),
        ("has(nothing)", 4, "Fields are"),
        ("has()", 3, "has(FIELD)"),
        ("size > 5MB", 7, "without unit"),
        ("size = 1e999", 7, "digits"),
        ("size = 1*", 7, "size > 1000000"),
        ("size IN (1, x)", 12, "digits"),
        ("size > *", 7, "size = *"),
        ("state = gone", 8, "current"),
        ("state < current", 8, "="),
        ("resolved = maybe", 11, "yes or no"),
        ("file = ab", 7, "8 hex digits"),
        ("registered = 2026-02-30", 13, "2026-11-20"),
        ("registered = yesterday", 13, "2026-11-20"),
        ("registered > 9999", 13, "2026-11-20"),
        ("a AND", 5, "Quote"),
        ("OR a", 0, "Quote"),
        ("NOT", 3, "Quote"),
        ("= onnx", 0, "Quote"),
        ("format = ", 7, "Quote"),
        ("format = AND", 9, "Quote"),
        ("format == onnx", 8, "Quote"),
        ("format:", 0, "VALUE"),
        ("(a OR (b)", 0, ")"),
        ("a)", 1, "parenthesis"),
        ("a, b", 1, "parenthesis"),
        ('a "b', 2, '"'),
        ("a*b", 0, "Quote"),
        ("-a", 0, "NOT"),
        ("a ...", 2, "letters"),
        ("format IN ()", 11, "Quote"),
        ("format IN (a b)", 10, ")"),
        ("(" * 60 + "a", MAX_DEPTH, "levels"),
        ("NOT " * 60 + "a", 4 * MAX_DEPTH, "levels"),
        ("a" * (MAX_QUERY + 1), MAX_QUERY, str(MAX_QUERY)),
    ],
)
def test_what_is_not_understood_is_refused_at_its_place_with_a_way_out(text: str, position: int, hint: str) -> None:
    with pytest.raises(InvalidError) as caught:
        parse(text)
    assert caught.value.code == "bad-query"
    assert caught.value.details["position"] == position
    assert hint in caught.value.hint


def test_the_caret_stands_under_the_place_in_its_line() -> None:
    with pytest.raises(InvalidError) as caught:
        parse("a OR\n  fromat = onnx\nAND b")
    shown, caret, message = caught.value.message.splitlines()[1:]
    assert shown[caret.index("^") :].startswith("fromat")
    assert caret.count("^") == len("fromat")
    assert message == "there is no field 'fromat'"


@given(st.text(st.sampled_from(' "()=<>!,*:\\aé0-.ANDORNTI\n'), max_size=30))
def test_any_text_is_understood_or_refused_and_never_crashes(text: str) -> None:
    try:
        expression = parse(text)
    except InvalidError as error:
        refused = error
    else:
        parse(unparse(expression))
        return
    assert refused.code == "bad-query"
    assert refused.hint


@given(queries.expressions(), st.lists(queries.told(), max_size=8))
def test_what_is_written_out_is_read_back_with_the_same_meaning(expression: Expression, told: list[Told]) -> None:
    again = parse(unparse(expression))
    for one in told:
        assert matches(again, one.document, one.digests) == matches(expression, one.document, one.digests)


@given(st.text())
def test_folding_a_value_twice_changes_nothing(text: str) -> None:
    assert fold_value(fold_value(text)) == fold_value(text)
    assert len(fold_value(text)) <= 200


def test_the_page_lists_every_field_with_its_type_and_an_example_that_is_understood() -> None:
    table = PAGE.partition("\n## Fields\n")[2].partition("\n## ")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("| `")
    ]
    known = {**FIELDS, **{f"{name}.…": field for name, field in FAMILIES.items()}}
    assert [row[0].strip("`") for row in rows] == list(known)
    for row in rows:
        field = known[row[0].strip("`")]
        assert row[1] == field.type
        assert row[2].startswith(field.about)
        assert row[3] == f"`{field.example}`"
        assert field.name in str(parse(field.example)) or field.type is FieldType.DIGEST
        if field.values and field.type is not FieldType.FLAG:
            assert re.findall(r"`([^`]+)`", row[2]) == list(field.values)


def test_every_example_of_the_page_is_understood() -> None:
    first = PAGE.partition("```text\n")[2].partition("```")[0]
    for line in first.splitlines():
        assert parse(re.split(r"\s{3,}", line)[0]) != All()
    tables = PAGE.partition("\n## Words\n")[2].partition("\n## Fields\n")[0]
    written = [line.split("|")[1] for line in tables.splitlines() if line.startswith("| `")]
    examples = [example for cell in written for example in re.findall(r"`([^`]+)`", cell)]
    assert len(examples) > 14
    for example in examples:
        parse(example)
