"""Docs that cannot rot: links resolve, Python blocks run, and console stories are played on a fresh registry.

A page's ``python`` blocks run in one namespace, from top to bottom. A page with ``<!-- tested -->`` has its ``console``
blocks played as well, in the order in which they stand: each ``$ `` line by bash in one temporary folder, with a
registry of its own; what follows it must be the output, where ``…`` stands for anything. A command that must fail ends
in ``# exit status N``. A page with ``<!-- not tested: REASON -->`` is skipped, with its reason.
"""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from herdbook import __version__
from herdbook.kernel.errors import EXIT_STATUS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
NOT_TESTED = re.compile(r"<!-- not tested: (.+?) -->")
EXIT = re.compile(r"# exit status (\d+)\s*$")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, the line of the page on which the text begins."""

    language: str
    text: str
    line: int


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _blocks(page: str) -> list[Block]:
    found = BLOCK.finditer(page)
    return [Block(match[1], match[2], page.count("\n", 0, match.start()) + 2) for match in found]


def _prose(page: str) -> str:
    """Return the page without code, in which brackets are no links."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```[ \t]*$", "", page, flags=re.MULTILINE | re.DOTALL))


def _anchors(page: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=_name)
def test_every_link_of_a_page_leads_somewhere(path: Path) -> None:
    broken = []
    for groups in LINK.findall(_prose(path.read_text("utf-8"))):
        target = unquote(next(filter(None, groups)))
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        goal = (path.parent / file).resolve() if file else path
        here = goal.exists() and goal.is_relative_to(ROOT)
        if not here or (anchor and goal.suffix == ".md" and anchor not in _anchors(goal.read_text("utf-8"))):
            broken.append(target)
    assert not broken


def _run_python(block: Block, path: Path, namespace: dict[str, Any]) -> None:
    if not block.text.lstrip().startswith(">>>"):
        # Empty lines in front make a traceback name the line of the page.
        exec(compile("\n" * (block.line - 1) + block.text, str(path), "exec"), namespace)
        return
    test = doctest.DocTestParser().get_doctest(block.text, {}, _name(path), str(path), block.line - 1)
    test.globs = namespace
    flags = doctest.ELLIPSIS | doctest.REPORT_NDIFF
    said: list[str] = []
    failed = (
        doctest.DocTestRunner(optionflags=flags, verbose=False).run(test, out=said.append, clear_globs=False).failed
    )
    assert not failed, "".join(said)


def _commands(block: Block) -> list[tuple[int, str, str]]:
    """Return (line, command, expected output) of a console block."""
    found: list[tuple[int, str, str]] = []
    for number, line in enumerate(block.text.splitlines(), block.line):
        if line.startswith("$ "):
            found.append((number, line[2:], ""))
        elif line.startswith("> ") and found and found[-1][1].endswith("\\") and not found[-1][2]:
            start, command, _ = found[-1]
            found[-1] = (start, f"{command}\n{line[2:]}", "")
        else:
            assert found, f"line {number}: output before the first command"
            start, command, expected = found[-1]
            found[-1] = (start, command, f"{expected}{line}\n")
    return found


def _same(expected: str, said: str) -> bool:
    pattern = "".join(".*?" if part == "…" else re.escape(part) for part in re.split("(…)", expected.rstrip()))
    lines = "\n".join(line.rstrip() for line in said.rstrip().splitlines())
    return re.fullmatch(pattern, lines, re.DOTALL) is not None


def _play(block: Block, path: Path, folder: Path) -> None:
    """Run the commands of a console block as a reader would type them."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "100",
        "NO_COLOR": "1",
        "LC_ALL": "C.UTF-8",
        "REPO": str(ROOT),
    }
    for line, command, expected in _commands(block):
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        where = f"{_name(path)}:{line}: $ {command}\n"
        status = EXIT.search(command)
        assert done.returncode == (int(status[1]) if status else 0), where + done.stdout
        assert not expected.strip() or _same(expected, done.stdout), f"{where}{done.stdout}\n--- expected\n{expected}"


def _run_page(path: Path, folder: Path) -> None:
    page = path.read_text("utf-8")
    if skipped := NOT_TESTED.search(page):
        pytest.skip(skipped[1])
    namespace: dict[str, Any] = {"__name__": "__page__"}
    for block in _blocks(page):
        if block.language == "python":
            _run_python(block, path, namespace)
        elif block.language == "console" and "<!-- tested -->" in page:
            _play(block, path, folder)


def _runs(path: Path) -> bool:
    return any(block.language in {"python", "console"} for block in _blocks(path.read_text("utf-8")))


@pytest.mark.parametrize("path", [path for path in PAGES if _runs(path)], ids=_name)
def test_what_a_page_shows_is_what_happens(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "reader"
    folder.mkdir()
    monkeypatch.chdir(folder)
    _run_page(path, folder)


@pytest.mark.parametrize("path", [path for path in PAGES if _runs(path)], ids=_name)
def test_a_console_story_is_played_or_says_why_not(path: Path) -> None:
    page = path.read_text("utf-8")
    told = any(block.language == "console" and "$ herdbook" in block.text for block in _blocks(page))
    assert not told or "<!-- tested -->" in page or NOT_TESTED.search(page)


STORY = """<!-- tested -->
```console
$ echo "a  b" > x; cat x
a … b
$ printf '%s\\n' \\
>   one
one
$ false  # exit status 1
```
```python
import pathlib
seen = pathlib.Path("x").read_text().split()
```
```python
>>> seen
['a', 'b']
```
"""


@pytest.mark.parametrize(
    ("change", "caught"),
    [
        (("", ""), False),
        (("a … b", "a … c"), True),
        (("exit status 1", "exit status 2"), True),
        (("$ printf", "$ false; printf"), False),
        (("['a', 'b']", "['a']"), True),
        (('Path("x")', 'Path("y")'), True),
    ],
)
def test_the_runner_itself_catches_a_page_that_is_wrong(
    change: tuple[str, str], caught: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    page = tmp_path / "story.md"
    page.write_text(STORY.replace(*change) if change[0] else STORY, "utf-8")
    if caught:
        with pytest.raises((AssertionError, FileNotFoundError)):
            _run_page(page, tmp_path)
    else:
        _run_page(page, tmp_path)


def test_the_readme_names_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert re.search(r"^make demo\b", readme, re.MULTILINE)
    assert re.search(r"^make test\b", readme, re.MULTILINE)


def test_every_kind_of_error_is_in_the_reference_with_its_exit_status() -> None:
    page = (ROOT / "docs" / "reference" / "errors.md").read_text("utf-8")
    for kind, status in EXIT_STATUS.items():
        assert re.search(rf"^\| `{kind}` \| {status} \|", page, re.MULTILINE), kind


def test_every_decision_is_listed_and_every_dependency_has_its_reason() -> None:
    folder = ROOT / "docs" / "adr"
    listed = (folder / "README.md").read_text("utf-8")
    assert not [path.name for path in folder.glob("0*.md") if f"({path.name})" not in listed]
    reasons = (folder / "0002-dependencies.md").read_text("utf-8").lower()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    asked = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    names = {re.split(r"[<>=~! ;\[]", text)[0].lower() for text in asked}
    assert not sorted(name for name in names if f"**{name}**" not in reasons)


def test_the_citation_and_the_change_log_are_of_this_version() -> None:
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    for field in ("cff-version: 1.2.0", "message:", "title:", "authors:", f"version: {__version__}"):
        assert re.search(rf"^{re.escape(field)}", citation, re.MULTILINE), field
    changes = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert "## [Unreleased]" in changes
