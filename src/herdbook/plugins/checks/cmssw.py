"""Rules for CMSSW, whose ONNX Runtime wrapper takes axis 0 for the batch and float32 only; and fixed batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from herdbook.model.checks import Rule
from herdbook.model.facts import Finding, Severity
from herdbook.model.formats import KERAS, TENSORFLOW
from herdbook.plugins.checks import beside
from herdbook.plugins.checks.looking import Read, files
from herdbook.ports.checks import Check, Subject

BATCH = Rule(
    id="cmssw-batch",
    title="No dynamic leading batch dimension",
    severity=Severity.ERROR,
    consumers=("cmssw",),
)
FLOAT = Rule(id="cmssw-float32", title="A tensor that is not float32", severity=Severity.ERROR, consumers=("cmssw",))
FIXED = Rule(id="fixed-batch", title="The batch is fixed", severity=Severity.WARNING)
_ONNX = frozenset({"onnx", "qonnx"})


class Cmssw:
    """Looks at the leading axes and at dtypes."""

    rules = (BATCH, FLOAT, FIXED)

    def look(self, subject: Subject) -> Iterator[Finding]:
        """Yield what is found."""
        for file in files(subject, _ONNX | TENSORFLOW | KERAS):
            yield from _fixed(file)
        for file in files(subject, _ONNX):
            for side, tensors in (("inputs", beside.inputs(file)), ("outputs", beside.outputs(file))):
                for place, tensor in enumerate(tensors):
                    where = f"/{side}/{place}"
                    yield from (BATCH.found(said, path=file.path, where=where) for said in _batch(tensor))
                    if (dtype := tensor.get("dtype")) not in {None, "float32"}:
                        yield FLOAT.found(f"{tensor.get('name')} is {dtype}", path=file.path, where=where)


_: type[Check] = Cmssw


def _batch(tensor: Mapping[str, Any]) -> Iterator[str]:
    axes = beside.shape(tensor)
    if axes is None:
        return
    name = tensor.get("name")
    if not axes:
        yield f"{name} is a scalar: there is no axis 0 to be the batch"
    elif isinstance(axes[0], int):
        yield f"axis 0 of {name} ({beside.told(axes)}) is {axes[0]}: only a batch of {axes[0]} can be run"


def _fixed(file: Read) -> Iterator[Finding]:
    """Yield a finding where every input of two axes or more begins with the same number."""
    axes = [axes for tensor in beside.inputs(file) if (axes := beside.shape(tensor)) is not None and len(axes) > 1]
    first = {each[0] for each in axes}
    if len(first) == 1 and isinstance(length := next(iter(first)), int):
        message = f"every input begins with {length}: a caller runs {length} at a time, whatever the batch"
        yield FIXED.found(message, path=file.path, where="/inputs")
