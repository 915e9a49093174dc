"""Within a major version a newer client understands an older server, and a newer server an older client.

What each release said is in ``recorded``; ``tools/record_answers.py`` writes it.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.client.connected import Connect
from tests.client.recorded import FOLDER, Change, recording, replaying, send, unchanged, unpacked
from tests.client.story import ACTOR, CHAPTERS, as_json
from tests.servers.served import thread_server

from herdbook import __version__
from herdbook.model.principals import Principal
from herdbook.wire import headers

RELEASES = sorted(path.name for path in FOLDER.iterdir())
EACH = [(release, path.stem) for release in RELEASES for path in sorted((FOLDER / release).glob("*.json"))]
_OPEN = {"body", "values", "where", "parameters", "details"}
"""Fields that hold whatever was said: nothing is added inside them."""


def chapter(release: str, name: str) -> tuple[list[dict[str, Any]], list[Any]]:
    told = json.loads((FOLDER / release / f"{name}.json").read_text("utf-8"))
    return told["exchanges"], told["results"]


def without_headers(answer: dict[str, Any]) -> dict[str, Any]:
    """Leave out what a server, or a proxy before it, may not send."""
    return {
        **answer,
        "headers": {name: answer["headers"][name] for name in answer["headers"] if name == "upload-offset"},
    }


def with_more(answer: dict[str, Any]) -> dict[str, Any]:
    """Add fields that a newer server might."""
    changed = copy.deepcopy(answer)
    if changed["body"] and "json" in changed["body"]:
        for item in list(_values(changed["body"]["json"])):
            item["new_field"] = {"of": ["a", "newer", 1, "server"]}
    return changed


def _values(told: Any) -> Iterator[dict[str, Any]]:
    """Yield the objects of an answer that are values of ours, not maps by name."""
    if isinstance(told, list):
        for each in told:
            yield from _values(each)
    elif isinstance(told, dict):
        names = set(told)
        if not any(":" in name or "/" in name for name in names) and names != {"format"} and "$schema" not in names:
            yield told
        for name, each in told.items():
            if name not in _OPEN:
                yield from _values(each)


@pytest.mark.parametrize(("release", "name"), EACH)
@pytest.mark.parametrize("change", [unchanged, with_more, without_headers])
def test_a_newer_client_understands_an_older_server(connect: Connect, release: str, name: str, change: Change) -> None:
    exchanges, results = chapter(release, name)
    with replaying(exchanges, change) as (url, replay):
        registry = connect(url, Principal(id=ACTOR))
        found = [as_json(each) for each in CHAPTERS[name](registry)]
    assert [(asked.method, asked.path, asked.body[:200]) for asked in replay.unknown] == []
    assert _holds(found, results, {}) == ""


class Translated:
    """What a server of today made up where the recorded one made up something else."""

    def __init__(self) -> None:
        self.words: dict[str, str] = {}

    def of(self, text: str) -> str:
        for old in sorted(self.words, key=len, reverse=True):
            text = text.replace(old, self.words[old])
        return text


def test_a_newer_server_understands_an_older_client(tmp_path: Path) -> None:
    for release in RELEASES:
        translated = Translated()
        with thread_server(tmp_path / release) as served:
            for number, (_, name) in enumerate(each for each in EACH if each[0] == release):
                for step, exchange in enumerate(chapter(release, name)[0]):
                    trouble = _resent(served.url, exchange, translated, f"{number}-{step}")
                    assert not trouble, f"{release} {name} {exchange['request']['path']}: {trouble}"


def _resent(url: str, exchange: dict[str, Any], translated: Translated, key: str) -> str:
    """Send a request once more; return what a client of then would not understand, or would be told otherwise."""
    request, recorded = exchange["request"], exchange["answer"]
    body = unpacked(request["body"])
    if request["body"] and "json" in request["body"]:
        body = translated.of(body.decode()).encode()
    told = {name: translated.of(value) for name, value in request["headers"].items()}
    if request["method"] == "POST":
        told[headers.IDEMPOTENCY_KEY] = f"recorded-{key}"
    status, given, answered = send(url, request["method"], translated.of(request["path"]), told, body)
    if status == 304 != recorded["status"] or status != recorded["status"]:
        return f"status {status}, was {recorded['status']}: {answered[:300]!r}"
    for name, value in recorded["headers"].items():
        if name not in given:
            return f"the header {name} is gone"
        if name in {"etag", "repr-digest"}:
            translated.words.setdefault(value, given[name])
    if recorded["body"] and "json" in recorded["body"]:
        return _holds(json.loads(answered), recorded["body"]["json"], translated.words)
    return (
        ""
        if len(answered) == len(unpacked(recorded["body"])) or request["path"].startswith("/api/v1/journal")
        else "length"
    )


def _holds(new: Any, old: Any, words: dict[str, str], where: str = "") -> str:
    """Return where an answer lacks what the old one had; texts that are made up anew are noted in ``words``."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name, value in old.items():
            found = name if name in new else words.get(name, name)
            if found not in new:
                return f"{where}/{name} is gone"
            if trouble := _holds(new[found], value, words, f"{where}/{name}"):
                return trouble
        return ""
    if isinstance(old, list) and isinstance(new, list):
        if len(old) != len(new):
            return f"{where} has {len(new)} items, had {len(old)}"
        troubles = (
            _holds(one, other, words, f"{where}/{at}") for at, (one, other) in enumerate(zip(new, old, strict=True))
        )
        return next((trouble for trouble in troubles if trouble), "")
    if where.endswith(("/facts/reader_version", "/facts/format")):
        # What this release's readers make of the same bytes; still a text, and not empty.
        return "" if isinstance(new, str) and new else f"{where} is {new!r}, was {old!r}"
    if isinstance(old, str) and isinstance(new, str):
        if old != new and len(old) > 11 and not where.endswith(("/code", "/class", "/kind")):
            words.setdefault(old, new)
            return ""
        return "" if old == new else f"{where} is {new!r}, was {old!r}"
    return "" if type(old) is type(new) and old == new else f"{where} is {new!r}, was {old!r}"


