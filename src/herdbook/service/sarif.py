"""Reports of checks as SARIF 2.1.0 (OASIS standard, errata 01), as code hosts and editors take it."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from herdbook.model.base import Json
from herdbook.model.checks import Report, Rule
from herdbook.model.facts import Finding
from herdbook.ports.checks import Subject

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_PLACE = re.compile(r"(line|byte) ([0-9]{1,15})\b")


@dataclass(frozen=True)
class Result:
    """A report with what it is about; ``folder`` is where it was read, empty for a version of a registry."""

    report: Report
    subject: Subject
    folder: str = ""


@dataclass(frozen=True)
class About:
    """What a document says of rules: all that there are, the text of the page of each, where the pages are published.

    ``pages`` is an absolute URI that ends in ``/``, empty where nobody publishes them: then no rule has a ``helpUri``.
    """

    version: str
    rules: Sequence[Rule]
    page: Callable[[str], str]
    pages: str = ""


def document(results: Iterable[Result], about: About, here: str) -> Json:
    """Return one document with one run for all reports.

    Args:
        results: reports, each with its subject.
        about: the tool and its rules.
        here: the absolute folder that locations are relative to; files outside of it are told by a base of their own.
    """
    found = list(results)
    names = sorted({each.rule for result in found for each in result.report.findings})
    known = {rule.id: rule for rule in about.rules}
    asked = {name for result in found for name in result.report.rules}
    listed = sorted({*names, *asked})
    index = {name: number for number, name in enumerate(listed)}
    bases: Json = {}
    results_: list[Json] = []
    for number, result in enumerate(found):
        begin = _begin(result, number, here, bases)
        seen: Counter[tuple[str, str, str]] = Counter()
        views = {view.path: view for view in result.subject.files}
        for finding in result.report.findings:
            seen[finding.rule, finding.path, finding.where] += 1
            count = seen[finding.rule, finding.path, finding.where]
            view = views.get(finding.path)
            places = view.facts.where if view and view.facts else {}
            results_.append(_result(finding, index[finding.rule], begin, places, count))
    driver = {
        "name": "Herdbook",
        "version": about.version,
        "rules": [_rule(name, known.get(name), about) for name in listed],
    }
    run: Json = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": results_,
    }
    if bases:
        run["originalUriBaseIds"] = bases
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _begin(result: Result, number: int, here: str, bases: Json) -> Json:
    """Return where the subject's folder is: relative to here, or to a base that is noted."""
    if result.folder:
        relative = PurePath(os.path.relpath(result.folder, here)).as_posix()
        if relative == ".":
            return {"uri": ""}
        if not relative.startswith("../") and relative != "..":
            return {"uri": quote(relative) + "/"}
        name, known = f"FOLDER{number}", {"uri": PurePath(here, result.folder).as_uri() + "/"}
    else:
        name, known = f"VERSION{number}", {"description": {"text": result.report.of}}  # type: ignore[dict-item]  # JSON
    bases[name] = known
    return {"uri": "", "uriBaseId": name}


def _result(finding: Finding, index: int, begin: Json, places: Mapping[str, str], count: int) -> Json:
    location = {**begin, "uri": begin["uri"] + quote(finding.path)}
    if not location["uri"]:
        location["uri"] = "./"
    physical: Json = {"artifactLocation": location}
    if (region := _region(places.get(finding.where, ""))) is not None:
        physical["region"] = region
    place: Json = {"physicalLocation": physical}
    if finding.where:
        place["logicalLocations"] = [{"fullyQualifiedName": finding.where}]
    what = "\0".join([finding.rule, location.get("uriBaseId", ""), location["uri"], finding.where, str(count)])
    return {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": str(finding.severity),
        "message": {"text": finding.message},
        "locations": [place],
        "partialFingerprints": {"herdbookFinding/v1": hashlib.sha256(what.encode("utf-8", "replace")).hexdigest()},
    }


def _region(said: str) -> Json | None:
    """Return the region of a place in a file, where it is a line or a byte."""
    match = _PLACE.match(said)
    if match is None:
        return None
    number = int(match[2])
    if match[1] == "line":
        return {"startLine": max(number, 1)}
    return {"byteOffset": number, "byteLength": 0}


def _rule(name: str, rule: Rule | None, about: About) -> Json:
    text = about.page(name)
    found: dict[str, Any] = {"id": name}
    if rule is not None:
        found["shortDescription"] = {"text": rule.title}
        found["defaultConfiguration"] = {"level": str(rule.severity)}
        if rule.consumers:
            found["properties"] = {"tags": list(rule.consumers)}
    if text:
        found["help"] = {"text": text, "markdown": text}
    if about.pages:
        found["helpUri"] = about.pages + (f"reference/rules/{name}/" if text else "reference/facts/#findings")
    return found
