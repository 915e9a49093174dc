"""Write docs/reference/rules/index.md: all rules by what they look at, from the rules themselves.

``python tools/make_rules_reference.py`` writes it anew; a test holds the page against it.
"""

from __future__ import annotations

from pathlib import Path

from herdbook.bootstrap.checks import checks
from herdbook.model.checks import Rule

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "rules" / "index.md"
HEAD = """# Rules

What `herdbook check` looks for: [how to use it](../../how-to/check-a-model.md). `herdbook check --explain RULE` shows
a rule's page in the terminal. A rule that names a framework is asked only by `--for`, or where the policy of the
namespace wants it. Findings of readers are in [facts](../facts.md#findings) and are told beside those of rules; where a
reader finds it and a page explains it, the rule is in this table too.

`check-failed`, always an error, is no rule: a check raised an exception over this model, and the others went on.

Made by `tools/make_rules_reference.py`.
"""


def page() -> str:
    """Return the page."""
    parts = [HEAD]
    for each in sorted(checks(), key=lambda check: type(check).__module__):
        module = type(each).__module__
        if module.startswith("herdbook."):
            rows = "".join(_row(rule) for rule in each.rules)
            heading = module.rpartition(".")[2]
            parts.append(f"## {heading}\n\n| rule | severity | for | finds |\n|---|---|---|---|\n{rows}")
    return "\n".join(parts)


def _row(rule: Rule) -> str:
    asked = ", ".join(rule.consumers) or "everybody"
    return f"| [`{rule.id}`]({rule.id}.md) | {rule.severity} | {asked} | {rule.title} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
