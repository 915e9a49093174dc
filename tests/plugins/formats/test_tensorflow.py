"""TensorFlow's formats on files that TensorFlow wrote, beside what it said of them; and on what people do to files."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.model.facts import Facts, Safety
from herdbook.plugins.formats import tensorflow_text
from herdbook.plugins.formats.protobuf import Wire
from herdbook.plugins.formats.tensorflow import Tensorflow
from herdbook.plugins.formats.tensorflow_graph import GraphReader
from herdbook.plugins.formats.tensorflow_shapes import Shapes
from herdbook.plugins.formats.tensorflow_types import Graph, dtype_name, output_types

from .reading import rules

ROOT = Path(__file__).resolve().parents[3]
FIXTURES = ROOT / "tests" / "fixtures" / "formats" / "tensorflow"
Open = Callable[[Path], Any]


def graph(on_disk: Open, path: Path) -> Graph:
    if path.suffix == ".pbtxt":
        return tensorflow_text.read_graph(path.read_bytes())
    file = on_disk(path)
    return GraphReader(Wire(file)).graph(0, file.size)


def read(on_disk: Open, path: Path, listing: dict[str, int | None] | None = None, name: str = "") -> Facts:
    file = on_disk(path)
    assert Tensorflow().probe(file, name or path.name) is not None
    return Tensorflow().read(file, name or path.name, listing or {})


def compared(found: Graph, expected: dict[str, Any]) -> tuple[list[Any], list[str]]:
    """Return what differs from TensorFlow, and the operators whose shapes are not told though TensorFlow knows them."""
    shapes = Shapes(found)
    nodes = {node.name: node for node in found.nodes}
    different, untold = [], []
    for tensor, said in expected["tensors"].items():
        name, index = tensor.rsplit(":", 1)
        types = output_types(nodes[name])
        shape = shapes.of(tensor)
        dtype = dtype_name(types[int(index)]) if types is not None else None
        if dtype != said["dtype"] or (shape is not None and list(shape) != said["shape"]):
            different.append((tensor, nodes[name].op, said, dtype, shape))
        elif shape is None and said["shape"] is not None:
            untold.append(nodes[name].op)
    return different, untold


def expected_graphs(folder: Path) -> dict[str, Any]:
    said = json.loads((folder / "expected.json").read_text())
    return {name: each for name, each in said.items() if name.endswith(".pb")}


def test_types_and_shapes_of_every_tensor_are_those_that_tensorflow_infers(on_disk: Open) -> None:
    for name, said in expected_graphs(FIXTURES).items():
        different, untold = compared(graph(on_disk, FIXTURES / name), said)
        assert different == [], name
        if name in {"operators.pb", "old.pb"}:
            assert untold == ["Einsum"], "an operator without a rule"


def test_a_graph_as_text_reads_as_its_bytes_do(on_disk: Open) -> None:
    for name in ("operators", "functions"):
        binary, text = read(on_disk, FIXTURES / f"{name}.pb"), read(on_disk, FIXTURES / f"{name}.pbtxt")
        assert (binary.format, text.format) == ("tf-graphdef", "tf-graphdef-text")
        assert binary.values == text.values
        assert all(place.startswith("line ") for place in text.where.values())
        one, two = graph(on_disk, FIXTURES / f"{name}.pb"), graph(on_disk, FIXTURES / f"{name}.pbtxt")
        assert [(n.name, n.op, n.inputs) for n in one.nodes] == [(n.name, n.op, n.inputs) for n in two.nodes]
        for first, second in zip(one.nodes, two.nodes, strict=True):
            assert {k: v for k, v in first.attributes.items() if v[0] != "f"} == {
                k: v for k, v in second.attributes.items() if v[0] != "f"
            }


def test_parameters_functions_and_versions_are_those_of_tensorflow(on_disk: Open) -> None:
    for name, said in expected_graphs(FIXTURES).items():
        values = read(on_disk, FIXTURES / name).values
        assert values["parameters"] == said["parameters"]
        assert sorted(values["library_functions"]) == said["functions"]
        assert values["versions"]["producer"] == said["producer"]


def test_an_empty_shape_means_unknown_in_old_graphs_and_a_scalar_in_new_ones(on_disk: Open) -> None:
    def scalar(name: str) -> Any:
        inputs = read(on_disk, FIXTURES / name).values["inputs"]
        return next(each for each in inputs if each["name"] == "scalar")

    assert scalar("operators.pb") == {"name": "scalar", "dtype": "float32", "shape": [], "shape_attribute": []}
    assert scalar("old.pb") == {"name": "scalar", "dtype": "float32", "shape_attribute": []}


def test_a_memmapped_package_reads_as_the_graph_in_it_and_its_name_is_said_to_lie(on_disk: Open) -> None:
    facts, plain = read(on_disk, FIXTURES / "memmapped.pb"), read(on_disk, FIXTURES / "operators.pb")
    assert facts.format == "tf-memmapped"
    assert facts.values["inputs"] == plain.values["inputs"]
    assert facts.values["outputs"] == plain.values["outputs"]
    assert facts.values["parameters"] + facts.values["parameters_in_regions"] == plain.values["parameters"]
    assert facts.values["regions"] == facts.values["operators"]["ImmutableConst"]
    assert rules(facts) == ["training-leftovers", "suffix-lies"]


def test_what_training_left_in_a_graph_is_told(on_disk: Open) -> None:
    left = read(on_disk, FIXTURES / "training.pb").values["training_leftovers"]
    assert left["dropout"] == ["dropout/random_uniform/RandomUniform"]
    assert left["save-restore"] == ["save/SaveV2", "save/RestoreV2"]
    assert "Adam/update_old_weights/ApplyAdam" in left["optimizer"]
    assert read(on_disk, FIXTURES / "operators.pb").values["training_leftovers"] == {
        "learning-phase": ["keras_learning_phase"]
    }


def test_operators_that_run_python_or_reach_files_are_told_also_inside_functions(on_disk: Open) -> None:
    facts = read(on_disk, FIXTURES / "functions.pb")
    assert facts.values["unsafe_operators"] == ["PyFunc"]
    saved = read(on_disk, FIXTURES / "saved" / "saved_model.pb")
    assert saved.values["unsafe_operators"] == ["WriteFile"]
    assert "WriteFile" in saved.values["function_operators"]
    assert "WriteFile" not in saved.values["meta_graphs"][0]["operators"]
    assert rules(facts) == ["unsafe-operators"]
    assert rules(saved) == ["unsafe-operators", "weights-apart"]
    assert facts.safety is saved.safety is Safety.GUARDED


def test_operators_of_nobody_are_custom(in_memory: Callable[[bytes], Any]) -> None:
    text = b'node { name: "x" op: "Placeholder" } node { name: "y" op: "Addons>Gelu" input: "x" }'
    facts = Tensorflow().read(in_memory(text), "a.pbtxt", {})
    assert facts.values["custom_operators"] == ["Addons>Gelu"]
    assert facts.values["outputs"] == [{"name": "y"}]
    assert rules(facts) == ["custom-operators"]


def test_signatures_tags_version_and_assets_of_a_saved_model_are_those_of_tensorflow(on_disk: Open) -> None:
    said = json.loads((FIXTURES / "expected.json").read_text())["saved"]
    values = read(on_disk, FIXTURES / "saved" / "saved_model.pb").values
    (meta,) = values["meta_graphs"]
    found = {
        name: {
            side: {each["name"]: [each["tensor"], each.get("dtype"), each.get("shape", [])] for each in signature[side]}
            for side in ("inputs", "outputs")
        }
        for name, signature in meta["signatures"].items()
    }
    assert found == said["signatures"]
    assert meta["tags"] == said["tags"]
    assert meta["tensorflow_version"] == said["tensorflow_version"]
    assert [each["filename"] for each in meta["assets"]] == said["assets"]
    assert [each["name"] for each in values["outputs"]] == ["logits", "score"]
    kinds = sorted((each["dtype"], each["shape"]) for each in values["tensors"])
    stored = (kind for name, kind in said["checkpoint"].items() if name != "_CHECKPOINTABLE_OBJECT_GRAPH")
    assert kinds == sorted((dtype, shape) for dtype, shape in stored)


def test_facts_are_the_same_whatever_lies_beside(on_disk: Open) -> None:
    for path in ("saved/saved_model.pb", "partitioned/model.ckpt.index", "partitioned/model.ckpt.data-00000-of-00001"):
        assert read(on_disk, FIXTURES / path) == read(on_disk, FIXTURES / path, {"other": 1})


def test_tensors_of_checkpoints_are_those_of_tensorflow_slices_joined(on_disk: Open) -> None:
    said = json.loads((FIXTURES / "expected.json").read_text())
    for name, path in (("saved", "saved/variables/variables.index"), ("partitioned", "partitioned/model.ckpt.index")):
        told = said[name]["checkpoint"] if name == "saved" else said[name]
        values = read(on_disk, FIXTURES / path).values
        assert {each["name"]: [each["dtype"], each["shape"]] for each in values["tensors"]} == told
    assert next(each for each in values["tensors"] if each["name"] == "sliced")["shape"] == [6, 2]


def test_a_checkpoint_says_which_files_of_weights_it_needs_and_how_long(on_disk: Open) -> None:
    data = FIXTURES / "partitioned" / "model.ckpt.data-00000-of-00001"
    index = read(on_disk, data.with_name("model.ckpt.index"))
    assert index.values["shard_bytes"] == {"data-00000-of-00001": data.stat().st_size}
    facts = read(on_disk, data)
    assert (facts.format, facts.values) == ("tf-checkpoint-data", {"shard": 0, "shards": 1})


def test_a_name_that_says_another_format_is_said_to_lie(on_disk: Open) -> None:
    assert "suffix-lies" in rules(read(on_disk, FIXTURES / "functions.pb", name="functions.pbtxt"))
    assert "suffix-lies" in rules(read(on_disk, FIXTURES / "functions.pbtxt", name="functions.pb"))
    assert "suffix-lies" not in rules(read(on_disk, FIXTURES / "functions.pbtxt", name="functions.pb.txt"))


def test_weights_are_passed_over(in_memory: Callable[[bytes], Any], on_disk: Open) -> None:
    node = graph_with_weights(2_000_000)
    file = in_memory(node)
    assert Tensorflow().read(file, "w.pb", {}).values["parameters_float"] == 500_000
    assert file.bytes_read < 30_000
    memmapped = on_disk(FIXTURES / "memmapped.pb")
    Tensorflow().read(memmapped, "m.pb", {})
    assert memmapped.bytes_read < 3 * memmapped.size


def field(number: int, data: bytes) -> bytes:
    size, written = len(data), b""
    while size > 127:
        size, written = size >> 7, written + bytes([size & 127 | 128])
    return bytes([number << 3 | 2]) + written + bytes([size]) + data


def graph_with_weights(size: int) -> bytes:
    axis = field(2, b"\x08" + bytes([size // 4 & 127 | 128, size // 4 >> 7 & 127 | 128, size // 4 >> 14]))
    value = field(8, b"\x08\x01" + field(2, axis) + field(4, bytes(size)))
    constant = field(1, b"w") + field(2, b"Const") + field(5, field(1, b"value") + field(2, value))
    return field(1, constant) + field(1, field(1, b"y") + field(2, b"Identity") + field(3, b"w"))


def test_limits_are_said(in_memory: Callable[[bytes], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    many = field(1, field(1, b"x") + field(2, b"NoOp")) * 100_001
    with pytest.raises(InvalidError) as raised:
        Tensorflow().read(in_memory(many), "many.pb", {})
    assert raised.value.code == "too-many-nodes"
    axes = field(7, field(2, b"") * 300)
    node = field(1, field(1, b"x") + field(2, b"Placeholder") + field(5, field(1, b"shape") + field(2, axes)))
    with pytest.raises(InvalidError) as raised:
        Tensorflow().read(in_memory(node), "axes.pb", {})
    assert raised.value.code == "too-many-axes"
    monkeypatch.setattr("herdbook.plugins.formats.tensorflow.MAX_TEXT", 10)
    with pytest.raises(InvalidError):
        Tensorflow().read(in_memory(b'node { name: "x" }'), "x.pbtxt", {})


def test_loops_and_deep_graphs_end(in_memory: Callable[[bytes], Any]) -> None:
    loop = field(1, field(1, b"a") + field(2, b"Identity") + field(3, b"b")) + field(
        1, field(1, b"b") + field(2, b"Identity") + field(3, b"a")
    )
    chain = [field(1, b"n%d" % i) + field(2, b"Identity") + field(3, b"n%d" % (i - 1)) for i in range(1, 20_000)]
    deep = field(1, field(1, b"n0") + field(2, b"Placeholder")) + b"".join(field(1, each) for each in chain)
    packed = b"".join(
        field(1, field(1, b"n%d" % i) + field(2, b"ConcatV2") + 2 * field(3, b"n%d" % (i - 1)) + field(3, b"n0"))
        for i in range(1, 60)
    )
    for data in (loop, deep, field(1, field(1, b"n0") + field(2, b"Placeholder")) + packed):
        assert Tensorflow().read(in_memory(data), "x.pb", {}).format == "tf-graphdef"


def test_a_checkpoint_index_that_lies_about_its_blocks_is_refused(in_memory: Callable[[bytes], Any]) -> None:
    data = bytearray((FIXTURES / "partitioned" / "model.ckpt.index").read_bytes())
    data[-48:-40] = b"\xff" * 8
    with pytest.raises(CorruptError):
        Tensorflow().read(in_memory(bytes(data)), "x.index", {})


@pytest.mark.slow
def test_fixtures_made_anew_by_tensorflow_read_alike(tmp_path: Path, on_disk: Open) -> None:
    python = ROOT / ".cache" / "formats" / "bin" / "python"
    if not (python.parent.parent / ".ready").exists():
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail("TensorFlow is not here: tools/formats.sh gets it")
        pytest.skip("TensorFlow is not here: tools/formats.sh gets it")
    subprocess.run([python, FIXTURES / "make.py", tmp_path], check=True, capture_output=True, timeout=250)
    for name, said in expected_graphs(tmp_path).items():
        assert compared(graph(on_disk, tmp_path / name), said)[0] == [], name
        assert read(on_disk, tmp_path / name).values["inputs"] == read(on_disk, FIXTURES / name).values["inputs"]
    table = tmp_path / "tensorflow_ops.txt"
    subprocess.run([python, FIXTURES / "ops.py", table], check=True, capture_output=True, timeout=250)
    kept = (ROOT / "src" / "herdbook" / "plugins" / "formats" / "tensorflow_ops.txt").read_text()
    known, made = ({line.split()[0]: line for line in text.splitlines()[1:]} for text in (kept, table.read_text()))
    assert {name: made[name] for name in known if name in made} == {name: known[name] for name in made if name in known}
    assert len(known.keys() & made.keys()) > 0.99 * len(known), "builds for other hardware have a few operators more"
