"""What goes in is what was recorded, before and after; what comes out was made by the run, and is a file."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from tests.jobs import asked

COPY = "import shutil; shutil.copyfile('data/in.txt', 'out.txt')"


def test_an_input_lies_where_it_should_and_is_verified_twice(tmp_path: Path) -> None:
    given = asked.put(tmp_path, "inputs/0", b"data", "data/in.txt")
    result = asked.run(asked.ask(tmp_path, inputs=[given], command=asked.python(COPY)))
    assert result.status == "finished"
    assert {"inputs", "inputs-after"} <= set(result.verified)
    assert result.outputs[0].sha256 == asked.sha256(b"data")


def test_an_input_from_elsewhere_cannot_be_spoilt_by_the_command(tmp_path: Path) -> None:
    data = tmp_path / "elsewhere.txt"
    data.write_text("data")
    given = {"path": "in.txt", "sha256": asked.sha256(b"data"), "size": 4, "source": str(data)}
    text = "import os; os.chmod('in.txt', 0o600); open('in.txt', 'w').write('spoilt'); " + asked.WRITE
    result = asked.run(asked.ask(tmp_path / "job", inputs=[given], command=asked.python(text)))
    assert data.read_text() == "data"
    assert "inputs-after" not in result.verified
    assert "input-changed" in asked.codes(result)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sha256": "sha256:" + "0" * 64}, "input-differs"),
        ({"size": 5}, "input-differs"),
        ({"source": "inputs/1"}, "input-missing"),
        ({"source": "/nowhere/at/all"}, "input-missing"),
        ({"source": "../outside.txt"}, "bad-job"),
        ({"source": "link/outside.txt"}, "bad-job"),
        ({"path": ".git/config"}, "bad-job"),
    ],
)
def test_an_input_that_is_not_the_recorded_one_is_refused(tmp_path: Path, change: dict[str, Any], code: str) -> None:
    (tmp_path / "outside.txt").write_text("data")
    folder = tmp_path / "job"
    given = asked.put(folder, "inputs/0", b"data", "data/in.txt")
    (folder / "link").symlink_to(tmp_path)
    result = asked.run(asked.ask(folder, inputs=[{**given, **change}], command=asked.python(COPY)))
    assert (result.status, asked.codes(result)) == ("refused", {code})
    assert result.outputs == ()


def test_paths_that_leave_the_folder_are_no_request(tmp_path: Path) -> None:
    bad: list[dict[str, Any]] = [
        {"outputs": [{"path": "../out.txt"}]},
        {"outputs": [{"path": "/out.txt"}]},
        {"outputs": [{"path": ".git/hooks/post-commit"}]},
        {"inputs": [{"path": "../x", "sha256": "sha256:" + "0" * 64, "size": 0, "source": "x"}]},
        {"command": {"argv": ["true"], "cwd": "/"}},
        {"command": {"argv": ["true"], "cwd": ".."}},
        {"lock": "../lock"},
        {"unknown": 1},
    ]
    for number, fields in enumerate(bad):
        result = asked.run(asked.ask(tmp_path / str(number), **fields))
        assert result.status == "refused", fields
        assert asked.codes(result) <= {"bad-field", "bad-job", "bad-path"}


def test_an_input_with_a_link_of_the_checkout_in_its_path_is_refused(tmp_path: Path) -> None:
    code = tmp_path / "job-code"
    asked.repository(code, {"train.py": "pass\n"})
    (code / "data").symlink_to(tmp_path)
    asked.git(code, "add", "data")
    asked.git(code, "commit", "-qm", "a link")
    folder = tmp_path / "job"
    given = asked.put(folder, "inputs/0", b"data", "data/in.txt")
    commit = asked.git(code, "rev-parse", "HEAD").strip()
    result = asked.run(asked.ask(folder, code={"commit": commit}, checkout=str(code), inputs=[given]))
    assert (result.status, asked.codes(result)) == ("refused", {"bad-job"})
    assert not (tmp_path / "in.txt").exists()


def test_an_input_that_the_checkout_has_otherwise_is_refused(tmp_path: Path) -> None:
    folder = asked.trained(tmp_path / "job", {"train.py": asked.WRITE, "in.txt": "data"})
    same = asked.put(folder, "inputs/0", b"data", "in.txt")
    commit = asked.git(tmp_path / "job-code", "rev-parse", "HEAD").strip()
    fields: dict[str, Any] = {"code": {"commit": commit}, "checkout": "code.bundle"}
    assert asked.run(asked.ask(folder, inputs=[same], **fields)).status == "finished"
    (folder / "result.json").unlink()
    other = asked.put(folder, "inputs/1", b"otherwise", "in.txt")
    result = asked.run(asked.ask(folder, inputs=[other], **fields))
    assert (result.status, asked.codes(result)) == ("refused", {"input-in-the-way"})


def test_an_output_that_is_an_input_is_refused(tmp_path: Path) -> None:
    given = asked.put(tmp_path, "inputs/0", b"data", "out.txt")
    assert asked.codes(asked.run(asked.ask(tmp_path, inputs=[given]))) == {"output-is-input"}


@pytest.mark.parametrize(
    "text",
    [
        "import os; os.symlink('/etc/passwd', 'out.txt')",
        "import os; os.mkfifo('out.txt')",
        "import socket; s = socket.socket(socket.AF_UNIX); s.bind('out.txt')",
        "import os; os.mkdir('out.txt'); os.symlink('/etc/passwd', 'out.txt/inner')",
        "import os; os.mkdir('out.txt'); os.symlink('/etc', 'out.txt/inner')",
        "import os; os.mkdir('out.txt'); os.mkfifo('out.txt/inner')",
    ],
)
def test_an_output_that_is_no_file_is_not_taken(tmp_path: Path, text: str) -> None:
    result = asked.run(asked.ask(tmp_path, command=asked.python(text)))
    assert (result.status, result.exit, result.outputs) == ("failed", 0, ())
    assert asked.codes(result) == {"output-no-file"}
    assert not [path for path in (tmp_path / "outputs").rglob("*") if path.is_symlink() or path.is_fifo()]


def test_an_output_behind_a_link_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "out.txt").write_text("x")
    text = f"import os; os.rmdir('sub'); os.symlink({str(tmp_path / 'elsewhere')!r}, 'sub')"
    folder = asked.ask(tmp_path / "job", command=asked.python(text), outputs=[{"path": "sub/out.txt"}])
    assert asked.codes(asked.run(folder)) == {"output-no-file"}
    assert (tmp_path / "elsewhere" / "out.txt").exists()


def test_a_folder_is_taken_with_all_below_it_under_its_own_names(tmp_path: Path) -> None:
    text = (
        "import os\nos.makedirs('m/a')\nfor n in (b'a/1', b'\\xff', b'%'): open(os.fsdecode(b'm/' + n), 'w').write('x')"
    )
    result = asked.run(asked.ask(tmp_path, command=asked.python(text), outputs=[{"path": "m"}]))
    assert [each.path for each in result.outputs] == ["m/%25", "m/%FF", "m/a/1"]
    assert (tmp_path / "outputs" / "m" / "a" / "1").read_text() == "x"


def test_a_missing_output_fails_a_command_that_said_it_was_well(tmp_path: Path) -> None:
    result = asked.run(asked.ask(tmp_path, command={"argv": ["true"]}))
    assert (result.status, result.exit, asked.codes(result)) == ("failed", 0, {"output-missing"})


def test_a_folder_that_the_command_closed_is_opened_again(tmp_path: Path) -> None:
    text = asked.WRITE + "; import os; os.mkdir('closed'); open('closed/x', 'w'); os.chmod('closed', 0)"
    folder = asked.ask(tmp_path, command=asked.python(text))
    assert asked.run(folder).status == "finished"
    (folder / "result.json").unlink()
    assert asked.run(folder).status == "finished"


def test_what_an_earlier_run_left_is_gone(tmp_path: Path) -> None:
    folder = asked.ask(tmp_path, command=asked.python("import os; print(os.listdir('.')); " + asked.WRITE))
    for place in ("work", "outputs", "capture/seen", "home"):
        (folder / place).mkdir(parents=True)
        (folder / place / "out.txt").write_text("stale")
    result = asked.run(folder)
    assert (folder / "log.txt").read_text() == "[]\n"
    assert [each.sha256 for each in result.outputs] == [asked.sha256(b"hello")]


def test_the_folder_of_work_is_not_open_to_others(tmp_path: Path) -> None:
    asked.run(asked.ask(tmp_path))
    assert stat.S_IMODE((tmp_path / "work").stat().st_mode) == 0o700
    assert not list((tmp_path / "home").iterdir())
