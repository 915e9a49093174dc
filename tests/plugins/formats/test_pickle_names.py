"""A pickle is found under any name, so that none is served as a model; and no text becomes a pickle."""

from __future__ import annotations

import collections
import json
import pickle
import string
from pathlib import PurePosixPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.plugins.conftest import Bytes
from tests.plugins.formats.whole_chain import FIXTURES, read

from herdbook.model.facts import Safety
from herdbook.plugins.formats.pickle_begins import which

EVIL = b"cos\nsystem\n(S'id'\ntR."
NAMES = ("m.onnx", "m.pb", "m.h5", "model", "m.txt", "m.json", "m.root", "m.safetensors", "m.pt", "m.pkl", "M.ONNX")
OBJECT = PurePosixPath("a/b")
HIDDEN = {
    "by name": EVIL,
    "as an instance": b"(S'id'\nios\nsystem\n.",
    "as an object": b"(cos\nsystem\nS'id'\no.",
    "behind a number": b"I1\n0" + EVIL,
    "behind an old octal number": b"I0777\n0" + EVIL,
    "behind a long text": b"S'" + b"x" * 9000 + b"'\n0" + EVIL,
    "behind many numbers": b"I1\n0" * 3000 + EVIL,
    "without a mark, by the stack": b"\x8c\x02os\x8c\x06system\x93(\x8c\x02idtR.",
    "before something broken": EVIL[:-1] + b"\xff\xff",
    "protocol 0": pickle.dumps(collections.Counter("abc"), 0),
    "protocol 1": pickle.dumps(OBJECT, 1),
    "protocol 2": pickle.dumps(OBJECT, 2),
    "data of protocol 0": pickle.dumps({"a": [1, 2.5, "x"]}, 0),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("how", HIDDEN)
def test_a_pickle_is_quarantined_whatever_it_is_called(name: str, how: str) -> None:
    facts = read(name, HIDDEN[how])
    assert facts is not None
    assert (facts.reader, facts.safety) == ("pickles", Safety.UNSAFE)
    lies = [each for each in facts.findings if each.rule == "suffix-lies"]
    assert bool(lies) == (name not in {"model", "m.pt", "m.pkl"})


def test_what_it_would_call_is_listed_also_under_a_lying_name() -> None:
    facts = read("m.onnx", EVIL)
    assert facts is not None
    assert facts.values["pickle_globals"] == {"": ["os.system"]}
    assert {"pickle-unsafe", "pickle-global"} < {each.rule for each in facts.findings}


def test_a_damaged_onnx_model_stays_one() -> None:
    facts = read("m.onnx", b"\x08\x08\x12\x05torch:" + bytes(40))
    assert facts is not None
    assert facts.reader == "onnx"


LINES = st.lists(st.text(string.ascii_letters + string.digits + " ,:;#-_/\"'", max_size=20), min_size=1, max_size=30)
JSONS = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(LINES)
@example(["cat", "dog", "NNbar"])
@example(["core", "build", "N"])
def test_labels_tables_and_yaml_are_no_pickles(lines: list[str]) -> None:
    assert not which(Bytes("\n".join([*lines, ""]).encode()), "labels.txt")


@pytest.mark.parametrize(
    "text",
    [
        "(item\nname\nother\n",
        "(in\nparis\n.\n",
        "(list of things\nN\n",
        "(lIST\nName\nNone\n",
        "core\nbuild\n.cache\n",
        "c\nd\n)\n",
        "Internal\nSome\nVery\nLong\n",
        "inputs:\n- name: x\n",
        "pt,eta,phi\n1,2,3\n",
    ],
)
def test_texts_whose_letters_are_opcodes_are_no_pickles(text: str) -> None:
    assert not which(Bytes(text.encode()), "notes")


@given(JSONS, st.sampled_from([None, 1]))
def test_json_is_no_pickle(value: object, indent: int | None) -> None:
    assert not which(Bytes(json.dumps(value, indent=indent).encode()), "a.json")


def test_no_fixture_of_another_format_is_a_pickle() -> None:
    for path in sorted(FIXTURES.rglob("*")):
        if path.is_file() and path.suffix in {".json", ".txt", ".pb", ".pbtxt", ".xml", ".yml", ".h", ".root", ".py"}:
            assert not which(Bytes(path.read_bytes()), path.name), path
