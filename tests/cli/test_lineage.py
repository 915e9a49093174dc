"""How a trace is drawn: what is unknown as unknown, what was withdrawn in red, everything once, cuts counted."""

from __future__ import annotations

import pytest

from herdbook.apps.cli.output import Output
from herdbook.apps.cli.views import lineage
from herdbook.model.lineage import Edge, Lineage, Node

from .conftest import MODEL, Run


def _node(id_: str, kind: str = "version", **given: object) -> Node:
    return Node.read({"id": id_, "kind": kind, "title": id_, **given})


def _drawn(
    capsys: pytest.CaptureFixture[str], nodes: list[Node], steps: str, *, cut: int = 0, color: str = "never"
) -> list[str]:
    """Draw nodes with steps ``a>b:role``."""
    edges = []
    for step in steps.split():
        ends, _, role = step.partition(":")
        frm, _, to = ends.partition(">")
        edges.append(Edge(frm=frm, to=to, role=role))
    value = Lineage(root=nodes[0].id, direction="up", nodes=tuple(nodes), edges=tuple(edges), cut=cut)
    Output(color=color).draw(lineage.lineage(value))
    return capsys.readouterr().out.splitlines()


def test_a_missing_training_is_drawn_as_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    unknown = _node("unknown:a", "unknown", title="training unknown", resolved=False)
    value = Lineage(
        root="a", direction="up", nodes=(_node("a"), unknown), edges=(Edge(frm="a", to="unknown:a", role="made by"),)
    )
    Output().draw(lineage.lineage(value))
    assert capsys.readouterr().out.splitlines()[1] == "└─ made by  training unknown"


def test_a_withdrawn_parent_has_the_word_and_is_red(capsys: pytest.CaptureFixture[str]) -> None:
    nodes = [_node("a"), _node("t", "activity"), _node("b", state="withdrawn"), _node("c", state="deprecated")]
    steps = "a>t:made t>b:parent t>c:teacher"
    plain = _drawn(capsys, nodes, steps)
    assert "parent  b  WITHDRAWN" in plain[2]
    assert "teacher  c  deprecated" in plain[3]
    assert "\x1b[1;31mb\x1b[0m  \x1b[1;31mWITHDRAWN" in _drawn(capsys, nodes, steps, color="always")[2]


def test_a_diamond_is_shown_once_and_then_pointed_at(capsys: pytest.CaptureFixture[str]) -> None:
    nodes = [_node(name) for name in "abcde"]
    drawn = _drawn(capsys, nodes, "a>b:left a>c:right b>d:x c>d:x d>e:y")
    assert drawn == [
        "a",
        "├─ left  b",
        "│  └─ x  d",
        "│     └─ y  e",
        "└─ right  c",
        "   └─ x  d  ↑ shown above",
    ]


def test_a_cycle_ends(capsys: pytest.CaptureFixture[str]) -> None:
    drawn = _drawn(capsys, [_node("a"), _node("b")], "a>b:x b>a:y")
    assert drawn == ["a", "└─ x  b", "   └─ y  a  ↑ shown above"]


def test_what_is_not_resolved_is_marked_by_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    nodes = [
        _node("a"),
        _node("f", "file", resolved=False),
        _node("d", "dataset", resolved=False),
        _node("s", "selector", resolved=False),
    ]
    drawn = _drawn(capsys, nodes, "a>f:x a>d:x a>s:x")
    assert drawn[1:] == [
        "├─ x  f  unresolved",
        "├─ x  d  known by name only",
        "└─ x  s  a pattern, not a dataset",
    ]


def test_ten_thousand_descendants_are_cut_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    nodes = [_node("a", hidden=9_950), *(_node(f"n{index}") for index in range(50))]
    drawn = _drawn(capsys, nodes, " ".join(f"a>n{index}:x" for index in range(50)), cut=9_950)
    assert len(drawn) == 52
    assert drawn[-1] == "└─ … 9,950 more; --limit shows more"


def test_a_chain_of_a_thousand_steps_is_drawn_on_a_narrow_screen_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes = [_node(f"n{index}") for index in range(1200)]
    steps = " ".join(f"n{index}>n{index + 1}:x" for index in range(1199))
    drawn = _drawn(capsys, nodes, steps)
    assert len(drawn) == 1200
    monkeypatch.setenv("COLUMNS", "80")
    drawn = _drawn(capsys, nodes, steps)
    assert len(drawn) == 1200
    assert max(map(len, drawn)) <= 80
    assert drawn[-1].endswith("└─ x  n1199")


def test_a_trace_of_the_story_shows_activity_dataset_and_parent(story: Run) -> None:
    out = story("trace", f"{MODEL}:v2").out
    for words in ("made by  fine-tuning", "parent  " + MODEL + ":v1", "train  local:toy", "↑ shown above"):
        assert words in out
    assert f"{MODEL}:v2" in story("trace", f"{MODEL}:v1", "--down").out


def test_limits_cut_a_trace_and_say_so(story: Run) -> None:
    found = story("trace", f"{MODEL}:v2", "--limit", "3")
    assert "more; --limit shows more" in found.out
    assert "cut off" in found.err
