"""What the shim writes is read whatever stands there, and told as a record that fits its schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from herdbook.capture import assembling, seen, telling
from herdbook.capture.seen import Lines, Seen
from herdbook.capture.spool import Run
from herdbook.capture.telling import Given
from herdbook.capture.wanted import Wanted
from herdbook.model.activities import Activity
from herdbook.model.captures import Capture, CapturedFile
from herdbook.model.identifiers import Identifier

TEXT = st.one_of(st.text(max_size=8), st.sampled_from(["/data/a.npz", "numpy", "lr", "1", "-3", "\ud800"]))
ANY = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT, st.lists(st.integers(), max_size=2))
WHAT = st.sampled_from(
    ["process", "open", "library", "parameter", "seed", "flag", "random-state", "metric", "end", "run", "limit", "new"]
)
KEYS = (
    *("t", "pid", "path", "mode", "via", "size", "mtime_ns", "name", "version", "text", "type", "source", "value"),
    *("split", "step", "sha256", "status", "exception", "folder", "executable", "argv"),
)
LINE = st.builds(
    lambda what, rest: {**rest, "what": what}, WHAT, st.dictionaries(st.sampled_from(KEYS), ANY, max_size=8)
)


def _run(folder: Path, lines: list[dict[str, Any]]) -> Run:
    run = Run(folder / ("a" * 32))
    run.seen.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (run.seen / "1-a.ndjson").write_text(text + '{"what": "open", "pa', "utf-8")
    return run


def _capture() -> Capture:
    return Capture(
        id="a" * 32, started="2026-11-20T09:00:00Z", ids=(Identifier(scheme="herdbook-run", value="a" * 32),)
    )


@given(st.lists(LINE, max_size=20))
def test_any_lines_give_a_record(tmp_path_factory: Any, lines: list[dict[str, Any]]) -> None:
    run = _run(tmp_path_factory.mktemp("spool"), lines)
    found = Seen()
    found.take(Lines(run.seen).new())
    capture = assembling.told(_capture(), Wanted(), run, assembling.Found(seen=found))
    run.write(capture)
    assert run.read() == capture
    made = telling.activity(capture, Given())
    assert Activity.read_json(made.canonical).digest == made.digest


def test_lines_are_read_as_they_come_and_half_a_line_waits(tmp_path: Path) -> None:
    run = _run(tmp_path, [{"what": "library", "name": "numpy", "version": "2"}])
    lines = Lines(run.seen)
    assert [line["name"] for line in lines.new()] == ["numpy"]
    assert list(lines.new()) == []
    with (run.seen / "1-a.ndjson").open("a", encoding="utf-8") as stream:
        stream.write('th": "/data/x", "mode": "r", "t": 1.0}\n')
    assert [line["path"] for line in lines.new()] == ["/data/x"]


def _take(*lines: dict[str, Any]) -> Seen:
    found = Seen()
    found.take({"from": "1-a.ndjson", "t": float(number), **line} for number, line in enumerate(lines))
    return found


def test_a_file_that_was_written_first_is_no_input(tmp_path: Path) -> None:
    path = tmp_path / "scratch.npz"
    path.write_text("x", "utf-8")
    opened = {"what": "open", "path": str(path), "via": "open"}
    found = _take({**opened, "mode": "w"}, {**opened, "mode": "r"})
    capture = assembling.told(_capture(), Wanted(), _run(tmp_path / "spool", []), assembling.Found(seen=found))
    assert capture.inputs == ()
    assert [item.path for item in capture.outputs] == [str(path)]


def test_the_last_value_of_a_metric_counts_and_the_steps_are_its_history(tmp_path: Path) -> None:
    points = [{"what": "metric", "name": "loss", "value": 1.0 / n, "step": n, "t": float(n)} for n in (1, 2, 3)]
    run = _run(tmp_path, points)
    found = Seen()
    found.take(Lines(run.seen).new())
    assert found.metrics["loss", None].value == 1 / 3
    assert [json.loads(line)["step"] for line in seen.history(run.seen)] == [1, 2, 3]


def test_two_sources_with_one_name_and_two_values_keep_both(tmp_path: Path) -> None:
    told = {"what": "parameter", "type": "float"}
    found = _take(
        {**told, "name": "lr", "text": "0.1", "source": "argparse"},
        {**told, "name": "lr", "text": "0.1", "source": "torch.optim.SGD"},
        {**told, "name": "lr", "text": "0.01", "source": "torch.optim.SGD[2]"},
    )
    capture = assembling.told(_capture(), Wanted(), _run(tmp_path / "spool", []), assembling.Found(seen=found))
    assert [(item.name, item.text, item.term) for item in capture.parameters] == [
        ("lr", "0.1", "learning_rate"),
        ("torch.optim.SGD[2].lr", "0.01", "learning_rate"),
    ]


def test_seeds_of_loaders_do_not_bury_the_seed(tmp_path: Path) -> None:
    found = Seen()
    found.take(
        [
            {"what": "process", "t": 0.0, "from": "main"},
            {"what": "seed", "name": "numpy", "text": "7", "t": 1.0, "from": "main"},
            *({"what": "seed", "name": "numpy", "text": str(n), "t": 2.0, "from": f"w{n}"} for n in range(50)),
        ]
    )
    capture = assembling.told(_capture(), Wanted(), _run(tmp_path / "spool", []), assembling.Found(seen=found))
    assert [(seed.name, seed.text) for seed in capture.seeds] == [("numpy", "7")]


NAME = st.text(
    st.characters(codec="utf-8", exclude_characters="/\x00", exclude_categories=["C"]), min_size=1, max_size=5
)
FILES = st.lists(
    st.builds(
        lambda parts, role, confirmed: CapturedFile(
            path="/data/" + "/".join(parts), role=role, size=1, sha256="sha256:" + "0" * 64, confirmed=confirmed
        ),
        st.lists(NAME.filter(lambda name: name not in {".", ".."}), min_size=1, max_size=3),
        st.sampled_from(["train", "input"]),
        st.booleans(),
    ),
    max_size=40,
    unique_by=lambda item: item.path,
)


@given(FILES)
def test_each_file_is_in_one_data_set_with_its_role(files: list[CapturedFile]) -> None:
    groups = telling.groups(files)
    told = [item for group in groups for item in group.files]
    assert sorted(item.path for item in told) == sorted(item.path for item in files)
    for group in groups:
        assert {(item.role, item.confirmed) for item in group.files} == {(group.role, group.confirmed)}
        assert len({line.path for line in group.lines()}) == len(group.files)
        assert len(telling.of_dataset(group, "sha256:" + "1" * 64, "/data")) in {1, len(group.files)}
