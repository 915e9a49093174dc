"""Rules of runtimes: whether the ONNX Runtime, TensorFlow or XGBoost that a consumer has loads a file.

What each loads, and which releases have it, is in ``runtimes.toml``, with its sources.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from herdbook.model.checks import RELEASED, Rule
from herdbook.model.facts import Finding, Severity
from herdbook.model.formats import TENSORFLOW, XGBOOST
from herdbook.plugins.checks.known import table
from herdbook.plugins.checks.looking import Read, files, listed
from herdbook.ports.checks import Check, Subject

_CMSSW = ("cmssw",)


def _rule(name: str, title: str, consumers: tuple[str, ...], severity: Severity = Severity.ERROR) -> Rule:
    return Rule(id=f"runtime-{name}", title=title, severity=severity, consumers=consumers)


OPSET = _rule("opset", "An opset that the consumer's ONNX Runtime does not know", RELEASED)
IR = _rule("ir", "An IR version that the consumer's ONNX Runtime does not know", RELEASED)
OPERATORS = _rule("operators", "Operators that the consumer's runtime does not have", RELEASED)
GRAPH = _rule("graph", "A graph that the consumer's TensorFlow refuses", _CMSSW)
TREES = _rule("trees", "A model that the consumer's XGBoost does not read, or reads wrong", _CMSSW)
SINCE = _rule("since", "Older releases of the consumer do not load it", RELEASED, Severity.NOTE)
NEWER = _rule("newer", "Written by a newer library than a release of the consumer has", _CMSSW, Severity.NOTE)
UNKNOWN = _rule("unknown", "Nobody says which runtime the consumer has", RELEASED, Severity.NOTE)


_Look = Callable[[Read, Mapping[str, Any], str], Iterator[Finding]]
"""A file, a row of the table, and what a person calls the row → what there is to say."""


@dataclass(frozen=True)
class _Library:
    """A library: its key in the table, its files, the consumers that load these with it.

    ``problems``: why it does not load a file. ``newer``: that the file's writer is newer, though it loads.
    """

    key: str
    name: str
    formats: frozenset[str]
    consumers: tuple[str, ...]
    problems: _Look
    unseen: str
    newer: _Look | None = None


@dataclass(frozen=True)
class _Release:
    """A release of a consumer: its name, the version of the library, and the row of what that loads, where known."""

    name: str
    version: str
    row: Mapping[str, Any] | None


class Runtimes:
    """Looks at files that a library loads, for each consumer: the runtime of the policy, else those of its releases."""

    rules = (OPSET, IR, OPERATORS, GRAPH, TREES, SINCE, NEWER, UNKNOWN)

    def look(self, subject: Subject) -> Iterator[Finding]:
        """Yield what is found."""
        for library in _LIBRARIES:
            found = [*files(subject, library.formats)]
            asked = [name for name in library.consumers if name in subject.consumers] if found else []
            if asked and library.key == "onnxruntime":
                for file in found:
                    yield from _foreign(file)
            silent = []
            for consumer in asked:
                releases = _releases(subject, consumer, library)
                if not releases:
                    told = subject.runtimes.get(consumer)
                    silent.append(f"{consumer} {told.release}" if told and told.release else consumer)
                elif releases[-1].row is None:
                    version = f"{library.name} {releases[-1].version} of {consumer}"
                    yield UNKNOWN.found(f"what {version} loads was never tried")
                else:
                    for file in found:
                        yield from _held(file, library, [each for each in releases if each.row is not None])
            if silent:
                yield UNKNOWN.found(_nobody(silent, library))


_: type[Check] = Runtimes


def _releases(subject: Subject, consumer: str, library: _Library) -> list[_Release]:
    """Return what was named for a consumer, else its releases, oldest first, as far as somebody read it."""
    told = subject.runtimes.get(consumer)
    if told is not None and told.library == library.key and told.version:
        return [_Release(consumer, told.version, _row(library, told.version))]
    rows = table()["releases"].get(consumer, ())
    if told is not None and told.release:
        rows = _named(rows, told.release, gaps=consumer in table()["gaps"])
    return [
        _Release(row["name"], row[library.key], _row(library, row[library.key])) for row in rows if library.key in row
    ]


def _named(rows: Sequence[Mapping[str, Any]], release: str, *, gaps: bool) -> list[Mapping[str, Any]]:
    """Return the row of a release; with ``gaps``, one that has none has that of the row before."""
    wanted = _leading(release)
    exact = [row for row in rows if _leading(row["name"]) == wanted]
    if exact or not gaps or wanted > _leading(rows[-1]["name"]):
        return exact[-1:]
    return [row for row in rows if _leading(row["name"]) < wanted][-1:]


def _leading(release: str) -> tuple[int, ...]:
    """Return the first two numbers of a release's name: ``CMSSW_14_1_0_pre3`` is of 14.1."""
    return tuple(map(int, re.findall("[0-9]+", release)[:2]))


