"""Rules of files: what is missing, twice, elsewhere, or not what it is called; pickles; the licence."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from herdbook.model.checks import Rule
from herdbook.model.facts import Finding, Severity
from herdbook.model.formats import MODELS, PICKLES, SIDECARS, TORCH
from herdbook.model.quarantine import in_members, quarantined, serving
from herdbook.plugins.checks import needed
from herdbook.plugins.checks.looking import Read, files, listed, models
from herdbook.ports.checks import Check, Subject

OUTSIDE = Rule(id="external-data-outside", title="Weights outside the folder", severity=Severity.ERROR, by_reader=True)
SUFFIX = Rule(id="suffix-lies", title="The name says another format", severity=Severity.WARNING)
TWICE = Rule(id="duplicate-files", title="The same bytes twice in one version", severity=Severity.NOTE)
ELSEWHERE = Rule(id="same-bytes-elsewhere", title="The same bytes under another name", severity=Severity.NOTE)
LICENCE = Rule(id="licence-missing", title="Nobody said who may use it", severity=Severity.WARNING)
ONLY_PICKLE = Rule(id="only-pickle", title="Nothing but a pickle to be served", severity=Severity.ERROR)
PICKLE = Rule(id="pickle-beside", title="A pickle beside the model", severity=Severity.NOTE)
UNSAFE = Rule(id="pickle-unsafe", title="A pickle", severity=Severity.WARNING, by_reader=True)
GLOBAL = Rule(id="pickle-global", title="A pickle names what may do anything", severity=Severity.ERROR, by_reader=True)
MEMBER = Rule(id="pickle-serves", title="A pickle is the file of a member", severity=Severity.ERROR)
AMBIGUOUS = Rule(id="ambiguous-sidecars", title="Several sidecars for one model", severity=Severity.WARNING)

_LICENCE = re.compile(r"(?:licen[cs]e|copying)(?:[._-].*)?", re.IGNORECASE)

_CALLED = {
    ".onnx": frozenset({"onnx", "qonnx"}),
    ".safetensors": frozenset({"safetensors"}),
    ".keras": frozenset({"keras-v3"}),
    ".h5": frozenset({"keras-h5"}),
    ".root": frozenset({"gbrforest-root"}),
    ".skops": frozenset({"skops", "sklearn-skops"}),
    ".cbm": frozenset({"catboost-cbm"}),
    ".ubj": frozenset({"xgboost-ubj"}),
    ".xml": frozenset({"tmva-xml", "pmml"}),
    ".json": frozenset(name for name in MODELS if name.endswith("json")) | {"mxnet-symbol"},
} | dict.fromkeys((".pt", ".pth", ".pkl", ".pickle", ".joblib"), TORCH | PICKLES)
"""Formats of models by the suffix that means them and nothing else. What a `.pb` is, its reader says."""


class Files:
    """Looks at the files of a version as such."""

    rules = (
        *(OUTSIDE, *needed.RULES, SUFFIX, TWICE, ELSEWHERE, LICENCE, AMBIGUOUS),
        *(UNSAFE, GLOBAL, ONLY_PICKLE, PICKLE, MEMBER),
    )

    def look(self, subject: Subject) -> Iterable[Finding]:
        """Yield what is found."""
        yield from needed.look(subject)
        yield from _called(subject)
        yield from _twice(subject)
        yield from _elsewhere(subject)
        yield from _licence(subject)
        yield from _pickles(subject)
        yield from _ambiguous(subject)


_: type[Check] = Files


def _twice(subject: Subject) -> Iterator[Finding]:
    same: dict[str, list[str]] = defaultdict(list)
    for view in subject.files:
        if view.size != 0:
            same[view.digest].append(view.path)
    for paths in same.values():
        if len(paths) > 1:
            yield TWICE.found(f"the same bytes as {listed(paths[:-1])}", path=paths[-1])


def _called(subject: Subject) -> Iterator[Finding]:
    """Yield models whose suffix is that of another format, but for those of which their reader said it."""
    for file in models(subject):
        if any(each.rule == SUFFIX.id for each in file.facts.findings):
            continue
        suffix = posixpath.splitext(file.path)[1].lower()
        meant = _CALLED.get(suffix)
        if meant is not None and file.format not in meant:
            yield SUFFIX.found(f"it is called {suffix}, and is {file.format}", path=file.path)


def _elsewhere(subject: Subject) -> Iterator[Finding]:
    """Yield models whose bytes another model has: labels, READMEs and sidecars are copied for good reasons."""
    for file in models(subject):
        if references := subject.elsewhere.get(file.view.digest):
            yield ELSEWHERE.found(f"the same bytes are in {listed(references)}", path=file.path)


def _licence(subject: Subject) -> Iterator[Finding]:
    given = any(_LICENCE.fullmatch(posixpath.basename(view.path)) for view in subject.files)
    if not subject.licence and not given and next(models(subject), None) is not None:
        yield LICENCE.found("no licence is stated and no file of that name is there: nobody knows who may use it")


def _pickles(subject: Subject) -> Iterator[Finding]:
    others = serving(subject.files)
    for path in quarantined(subject.files):
        if others:
            message = f"it can run code when it is loaded; {others[0]} serves, this is a checkpoint and is never loaded"
            yield PICKLE.found(message, path=path)
        else:
            message = (
                "it can run code when it is loaded, and no other model is beside it: no alias can lead here. "
                "Export it (ONNX, TorchScript, safetensors, skops) and register both; the pickle stays as a checkpoint"
            )
            yield ONLY_PICKLE.found(message, path=path)
    for member, path in in_members(subject.contract, quarantined(subject.files)) if subject.contract else ():
        message = (
            f"the member {member!r} serves, and a pickle can run code when it is loaded: export it to a safe format"
        )
        yield MEMBER.found(message, path=path, where="/members")


def _ambiguous(subject: Subject) -> Iterator[Finding]:
    """Yield sidecars of one format, for the same inputs, of which nobody said which belongs to the model."""
    said = subject.contract is not None and any(tensor.features for tensor in subject.contract.inputs or ())
    if said and not any(each.rule == "sidecar-ambiguous" and each.where for each in subject.conflicts):
        return
    names = [frozenset(_inputs(file)) for file in models(subject)]
    for format_ in sorted(SIDECARS - {"labels"}):
        alike: dict[frozenset[str], list[Read]] = defaultdict(list)
        for file in files(subject, (format_,)):
            alike[frozenset(_inputs(file))].append(file)
        for inputs, several in alike.items():
            fitting = sum(1 for each in names if inputs <= each)
            if len({file.view.digest for file in several}) > max(fitting, 1):
                message = (
                    f"{listed([file.path for file in several])} are for the same inputs and differ: "
                    "say in the contract which one the model was trained with"
                )
                yield AMBIGUOUS.found(message, path=several[0].path)


def _inputs(file: Read) -> list[str]:
    return [str(tensor.get("name")) for tensor in file.values.get("inputs") or ()]
