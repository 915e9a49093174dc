"""Whether the ONNX Runtime, TensorFlow or XGBoost of a consumer loads a file: from its releases, or its policy."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.checks.models import model

from herdbook.model.checks import CONSUMERS, Runtime
from herdbook.model.facts import Finding
from herdbook.plugins.checks.known import table

Found = Callable[..., list[Finding]]
FORMATS = Path(__file__).resolve().parents[1] / "fixtures" / "formats"
SAVED = FORMATS / "tensorflow" / "saved" / "saved_model.pb"


def graph(operator: str = "MatMul", producer: int = 26, least: int = 0, *, inside: bool = False) -> str:
    """Return a GraphDef as text: one operator, in the graph itself or in a function of it."""
    node = f'op: "{operator}" input: "x" input: "x"'
    name = "Mine" if inside else operator
    library = f'library {{ function {{ signature {{ name: "Mine" }} node_def {{ name: "in" {node} }} }} }}'
    return (
        'node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }\n'
        f'node {{ name: "y" op: "{name}" input: "x" input: "x" }}\n'
        f"{library if inside else ''}\nversions {{ producer: {producer} min_consumer: {least} }}\n"
    )


def trees(writer: list[int], intercept: str = "5E-1", booster: str = "binary") -> str:
    """Return a model of XGBoost in JSON, as another version would have written it."""
    content = json.loads((FORMATS / "trees" / f"xgboost_{booster}.json").read_text("utf-8"))
    content["version"] = writer
    content["learner"]["learner_model_param"]["base_score"] = intercept
    return json.dumps(content)


@pytest.mark.parametrize(
    ("consumer", "bad", "good"),
    [
        ("o2", model(operator="Quant", domain="qonnx.custom_op.general"), model(operator="Erf")),
        ("triton", model(operator="Mine", domain="lab"), model(operator="Gelu", domain="com.microsoft")),
    ],
)
def test_an_operator_that_onnx_runtime_does_not_have_is_an_error(
    found: Found, consumer: str, bad: Any, good: Any
) -> None:
    assert found("runtime-operators", {"model.onnx": bad}, consumers=[consumer])
    assert not found("runtime-operators", {"model.onnx": good}, consumers=[consumer])


@pytest.mark.parametrize(
    ("rule", "version", "bad", "good"),
    [
        ("runtime-opset", "1.17.1", model(opset=21), model(opset=20)),
        ("runtime-opset", "1.12.1", model(opset=18), model(opset=17)),
        ("runtime-ir", "1.17.1", model(ir_version=10), model(ir_version=9)),
        ("runtime-ir", "1.23.2", model(ir_version=12), model(ir_version=11)),
    ],
)
def test_a_model_that_is_newer_than_the_consumers_runtime_is_an_error(
    found: Found, rule: str, version: str, bad: Any, good: Any
) -> None:
    runtimes = {"cmssw": Runtime(library="onnxruntime", version=version)}
    finding = found(rule, {"model.onnx": bad}, consumers=["cmssw"], runtimes=runtimes)[0]
    assert "of cmssw knows" in finding.message
    assert not found(rule, {"model.onnx": good}, consumers=["cmssw"], runtimes=runtimes)


@pytest.mark.parametrize(("version", "said"), [("", "nobody said"), ("1.1.0", "never tried"), ("1.17.3", "")])
def test_a_runtime_of_which_nothing_is_known_is_said_and_not_guessed(found: Found, version: str, said: str) -> None:
    runtimes = {"athena": Runtime(library="onnxruntime", version=version)} if version else {}
    files = {"model.onnx": model()}
    told = found("runtime-unknown", files, consumers=["athena"], runtimes=runtimes)
    assert [said in each.message for each in told] == [True] * bool(said)
    assert not found("runtime-opset", files, consumers=["athena"], runtimes=runtimes)


@pytest.mark.parametrize(
    ("consumer", "release", "said"),
    [
        ("cmssw", "CMSSW_13_3_0_pre2", "opset 19 of ai.onnx; ONNX Runtime 1.14 of CMSSW_13_3_X knows 18"),
        ("cmssw", "13.3", "opset 19 of ai.onnx; ONNX Runtime 1.14 of CMSSW_13_3_X knows 18"),
        ("cmssw", "CMSSW_15_0_X", None),
        ("cmssw", "CMSSW_17_0_X", "which ONNX Runtime cmssw CMSSW_17_0_X has, nobody said"),
        ("triton", "23.04", "opset 19 of ai.onnx; ONNX Runtime 1.14 of Triton 23.03 knows 18"),
        ("triton", "24.06", None),
        ("triton", "99.01", "which ONNX Runtime triton 99.01 has, nobody said"),
        ("triton", "19.01", "which ONNX Runtime triton 19.01 has, nobody said"),
        ("athena", "25.0", "which ONNX Runtime athena 25.0 has, nobody said"),
    ],
)
def test_a_model_is_held_against_the_release_that_a_coordinator_names_and_no_other(
    found: Found, consumer: str, release: str, said: str | None
) -> None:
    told = {consumer: Runtime(release=release)}
    rules = ("runtime-opset", "runtime-since", "runtime-unknown")
    every = [
        each.message
        for rule in rules
        for each in found(rule, {"model.onnx": model(opset=19)}, consumers=[consumer], runtimes=told)
    ]
    assert [message.split(":")[0] for message in every] == ([said] if said else [])


def test_of_a_release_trees_are_held_against_its_xgboost(found: Found) -> None:
    files = {"model.json": trees([2, 1, 0])}
    old, new = ({"cmssw": Runtime(release=release)} for release in ("CMSSW_12_5_X", "CMSSW_14_0_X"))
    assert found("runtime-trees", files, consumers=["cmssw"], runtimes=old)
    assert not found("runtime-trees", files, consumers=["cmssw"], runtimes=new)


def test_tritons_tensorflow_is_not_known_and_no_policy_can_say_it(found: Found) -> None:
    told = found("runtime-unknown", {"graph.pbtxt": graph()}, consumers=["triton", "cmssw"])
    assert [each.message.partition(",")[0] for each in told] == ["which TensorFlow triton has"]
    assert "policy" not in told[0].message
    assert not found("runtime-unknown", {"model.json": trees([1, 3, 0])}, consumers=CONSUMERS)


@pytest.mark.parametrize(
    ("consumer", "opset", "message"),
    [
        ("cmssw", 15, "from CMSSW_12_4_X on: opset 15 of ai.onnx; ONNX Runtime 1.7 of CMSSW_12_3_X knows 13"),
        ("cmssw", 21, "from CMSSW_15_0_X on: opset 21 of ai.onnx; ONNX Runtime 1.17 of CMSSW_14_2_X knows 20"),
        ("triton", 17, "from Triton 22.07 on: opset 17 of ai.onnx; ONNX Runtime 1.11 of Triton 22.05 knows 16"),
        ("triton", 22, "from Triton 25.03 on: opset 22 of ai.onnx; ONNX Runtime 1.20 of Triton 24.12 knows 21"),
    ],
)
def test_a_model_that_only_newer_releases_load_is_told_the_first_of_them(
    found: Found, consumer: str, opset: int, message: str
) -> None:
    files = {"model.onnx": model(opset=opset)}
    assert message in found("runtime-since", files, consumers=[consumer])[0].message
    assert not found("runtime-opset", files, consumers=[consumer])
    told = {consumer: Runtime(library="onnxruntime", version="1.22.0")}
    assert not found("runtime-since", files, consumers=[consumer], runtimes=told)


def test_what_the_newest_release_does_not_load_is_an_error_and_what_all_load_is_nothing(found: Found) -> None:
    wrong = found("runtime-opset", {"model.onnx": model(opset=27)}, consumers=["cmssw", "triton", "o2"])
    newest = [table()["releases"][name][-1]["name"] for name in ("cmssw", "o2", "triton")]
    assert [each.message.partition(" of ai.onnx; ")[2].split(" of ")[-1].split(" knows")[0] for each in wrong] == [
        newest[0],
        "2026-08-22",
        newest[2],
    ]
    assert not found("runtime-since", {"model.onnx": model(opset=11, ir_version=6)}, consumers=["cmssw", "triton"])


def test_a_graph_that_asks_for_a_newer_tensorflow_than_the_newest_release_has_is_an_error(found: Found) -> None:
    limit = table()["tensorflow"][-1]["graph"]
    wrong = found("runtime-graph", {"graph.pbtxt": graph(producer=limit + 9, least=limit + 1)}, consumers=["cmssw"])
    assert [each.where for each in wrong] == ["/versions/min_consumer"]
    assert f"GraphDef version {limit + 1}" in wrong[0].message
    assert not found("runtime-graph", {"graph.pbtxt": graph(producer=limit + 9, least=limit)}, consumers=["cmssw"])


@pytest.mark.parametrize("inside", [False, True])
def test_an_operator_that_older_tensorflows_lack_is_told_with_the_first_release_that_has_it(
    found: Found, inside: bool
) -> None:
    told = found("runtime-since", {"graph.pbtxt": graph("BatchMatMulV3", inside=inside)}, consumers=["cmssw"])
    assert "from CMSSW_12_1_X on: 'BatchMatMulV3': TensorFlow 2.5 of CMSSW_12_0_X" in told[0].message
    assert told[0].where == ("/function_operators" if inside else "/operators")
    assert not found("runtime-since", {"graph.pbtxt": graph("BatchMatMul", inside=inside)}, consumers=["cmssw"])


def test_a_graph_asks_for_the_tensorflow_of_the_release_that_first_has_its_least_version(found: Found) -> None:
    told = found("runtime-since", {"graph.pbtxt": graph(producer=808, least=562)}, consumers=["cmssw"])
    assert "from CMSSW_12_0_X on: the graph asks for GraphDef version 562" in told[0].message
    newer = found("runtime-newer", {"graph.pbtxt": graph(producer=808, least=562)}, consumers=["cmssw"])
    assert "TensorFlow 2.5 of CMSSW_12_0_X has 716" in newer[0].message


def test_a_graph_of_a_newer_tensorflow_than_some_release_is_a_note_and_of_the_oldest_none(found: Found) -> None:
    newer = found("runtime-newer", {"graph.pbtxt": graph(producer=987)}, consumers=["cmssw"])
    assert "TensorFlow 2.6 of CMSSW_13_2_X has 808" in newer[0].message
    for producer in (0, 26):  # 0: the file does not say it; no TensorFlow finds a graph too old
        assert not found("runtime-newer", {"graph.pbtxt": graph(producer=producer)}, consumers=["cmssw"])


def test_each_graph_of_a_saved_model_is_looked_at(found: Found) -> None:
    newer = found("runtime-newer", {"saved_model.pb": SAVED.read_bytes()}, consumers=["cmssw"])
    assert [each.where for each in newer] == ["/meta_graphs/0/versions/producer"]


def test_json_and_ubjson_that_only_newer_xgboosts_read_are_told_the_first_release(found: Found) -> None:
    told = found("runtime-since", {"model.json": trees([1, 7, 1])}, consumers=["cmssw"])
    assert "from CMSSW_12_6_X on: trees in JSON of XGBoost 1.7.1; XGBoost 1.3 of CMSSW_12_5_X" in told[0].message
    assert not found("runtime-since", {"model.json": trees([1, 5, 2])}, consumers=["cmssw"])
    assert not found("runtime-since", {"model.json": trees([1, 7, 1], booster="linear")}, consumers=["cmssw"])
    legacy = (FORMATS / "trees" / "legacy_binary.model").read_bytes()
    assert not found("runtime-since", {"b.model": legacy}, consumers=["cmssw"])


def test_an_intercept_that_xgboost_reads_wrong_without_a_word_is_an_error(found: Found) -> None:
    for files in (
        {"model.json": trees([3, 2, 0], "[5E-1]")},
        {"m.ubj": (FORMATS / "trees/xgboost_classes.ubj").read_bytes()},
    ):
        wrong = found("runtime-trees", files, consumers=["cmssw"])
        assert [each.where for each in wrong] == ["/base_score_in_file"]
        assert "XGBoost 1.7 of CMSSW_16_0_0_pre1" in wrong[0].message
    assert not found("runtime-trees", {"model.json": trees([3, 0, 5])}, consumers=["cmssw"])


def test_a_model_of_a_newer_xgboost_is_a_note(found: Found) -> None:
    newer = found("runtime-newer", {"model.json": trees([3, 0, 5])}, consumers=["cmssw"])
    assert "written by XGBoost 3.0.5; XGBoost 1.7 of CMSSW_16_0_0_pre1 is older" in newer[0].message
    assert not found("runtime-newer", {"model.json": trees([1, 3, 3])}, consumers=["cmssw"])


def test_the_table_of_runtimes_never_falls_and_says_what_was_tried_and_where_it_was_read() -> None:
    for library, rising in (("onnxruntime", ("opset", "ml", "ir")), ("tensorflow", ("graph",)), ("xgboost", ("ubj",))):
        rows = table()[library]
        for one, other in pairwise(rows):
            assert [int(part) for part in one["version"].split(".")] < [
                int(part) for part in other["version"].split(".")
            ]
            assert all(one[name] <= other[name] for name in rising)
        assert all(row["tried"].startswith(row["version"] + ".") for row in rows)
    names = [name for row in table()["tensorflow"][1:] for name in row["new"]]
    assert len(names) == len(set(names)), "an operator is new twice"
    assert all(row["name"] and row["read"] for rows in table()["releases"].values() for row in rows)


def test_of_every_release_in_the_table_it_is_known_what_its_libraries_load() -> None:
    tried = {
        library: {row["version"] for row in table()[library]} for library in ("onnxruntime", "tensorflow", "xgboost")
    }
    for rows in table()["releases"].values():
        for row in rows:
            for library in tried.keys() & row.keys():
                assert ".".join(row[library].split(".")[:2]) in tried[library], f"{library} of {row['name']}"
