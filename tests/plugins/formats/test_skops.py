"""skops: what a schema names is listed and never looked up; what is not known to be data is an error."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.plugins.conftest import Bytes

from herdbook.kernel.errors import HerdbookError
from herdbook.model.facts import Facts
from herdbook.plugins.formats import skops
from herdbook.plugins.formats.archives import Archives

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "formats" / "pickles"


def read(schema: Any) -> Facts:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("schema.json", schema if isinstance(schema, bytes) else json.dumps(schema))
    return Archives().read(Bytes(held.getvalue()), "x.skops", {})


def node(module: str, name: str, **more: Any) -> dict[str, Any]:
    return {"__class__": name, "__module__": module, "__loader__": "ObjectNode", **more}


def test_classes_version_and_steps_of_a_pipeline_are_listed() -> None:
    facts = Archives().read(Bytes((FIXTURES / "pipe.skops").read_bytes()), "pipe.skops", {})
    assert (facts.format, facts.safety) == ("skops", "guarded")
    assert facts.values["python_type"] == "sklearn.pipeline.Pipeline"
    assert [each["name"] for each in facts.values["steps"]] == ["bdt", "f"]
    assert facts.values["class_counts"]["numpy.tanh"] == 1
    assert facts.values["producer"]["name"] == "skops"
    assert facts.values["types_not_known"] == []
    assert facts.findings == ()


def test_a_function_that_is_named_is_an_error() -> None:
    facts = Archives().read(Bytes((FIXTURES / "function.skops").read_bytes()), "function.skops", {})
    assert facts.values["types_not_known"] == ["__main__.main"]
    assert [(each.rule, each.severity) for each in facts.findings] == [("skops-type", "error")]


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("builtins", "eval"),
        ("numpy", "load"),
        ("sklearn.tree", "os.system"),
        ("sklearn", "show_versions"),
    ],
)
def test_what_is_no_known_class_is_an_error_wherever_it_stands(module: str, name: str) -> None:
    inside = node("sklearn.pipeline", "Pipeline", content={"a": [{"b": node(module, name)}]})
    facts = read(inside)
    assert facts.values["types_not_known"] == [f"{module}.{name}"]
    assert [each.rule for each in facts.findings] == ["skops-type"]


def test_arrays_that_are_not_there_are_told() -> None:
    facts = read(node("numpy", "ndarray", file="1.npy"))
    assert [each.rule for each in facts.findings] == ["skops-missing-array"]


@pytest.mark.parametrize("schema", [b"", b"[]", b"{}", b"[" * 100_000, b'{"__class__": 3}'])
def test_what_is_no_schema_is_refused(schema: bytes) -> None:
    with pytest.raises(HerdbookError):
        read(schema)


def test_more_nodes_than_are_followed_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(skops, "MAX_NODES", 100)
    with pytest.raises(HerdbookError):
        read(node("a", "b", content=[{} for _ in range(200)]))


KEYS = st.sampled_from(["__class__", "__module__", "content", "is_json", "file", "steps", "feature_names_in_"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["str", "numpy", '"x"']),
    lambda each: st.lists(each, max_size=4) | st.dictionaries(KEYS, each, max_size=5),
    max_leaves=20,
)


@given(st.dictionaries(KEYS, VALUES))
def test_any_schema_is_survived(schema: dict[str, Any]) -> None:
    with contextlib.suppress(HerdbookError):
        read({"__class__": "Pipeline", **schema}).model_dump_json()
