"""Rules for Triton: its configuration against the model it serves, and the checksums and label files it names."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from herdbook.model.checks import Rule
from herdbook.model.facts import Finding, Severity
from herdbook.plugins.checks import beside
from herdbook.plugins.checks.looking import Read, files, listed, models
from herdbook.ports.checks import Check, Subject

NAMES = Rule(id="triton-names", title="Names that the model does not have", severity=Severity.ERROR)
DIMS = Rule(id="triton-dims", title="Dimensions that the model does not have", severity=Severity.ERROR)
TYPES = Rule(id="triton-types", title="A type that the model does not have", severity=Severity.ERROR)
RAGGED = Rule(id="triton-ragged", title="A model without a batch axis behind ragged batching", severity=Severity.NOTE)
CHECKSUM = Rule(id="triton-checksum", title="The model is not the one that was checked", severity=Severity.ERROR)
ABSENT = Rule(
    id="triton-file-missing", title="A file that the configuration names is missing", severity=Severity.WARNING
)
LABELS = Rule(id="triton-labels", title="Another number of labels than the output has", severity=Severity.ERROR)
_INDEXED = re.compile(r"(.*)__([0-9]{1,6})")
"""TorchScript has no names for what it takes and gives: Triton numbers them, NAME__INDEX."""


class Triton:
    """Looks at each configuration beside its model; asked for by its being there."""

    rules = (NAMES, DIMS, TYPES, RAGGED, CHECKSUM, ABSENT, LABELS)

    def look(self, subject: Subject) -> Iterator[Finding]:
        """Yield what is found."""
        for config in files(subject, ("triton-config",)):
            yield from _checksums(config, subject)
            yield from _labels(config, subject)
            for model in _served(config, subject):
                yield from _tensors(config, model)


_: type[Check] = Triton


def _path(config: Read, name: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(config.path), name))


def _served(config: Read, subject: Subject) -> list[Read]:
    """Return the models of the repository beside a configuration; else those of a checksum, else the nearest one."""
    every = [model for model in models(subject) if beside.inputs(model)]
    folder = posixpath.dirname(config.path)
    versions = re.compile(re.escape(f"{folder}/" if folder else "") + r"[0-9]{1,18}/.+")
    if posixpath.basename(config.path) == "config.pbtxt" and (
        found := [model for model in every if versions.fullmatch(model.path)]
    ):
        return found
    sums = {f"md5:{value}" for value in _sums(config).values()}
    if found := [model for model in every if model.view.content and model.view.content.md5 in sums]:
        return found
    if posixpath.basename(config.path) == "config.pbtxt":
        return []
    beginning = posixpath.join(folder, posixpath.basename(config.path).removesuffix("config.pbtxt").rstrip("._-"))
    return [model for model in every if model.path.startswith(beginning)]


def _sums(config: Read) -> dict[str, str]:
    """Return path → MD5 that the configuration insists on."""
    found = config.values.get("checksums") or {}
    return {key.partition(":")[2]: value for key, value in found.items() if key.startswith("MD5:")}


def _checksums(config: Read, subject: Subject) -> Iterator[Finding]:
    views = {view.path: view for view in subject.files}
    held = {view.content.md5.partition(":")[2] for view in subject.files if view.content}
    for name, wanted in _sums(config).items():
        view = views.get(_path(config, name))
        if view is None:
            if wanted not in held:
                yield ABSENT.found(
                    f"{name}, of which the MD5 is declared, is not there", path=config.path, where="/checksums"
                )
        elif view.content is not None and view.content.md5.partition(":")[2] != wanted.lower():
            found = view.content.md5.partition(":")[2]
            message = f"{name} is declared with MD5 {wanted}, and has {found}: Triton refuses to load it"
            yield CHECKSUM.found(message, path=config.path, where="/checksums")


def _labels(config: Read, subject: Subject) -> Iterator[Finding]:
    views = {view.path: view for view in subject.files}
    for place, output in enumerate(beside.outputs(config)):
        name, where = output.get("label_filename"), f"/outputs/{place}/label_filename"
        if not name:
            continue
        view = views.get(_path(config, str(name)))
        if view is None:
            yield ABSENT.found(f"the file of labels {name} is not there", path=config.path, where=where)
            continue
        labels = view.facts.values.get("classes") if view.facts else None
        size = _size(beside.shape(output))
        if isinstance(labels, list) and size is not None and len(labels) != size:
            message = f"{name} has {len(labels)} labels; {output.get('name')} has {size} numbers"
            yield LABELS.found(message, path=config.path, where=where)


def _size(axes: Sequence[object] | None) -> int | None:
    """Return how many numbers an output has, ``None`` when one of its axes is open."""
    size = 1
    for axis in axes or ():
        if not isinstance(axis, int) or axis < 0:
            return None
        size *= axis
    return size if axes is not None else None


def _tensors(config: Read, model: Read) -> Iterator[Finding]:
    ragged = any(each.get("ragged") for each in beside.inputs(config))
    for side, said, has in (
        ("inputs", beside.inputs(config), beside.inputs(model)),
        ("outputs", beside.outputs(config), beside.outputs(model)),
    ):
        if model.format == "torchscript":
            yield from _numbered(config, model, side, said, has)
            continue
        known = {str(each.get("name")): each for each in has}
        given = {name for name, each in known.items() if each.get("op") == beside.DEFAULTED}
        unknown = [name for name in beside.names(said) if name not in known]
        fed = {*beside.names(said), *given}
        optional = [name for name in known if name not in fed] if side == "inputs" else []
        if unknown or optional:
            parts = [f"{model.path} has no {listed(unknown)}"] if unknown else []
            parts += [f"{listed(optional)} of {model.path} is not configured"] if optional else []
            yield NAMES.found(f"{side}: {'; '.join(parts)}", path=config.path, where=f"/{side}")
        for place, tensor in enumerate(said):
            if (other := known.get(str(tensor.get("name")))) is not None:
                yield from _tensor(config, model, tensor, other, f"/{side}/{place}", ragged=ragged)


def _numbered(config: Read, model: Read, side: str, said: beside.Tensors, has: beside.Tensors) -> Iterator[Finding]:
    arguments = beside.names(has)
    for place, tensor in enumerate(said):
        match = _INDEXED.fullmatch(str(tensor.get("name", "")))
        where = f"/{side}/{place}"
        if match is None:
            continue
        index = int(match[2])
        if index >= len(has):
            message = f"{tensor['name']} is number {index}; {model.path} has {len(has)} {side}"
            yield NAMES.found(message, path=config.path, where=where)
        elif match[1] in arguments and arguments.index(match[1]) != index:
            message = f"{tensor['name']} is number {index}; in {model.path} {match[1]} is {arguments.index(match[1])}"
            yield NAMES.found(message, path=config.path, where=where)


def _tensor(
    config: Read, model: Read, said: Mapping[str, Any], has: Mapping[str, Any], where: str, *, ragged: bool
) -> Iterator[Finding]:
    name = said.get("name")
    if said.get("dtype") and has.get("dtype") and said["dtype"] != has["dtype"]:
        message = f"{name} is configured as {said['dtype']}; in {model.path} it is {has['dtype']}"
        yield TYPES.found(message, path=config.path, where=f"{where}/dtype")
    axes, dims = beside.shape(has), said.get("reshape") or beside.shape(said)
    if axes is None or dims is None:
        return
    batched = bool(config.values.get("max_batch_size"))
    if batched and ragged and len(axes) == len(dims):
        message = f"{name} of {model.path} has no batch axis: requests are joined along {beside.told(axes)}"
        yield RAGGED.found(message, path=config.path, where=where)
        return
    wanted = [-1, *dims] if batched else list(dims)
    if len(wanted) != len(axes) or any(map(_contradict, wanted, axes)):
        batch = " after the batch" if batched else ", with the batch since max_batch_size is 0"
        message = f"{name} is configured as {beside.told(dims)}{batch}; {model.path} has {beside.told(axes)}"
        yield DIMS.found(message, path=config.path, where=f"{where}/shape")


def _contradict(said: object, has: object) -> bool:
    """Say whether an axis of the model is a number, and the configuration says another, or leaves it open."""
    return isinstance(has, int) and said != has
