"""Documents: what search knows of a version, worked out from everything that is currently said about it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from herdbook.kernel import digests, times, words
from herdbook.kernel.errors import CorruptError
from herdbook.kernel.names import namespace_of
from herdbook.model.activities import Activity, Metric
from herdbook.model.base import Json
from herdbook.model.datasets import Dataset
from herdbook.model.facts import Facts
from herdbook.model.files import Content
from herdbook.model.query import family_field, fold_value
from herdbook.model.rows import Document, VersionRow
from herdbook.model.statements import Statement
from herdbook.model.versions import Entry
from herdbook.ports.blobs import BlobStore
from herdbook.ports.catalogue import Reader, Writer
from herdbook.service import bodies, currency, extensions, links
from herdbook.service.bodies import Value
from herdbook.service.entries import entries, known_files

CHUNK = 500
_TEXTS = ("title", "summary", "text", "intended_use", "limitations", "reason", "workaround", "task", "object", "domain")


@dataclass
class _Builder:
    """Collects terms and numbers; everything that is text also gives its words."""

    schemas: extensions.Schemas
    terms: set[tuple[str, str]] = field(default_factory=set)
    numbers: set[tuple[str, float]] = field(default_factory=set)

    def words(self, *texts: str) -> None:
        for text in texts:
            self.terms.update(("text", word) for word in words.split(text))

    def term(self, name: str, value: str, *, text: bool = True) -> None:
        self.terms.add((name, fold_value(value)))
        if text:
            self.words(value)

    def number(self, name: str, value: object) -> None:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            self.numbers.add((name, float(value)))

    def either(self, name: str, value: object) -> None:
        """Take a value that may be text or a number, as parameters and extensions have them."""
        text = str(value)
        self.term(name, text, text=isinstance(value, str))
        try:
            self.number(name, float(text))
        except ValueError:
            return


@dataclass
class _Said:
    """What is said around some versions, looked up at once."""

    statements: dict[tuple[str, str], list[Statement]]
    makers: dict[str, list[str]]
    values: dict[str, object]
    facts: dict[str, Facts]
    principals: dict[tuple[str, int], str]
    arrived: dict[tuple[str, int], list[Content]]


def refresh(tx: Writer, blobs: BlobStore, items: Iterable[int], known: Mapping[str, Value] | None = None) -> int:
    """Make the documents of items anew; return how many. ``known`` are bodies that need not be read again."""
    todo = sorted(set(items))
    for start in range(0, len(todo), CHUNK):
        tx.index(build(tx, blobs, todo[start : start + CHUNK], known))
    return len(todo)


def build(
    tx: Reader, blobs: BlobStore, items: Iterable[int], known: Mapping[str, Value] | None = None
) -> dict[int, Document]:
    """Return the documents of items as they should be now.

    A version whose record was purged, or was written by a newer Herdbook, has none.
    """
    rows = list(tx.items(items).values())
    try:
        return dict(_documents(tx, extensions.Schemas(tx, blobs), rows, known or {}))
    except CorruptError:
        alone = [build(tx, blobs, [row.item]) for row in rows] if len(rows) > 1 else []
        return {item: document for made in alone for item, document in made.items()}


def _documents(
    tx: Reader, schemas: extensions.Schemas, rows: Sequence[VersionRow], known: Mapping[str, Value]
) -> Iterator[tuple[int, Document]]:
    found = entries(tx, rows, known=known)
    said = _look_up(tx, rows, found, known)
    for row, entry in zip(rows, found, strict=True):
        out = _Builder(schemas)
        _entry(out, row, entry, said)
        for statement in _about(said, entry):
            _statement(out, statement)
        for record in {row.record, entry.resolved_by or row.record}:
            for digest in said.makers.get(record, ()):
                activity = said.values.get(digest)
                if isinstance(activity, Activity):
                    _activity(out, activity, said)
        told = {file.digest for file in entry.version.files}
        told |= {content.sha256 for content in said.arrived.get((row.model, row.ordinal), ())}
        for digest in sorted(told):
            if (facts := said.facts.get(digest)) is not None:
                _facts(out, facts)
        yield row.item, Document(frozenset(out.terms), frozenset(out.numbers))


def _look_up(tx: Reader, rows: Sequence[VersionRow], found: Sequence[Entry], known: Mapping[str, Value]) -> _Said:
    records = {row.record for row in rows} | {entry.resolved_by for entry in found if entry.resolved_by}
    files = {file.digest for entry in found for file in entry.version.files}
    makers: dict[str, list[str]] = defaultdict(list)
    for edge in tx.edges_at(records, "out"):
        if edge.activity not in makers[edge.target]:
            makers[edge.target].append(edge.activity)
    activities = {digest for digests in makers.values() for digest in digests}
    for poorer in links.newer(tx, activities) if activities else ():  # a fuller telling has all that it says
        activities.discard(poorer)
    inputs = {edge.target for edge in tx.edges(activities) if edge.target_kind == "record" and edge.direction == "in"}
    subjects = {("record", record) for record in records | inputs} | {("file", digest) for digest in files}
    subjects |= {("name", row.model) for row in rows}
    told = currency.current(tx, tx.statements(subjects))
    values: dict[str, object] = dict(bodies.load(tx, {*activities, *inputs, *(row.digest for row in told)}, known))
    statements: dict[tuple[str, str], list[Statement]] = defaultdict(list)
    for item in told:
        value = values.get(item.digest)
        if isinstance(value, Statement):
            statements[item.subject_kind, item.subject].append(value)
    arrived = _arrived(tx, found)
    held = {content.sha256 for contents in arrived.values() for content in contents}
    facts = tx.facts({digest for digest in files if digests.is_sha256(digest)} | held)
    return _Said(statements, makers, values, facts, _principals(tx, rows), arrived)


def _arrived(tx: Reader, found: Sequence[Entry]) -> dict[tuple[str, int], list[Content]]:
    """Return, by model and ordinal, contents that resolve files: the index has the digests of the old record only."""
    arrived: dict[tuple[str, int], list[Content]] = {}
    for entry in found:
        if entry.resolved_by:
            contents = tx.contents({file.digest for file in entry.version.files})
        elif entry.version.resolved:
            continue
        else:
            contents = known_files(tx, entry.version, namespace_of(entry.model))
        arrived[entry.model, entry.ordinal] = list(contents.values())
    return arrived


def _principals(tx: Reader, rows: Sequence[VersionRow]) -> dict[tuple[str, int], str]:
    seqs: dict[str, set[int]] = defaultdict(set)
    for row in rows:
        seqs[row.namespace].add(row.seq)
    return {(name, seq): actor for name, wanted in seqs.items() for seq, actor in tx.actors(name, wanted).items()}


def _about(said: _Said, entry: Entry) -> Iterator[Statement]:
    keys = [("record", entry.record), ("name", entry.model), *(("file", file.digest) for file in entry.version.files)]
    if entry.resolved_by:
        keys.append(("record", entry.resolved_by))
    seen: set[str] = set()
    for key in keys:
        for statement in said.statements.get(key, ()):
            if statement.digest not in seen and _meant(statement, entry):
                seen.add(statement.digest)
                yield statement


def _meant(statement: Statement, entry: Entry) -> bool:
    """Say whether a statement about labels of a model, or about some registrations, means this version."""
    registrations = statement.body.get("registrations")
    if registrations is not None and f"{entry.model}@{entry.ordinal}" not in registrations:
        return False
    labels = [subject.labels for subject in statement.subject if subject.name == entry.model]
    return not labels or None in labels or any(set(entry.labels) & set(wanted or ()) for wanted in labels)


def _entry(out: _Builder, row: VersionRow, entry: Entry, said: _Said) -> None:
    out.term("name", entry.model)
    out.term("namespace", row.namespace)
    for label in entry.labels:
        out.term("label", label)
    for alias in entry.aliases:
        out.term("alias", alias)
    out.number("ordinal", entry.ordinal)
    for file in entry.version.files:
        out.term("path", file.path)
    if entry.resolved_by:
        out.terms.add(("digest", entry.resolved_by))
    for content in said.arrived.get((entry.model, entry.ordinal), ()):
        out.terms.update(("file", digest) for digest in content.digests)
    out.number("size", entry.version.size)
    out.number("files", len(entry.version.files))
    out.term("state", entry.state, text=False)
    out.term("resolved", "yes" if entry.version.resolved else "no", text=False)
    out.number("registered", times.read(entry.registered).timestamp())
    if principal := said.principals.get((row.namespace, row.seq)):
        out.term("by", principal, text=False)


def _statement(out: _Builder, statement: Statement) -> None:
    body = statement.body
    out.term("says", statement.kind, text=False)
    match statement.kind:
        case "profile":
            _profile(out, body)
        case "description":
            _description(out, body)
        case "known-issue":
            out.term("issue", "yes", text=False)
            out.words(*_texts(body))
        case "identity":
            out.term("id", str(body["id"]["value"]))
            out.words(str(body["id"]["scheme"]))
            if "source" in body:
                out.term("source", str(body["source"]))
        case "origin":
            _origin(out, body)
        case "evaluation":
            _metrics(out, [Metric.read(metric) for metric in body["metrics"]])
            _ext(out, "evaluation", body.get("ext"))
        case "note":
            out.words(*(value for value in body.values() if isinstance(value, str)))
        case _:
            out.words(*_texts(body))


def _origin(out: _Builder, body: Json) -> None:
    out.term("source", str(body["source"]))
    if "commit" in body:
        out.term("commit", str(body["commit"]))
    out.words(*(str(body[name]) for name in ("path", "message") if name in body))
    out.words(*(str(path) for path in body.get("renamed_from") or ()))


def _texts(body: Json) -> list[str]:
    return [str(body[name]) for name in _TEXTS if isinstance(body.get(name), str)]


def _profile(out: _Builder, body: Json) -> None:
    for name in ("step", "task", "domain", "title"):
        if name in body:
            out.term(name, str(body[name]))
    for name, values in (("keyword", body.get("keywords")), ("maintainer", body.get("maintainers"))):
        for value in values or ():
            out.term(name, str(value))
    out.words(*_texts(body))
    _ext(out, "model", body.get("ext"))


def _description(out: _Builder, body: Json) -> None:
    for name in ("title", "licence"):
        if name in body:
            out.term(name, str(body[name]))
    for value in body.get("keywords") or ():
        out.term("keyword", str(value))
    out.words(*_texts(body))
    _ext(out, "version", body.get("ext"))


def _activity(out: _Builder, activity: Activity, said: _Said) -> None:
    out.term("activity", activity.kind)
    if activity.code and activity.code.commit:
        out.term("code", activity.code.commit, text=False)
    for part in activity.inputs or ():
        value = said.values.get(part.record or "")
        if isinstance(value, Dataset):
            if value.id:
                out.term("scheme", value.id.scheme, text=False)
                out.term("dataset", value.id.value)
            for statement in said.statements.get(("record", value.digest), ()):
                out.words(*_texts(statement.body))
                _ext(out, "dataset", statement.body.get("ext"))
        elif part.record:
            out.term("parent", part.record.removeprefix("sha256:"), text=False)
        elif named := part.id or part.selector:
            out.term("scheme", named.scheme, text=False)
            out.term("dataset", named.value)
    for item in activity.ids or ():
        out.term("id", item.value)
    for parameter in activity.parameters or ():
        out.either(family_field("parameter", parameter.name), parameter.text)
        if parameter.term and parameter.term != parameter.name:
            out.either(family_field("parameter", parameter.term), parameter.text)
    _metrics(out, activity.metrics or ())
    _ext(out, "activity", activity.ext)


def _metrics(out: _Builder, metrics: Iterable[Metric]) -> None:
    for metric in metrics:
        out.number(family_field("metric", metric.name), metric.value)
        out.words(metric.name)


def _ext(out: _Builder, entity: str, ext: Json | None) -> None:
    for namespace, value in (ext or {}).items():
        schema = out.schemas.find(namespace, entity, str(value.get("$v")))
        told = extensions.indexed(schema, value) if schema else _scalars(value)
        for name, item in told:
            out.either(family_field("ext", f"{namespace}.{name}"), item)


def _scalars(value: Json) -> Iterator[tuple[str, object]]:
    for name, item in value.items():
        if name != "$v" and isinstance(item, (str, int, float)) and not isinstance(item, bool):
            yield name, item


def _facts(out: _Builder, facts: Facts) -> None:
    values = facts.values
    if facts.format:
        out.term("format", facts.format)
        out.term("safety", str(facts.safety), text=False)
    for name, listed in (("input", values.get("inputs")), ("output", values.get("outputs"))):
        for tensor in listed or ():
            if tensor.get("name"):
                out.term(name, str(tensor["name"]))
    for operator in values.get("operators") or ():
        out.term("operator", str(operator).removeprefix("ai.onnx."), text=False)
    out.number("opset", _object(values, "opsets").get("ai.onnx"))
    out.number("parameters", values.get("parameters"))
    producer = _object(values, "producer").get("name")
    if producer:
        out.term("producer", str(producer))
    out.terms.update(("text", str(word)) for word in values.get("words") or ())
    out.words(*(str(values[name]) for name in ("doc_string", "graph_doc_string", "title") if values.get(name)))
    for key, value in _object(values, "metadata").items():
        out.words(str(key), str(value)[:4096])


def _object(values: Json, field: str) -> Json:
    """Return a field that is an object; a format may have something else under the name."""
    value = values.get(field)
    return value if isinstance(value, dict) else {}
