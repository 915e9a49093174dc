"""A reader of the page learns exactly which variables leave the machine, and what every problem means."""

from __future__ import annotations

import re
from pathlib import Path

from herdbook.capture.variables import ALLOWED, LICENCES

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/reference/surroundings.md").read_text("utf-8")
SOURCES = [
    (ROOT / "src/herdbook/capture" / f"{name}.py").read_text("utf-8")
    for name in (
        "git",
        "git_changes",
        "git_command",
        "git_remotes",
        "environment",
        "locks",
        "stacks",
        "containers",
        "batch",
    )
]


def test_the_page_names_the_variables_that_are_told_and_no_others() -> None:
    told, licences = re.search(r"told, and no others:\n\n(.*?)\n\n.*?were set:\n\n(.*?)\n\n", PAGE, re.DOTALL).groups()  # type: ignore[union-attr]  # the page has both lists
    assert tuple(re.findall(r"`([^`]+)`", told)) == ALLOWED
    assert tuple(re.findall(r"`([^`]+)`", licences)) == LICENCES


def test_the_page_explains_every_problem_and_id() -> None:
    words = {code for text in SOURCES for code in re.findall(r'f?"([a-z][a-z0-9]*(?:-[a-z0-9]+)+)[":]', text)}
    commands = {
        "cat-file",
        "check-attr",
        "for-each-ref",
        "get-url",
        "ls-files",
        "ls-remote",
        "rev-parse",
        "symbolic-ref",
    }
    table = PAGE[PAGE.index("## Environment") :]
    assert words - commands - {"utf-8", "utf-8-sig"} == {word for word in words if f"`{word}" in table}
