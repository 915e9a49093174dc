"""Rules are read from YAML or JSON, and try themselves: each file carries paths and what must become of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from herdbook.kernel.errors import InvalidError, MissingError
from herdbook.model.rules import ListRule, ModelRule, Rules, RuleTest, SidecarRule, check_pattern
from herdbook.service.mapping import rules_text
from herdbook.service.mapping.matching import Matcher
from herdbook.service.mapping.places import Place

MAX_BYTES = 1 << 20
_PATTERNS = re.compile(r"/source|/messages/\d+/pattern|/(?:skip|models|sidecars|lists)/\d+/paths/\d+")
_TEST_NAMESPACE = "demo"
"""In which rules that leave the namespace to the user are tried."""


def read(text_or_path: str | Path) -> Rules:
    """Read rules from a file, or from a text (which has a line feed).

    Raises:
        MissingError: ``no-rules``, when there is no such file.
        InvalidError: ``bad-rules``, naming the file and the line or the JSON pointer.
        UnavailableError: ``no-extra``, when YAML cannot be read here.
    """
    if isinstance(text_or_path, str) and "\n" in text_or_path:
        return loads(text_or_path, "the rules")
    path = Path(text_or_path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise MissingError(
            f"the rules {str(path)!r} cannot be read: {getattr(error, 'strerror', None) or error}",
            code="no-rules",
            hint="Give a file, or the name of ready-made rules.",
        ) from error
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        if len(data) <= MAX_BYTES:
            raise InvalidError(
                f"{path}: the rules are not UTF-8", code="bad-rules", hint="Save them as UTF-8."
            ) from error
        text = data.decode("utf-8", "replace")
    return loads(text, str(path))


def loads(text: str, where: str) -> Rules:
    """Read rules from a text; ``where`` it is from, for errors.

    Raises:
        InvalidError: ``bad-rules``, naming the line or the JSON pointer and what to do.
        UnavailableError: ``no-extra``, when YAML cannot be read here.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise InvalidError(
            f"{where}: the rules are larger than 1 MiB", code="bad-rules", hint="Write patterns, not paths."
        )
    parsed = rules_text.parse(text, where)
    if not isinstance(parsed.value, dict):
        raise InvalidError(f"{where}: this is no mapping", code="bad-rules", hint="Begin with `name:`.")
    for pointer, value in _scalars(parsed.value):
        if _PATTERNS.fullmatch(pointer) and isinstance(value, str):
            try:
                check_pattern(value)
            except InvalidError as error:
                raise _wrong(parsed, where, pointer, error.message, error.hint) from error
    try:
        rules = Rules.read(parsed.value)
    except InvalidError as error:
        pointer = str(error.details.get("where", ""))
        raise _wrong(parsed, where, pointer, error.message, "docs/reference/import-rules.md has the fields.") from error
    named: tuple[ModelRule | SidecarRule | ListRule, ...] = (*rules.models, *rules.sidecars, *rules.lists)
    ids = Counter(rule.id for rule in named)
    if twice := [each for each, count in ids.items() if count > 1]:
        raise InvalidError(f"{where}: two rules are called {twice[0]!r}", code="bad-rules", hint="Rename one of them.")
    return rules


def check(rules: Rules) -> list[str]:
    """Try the rules on their own tests; return what failed, in words. Rules without tests are not tried at all.

    Raises:
        InvalidError: ``bad-rules``, when they cannot be put to work at all.
    """
    if not rules.namespace:
        rules = rules.model_copy(update={"namespace": _TEST_NAMESPACE})
    usual = next((test.source for test in rules.tests if test.source), "")
    matchers: dict[str, Matcher] = {}
    failed = []
    for test in rules.tests:
        source = test.source or usual
        matcher = matchers.get(source)
        if matcher is None:
            matcher = matchers[source] = Matcher(rules, source)
        try:
            problems = list(_differences(test, matcher))
        except InvalidError as error:
            problems = [error.message]
        failed += [f"{test.path}: {problem}" for problem in problems]
    return failed


def _differences(test: RuleTest, matcher: Matcher) -> Iterator[str]:
    content = (test.content or "").encode()
    place = matcher.place(test.path, lambda: content)
    wanted = {key: value for key in ("model", "label", "inside", "member") if (value := getattr(test, key)) is not None}
    asked = [("sidecar", test.sidecar, place.rule), ("list", test.list, place.rule), ("skip", test.skip, place.reason)]
    kinds = [kind for kind, value, _ in asked if value is not None] or (["model"] if wanted else [])
    if not kinds and test.identity is None:
        yield "the test says nothing"
    for kind in kinds:
        if place.what != kind:
            yield f"expected {_kind(kind)}, got {_described(place)}"
            return
    for kind, value, got in asked:
        if value is not None and value != got:
            yield f"expected the {kind} {value!r}, got {got!r}"
    for key, value in wanted.items():
        if value != getattr(place, key):
            yield f"expected {key} {value!r}, got {getattr(place, key)!r}"
    if test.identity is not None and test.identity != (got_id := str(matcher.identity(test.path) or "")):
        yield f"expected the identity {test.identity!r}, got {got_id!r}"


def _kind(kind: str) -> str:
    return {"skip": "it to be skipped"}.get(kind, f"a {kind}")


def _described(place: Place) -> str:
    if place.what == "skip":
        return f"skipped: {place.reason}"
    named = f"{place.model}:{place.label}" if place.label else place.model
    return f"a {place.what} by {place.rule!r}" + (f" ({named})" if named else "")


def _scalars(value: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - parsed JSON
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        if isinstance(item, dict | list):
            yield from _scalars(item, f"{pointer}/{key}")
        else:
            yield f"{pointer}/{key}", item


def _wrong(parsed: rules_text.Parsed, where: str, pointer: str, message: str, hint: str) -> InvalidError:
    line = parsed.line(pointer)
    at = f"line {line}" if line else pointer
    return InvalidError(f"{where}{', ' if at else ''}{at}: {message}", code="bad-rules", hint=hint, where=pointer)
