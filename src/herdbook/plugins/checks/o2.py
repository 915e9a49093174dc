"""Rules for O2, whose analysis tasks pick inputs by the names of features, from ONNX files."""

from __future__ import annotations

from collections.abc import Iterator

from herdbook.model.checks import Rule
from herdbook.model.facts import Finding, Severity
from herdbook.plugins.checks import beside
from herdbook.plugins.checks.looking import features, files, models, tensors
from herdbook.ports.checks import Check, Subject

FORMAT = Rule(id="o2-format", title="No ONNX file", severity=Severity.ERROR, consumers=("o2",))
FEATURES = Rule(
    id="o2-features", title="Nobody says what the features are", severity=Severity.WARNING, consumers=("o2",)
)


class O2:
    """Looks at ONNX files and at what is known of their features."""

    rules = (FORMAT, FEATURES)

    def look(self, subject: Subject) -> Iterator[Finding]:
        """Yield what is found."""
        found = [*files(subject, ("onnx", "qonnx"))]
        others = sorted({model.format for model in models(subject)})
        if others and not found:
            yield FORMAT.found(f"there is no ONNX file, only {', '.join(others)}")
        known = tensors(subject)
        for file in found:
            for place, tensor in enumerate(beside.inputs(file)):
                said = known.get(str(tensor.get("name")))
                if said is None or not features(said):
                    message = f"no file and no contract names the features of {tensor.get('name')}"
                    yield FEATURES.found(message, path=file.path, where=f"/inputs/{place}")


_: type[Check] = O2
