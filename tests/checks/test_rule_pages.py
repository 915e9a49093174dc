"""Each rule has a page: why, the real case, how to mend it, when to switch it off; and no page is left over."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from herdbook.bootstrap.checks import checks
from herdbook.model.checks import Rule

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "reference" / "rules"
RULES = {rule.id: rule for check in checks() for rule in check.rules}
TESTS = "\n".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*.py"))


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_rule_has_a_page_and_a_file_that_triggers_it(rule: Rule) -> None:
    page = (PAGES / f"{rule.id}.md").read_text("utf-8")
    assert page.startswith(f"# {rule.id}\n")
    assert f"everity: {rule.severity}" in page
    for part in ("why", "real case", "mend", "switch"):
        assert part in page.lower()
    assert f'"{rule.id}"' in TESTS, "no test triggers it"


def test_every_page_is_of_a_rule() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} - {"README", "index"} == set(RULES)


def test_the_list_of_rules_is_that_of_the_rules() -> None:
    made = runpy.run_path(str(ROOT / "tools" / "make_rules_reference.py"))["page"]()
    assert made == (PAGES / "index.md").read_text("utf-8"), "run python tools/make_rules_reference.py"
