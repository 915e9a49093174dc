"""Paths of the author's machine find a place in the job, and nothing else of a command changes."""

from __future__ import annotations

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdbook.model.activities import Activity, Command
from herdbook.service.retraining import layout
from herdbook.service.retraining.layout import Layout

OUT = "/data/a/train.npy"


def _layout(cwd: str, path: str | None = None) -> Layout:
    told = {"kind": "training", "status": "finished", "command": {"argv": ["x"], "cwd": cwd}, "code": {"path": path}}
    return Layout.of(Activity.model_validate({**told, "ids": [{"scheme": "local", "value": "1"}]}))


@pytest.mark.parametrize(
    ("cwd", "word", "placed"),
    [
        (".", "/data/a", "outside/data/a"),
        (".", "--data=/data/a/train.npy", "--data=outside/data/a/train.npy"),
        ("fit", "/data/a", "../outside/data/a"),
        ("/site/code", "../../data/a", "outside/data/a"),
        ("/site/code", "/site/code/fit/x.py", "fit/x.py"),
        (".", "../a", "outside/data/a"),
        (".", "../other", "../other"),
        (".", "/elsewhere", "/elsewhere"),
        (".", "fit/x.py", "fit/x.py"),
        (".", "--rate", "--rate"),
        (".", "-0.5", "-0.5"),
        (".", "lr=0.1", "lr=0.1"),
        (".", "/", "/"),
        (".", "", ""),
    ],
)
def test_a_word_that_names_a_place_outside_is_written_anew_and_no_other(cwd: str, word: str, placed: str) -> None:
    command = _layout(cwd).command(Command(argv=("run", word), cwd=cwd), [OUT])
    assert command.argv == ("run", placed)
    assert not posixpath.isabs(command.cwd or "")


def test_a_path_that_could_mean_two_folders_is_left_as_it_is() -> None:
    command = _layout(".").command(Command(argv=("run", "../a"), cwd="."), ["/x/a/f", "/y/a/f"])
    assert command.argv == ("run", "../a")


@given(st.lists(st.sampled_from(["a", "b", "..", ".", "c.npy"]), min_size=1, max_size=6), st.booleans())
def test_every_input_comes_to_lie_inside_the_job(parts: list[str], absolute: bool) -> None:
    path = ("/" if absolute else "") + "/".join(parts)
    target = _layout(".").place(path)
    assert not target.startswith(("/", ".."))
    assert ".." not in target.split("/")


@pytest.mark.parametrize(
    ("argv", "name", "expected"),
    [
        (["--seed", "7", "x"], "seed", ("--seed", "8", "x")),
        (["--seed=7"], "seed", ("--seed=8",)),
        (["--random-seed", "7"], "random_seed", ("--random-seed", "8")),
        (["train.seed=7"], "train.seed", ("train.seed=8",)),
        (["-s", "7"], "s", ("-s", "8")),
        (["--seed", "-1"], "seed", ("--seed", "8")),
        (["--seed"], "seed", None),
        (["--seed", "--verbose"], "seed", None),
        (["--seeds", "7"], "seed", None),
        ([], "seed", None),
    ],
)
def test_an_option_gets_another_value_or_is_not_there(
    argv: list[str], name: str, expected: tuple[str, ...] | None
) -> None:
    assert layout.edited(argv, name, "8") == expected