def _row(library: _Library, version: str) -> Mapping[str, Any] | None:
    """Return the row of a release of a library; of one that is newer than all that were tried, the newest."""
    rows: list[Mapping[str, Any]] = table()[library.key]
    wanted = _numbers(version)
    newest = rows[-1] if wanted > _numbers(rows[-1]["version"]) else None
    return next((row for row in rows if _numbers(row["version"]) == wanted), newest)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")[:2])) if version else ()


def _nobody(consumers: list[str], library: _Library) -> str:
    have = f"{', '.join(consumers)} {'has' if len(consumers) == 1 else 'have'}"
    message = f"which {library.name} {have}, nobody said: {library.unseen} not looked at"
    return f"{message}. The policy of a namespace can say it" if library.key == "onnxruntime" else message


def _held(file: Read, library: _Library, releases: list[_Release]) -> Iterator[Finding]:
    """Yield what the newest release has against a file; else what older ones have, or that its writer is newer."""

    def against(look: _Look | None, release: _Release) -> list[Finding]:
        row = release.row
        return [*look(file, row, f"{library.name} {row['version']} of {release.name}")] if look and row else []

    if problems := against(library.problems, releases[-1]):
        yield from problems
        return
    loading = releases
    for place, (before, since) in reversed([*enumerate(pairwise(releases), 1)]):
        if problem := next(iter(against(library.problems, before)), None):
            yield SINCE.found(f"loads from {since.name} on: {problem.message}", path=file.path, where=problem.where)
            loading = releases[place:]
            break
    yield from next((newer for release in reversed(loading) if (newer := against(library.newer, release))), ())


def _onnx(file: Read, known: Mapping[str, Any], name: str) -> Iterator[Finding]:
    """Yield findings of an ONNX file that is newer than what is known of a runtime."""
    opsets = file.values.get("opsets") or {}
    for domain, limit in (("ai.onnx", known["opset"]), ("ai.onnx.ml", known["ml"])):
        version = opsets.get(domain)
        if isinstance(version, int) and version > limit:
            message = f"opset {version} of {domain}; {name} knows {limit}"
            yield OPSET.found(message, path=file.path, where=f"/opsets/{domain}")
    version = file.values.get("ir_version")
    if isinstance(version, int) and version > known["ir"]:
        yield IR.found(f"IR version {version}; {name} knows {known['ir']}", path=file.path, where="/ir_version")


def _foreign(file: Read) -> Iterator[Finding]:
    domains = frozenset(table()["domains"])
    own = set(file.values.get("functions") or ())
    foreign = [
        name
        for name in file.values.get("operators") or ()
        if name not in own and name.rpartition(".")[0] not in domains
    ]
    if foreign:
        message = f"{listed(sorted(foreign))}: ONNX Runtime has no such operators of its own"
        yield OPERATORS.found(message, path=file.path, where="/operators")


