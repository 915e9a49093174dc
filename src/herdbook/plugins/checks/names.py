"""Rules of names: whether a person can tell from the name of an input or output what it is."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable

from herdbook.model.checks import Rule
from herdbook.model.contracts import Tensor
from herdbook.model.facts import Finding, Severity
from herdbook.plugins.checks.looking import listed, models, tensors
from herdbook.ports.checks import Check, Subject

GENERIC = Rule(id="generic-name", title="A name that says nothing", severity=Severity.NOTE)

_WORDS = (
    "input|inputs|output|outputs|in|out|x|y|z|data|arg|args|tensor|keras_tensor|dense|dense_input|conv1d|conv2d|flatten|"
    "concatenate|identity|activation|batch_normalization|model|sequential|functional|global_in|global_out|"
    "serving_default|statefulpartitionedcall|layer|node|variable|features?|placeholder"
)
_GENERIC = re.compile(rf"(?:(?:{_WORDS})(?:[_.:/ ]*\d+)*|\d+)(?::\d+)?", re.IGNORECASE)
"""What exporters call a tensor to which nobody gave a name, and numbers."""


class Names:
    """Looks at the names of inputs and outputs of models, and at what contract and sidecars say of them."""

    rules = (GENERIC,)

    def look(self, subject: Subject) -> Iterable[Finding]:
        """Yield what is found."""
        declared = tensors(dataclasses.replace(subject, told=None))
        explained = {name for name, tensor in tensors(subject).items() if _explained(tensor)}
        explained |= {name for name, tensor in declared.items() if tensor.meaning}  # a softmax at the end says nothing
        for file in models(subject):
            for what in ("inputs", "outputs"):
                names = [str(each.get("name") or "") for each in file.values.get(what) or ()]
                poor = [name for name in names if _GENERIC.fullmatch(name) and name not in explained]
                if poor:
                    verb = "says" if len(poor) == 1 else "say"
                    message = f"{listed(poor)} {verb} nothing: give meaning and features in the contract"
                    yield GENERIC.found(message, path=file.path, where=f"/{what}")


_: type[Check] = Names


def _explained(tensor: Tensor) -> bool:
    return bool(tensor.definition or tensor.features or tensor.labels)
