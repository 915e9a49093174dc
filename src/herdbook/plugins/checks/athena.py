"""Rules for Athena: its ONNX Runtime tool passes tensors by position, in the alphabetical order of their names."""

from __future__ import annotations

from collections.abc import Iterator

from herdbook.model.checks import Rule
from herdbook.model.facts import Finding, Severity
from herdbook.plugins.checks import beside
from herdbook.plugins.checks.looking import files
from herdbook.ports.checks import Check, Subject

ORDER = Rule(
    id="graph-order",
    title="Inputs or outputs are not in the alphabetical order of their names",
    severity=Severity.ERROR,
    consumers=("athena",),
)
TYPES = Rule(
    id="athena-types",
    title="Tensors that Athena's interface cannot carry",
    severity=Severity.ERROR,
    consumers=("athena",),
)
_CARRIED = frozenset({"float32", "int64"})


class Athena:
    """Looks at ONNX files."""

    rules = (ORDER, TYPES)

    def look(self, subject: Subject) -> Iterator[Finding]:
        """Yield what is found."""
        for file in files(subject, ("onnx", "qonnx")):
            for side, tensors in (("inputs", beside.inputs(file)), ("outputs", beside.outputs(file))):
                names = beside.names(tensors)
                if names != sorted(names):
                    message = (
                        f"{side} stand as {', '.join(names)}; by position in the order of names they are taken for "
                        f"{', '.join(sorted(names))}"
                    )
                    yield ORDER.found(message, path=file.path, where=f"/{side}")
                for place, tensor in enumerate(tensors):
                    dtype = tensor.get("dtype")
                    if dtype is not None and dtype not in _CARRIED:
                        message = f"{tensor.get('name')} is {dtype}; float32 and int64 can be passed"
                        yield TYPES.found(message, path=file.path, where=f"/{side}/{place}")


_: type[Check] = Athena