def _graphs(file: Read) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the graphs of a TensorFlow file, each with where its facts are."""
    metas = file.values.get("meta_graphs")
    yield from [("", file.values)] if metas is None else [(f"/meta_graphs/{i}", each) for i, each in enumerate(metas)]


def _tensorflow(file: Read, known: Mapping[str, Any], name: str) -> Iterator[Finding]:
    """Yield what TensorFlow has against graphs: their min_consumer, and operators that came later."""
    later = _later(known)
    for where, graph in _graphs(file):
        least = (graph.get("versions") or {}).get("min_consumer", 0)
        if least > known["graph"]:
            message = f"the graph asks for GraphDef version {least} or later; {name} has {known['graph']}"
            yield GRAPH.found(message, path=file.path, where=f"{where}/versions/min_consumer")
        for key in ("operators", "function_operators"):
            own = graph.get("library_functions") or ()
            if missing := sorted((graph.get(key) or {}).keys() & later - {*own}):
                message = f"{listed(missing)}: {name} has no such operators yet"
                yield OPERATORS.found(message, path=file.path, where=f"{where}/{key}")


def _later(known: Mapping[str, Any]) -> set[str]:
    """Return operators that a release of TensorFlow does not have, and a later one has."""
    rows = table()["tensorflow"]
    return {name for row in rows[rows.index(known) + 1 :] for name in row["new"]}


def _producer(file: Read, known: Mapping[str, Any], name: str) -> Iterator[Finding]:
    for where, graph in _graphs(file):
        version = (graph.get("versions") or {}).get("producer", 0)
        if version > known["graph"]:
            message = (
                f"written at GraphDef version {version}; {name} has {known['graph']}, and loads it "
                "unless an operator has an attribute that it does not know"
            )
            yield NEWER.found(message, path=file.path, where=f"{where}/versions/producer")


def _xgboost(file: Read, known: Mapping[str, Any], name: str) -> Iterator[Finding]:
    """Yield what XGBoost has against a model: refused, or read wrong."""
    writer = _written(file)
    before = known.get("json_before")
    if file.format == "xgboost-ubj" and not known["ubj"]:
        yield TREES.found(f"UBJSON; {name} does not read it", path=file.path)
    elif file.format == "xgboost-json" and file.values.get("trees") and before and _numbers(writer) >= _numbers(before):
        message = f"trees in JSON of XGBoost {writer}; {name} refuses those of {before} and later"
        yield TREES.found(message, path=file.path, where="/file_version")
    if str(file.values.get("base_score_in_file", "")).startswith("[") and not known["intercepts"]:
        message = f"the intercept is a list; {name} loads the model, and predicts something else without a word"
        yield TREES.found(message, path=file.path, where="/base_score_in_file")


def _written(file: Read) -> str:
    """Return the version of XGBoost that wrote a file, empty where it does not say it."""
    return ".".join(map(str, file.values.get("file_version") or ()))


def _writer(file: Read, known: Mapping[str, Any], name: str) -> Iterator[Finding]:
    writer = _written(file)
    if _numbers(writer) > _numbers(known["version"]):
        message = f"written by XGBoost {writer}; {name} is older, and reads it unless there is something new in it"
        yield NEWER.found(message, path=file.path, where="/file_version")


_LIBRARIES = (
    _Library(
        key="onnxruntime",
        name="ONNX Runtime",
        formats=frozenset({"onnx", "qonnx"}),
        consumers=RELEASED,
        problems=_onnx,
        unseen="opset and IR version are",
    ),
    _Library(
        key="tensorflow",
        name="TensorFlow",
        formats=TENSORFLOW,
        consumers=("cmssw", "triton"),
        problems=_tensorflow,
        newer=_producer,
        unseen="versions and operators of the graph are",
    ),
    _Library(
        key="xgboost",
        name="XGBoost",
        formats=XGBOOST,
        consumers=_CMSSW,
        problems=_xgboost,
        newer=_writer,
        unseen="how the model was written is",
    ),
)