def test_this_version_is_recorded() -> None:
    assert __version__ in RELEASES, "run python tools/record_answers.py, and commit what it writes"
    assert [name for release, name in EACH if release == __version__] == list(CHAPTERS)


def test_every_route_of_the_interface_is_in_the_story(tmp_path: Path) -> None:
    with thread_server(tmp_path / "registry") as served:
        description = json.loads(send(served.url, "GET", "/api/v1/openapi.json", {}, b"")[2])
    said = {
        (exchange["request"]["method"], exchange["request"]["path"].partition("?")[0])
        for release, name in EACH
        if release == __version__
        for exchange in chapter(release, name)[0]
    }
    known = {path: list(verbs) for path, verbs in description["paths"].items()}
    missing = [
        (verb.upper(), path)
        for path, verbs in known.items()
        for verb in verbs
        if path.startswith("/api/v1") and not any(m == verb.upper() and _fits(path, p) for m, p in said)
    ]
    own_use = {("DELETE", "/api/v1/uploads/{upload}"), ("GET", "/api/v1/uploads/{upload}")}
    assert set(missing) <= own_use, missing


def _fits(pattern: str, path: str) -> bool:
    one, other = pattern.split("/"), path.split("/")
    return len(one) == len(other) and all(a == b or a.startswith("{") for a, b in zip(one, other, strict=True))


def test_the_story_records_itself_alike_twice(tmp_path: Path, connect: Connect) -> None:
    paths = []
    for number in range(2):
        with thread_server(tmp_path / str(number)) as served, recording(served.url) as (url, exchanges):
            registry = connect(url, Principal(id=ACTOR), cache=tmp_path / f"cache-{number}")
            CHAPTERS["01-namespaces"](registry)
            paths.append([(each["request"]["method"], each["request"]["path"]) for each in exchanges])
    assert paths[0] == paths[1]
