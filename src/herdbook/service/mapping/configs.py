"""Training configurations: YAML whose values become parameters, inputs and ids of the activity that a rule tells of."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from herdbook.kernel.errors import InvalidError
from herdbook.model import schemes
from herdbook.model.activities import Activity
from herdbook.model.base import Json
from herdbook.model.drafts import DraftActivity, Finding
from herdbook.model.rules import ListRule
from herdbook.model.schemes import Parsed
from herdbook.model.statements import Evidence
from herdbook.service.mapping import templates, yaml_values
from herdbook.service.mapping.lists import Inputs, ListDrafts
from herdbook.service.mapping.yaml_values import Node, Scalar, Sequence

MAX_LIST = 200
"""Characters of a list's JSON that still make a parameter; a longer one is left to the file."""
MAX_TEXT = 2000
MAX_PARAMETERS = 2000
_SKELETON: Json = {"kind": "training", "status": "unknown"}
_MEANINGS = {"input", "id", "parameter"}


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A value that has a name: a scalar, or a list of scalars. ``pointer`` is its JSON pointer, ``name`` has dots."""

    pointer: str
    name: str
    node: Scalar | Sequence


@dataclass
class _Draft:
    """An activity while it is filled."""

    where: str
    rule: ListRule
    body: Json
    gathered: Inputs
    evidence: dict[str, Evidence] = field(default_factory=dict)

    def append(self, key: str, value: Json, pointer: str) -> None:
        values = self.body.setdefault(key, [])
        self.evidence[f"/{key}/{len(values)}"] = Evidence(how="extracted", where=f"{self.where}#{pointer}")
        values.append(value)


def training_config(
    text: str, rule: ListRule, groups: Mapping[str, str], where: str, issued: str | None = None
) -> ListDrafts:
    """Read a configuration (YAML) by a rule.

    The rule's ``activity`` is the skeleton, with ``{group}`` filled in (``{name}``: the list's), and ``because`` says
    where it is known from. Its ``pointers`` say what single values mean: ``{"input": {"scheme": …, "role": …}}``,
    ``{"input": {"path": true, "role": …}}``, ``{"id": {"scheme": …}}`` or ``{"parameter": NAME}``. All other values
    that are known become parameters, and the file itself is an input with role ``config``, whose ``blob`` is to be
    filled in.

    Args:
        text: at most 1 MiB; the caller sees to it.
        rule: of kind ``training-config``.
        groups: what fills the templates.
        where: the evidence of the file, as ``git-sha1:…:PATH``; JSON pointers are added.
        issued: when it was written.

    Raises:
        InvalidError: ``bad-rules``, when a pointer's meaning is none of these or what comes out is no activity.
        UnavailableError: ``no-extra``, when PyYAML is not installed.
    """
    try:
        root = yaml_values.read(text)
    except InvalidError as error:
        if error.code != "bad-config":
            raise
        return ListDrafts(findings=(Finding(code="bad-config", message=error.message, where=where),))
    filled = {"name": templates.fill(rule.name, groups), **groups}
    draft = _skeleton(rule, filled, where)
    leaves = list(_leaves(root, "", "", 0))
    meant = {leaf.pointer for leaf in leaves if _mean(draft, leaf)}
    for pointer in rule.pointers.keys() - {leaf.pointer for leaf in leaves}:
        if (node := _at(root, pointer)) is not None and isinstance(node, Scalar):
            _mean(draft, _Leaf(pointer, pointer[1:].replace("/", "."), node))
    _parameters(draft, [leaf for leaf in leaves if leaf.pointer not in meant])
    return _finished(draft, filled, issued)


def _skeleton(rule: ListRule, groups: Mapping[str, str], where: str) -> _Draft:
    filled = templates.fill_json(rule.activity or _SKELETON, groups)
    body = dict(filled) if isinstance(filled, dict) else {}
    places = {**{f"/{key}": where for key in body if key != "schema"}, **rule.because}
    evidence = {pointer: Evidence(how="inferred", where=place, rule=rule.id) for pointer, place in places.items()}
    gathered = Inputs(where, rule.id, inputs=list(body.pop("inputs", [])))
    return _Draft(where, rule, body, gathered, evidence)


def _leaves(node: Node, pointer: str, name: str, depth: int) -> Iterator[_Leaf]:
    """Yield scalars and lists of scalars that have a name; lists of collections are left to the file."""
    if isinstance(node, yaml_values.Mapping):
        for key, value in node.items.items():
            escaped = key.replace("~", "~0").replace("/", "~1")
            yield from _leaves(value, f"{pointer}/{escaped}", f"{name}.{key}" if depth else key, depth + 1)
    elif isinstance(node, Scalar) or all(isinstance(item, Scalar) for item in node.items):
        yield _Leaf(pointer, name, node)


def _at(node: Node, pointer: str) -> Node | None:
    """Return the node at a JSON pointer (RFC 6901), in lists too."""
    for step in pointer.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(node, yaml_values.Mapping) and key in node.items:
            node = node.items[key]
        elif isinstance(node, Sequence) and key.isdigit() and int(key[:9]) < len(node.items):
            node = node.items[int(key[:9])]
        else:
            return None
    return node


def _mean(draft: _Draft, leaf: _Leaf) -> bool:
    """Put a value where the rule says that it belongs; says whether the rule said so, and it has a value."""
    meaning = draft.rule.pointers.get(leaf.pointer)
    if meaning is None:
        return False
    if len(meaning) != 1 or not meaning.keys() <= _MEANINGS:
        raise InvalidError(
            f"the rule {draft.rule.id!r} does not say what {leaf.pointer} means: {meaning}",
            code="bad-rules",
            hint="Give one of input, id and parameter.",
        )
    if "parameter" in meaning:
        _parameter(draft, str(meaning["parameter"]), leaf)
        return True
    said = _told(meaning, draft.rule)
    items = leaf.node.items if isinstance(leaf.node, Sequence) else [leaf.node]
    values = [item.text for item in items if isinstance(item, Scalar) and item.text and not _nothing(item)]
    for value in values:
        if "id" in meaning:
            if (named := {"scheme": said.get("scheme", ""), "value": value}) not in draft.body.get("ids", []):
                draft.append("ids", named, leaf.pointer)
        else:
            scheme = "path" if said.get("path") else str(said.get("scheme", ""))
            draft.gathered.add(_named(scheme, value), str(said.get("role", "source")), leaf.pointer, {})
    return bool(values)


def _told(meaning: Json, rule: ListRule) -> Json:
    said = next(iter(meaning.values()))
    if not isinstance(said, dict):
        raise InvalidError(
            f"the rule {rule.id!r} has {said!r} where an object must stand",
            code="bad-rules",
            hint='Write {"input": {"scheme": …, "role": …}} or {"id": {"scheme": …}}.',
        )
    return said


def _nothing(item: Scalar) -> bool:
    """Whether a value says that there is none; ``False`` stands for "not used" where a name is expected."""
    return item.unknown or item.type == "bool"


def _named(scheme: str, value: str) -> Parsed:
    if scheme in schemes.SCHEMES:
        try:
            return schemes.parse(scheme, value)
        except InvalidError:
            return Parsed("freeform", value, "freeform")
    return Parsed(scheme, value, "selector" if schemes.is_selector(scheme, value) else "file")


def _parameters(draft: _Draft, leaves: list[_Leaf]) -> None:
    for count, leaf in enumerate(leaves):
        if count >= MAX_PARAMETERS:
            message = f"{len(leaves)} values: the first {MAX_PARAMETERS} became parameters, the file has the rest"
            draft.gathered.findings.append(Finding(code="config-long", message=message, where=draft.where))
            return
        _parameter(draft, leaf.name, leaf)


def _parameter(draft: _Draft, name: str, leaf: _Leaf) -> None:
    if not name:
        return
    if isinstance(leaf.node, Scalar):
        if not leaf.node.unknown and len(leaf.node.text) <= MAX_TEXT:
            draft.append("parameters", {"name": name, "type": leaf.node.type, "text": leaf.node.text}, leaf.pointer)
        return
    text = _compact(leaf.node)
    if len(text) <= MAX_LIST:
        draft.append("parameters", {"name": name, "type": "list", "text": text}, leaf.pointer)


def _compact(node: Sequence) -> str:
    """Return a list of scalars as JSON without white space; numbers as they were written, where JSON has them so."""
    parts: list[str] = []
    for item in node.items:
        if not isinstance(item, Scalar) or len(parts) > MAX_LIST:
            break
        plain = {"null": "null", "bool": item.text.lower()}.get(item.type, "")
        if item.type in {"int", "float"} and _is_json_number(item.text):
            plain = item.text
        parts.append(plain or json.dumps(item.text, ensure_ascii=False))
    return f"[{','.join(parts)}]"


def _is_json_number(text: str) -> bool:
    try:
        json.loads(text, parse_int=str, parse_float=str, parse_constant=lambda _: _refuse())
    except ValueError:
        return False
    return True


def _refuse() -> Any:  # noqa: ANN401  # it never returns
    raise ValueError


def _finished(draft: _Draft, groups: Mapping[str, str], issued: str | None) -> ListDrafts:
    inputs, blobs = draft.gathered.inputs, dict[str, str]()
    algorithm, _, rest = draft.where.partition(":")
    hexes, colon, path = rest.partition(":")
    if colon:
        blobs[f"/inputs/{len(inputs)}/blob"] = f"{algorithm}:{hexes}"
        draft.evidence[f"/inputs/{len(inputs)}"] = Evidence(how="extracted", where=draft.where, rule=draft.rule.id)
        inputs.append({"role": "config", "path": groups.get("path") or path})
    body = {**draft.body, **({"inputs": inputs} if inputs else {})}
    checked = dict(body)
    if blobs:
        checked["inputs"] = [*inputs[:-1], {**inputs[-1], "blob": "sha256:" + "0" * 64}]
    try:
        Activity.read(checked)
    except InvalidError as error:
        raise InvalidError(
            f"the rule {draft.rule.id!r} makes no activity of {draft.where}: {error.message}",
            code="bad-rules",
            hint="Correct its activity or its pointers.",
        ) from error
    evidence = {**draft.evidence, **draft.gathered.evidence}
    drafted = DraftActivity(activity=body, blobs=blobs, evidence=evidence, issued=issued)
    return ListDrafts(draft.gathered.merged(), (drafted,), (), tuple(draft.gathered.findings))
