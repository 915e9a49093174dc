"""YAML, read event by event: nothing is constructed but plain values, and aliases cannot multiply.

A node with a tag of its own (`!!python/object…`, `!keras_model`) stays opaque: `{"!python": "object:…"}` for Python's,
`{"!": "keras_model"}` for others; what it holds is passed over.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from herdbook.kernel.errors import CorruptError, InvalidError, UnavailableError
from herdbook.model.facts import Finding, Safety, Severity
from herdbook.plugins.formats.contents import Content, kinds
from herdbook.plugins.formats.plain_values import Plain
from herdbook.plugins.formats.text_file import TextFile
from herdbook.ports.formats import Listing

FORMAT = "config"
KINDS: tuple[str, ...] = ("hls4ml_config", "weaver_config", "normalisation")
"""Modules that read a parsed YAML document; the first that fits reads."""

MAX_NODES = 300_000
MAX_DEPTH = 64
_ENDS = (".yml", ".yaml")
_STANDARD = "tag:yaml.org,2002:"
_PYTHON = f"{_STANDARD}python/"
_SCALARS = frozenset(f"{_STANDARD}{name}" for name in ("null", "bool", "int", "float", "str", "timestamp", "value"))


def fits(content: Any, path: str) -> bool:  # noqa: ANN401 - a kind is asked about anything
    """Say whether it is called YAML."""
    return isinstance(content, TextFile) and posixpath.splitext(path)[1].lower() in _ENDS


def read(content: TextFile, path: str, listing: Listing) -> Content:
    """Read the first document, and ask the kinds.

    Raises:
        CorruptError: when it is not YAML.
        InvalidError: when aliases would make it larger than this reader goes, or it nests too deeply.
        UnavailableError: when PyYAML is not installed.
    """
    document = Document(content.data)
    value = document.value
    for kind in kinds(KINDS):
        if kind.fits(value, path):
            found = kind.read(value, path, listing)
            return Content(
                format=found.format,
                values=found.values,
                safety=document.safety(found.safety),
                where={**document.where(found.values), **found.where},
                findings=(*found.findings, *document.findings()),
            )
    plain = Plain(values=20_000)
    values = {"settings": plain.copy(value)} if isinstance(value, dict) else {}
    return Content(
        format=FORMAT if isinstance(value, dict) else "other",
        values=values,
        safety=document.safety(Safety.SAFE),
        findings=(*plain.findings(), *document.findings()),
    )


class Document:
    """The first document of a YAML stream as plain values.

    Args:
        data: the bytes.

    Raises:
        CorruptError: when it is not YAML.
        InvalidError: when it has more nodes than the limit, aliases counted with all they stand for.
        UnavailableError: when PyYAML is not installed.
    """

    def __init__(self, data: bytes) -> None:
        try:
            import yaml  # noqa: PLC0415 - an extra; most readers do without
        except ImportError as error:
            message = "reading YAML needs PyYAML, which is not installed"
            raise UnavailableError(message, code="needs-extra", hint="pip install 'herdbook[formats]'") from error
        self._yaml = yaml
        self._resolver: Any = yaml.SafeLoader("")
        self._events: Iterator[Any] = iter(yaml.parse(data, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
        self._left = MAX_NODES
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._keys: dict[str, int] = {}
        self.tags: list[str] = []
        self.more = False
        self.value: Any = None
        try:
            self._read()
        except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
            said = " ".join(str(error).split())[:300]
            raise CorruptError(f"this is not YAML: {said}", code="not-yaml") from error

    def _read(self) -> None:
        started = False
        for event in self._events:
            if isinstance(event, self._yaml.DocumentStartEvent):
                if started:
                    self.more = True
                    return
                started = True
            elif isinstance(event, self._yaml.NodeEvent):
                self.value = self._node(event, 0)

    def _node(self, event: Any, depth: int) -> Any:  # noqa: ANN401 - PyYAML's events, any value
        """Return the value of the node that begins with this event."""
        if depth > MAX_DEPTH:
            raise InvalidError(f"the YAML nests deeper than {MAX_DEPTH}", code="nested-too-deep")
        value: Any
        before = self._left
        self._spend(1)
        if isinstance(event, self._yaml.AliasEvent):
            return self._alias(event.anchor)
        if _is_opaque(event):
            value = self._opaque(event)
        elif isinstance(event, self._yaml.ScalarEvent):
            value = self._scalar(event)
        elif isinstance(event, self._yaml.SequenceStartEvent):
            value = [self._node(item, depth + 1) for item in self._until(self._yaml.SequenceEndEvent)]
        else:
            value = self._mapping(depth)
        if event.anchor:
            self._anchors[event.anchor] = (value, before - self._left)
        return value

    def _spend(self, nodes: int) -> None:
        self._left -= nodes
        if self._left < 0:
            message = f"the YAML has more than {MAX_NODES} nodes, aliases counted with all they stand for"
            raise InvalidError(message, code="yaml-too-large")

    def _alias(self, anchor: str | None) -> Any:  # noqa: ANN401 - any value
        if anchor is None or anchor not in self._anchors:  # also one inside its own node, which has no end
            raise CorruptError(f"the alias *{str(anchor)[:100]} has no anchor before it", code="not-yaml")
        value, nodes = self._anchors[anchor]
        self._spend(nodes)
        return value

    def _until(self, end: type) -> Iterator[Any]:
        for event in self._events:
            if isinstance(event, end):
                return
            yield event

    def _mapping(self, depth: int) -> dict[str, Any]:
        """Return a mapping; members of a `<<` stand behind its own."""
        value: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for event in self._until(self._yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            item = self._node(next(self._events), depth + 1)
            if key == "<<" and isinstance(event, self._yaml.ScalarEvent) and event.implicit[0]:
                for each in item if isinstance(item, list) else [item]:
                    merged = {**each, **merged} if isinstance(each, dict) else merged
                continue
            name = key if isinstance(key, str) else _written(event, key)
            value[name] = item
            if depth < 2:
                self._keys.setdefault(name, event.start_mark.line + 1)
        return {**merged, **value} if merged else value

    def _scalar(self, event: Any) -> Any:  # noqa: ANN401 - PyYAML's events, any scalar
        """Return a scalar as YAML 1.1 resolves it; dates stay text, and so does what is no number after all."""
        resolve = self._resolver.resolve
        tag = event.tag or resolve(self._yaml.ScalarNode, event.value, event.implicit)
        if tag.endswith((":timestamp", ":str", ":value", ":merge")) or tag not in _SCALARS:
            return event.value
        try:
            return self._resolver.construct_object(self._yaml.ScalarNode(tag, event.value))
        except (self._yaml.YAMLError, ValueError, OverflowError, KeyError):
            return event.value

    def _opaque(self, event: Any) -> dict[str, str]:  # noqa: ANN401 - PyYAML's events
        """Pass over a node with a tag of its own, and return what stands for it."""
        self.tags.append(event.tag)
        depth = 0 if isinstance(event, self._yaml.ScalarEvent) else 1
        while depth:
            inner = next(self._events)
            self._spend(1)
            depth += isinstance(inner, self._yaml.CollectionStartEvent)
            depth -= isinstance(inner, self._yaml.CollectionEndEvent)
            anchor = getattr(inner, "anchor", None)
            if anchor and not isinstance(inner, self._yaml.AliasEvent):
                self._anchors[anchor] = ({"!": "opaque"}, 1)
        if event.tag.startswith(_PYTHON):
            return {"!python": event.tag.removeprefix(_PYTHON)[:1000]}
        return {"!": event.tag.removeprefix(_STANDARD).lstrip("!")[:1000]}

    def where(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Return the lines of keys that stand in the values under the same name."""
        found = {}
        for name, value in values.items():
            if name in self._keys:
                found[f"/{name}"] = f"line {self._keys[name]}"
            for key in value if isinstance(value, dict) else ():
                if key in self._keys and "/" not in key and "~" not in key:
                    found[f"/{name}/{key}"] = f"line {self._keys[key]}"
        return found

    def safety(self, kind: Safety) -> Safety:
        """Return the class of the kind of file; guarded, where it would be safe and nodes name Python objects."""
        return Safety.GUARDED if kind is Safety.SAFE and self._named() else kind

    def _named(self) -> list[str]:
        return [tag for tag in self.tags if tag.startswith(_PYTHON)]

    def findings(self) -> Iterator[Finding]:
        """Yield findings about tags that name code, and about further documents."""
        if named := self._named():
            nodes = "one node names a Python object" if len(named) == 1 else f"{len(named)} nodes name Python objects"
            message = f"{nodes} ({named[0][:200]}): a loader that builds what is named runs code"
            yield Finding(rule="yaml-python-tags", severity=Severity.WARNING, message=message)
        if self.more:
            yield Finding(rule="yaml-further-documents", severity=Severity.NOTE, message="only the first is read")


def _is_opaque(event: Any) -> bool:  # noqa: ANN401 - PyYAML's events
    """Say whether a node has a tag that is none of YAML's plain ones."""
    tag = getattr(event, "tag", None)
    return bool(tag) and tag not in _SCALARS and tag not in {f"{_STANDARD}map", f"{_STANDARD}seq", "!"}


def _written(event: Any, key: object) -> str:  # noqa: ANN401 - PyYAML's events
    """Return a key that is no text as the file writes it."""
    return str(getattr(event, "value", key))[:1000]
