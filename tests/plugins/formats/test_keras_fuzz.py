"""Keras's configurations, archives and HDF5 cut, flipped and made up.

HDF5 is parsed by a C library, which damaged bytes can crash; it is fuzzed in a worker, whose end is a finding.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.plugins.conftest import Bytes

from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.plugins.formats import keras_config
from herdbook.plugins.formats.json import Json
from herdbook.plugins.host.pool import WorkerPool

from .test_keras import FIXTURES

LONG = os.environ.get("HERDBOOK_LONG") == "1"
FORMATS = ("herdbook.plugins.formats.hdf5:Hdf5", "herdbook.plugins.formats.archives:Archives")


def survive(data: bytes) -> None:
    with contextlib.suppress(CorruptError, InvalidError):
        assert Json().read(Bytes(data), "model.json", {}).model_dump_json()


@pytest.mark.parametrize("name", ["stranger.json", "trained.json"])
def test_cut_and_flipped_configurations_are_survived(name: str) -> None:
    data = (FIXTURES / name).read_bytes()
    chance = random.Random(name)
    for size in range(0, len(data), 1 if LONG else 40):
        survive(data[:size])
    for _ in range(20_000 if LONG else 300):
        at = chance.randrange(len(data))
        survive(data[:at] + bytes([chance.choice(b'"{}[]:,0-9enN')]) + data[at + chance.choice((0, 1, 1, 5)) :])


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 5) | st.floats(-2, 2) | st.sampled_from(["same", "a", "float32"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "name", "config"]), inner, max_size=3)
    ),
    max_leaves=6,
)
KEYS = """
    name units filters kernel_size strides padding data_format dilation_rate groups use_bias pool_size target_shape dims
    n input_dim output_dim axis scale center shared_axes return_sequences return_state layer merge_mode cropping size
    batch_input_shape batch_shape num_heads key_dim keepdims dtype trainable reset_after
"""
KINDS = """
    InputLayer Dense Conv1D Conv2D Conv2DTranspose DepthwiseConv2D SeparableConv2D MaxPooling2D GlobalAveragePooling1D
    Flatten Reshape Permute RepeatVector Embedding BatchNormalization LayerNormalization PReLU Add Concatenate LSTM GRU
    Bidirectional TimeDistributed ZeroPadding2D Cropping1D UpSampling2D MultiHeadAttention Lambda Model Nobody
"""
shapes = st.lists(st.none() | st.integers(-1, 9), max_size=5)
layer = st.fixed_dictionaries(
    {
        "class_name": st.sampled_from(KINDS.split()),
        "config": st.dictionaries(st.sampled_from(KEYS.split()), anything, max_size=6)
        | st.fixed_dictionaries(
            {"name": st.sampled_from("ab"), "batch_input_shape": shapes, "units": st.integers(0, 4)}
        ),
        "inbound_nodes": st.lists(
            st.lists(st.tuples(st.sampled_from("ab"), st.integers(-1, 2), st.integers(-1, 2)), max_size=3)
        ),
    }
)


@given(st.lists(layer, max_size=5), st.booleans(), st.sampled_from([[["a", 0, 0]], ["b", 0, 1], {}, 3]))
def test_configurations_of_any_layers_are_read(layers: list[Any], functional: bool, ends: Any) -> None:
    config: Any = {"layers": layers, "input_layers": ends, "output_layers": ends} if functional else layers
    content = {"class_name": "Model", "config": config}
    if keras_config.fits(content):
        survive(json.dumps(content).encode())


def test_deeply_nested_configurations_end() -> None:
    inner: Any = {"class_name": "Dense", "config": {"name": "a", "units": 1}}
    for _ in range(60):
        inner = {"class_name": "Sequential", "config": {"name": "a", "layers": [inner]}}
    survive(json.dumps(inner).encode())
    wrapped: Any = {"class_name": "Dense", "config": {"units": 1}}
    for _ in range(60):
        wrapped = {
            "class_name": "Bidirectional",
            "config": {"name": "a", "layer": wrapped, "batch_input_shape": [1, 2, 3]},
        }
    survive(json.dumps({"class_name": "Sequential", "config": [wrapped]}).encode())


def test_models_that_call_one_another_again_and_again_end() -> None:
    inner: Any = {"class_name": "Sequential", "config": {"name": "m", "layers": []}}
    calls = [[["x", 0, 0]], [["m", 0, 0]], [["m", 1, 0]], [["m", 2, 0]]]
    for _ in range(18):
        first = {
            "class_name": "InputLayer",
            "config": {"name": "x", "batch_input_shape": [None, 2]},
            "inbound_nodes": [],
        }
        config = {"name": "m", "layers": [first, {**inner, "name": "m", "inbound_nodes": calls}]}
        inner = {
            "class_name": "Model",
            "config": {**config, "input_layers": [["x", 0, 0]], "output_layers": [["m", 3, 0]]},
        }
    survive(json.dumps(inner).encode())


@pytest.mark.parametrize("name", ["trained.h5", "alone.weights.h5", "stranger.keras"])
def test_damaged_hdf5_gives_facts_or_a_finding(name: str) -> None:
    data = (FIXTURES / name).read_bytes()
    chance = random.Random(name)
    damaged = [data[:size] for size in range(8, len(data), len(data) // 20)]
    for _ in range(3000 if LONG else 60):
        changed = bytearray(data)
        for _ in range(chance.choice((1, 2, 8))):
            changed[chance.randrange(8, len(changed))] = chance.choice((0, 0xFF, chance.randrange(256)))
        damaged.append(bytes(changed))
    with WorkerPool(formats=FORMATS) as pool:
        for each in pool.read([(name, Bytes(each)) for each in damaged], {}):
            assert each is not None
            assert each.format in {"keras-h5", "keras-v3", "hdf5-other", "zip-other"} or each.findings


@pytest.mark.slow
def test_hostile_configurations_of_any_json_are_survived(on_disk: Callable[[Path], Any]) -> None:
    assert on_disk is not None
    chance = random.Random(5)
    content = json.loads((FIXTURES / "sequences.json").read_text())
    for _ in range(3000):
        changed = json.loads(json.dumps(content))
        _spoil(changed, chance)
        survive(json.dumps(changed).encode())


def _spoil(value: Any, chance: random.Random) -> None:
    """Change some of what stands in it to something else."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in list(items):
        if chance.random() < 0.01:
            value[key] = chance.choice([None, [], {}, "x", -1, 1 << 60, [[None]], {"class_name": "Lambda"}])
        else:
            _spoil(item, chance)
