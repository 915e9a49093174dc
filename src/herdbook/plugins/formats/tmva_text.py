"""TMVA's weight files of before the XML format: sections `#GEN`, `#OPT`, `#VAR` … of text.

Source: TMVA's `MethodBase::WriteStateToStream` and `Configurable::WriteOptionsToStream` (ROOT 5.12 to 5.22).
"""

from __future__ import annotations

import re
from typing import Any

from herdbook.model.facts import Safety
from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.kept import Kept

_MAX_HEAD = 1024 * 1024
_SECTION = re.compile(r"^#([A-Z]{3})(?:[ -].*)?$", re.MULTILINE)
_INFO = re.compile(r"^([A-Za-z][A-Za-z ]*?)\s*: ?(.*)$", re.MULTILINE)
_OPTION = re.compile(r'^(\w+)(?:\[\d+\])?:\s*"(.*?)"', re.MULTILINE)
_VARIABLE = re.compile(r"^\s*(\S.*?)\s+(\S+)\s+'(\w)'\s+\[\s*([^,]+?)\s*,\s*([^\]]+?)\s*\]", re.MULTILINE)
_KEYS = {
    "method": "Method",
    "creator": "Creator",
    "date": "Date",
    "host": "Host",
    "dir": "Dir",
    "tmva_release": "TMVA Release",
    "root_release": "ROOT Release",
}


def read_text(data: bytes) -> Content:
    """Return the facts of a file that begins with `#GEN`; weights are not read."""
    kept = Kept()
    text = data[:_MAX_HEAD].decode("utf-8", "replace")
    parts = _SECTION.split(text)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    info = {key: value.strip() for key, value in _INFO.findall(sections.get("GEN", ""))}
    values: dict[str, Any] = {
        ours: kept.text(info[theirs], "general info") for ours, theirs in _KEYS.items() if info.get(theirs)
    }
    values["general_info"] = kept.texts(info, "general info")
    events = info.get("Training events", "")
    if re.fullmatch(r"[0-9]{1,15}", events):
        values["training_events"] = int(events)
    if options := _OPTION.findall(sections.get("OPT", "")):
        values["options"] = kept.texts(dict(options), "options")
        user = sections["OPT"].split("# Default:", 1)[0]
        values["options_modified"] = [name for name, _ in _OPTION.findall(user)]
    variables = sections.get("VAR", "")
    if number := re.search(r"^NVar\s+(\d{1,6})\s*$", variables, re.MULTILINE):
        values["num_features"] = int(number[1])
    if features := [_feature(each, kept) for each in _VARIABLE.findall(variables)]:
        values["features"] = kept.items(features, "features")
    return Content("tmva-txt", values, Safety.GUARDED, findings=kept.findings)


def _feature(said: tuple[str, str, str, str, str], kept: Kept) -> dict[str, Any]:
    name, _, type_, low, high = said
    found: dict[str, Any] = {"name": kept.text(name, "feature names"), "type": type_}
    for key, text in (("min", low), ("max", high)):
        try:
            found[key] = kept.number(float(text))
        except ValueError:
            continue
    return found
