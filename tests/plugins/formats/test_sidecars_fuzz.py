"""No bytes make a reader of sidecars crash, hang or eat memory: it says what is wrong, or what it found."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.plugins.formats.reading import FIXTURES, read

from herdbook.kernel.errors import HerdbookError
from herdbook.plugins.formats import fixed_point, salt_config

SMALL = (
    "hls4ml/vitis/hls4ml_config.yml",
    "hls4ml/stream/defines.h",
    "hls4ml/tiny.fml",
    "correctionlib/electron.json",
    "salt/gnn_config.json",
)
PACK = (
    "lwtnn/test_NN_graph.json",
    "onnx/particlenet_AK4/CHS_V00/preprocess.json",
    "onnx/particlenet_AK4/config.pbtxt",
    "tf_graphdef/ele_pfid_exteta1/scaler.txt",
    "torch/JetClass_kin.yaml",
)
NAMES = ("config.pbtxt", "preprocess.json", "a.yaml", "defines.h", "scaler.txt", "x.features", "labels.txt", "m.fml")
WORDS = (
    "inputs", "outputs", "layers", "nodes", "name", "variables", "labels", "node_index", "input_sequences", "heads",
    "arg_nodes", "op", "attrs", "input_names", "var_names", "var_infos", "corrections", "schema_version", "mean", "std",
    "offset", "scale", "HLSConfig", "Backend", "Model", "LayerName", "vars", "type", "__shape__", "mxnet_version",
)  # fmt: skip

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=6),
    max_leaves=30,
)


def survives(path: str, data: bytes) -> None:
    """Read, and show that nothing but our errors comes out, and that facts can be written."""
    try:
        facts = read(path, data)
    except HerdbookError:
        return
    facts.model_dump_json()


def changed(data: bytes, seed: int, rounds: int) -> Iterator[bytes]:
    """Yield the data with some bytes flipped, taken out or doubled."""
    rng = random.Random(seed)
    for _ in range(rounds):
        raw = bytearray(data)
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(raw))
            how = rng.randrange(4)
            if how == 0:
                raw[at] = rng.randrange(256)
            elif how == 1:
                del raw[at : at + rng.randint(1, 30)]
            elif how == 2:
                raw[at:at] = raw[at : at + rng.randint(1, 30)]
            else:
                raw[at] ^= 1 << rng.randrange(8)
            if not raw:
                raw = bytearray(b"x")
        yield bytes(raw)


def cuts(data: bytes, most: int) -> Iterator[bytes]:
    step = max(1, len(data) // most)
    yield from (data[:end] for end in range(0, len(data), step))


@pytest.mark.parametrize("name", SMALL)
def test_cut_and_changed_fixtures(name: str) -> None:
    data = (FIXTURES / name).read_bytes()
    for each in (*cuts(data, 150), *changed(data, 1, 150)):
        survives(name, each)


@pytest.mark.datapack
@pytest.mark.parametrize("name", PACK)
def test_cut_and_changed_files_of_the_pack(name: str, datapack: Path) -> None:
    data = (datapack / "models" / name).read_bytes()
    for each in (*cuts(data, 60), *changed(data, 2, 60)):
        survives(name, each)


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_many_changed_fixtures(name: str) -> None:
    data = (FIXTURES / name).read_bytes()
    for each in changed(data, 3, 5000):
        survives(name, each)


@given(st.sampled_from(("a.json", "preprocess.json", "m.features", "labels.json")), values)
def test_any_json_of_our_words(path: str, value: Any) -> None:
    survives(path, json.dumps(value).encode())
    survives(path, json.dumps({"inputs": [value], "outputs": value, "layers": [value], "nodes": [value]}).encode())
    survives(path, json.dumps({"nodes": [value], "heads": [value], "arg_nodes": []}).encode())
    survives(path, json.dumps({"input_names": ["x"], "x": {"var_names": value, "var_infos": value}}).encode())
    survives(path, json.dumps({"schema_version": 2, "corrections": [value, {"inputs": [value]}]}).encode())


@given(values)
def test_any_configuration_of_salt(value: Any) -> None:
    for text in (json.dumps(value), json.dumps({"inputs": value, "outputs": value, "config.yaml": {"data": value}})):
        try:
            found = salt_config.read(text)
        except HerdbookError:
            continue
        json.dumps(found)


@given(values)
def test_any_yaml_of_our_words(value: Any) -> None:
    for content in (value, {"inputs": {"x": {"vars": [value]}}}, {"HLSConfig": {"Model": value}, "Backend": value}):
        survives("a.yaml", json.dumps(content).encode())


@given(st.sampled_from(NAMES), st.binary(max_size=400))
def test_any_bytes(path: str, data: bytes) -> None:
    survives(path, data)


@given(st.sampled_from(NAMES), st.text(alphabet="[]{}()<>:,;#&*!|-\"'\n\t 0123456789.eE+abtypedf_", max_size=200))
def test_any_text_with_the_marks_of_these_languages(path: str, text: str) -> None:
    survives(path, text.encode())


@given(st.binary(max_size=300))
def test_any_bytes_behind_the_mark_of_params(data: bytes) -> None:
    survives("m.params", struct.pack("<QQ", 0x112, 0) + data)
    survives("m.params", struct.pack("<QQQI", 0x112, 0, 1, 0xF993FAC9) + data)


@given(st.text(alphabet="ap_ufixedcintryn:<>, 0123456789-AWTRNDS*", max_size=80))
def test_any_type_of_numbers(text: str) -> None:
    fixed_point.parse(text)
    fixed_point.parse(f"nnet::array<ap_fixed<{text}>, {text}>")


MIB = 1024 * 1024
SLOW = {
    "defines.h": ("typedef ap_fixed<1,1> input_t;\n" + "/*" * MIB, "typedef ap_fixed<1,1> a;\ntypedef " + "a " * MIB),
    "README.md": ("# x" + " " * MIB + "y", "/a" * MIB, "/a/b/c." * (MIB // 7), "`/" * MIB, "#" * MIB, "=" * MIB),
    "scaler.txt": ("a " * MIB, "a b " + "1" * MIB + " 2", "a" * MIB + " b 1 2\n"),
    "jec.txt": ("{1" + " " * MIB, "{1 a 1 b " + "c " * MIB + "}", "# effective " * MIB),
    "table.csv": ("," * MIB, '"' * MIB, "a,b\n" * MIB),
    "features.txt": ("a\n" * MIB, "a" * MIB),
    "labels.txt": ("\n" * MIB,),
    "config.pbtxt": ("a: 1 " * (MIB // 6), "a:" + '""' * (MIB // 3), "#" * MIB, "a{" * (MIB // 3)),
    "a.yaml": ("a: 1\n" * MIB, "- " * MIB, "[" * MIB, "? " * MIB, "a: &a\n" * MIB, '"' * MIB, "!!a " * MIB, "%" * MIB),
    "a.json": ("[" * MIB, "[" + "{}," * MIB + "{}]", '{"a":' * MIB, '"' + "a" * MIB),
    "link": ("a/" * 500,),
}


@pytest.mark.parametrize("path", SLOW)
def test_texts_that_are_made_to_be_slow_are_read_in_time(path: str) -> None:
    for text in SLOW[path]:
        survives(path, text.encode()[: 4 * MIB])
