"""What the ONNX reader says of a graph as a whole, and of quantisers: what checks of consumers' traps rely on."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from herdbook.kernel.errors import HerdbookError
from herdbook.model.facts import Facts
from herdbook.plugins.formats.onnx import Onnx

from . import onnx_models as models
from .onnx_models import check, field, rules

Read = Callable[..., Facts]
FLOAT = TensorProto.FLOAT


def info(name: str) -> Any:
    return helper.make_tensor_value_info(name, FLOAT, [1])


def weight(name: str) -> Any:
    return helper.make_tensor(name, FLOAT, [1], [0.5])


def model(nodes: list[Any], inputs: str = "x", outputs: str = "y", weights: str = "") -> Any:
    graph = helper.make_graph(
        nodes, "g", [*map(info, inputs.split())], [*map(info, outputs.split())], [*map(weight, weights.split())]
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def node(inputs: str, outputs: str, name: str = "", **more: Any) -> Any:
    return helper.make_node("Add", inputs.split(), outputs.split(), name=name, **more)


def test_a_sound_graph_has_nothing_to_say(read: Read) -> None:
    values = read(models.small()).values
    assert values["topologically_sorted"] is True
    assert "first_unsorted" not in values
    for name in ("undefined_names", "duplicate_names", "duplicate_node_names", "dead_outputs", "domains_not_imported"):
        assert values[name] == []


def test_the_first_node_that_reads_a_name_before_it_is_made_is_named(read: Read) -> None:
    values = read(model([node("x", "a"), node("b", "y", "late"), node("a", "b")])).values
    assert values["topologically_sorted"] is False
    assert values["first_unsorted"] == {"node": "late", "index": 1, "reads": "b"}
    assert values["dead_outputs"] == []  # y depends on x all the same


def test_an_unsorted_subgraph_is_as_bad_and_names_from_outside_are_not(read: Read) -> None:
    inner = helper.make_graph([node("a w v", "b"), node("b", "z")], "in", [], [info("z")], [weight("v")])
    sound = model([node("x", "a"), node("c", "y", "if", then_branch=inner)], "x c", weights="w")
    assert read(sound).values["topologically_sorted"] is True
    assert read(sound).values["undefined_names"] == []
    assert read(sound).values["unused_initializers"] == []
    swapped = helper.make_graph([node("b", "z", "inside"), node("a", "b")], "in", [], [info("z")])
    broken = model([node("x", "a"), node("c", "y", "if", then_branch=swapped)], "x c")
    assert read(broken).values["first_unsorted"] == {"node": "inside", "index": 1, "reads": "b"}
    early = model([node("c", "y", "if", then_branch=inner), node("x", "a")], "x c", weights="w")
    assert read(early).values["first_unsorted"] == {"node": "if", "index": 0, "reads": "a"}


@pytest.mark.parametrize(
    ("nodes", "outputs", "weights", "because"),
    [
        ([node("x", "y")], "y", "", None),
        ([node("x", "y")], "y nowhere", "", "undefined"),
        ([node("x", "y")], "y w", "w", "initializer"),
        ([node("x", "y")], "y x", "", "input"),
        ([node("x", "y"), node("w w", "k")], "y k", "w", "no-input"),
        ([node("x", "y"), node("", "k")], "y k", "", "no-input"),
    ],
)
def test_an_output_that_does_not_depend_on_an_input_is_dead(
    read: Read, nodes: list[Any], outputs: str, weights: str, because: str | None
) -> None:
    dead = read(model(nodes, outputs=outputs, weights=weights)).values["dead_outputs"]
    assert dead == ([{"name": outputs.rsplit(maxsplit=1)[-1], "because": because}] if because else [])


def test_an_output_fed_only_through_a_subgraph_is_alive(read: Read) -> None:
    inner = helper.make_graph([node("x", "z")], "in", [], [info("z")])
    assert read(model([node("c", "y", then_branch=inner)], weights="c")).values["dead_outputs"] == []


def test_names_that_nobody_reads_or_nobody_makes_are_listed(read: Read) -> None:
    made = model([node("x ghost", "y extra")], "x idle", weights="w2 w1")
    values = read(made).values
    assert values["undefined_names"] == ["ghost"]
    assert (values["unused_inputs"], values["unused_initializers"]) == (["idle"], ["w1", "w2"])
    assert values["node_outputs_never_used"] == ["extra"]
    check(read(made), made)


def test_names_given_twice_are_listed(read: Read) -> None:
    nodes = [node("x", "a", "n"), node("x", "a", "n"), node("a w", "y", "m")]
    assert read(model(nodes, weights="w")).values["duplicate_names"] == ["a"]
    assert read(model(nodes, weights="w")).values["duplicate_node_names"] == ["n"]
    assert read(model([node("x", "w"), node("w", "y")], weights="w")).values["duplicate_names"] == ["w"]
    assert read(model([node("x w", "y")], weights="w w")).values["duplicate_names"] == ["w"]
    assert read(model([node("x w", "y")], "x x", weights="w")).values["duplicate_names"] == ["x"]
    assert read(model([node("x w", "y")], "x w", weights="w")).values["duplicate_names"] == []  # as IR version 3 has it


def test_domains_whose_operators_are_used_without_an_opset_are_listed(read: Read) -> None:
    assert read(model([node("x", "y", domain="org.other")])).values["domains_not_imported"] == ["org.other"]


@pytest.mark.parametrize("kind", ["FLOAT", "DOUBLE", "FLOAT16", "BFLOAT16", "INT32", "INT64", "INT8", "UINT64"])
@pytest.mark.parametrize("raw", [True, False])
def test_bit_widths_are_read_in_every_way_that_a_number_is_written(read: Read, kind: str, raw: bool) -> None:
    number = getattr(TensorProto, kind)
    array = np.array([6], dtype=helper.tensor_dtype_to_np_dtype(number))
    bits = helper.make_tensor("bits", number, [], array.tobytes() if raw else array, raw)
    scale = helper.make_node("Constant", [], ["scale"], value=helper.make_tensor("t", FLOAT, [1, 1], [np.float32(0.1)]))
    quant = helper.make_node(
        "Quant", ["x", "scale", "zero", "bits", "many"], ["y"], name="q", domain="qonnx.custom_op.general",
        narrow=0, signed=1, rounding_mode="ROUND", ratio=0.5, axes=[1, -2],
    )  # fmt: skip
    built = model([scale, quant])
    built.graph.initializer.extend([bits, helper.make_tensor("many", FLOAT, [2, 3], [0.0] * 6)])
    built.opset_import.append(helper.make_opsetid("qonnx.custom_op.general", 1))
    (found,) = read(built).values["quantizers"]
    assert found == {
        "op": "Quant",
        "node": "q",
        "input": "x",
        "of_weights": False,
        "other_inputs": [[[float(np.float32(0.1))]], None, 6, {"shape": [2, 3]}],
        "attributes": {"narrow": 0, "signed": 1, "rounding_mode": "ROUND", "ratio": 0.5, "axes": [1, -2]},
    }


def test_a_number_that_json_cannot_hold_is_left_out(read: Read) -> None:
    built = model([helper.make_node("Quant", ["x", "s"], ["y"], domain="qonnx.custom_op.general")])
    built.graph.initializer.append(helper.make_tensor("s", FLOAT, [], [float("nan")]))
    facts = read(built)
    assert facts.values["quantizers"][0]["other_inputs"] == [None]
    assert Facts.model_validate_json(facts.model_dump_json()) == facts


def test_many_quantisers_are_listed_in_part(read: Read) -> None:
    node_ = field(1, field(1, b"x") + field(2, b"y") + field(4, b"Quant"))
    graph = models.small().graph.SerializeToString() + node_ * 10_001
    facts = read(field(1, 8) + field(7, graph) + field(8, field(2, 17)))
    assert len(facts.values["quantizers"]) == 10_000
    assert "quantizers-cut" in rules(facts)


def chain(length: int) -> bytes:
    nodes = b"".join(
        field(1, field(1, b"n%d" % i) + field(2, b"n%d" % (i + 1)) + field(4, b"Relu")) for i in range(length)
    )
    ends = field(11, field(1, b"n0")) + field(12, field(1, b"n%d" % length))
    return field(1, 8) + field(7, nodes + ends) + field(8, field(2, 17))


def test_a_graph_beyond_the_limits_is_read_but_for_its_order_and_says_so(read: Read) -> None:
    values = read(chain(40_000)).values
    assert values["topologically_sorted"] is True
    assert values["dead_outputs"] == []
    facts = read(chain(60_000))
    assert facts.values["nodes"] == 60_000
    assert "topologically_sorted" not in facts.values
    assert "graph-too-large" in rules(facts)
    many = field(1, field(4, b"Concat") + b"".join(field(1, b"w%d" % i) for i in range(20_000)) + field(2, b"y"))
    assert "graph-too-large" in rules(read(field(1, 8) + field(7, many) + field(8, field(2, 17))))


def test_memory_for_the_graph_stays_small_at_the_limits(in_memory: Callable[[bytes], Any]) -> None:
    name = b"a/rather/long/name/of/a/layer/as/exporters/write/them/%d"
    nodes = b"".join(
        field(1, b"".join(field(1, name % max(i - back, 0)) for back in range(3)) + field(2, name % (i + 1)))
        for i in range(30_000)
    )
    file = in_memory(field(1, 8) + field(7, nodes) + field(8, field(2, 17)))
    del nodes
    tracemalloc.start()
    assert "topologically_sorted" in Onnx().read(file, "model.onnx", {}).values
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40_000_000


names = st.sampled_from(["a", "b", "c", "d", "x", "w", "y", ""])
graphs = st.lists(st.tuples(st.lists(names, max_size=3), st.lists(names, max_size=2)), max_size=7)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=graphs, inner=graphs)
def test_random_graphs_agree_with_a_plain_look_at_them(read: Read, made: Any, inner: Any) -> None:
    nodes = [helper.make_node("Add", reads, makes) for reads, makes in made]
    if inner:
        body = [helper.make_node("Add", reads, makes) for reads, makes in inner]
        nodes.append(helper.make_node("If", ["c"], ["z"], then_branch=helper.make_graph(body, "in", [], [])))
    built = model(nodes, "x c", "y", "w")
    facts = read(built)
    check(facts, built)
    late = [
        name for at, (reads, _) in enumerate(made) for name in reads if name and later(made, at, name, {"x", "c", "w"})
    ]
    late += [name for at, (reads, _) in enumerate(inner) for name in reads if name and later(inner, at, name, set())]
    outer = {name for reads, _ in inner for name in reads} - {name for _, makes in inner for name in makes}
    assert facts.values["topologically_sorted"] == (not late)
    known = {"x", "c", "w", ""} | {name for _, makes in made for name in makes}
    read_ = {name for reads, _ in made for name in reads} | outer
    assert facts.values["undefined_names"] == sorted(read_ - known)


def later(made: Any, at: int, name: str, given_: set[str]) -> bool:
    """Say whether a name is made by this node or a later one, and by none before."""
    makers = [index for index, (_, makes) in enumerate(made) if name in makes]
    return name not in given_ and bool(makers) and min(makers) >= at


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=120))
def test_any_bytes_inside_a_quantiser_are_read_or_refused(read: Read, data: bytes) -> None:
    quantiser = field(1, field(4, b"Quant") + field(1, b"x") + field(1, b"w") + data)
    graph = models.small().graph.SerializeToString() + quantiser + field(5, field(8, b"w") + data)
    try:
        facts = read(field(1, 8) + field(7, graph) + field(8, field(2, 17)))
    except HerdbookError:
        return
    assert Facts.model_validate_json(facts.model_dump_json()) == facts


def test_the_library_agrees_that_an_unsorted_graph_is_wrong(read: Read) -> None:
    built = model([node("b", "y"), node("x", "b")])
    with pytest.raises(onnx.checker.ValidationError, match="topological"):
        onnx.checker.check_model(built)
    assert read(built).values["topologically_sorted"] is False


def test_what_salt_wrote_into_the_metadata_is_read(read: Read) -> None:
    variables = [{"name": "pt", "offset": 0.0, "scale": 1.0}]
    config = {"inputs": [{"name": "jet_var", "variables": variables}], "output_names": ["GN2_pb"], "model_name": "GN2"}
    built = models.small()
    helper.set_model_props(built, {"gnn_config": json.dumps(config)})
    values = read(built).values
    assert values["gnn_config"]["inputs"] == config["inputs"]
    assert values["gnn_config"]["output_names"] == ["GN2_pb"]
    helper.set_model_props(built, {"gnn_config": "[1, 2"})
    facts = read(built)
    assert rules(facts) == ["bad-gnn-config"]
    assert "gnn_config" not in facts.values
    assert facts.values["metadata"] == {"gnn_config": "[1, 2"}


def made(nodes: list[Any], read: Read, outputs: str = "y") -> list[str | None] | None:
    found: list[str | None] | None = read(model(nodes, outputs=outputs)).values.get("made_by")
    return found


def test_an_output_says_which_operator_its_values_come_from(read: Read) -> None:
    """Whoever puts a softmax behind a model must know whether there is one in it."""
    softmax = helper.make_node("Softmax", ["a"], ["b"])
    carried = [helper.make_node(name, [x], [y]) for name, x, y in (("Identity", "b", "c"), ("Squeeze", "c", "y"))]
    assert made([node("x", "a"), softmax, *carried, node("a", "z")], read, "y z x") == [
        "ai.onnx.Softmax",
        "ai.onnx.Add",
        None,
    ]
    other = helper.make_node("Softmax", ["x"], ["y"], domain="com.example")
    assert made([other], read) == ["com.example.Softmax"]


def test_long_chains_and_circles_of_operators_that_carry_values_on_end(read: Read) -> None:
    chain = [helper.make_node("Identity", [f"n{i}"], [f"n{i + 1}"]) for i in range(5000)]
    made_by = made([node("x", "n0"), *chain], read, " ".join(f"n{i}" for i in range(20, 5000)))
    assert made_by == ["ai.onnx.Add"] * 12 + [None] * 4968
    assert made([helper.make_node("Identity", ["y"], ["y"])], read) is None
