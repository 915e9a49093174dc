"""Rules of one model in two files: text and binary of a graph, architecture and weights, signature and graph."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

from herdbook.model.checks import Rule
from herdbook.model.facts import Finding, Severity
from herdbook.plugins.checks import beside
from herdbook.plugins.checks.looking import Read, files
from herdbook.ports.checks import Check, Subject

TWINS = Rule(id="twins-differ", title="Two files of one model say different things", severity=Severity.ERROR)
SIGNATURE = Rule(
    id="signature-differs", title="The signature gives another shape than the graph", severity=Severity.ERROR
)
_PAIRS = (("tf-graphdef", "tf-graphdef-text"), ("keras-json", "keras-h5"))
_ENDING = re.compile(r"(?:_weights)?(?:\.(?:pb|pbtxt|txt|json|h5|hdf5))+$")


class Twins:
    """Compares what two readers say of one model."""

    rules = (TWINS, SIGNATURE)

    def look(self, subject: Subject) -> Iterator[Finding]:
        """Yield what is found."""
        for formats in _PAIRS:
            for one, other in combinations(files(subject, formats), 2):
                if one.format != other.format and _stem(one) == _stem(other):
                    yield from _compared(one, other)
        for file in files(subject, ("tf-savedmodel",)):
            for place, graph in enumerate(file.values.get("meta_graphs") or ()):
                yield from _signatures(file, graph.get("signatures") or {}, f"/meta_graphs/{place}/signatures")


_: type[Check] = Twins


def _stem(file: Read) -> str:
    return _ENDING.sub("", file.path)


def _compared(one: Read, other: Read) -> Iterator[Finding]:
    told = [name for name in ("inputs", "outputs", "operators", "parameters") if _both(one, other, name)]
    for name in told:
        ours, theirs = (_plain(file.values[name]) for file in (one, other))
        if ours != theirs:
            shown = f": {ours} and {theirs}" if isinstance(ours, int) else ""
            yield TWINS.found(f"{name} differ from those of {other.path}{shown}", path=one.path, where=f"/{name}")


def _both(one: Read, other: Read, name: str) -> bool:
    return one.values.get(name) is not None and other.values.get(name) is not None


def _plain(value: Any) -> Any:  # noqa: ANN401 - any fact
    """Return what two containers of one model have in common: of tensors their names, dtypes and shapes."""
    if not isinstance(value, list):
        return value
    return [(each.get("name"), each.get("dtype"), beside.shape(each)) for each in value]


def _signatures(file: Read, signatures: Mapping[str, Any], where: str) -> Iterator[Finding]:
    for key, signature in signatures.items():
        for side in ("inputs", "outputs"):
            for tensor in signature.get(side) or ():
                said, found = beside.shape(tensor), tensor.get("shape_in_graph")
                if said is None or found is None or _agree(said, found):
                    continue
                message = (
                    f"the signature {key!r} gives {tensor.get('name')!r} {beside.told(said)}, the graph "
                    f"{beside.told(found)}"
                )
                yield SIGNATURE.found(
                    message, path=file.path, where=f"{where}/{key.replace('~', '~0').replace('/', '~1')}"
                )


def _agree(said: list[int | str | None], found: list[int | str | None]) -> bool:
    return len(said) == len(found) and all(
        a == b or not isinstance(a, int) or not isinstance(b, int) for a, b in zip(said, found, strict=True)
    )
