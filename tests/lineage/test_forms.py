"""Lineage for other programs: PROV-JSON that the W3C's own library reads, Mermaid that cannot be broken out of, SVG."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import prov.model
import pytest

from herdbook.model.lineage import Edge, Lineage
from herdbook.service.lineage_mermaid import mermaid
from herdbook.service.lineage_prov import prov as prov_json
from herdbook.service.lineage_svg import svg

MODEL, DATA, RUN = ("sha256:" + letter * 64 for letter in "abc")
NASTY = '"]; click n0 "javascript:alert(1)" %% <script>alert(1)</script>\n]]>'


def _lineage(direction: str = "up", title: str = "demo/tau/toy:v1") -> Lineage:
    nodes = [
        {"id": MODEL, "kind": "version", "title": title, "references": [title]},
        {"id": RUN, "kind": "activity", "title": "training"},
        {"id": DATA, "kind": "dataset", "title": "local:toys", "detail": NASTY},
        {"id": "mlflow-run:e1 f3", "kind": "id", "title": "mlflow-run:e1 f3", "resolved": False},
        {"id": f"unknown:{DATA}", "kind": "unknown", "title": "training unknown", "resolved": False},
    ]
    edges = [
        Edge(frm=MODEL, to=RUN, role="made by"),
        Edge(frm=RUN, to=DATA, role="train"),
        Edge(frm=RUN, to="mlflow-run:e1 f3", role="parent"),
        Edge(frm=DATA, to=f"unknown:{DATA}", role="made by"),
    ]
    if direction == "down":
        edges = [Edge(frm=edge.to, to=edge.frm, role="model" if edge.frm == MODEL else edge.role) for edge in edges]
    root = MODEL if direction == "up" else DATA
    return Lineage.read(
        {"root": root, "direction": direction, "nodes": nodes, "edges": [edge.json_object() for edge in edges]}
    )


@pytest.mark.parametrize("direction", ["up", "down"])
def test_the_library_of_the_standard_reads_who_made_what_from_what(direction: str) -> None:
    document = prov.model.ProvDocument.deserialize(content=json.dumps(prov_json(_lineage(direction))), format="json")
    made = list(document.get_records(prov.model.ProvGeneration))
    used = list(document.get_records(prov.model.ProvUsage))
    derived = list(document.get_records(prov.model.ProvDerivation))
    assert {str(record.args[0]) for record in made} >= {f"herdbook:sha256/{'a' * 64}"}
    assert f"herdbook:sha256/{'b' * 64}" in {str(record.args[1]) for record in used}
    assert {(str(r.args[0]), str(r.args[1])) for r in derived} >= {
        (f"herdbook:sha256/{'a' * 64}", f"herdbook:sha256/{'b' * 64}")
    }


def test_what_somebody_typed_cannot_leave_its_box_in_a_chart() -> None:
    chart = mermaid(_lineage(title=NASTY))
    assert chart.startswith("flowchart TD\n")
    assert "click" in chart
    for line in chart.splitlines():
        if '"' in line:
            assert line.count('"') == 2
            assert "<script" not in line
            assert "javascript:" not in line or "click n0 #34;javascript:alert(1)" in line


@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_picture_is_xml_with_every_node_and_its_full_words(direction: str) -> None:
    drawn = svg(_lineage(direction, NASTY.replace("\n", " ")))
    tree = ET.fromstring(drawn)  # our own text
    space = "{http://www.w3.org/2000/svg}"
    titles = [element.text or "" for element in tree.iter(f"{space}title")]
    assert len(titles) == 1 + 5
    assert any("mlflow-run:e1 f3" in title for title in titles)
    assert not list(tree.iter(f"{space}script"))
    assert len(list(tree.iter(f"{space}path"))) == 1 + 4


def test_a_circle_is_drawn_and_ends() -> None:
    nodes = [{"id": letter, "kind": "version", "title": letter} for letter in "ab"]
    edges = [{"frm": "a", "to": "b", "role": "made by"}, {"frm": "b", "to": "a", "role": "made by"}]
    value = Lineage.read({"root": "a", "direction": "up", "nodes": nodes, "edges": edges})
    assert svg(value).count("<g>") == 2
    assert mermaid(value).count("-->") == 2
