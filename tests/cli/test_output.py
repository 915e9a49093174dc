"""How answers look: control characters made harmless, colour and width as asked, quiet as one word."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from herdbook.apps.cli.output import Output, clean
from herdbook.apps.cli.views import text

from .conftest import MODEL, Run, run_here

EVIL = "\x1b[2J\x1b]0;owned\x07 red \u202egnp.exe \x9b31m"


@given(st.text())
def test_no_text_can_steer_a_terminal(words: str) -> None:
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", clean(words))


def test_a_title_with_escape_codes_is_shown_harmless(herdbook: Run, files: Path) -> None:
    herdbook("register", f"{MODEL}:v1", str(files), "--title", EVIL, "--summary", EVIL)
    for words in (("show", f"{MODEL}:v1"), ("show", f"{MODEL}:v1", "--color", "always"), ("statement", "list", MODEL)):
        out = re.sub(r"\x1b\[[0-9;]*m", "", herdbook(*words).out)
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", out)
    assert "owned" in out or "owned" in herdbook("show", f"{MODEL}:v1").out


def test_an_error_that_quotes_input_is_harmless_too(herdbook: Run) -> None:
    assert "\x1b" not in herdbook("show", f"demo/{EVIL}", status=2).err


def test_brackets_in_a_title_are_no_markup(herdbook: Run, files: Path) -> None:
    herdbook("register", f"{MODEL}:v1", str(files), "--title", "[bold]all[/] :smile: [link=x]")
    assert "[bold]all[/] :smile: [link=x]" in herdbook("show", f"{MODEL}:v1").out


@pytest.mark.parametrize(("choice", "coloured"), [("always", True), ("never", False), ("auto", False)])
def test_colour_is_as_asked(story: Run, choice: str, coloured: bool) -> None:
    assert ("\x1b[1m" in story("show", f"{MODEL}:v1", "--color", choice).out) is coloured


def test_no_color_is_honoured_and_yields_to_an_express_wish(story: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in story("list").out
    assert "\x1b" in story("list", "--color", "always").out


def test_a_pipe_gets_lines_that_are_not_folded_and_a_narrow_screen_no_wider_ones(
    story: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "word " * 60
    story("statement", "add", f"{MODEL}:v1", "--kind", "note", "--body", json.dumps({"text": words}))
    digest = story("statement", "list", f"{MODEL}:v1", "--kind", "note", "-q").out.strip()
    monkeypatch.setenv("COLUMNS", "60")
    for command in (("show", f"{MODEL}:v1"), ("statement", "show", digest), ("trace", f"{MODEL}:v2"), ("list", MODEL)):
        assert max(map(len, story(*command).out.splitlines())) <= 60


def test_what_is_to_be_copied_is_never_folded(story: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    for words in (("journal", "checkpoint", "demo"), ("journal", "state", "demo"), ("config", "path")):
        assert len(story(*words).out.splitlines()) == 1


def test_no_line_ends_in_spaces(story: Run) -> None:
    for words in (("show", f"{MODEL}:v2"), ("list",), ("history", MODEL), ("journal", "log", "demo")):
        assert not re.search(r" +$", story(*words).out, re.MULTILINE)


def test_quiet_prints_the_essential_word_and_no_message(story: Run, files: Path) -> None:
    assert story("register", f"{MODEL}:v2", str(files), "--quiet").out == f"{MODEL}:v2\n"
    found = story("-q", "list", MODEL)
    assert (found.out, found.err) == (f"{MODEL}:v2\n{MODEL}:v1\n", "")
    assert story("trace", f"{MODEL}:v1", "-q").out.startswith("sha256:")
    assert story("fetch", f"{MODEL}:v1", str(files.parent / "out"), "-q").out == f"{files.parent / 'out'}\n"


def test_an_answer_that_the_terminal_cannot_write_is_no_crash(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    Output().draw(Text("tau \u2192 \N{GREEK SMALL LETTER TAU}"))
    assert b"tau" in capfdbinary.readouterr().out


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (999_499, "999 kB"), (999_500, "1 MB"), (3_141_593, "3.14 MB")],
)
def test_sizes_are_short(count: int, shown: str) -> None:
    assert text.size(count) == shown


def test_an_empty_list_says_so_on_stderr_and_prints_nothing(herdbook: Run) -> None:
    found = herdbook("list")
    assert found.out == ""
    assert "no model" in found.err
    assert "hint: herdbook register" in found.err
    assert herdbook("list", "--json").out == ""


def test_the_version_is_printed() -> None:
    from herdbook import __version__

    assert run_here("--version").out == f"herdbook {__version__}\n"
