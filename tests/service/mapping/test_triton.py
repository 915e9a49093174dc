"""MD5s in Triton's configurations, as people write them."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdbook.service.mapping.triton import declared

PACK = Path(os.environ.get("HERDBOOK_DATA") or Path(__file__).resolve().parents[4] / "shared" / "data")
ONE, TWO = "bfca43d9c9694c2af49f1b596cfe5da0", "541E63D72ADB374F602056F2D5D012A9"

CONFIG = f"""
name: "net"  # key: "MD5:comment" value: "{ONE}"
parameters {{ key: "FORCE_CPU" value {{ string_value: "no }} MD5:x" }} }}
input [{{ name: "x" dims: [1, 2] }}, {{ name: 'y {{' }}]
model_repository_agents {{
  agents [{{
    name: "checksum"
    parameters {{ key: "MD5:1/model.onnx" value: "{ONE}" }}
    parameters: <value: '{TWO}', key: 'MD5:1/a\\"b.bin'>;
  }},
  {{
    name: "checksum"
    parameters {{ key: "MD5:2/" "model.pt" value {{ string_value: "{ONE}" }} }}
    parameters {{ key: "MD5:" value: "{ONE}" }}
    parameters {{ key: "MD5:no-value" }}
    parameters {{ key: "SHA:1/x" value: "{ONE}" }}
  }}]
}}
"""


def test_every_agents_pairs_are_found_in_whatever_order_and_spelling() -> None:
    expected = [("1/model.onnx", ONE), ('1/a"b.bin', TWO.lower()), ("2/model.pt", ONE)]
    assert declared(CONFIG) == expected
    assert declared(CONFIG.replace("\n", "\r\n")) == expected


def test_what_is_broken_elsewhere_does_not_matter() -> None:
    pair = f'parameters {{ key: "MD5:m" value: "{ONE}"'
    assert declared("}}] " + pair) == declared('name: "open\n' + pair + "}}") == [("m", ONE)]
    assert declared("") == declared('key: "MD5:m" value: "x"') == []


@given(st.text(alphabet='{}[]<>"\\#:, \nMD5keyvalue', max_size=200))
def test_any_text_is_survived(text: str) -> None:
    assert isinstance(declared(text), list)


def test_hostile_texts_take_linear_time() -> None:
    start = time.process_time()
    for text in ("{" * 100_000, '"' * 100_000, "\\" * 100_000, '"\\' * 100_000, "a" * 200_000, "'\n" * 50_000):
        declared(text)
    assert time.process_time() - start < 5


@pytest.mark.datapack
def test_the_configuration_of_the_pack_declares_what_files_json_says() -> None:
    path = PACK / "models" / "onnx" / "particlenet_AK4" / "config.pbtxt"
    if not path.exists():
        pytest.skip("there is no data pack (HERDBOOK_DATA)")
    files = json.loads((PACK / "expected" / "files.json").read_text("utf-8"))
    entries = files if isinstance(files, list) else list(files.values())
    known = {entry["md5"] for entry in entries if isinstance(entry, dict) and "md5" in entry}
    ((file, md5),) = declared(path.read_text("utf-8"))
    assert file == "1/model.onnx"
    assert md5 in known
