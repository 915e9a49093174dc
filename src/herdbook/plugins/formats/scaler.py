"""`scaler.txt`: one variable a line, with the kind of its scaling and two numbers.

The file says names, kinds and numbers in order. What the numbers mean is said by the code that uses them; for
`stdscale` that is taken to be mean and standard deviation.
"""

from __future__ import annotations

import posixpath
import re
from typing import Any

from herdbook.model.facts import Finding, Severity
from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.plain_values import Plain
from herdbook.plugins.formats.text_file import TextFile
from herdbook.ports.formats import Listing

FORMAT = "scaler"
MAX_FEATURES = 100_000
_NUMBER = r"[-+]?(?:\d{1,400}\.?\d{0,400}|\.\d{1,400}|inf|nan)(?:[eE][-+]?\d{1,5})?"
_ROW = re.compile(rf"\S+[ \t]+[A-Za-z_]\w*[ \t]+{_NUMBER}[ \t]+{_NUMBER}", re.IGNORECASE)


def fits(content: Any, path: str) -> bool:  # noqa: ANN401 - a kind is asked about anything
    """Say whether all lines are variables with a kind and two numbers, or the name says scaler and most are."""
    if not isinstance(content, TextFile) or not content.whole:
        return False
    name = posixpath.basename(path).lower()
    if not name.endswith((".txt", ".dat", ".scaler")):
        return False
    lines = list(content.said())
    rows = sum(_ROW.fullmatch(line) is not None for line in lines)
    return rows > 0 and (2 * rows > len(lines) if "scaler" in name else rows == len(lines))


def read(content: TextFile, path: str, listing: Listing) -> Content:  # noqa: ARG001 - the signature of a kind
    """Read the lines in order; one of another form keeps its words in `rest`."""
    features: list[dict[str, Any]] = []
    where: dict[str, str] = {}
    odd = []
    plain = Plain(values=10 * MAX_FEATURES)
    for number, line in enumerate(content.lines, 1):
        parts = line.split()
        if not parts or len(features) == MAX_FEATURES:
            continue
        where[f"/features/{len(features)}"] = f"line {number}"
        if _ROW.fullmatch(line.strip()):
            values = [plain.copy(float(part)) for part in parts[2:]]
            features.append({"name": parts[0], "kind": parts[1], "values": values})
        else:
            odd.append(number)
            features.append({"name": parts[0][:1000], "rest": [part[:1000] for part in parts[1:101]]})
    findings: tuple[Finding, ...] = ()
    if odd:
        message = f"line {odd[0]} is no variable with a kind and two numbers ({len(odd)} such lines)"
        findings = (Finding(rule="scaler-bad-line", severity=Severity.WARNING, message=message, where="/features"),)
    values_ = {"features": features, "num_features": len(features)}
    return Content(format=FORMAT, values=values_, where=where, findings=findings)
