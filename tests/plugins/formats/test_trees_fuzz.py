"""Tree models, TMVA, PMML and ROOT, damaged: the readers answer or refuse; they never crash, hang, or eat memory."""

from __future__ import annotations

import gzip
import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.plugins.formats.root_files import Entry, build, gbrforest
from tests.plugins.formats.tree_files import fixture, mutate, mutation, survive

from herdbook.plugins.formats.catboost import Catboost
from herdbook.plugins.formats.json import Json
from herdbook.plugins.formats.lightgbm import Lightgbm
from herdbook.plugins.formats.pmml import Pmml
from herdbook.plugins.formats.root import Root
from herdbook.plugins.formats.tmva import Tmva
from herdbook.plugins.formats.xgboost import Xgboost
from herdbook.ports.formats import Format

LONG = os.environ.get("HERDBOOK_LONG") == "1"
ORIGINALS: dict[str, tuple[Format, bytes]] = {
    "ubj": (Xgboost(), fixture("xgboost_binary.ubj")),
    "ubj-linear": (Xgboost(), fixture("xgboost_linear.ubj")),
    "binf": (Xgboost(), fixture("legacy_dart.model")),
    "old": (Xgboost(), fixture("legacy_unmarked.model")),
    "json": (Json(), fixture("xgboost_forest.json")),
    "conifer": (Json(), fixture("conifer_classes.json")),
    "lightgbm": (Lightgbm(), fixture("lightgbm_binary.txt")),
    "catboost": (Catboost(), fixture("catboost_binary.cbm")),
    "tmva": (Tmva(), fixture("tmva_bdt.weights.xml")),
    "tmva-mlp": (Tmva(), fixture("tmva_mlp.weights.xml")),
    "tmva-gz": (Tmva(), gzip.compress(fixture("tmva_bdt.weights.xml"), mtime=0)),
    "tmva-txt": (Tmva(), fixture("tmva_old.weights.txt")),
    "pmml": (Pmml(), fixture("forest.pmml")),
    "forest": (Root(), gbrforest()),
    "root": (Root(), build(Entry("TH1F", "a"), Entry("TDirectory", "d", inside=[Entry("TH2D", "b")]))),
}
MAGICS = [b"{L\0\0\0\0\0\0\0\x07learner", b"binf", b"CBM1\x40\0\0\0", b"root\0\0\xf3\xd7\0\0\0d", b"tree\nversion=v4\n"]
MAGICS += [b"\x1f\x8b\x08", b"<MethodSetup Method='BDT'>", b"<PMML version='4.4'>", b"#GEN -*-*-\nMethod : "]
of_all = pytest.mark.parametrize("name", ORIGINALS)


@of_all
def test_a_file_may_end_anywhere(name: str) -> None:
    reader, data = ORIGINALS[name]
    step = 1 if LONG else max(1, len(data) // 150)
    for end in range(0, len(data), step):
        survive(reader, data[:end])


@of_all
@settings(max_examples=20_000 if LONG else 60)
@given(changes=st.lists(mutation, min_size=1, max_size=6))
def test_a_mutated_file_is_read_or_refused(name: str, changes: list[tuple[str, float, Any]]) -> None:
    reader, data = ORIGINALS[name]
    survive(reader, mutate(data, changes))


@of_all
def test_any_byte_may_be_any_other(name: str) -> None:
    reader, data = ORIGINALS[name]
    step = 1 if LONG else max(1, len(data) // 60)
    for at in range(0, len(data), step):
        for byte in (0x00, 0x7F, 0x80, 0xFF, 0x40):
            survive(reader, data[:at] + bytes([byte]) + data[at + 1 :])


@settings(max_examples=20_000 if LONG else 100)
@given(magic=st.sampled_from(MAGICS), data=st.binary(max_size=400))
def test_any_bytes_behind_a_magic_are_read_or_refused(magic: bytes, data: bytes) -> None:
    for reader in (Xgboost(), Catboost(), Root(), Lightgbm(), Tmva(), Pmml()):
        survive(reader, magic + data)


scalars = st.sampled_from(
    [b"Z", b"T", b"F", b"i\x07", b"U\xff", b"l\0\0\0\x02", b"Si\x03abc", b"d\0\0\0\0", b"Hi\x011"]
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda each: b"[" + b"".join(each) + b"]"),
        st.lists(inner, max_size=4).map(lambda each: b"[#i" + bytes([len(each)]) + b"".join(each)),
        st.lists(inner, max_size=4).map(lambda each: b"{" + b"".join(b"i\x01k" + one for one in each) + b"}"),
        st.binary(max_size=6).map(lambda each: b"[$U#i" + bytes([len(each)]) + each),
    ),
    max_leaves=12,
)
keys = st.sampled_from([b"learner", b"version", b"trees", b"gradient_booster", b"model", b"learner_model_param"])


@settings(max_examples=20_000 if LONG else 150)
@given(entries=st.lists(st.tuples(keys, values), max_size=6), wrap=st.lists(keys, max_size=4))
def test_any_ubjson_is_read_or_refused(entries: list[tuple[bytes, bytes]], wrap: list[bytes]) -> None:
    body = b"".join(b"i" + bytes([len(key)]) + key + each for key, each in entries)
    for key in wrap:
        body = b"i" + bytes([len(key)]) + key + b"{" + body + b"}"
    survive(Xgboost(), b"{i\x07learner{" + body + b"}}")
