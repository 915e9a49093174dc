"""Rules of what is prepared before, against what goes in: weaver, scaler and feature files, and lwtnn's own inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from herdbook.model.checks import Rule
from herdbook.model.facts import Finding, Severity
from herdbook.plugins.checks import beside
from herdbook.plugins.checks.looking import Read, files, listed, models
from herdbook.ports.checks import Check, Subject

INPUTS = Rule(
    id="preprocess-inputs", title="Preprocessing prepares other inputs than the model has", severity=Severity.ERROR
)
VARIABLES = Rule(
    id="preprocess-variables", title="Another number of variables than the input takes", severity=Severity.ERROR
)
_LABEL = "_label"
"""How MXNet names what its output layers compare with in training, which is an input of the symbol."""
_GROUPED = ("weaver-preprocess", "weaver-data-config")


class Preprocessing:
    """Looks at sidecars that name variables, each beside the model that it is nearest to."""

    rules = (INPUTS, VARIABLES)

    def look(self, subject: Subject) -> Iterator[Finding]:
        """Yield what is found."""
        every = [model for model in models(subject) if beside.inputs(model)]
        for sidecar in files(subject, _GROUPED):
            near = beside.of_inputs(sidecar, every)
            yield from beside.unless_one_fits([list(_grouped(sidecar, model)) for model in near])
        for sidecar in files(subject, ("scaler", "feature-list")):
            near = beside.nearest(sidecar, models(subject))
            yield from beside.unless_one_fits([list(_listed(sidecar, model)) for model in near])
        for model in files(subject, ("lwtnn-json",)):
            yield from _lwtnn(model)


_: type[Check] = Preprocessing


def _grouped(sidecar: Read, model: Read) -> Iterator[Finding]:
    ours, theirs = beside.names(beside.inputs(sidecar)), beside.names(beside.inputs(model))
    lacking, unfed = [name for name in ours if name not in theirs], [name for name in theirs if name not in ours]
    if model.format == "mxnet-symbol":
        unfed = [name for name in unfed if not name.endswith(_LABEL)]
    # A training's configuration names inputs that were never exported, as four-vectors of a selection.
    if unfed or (lacking and sidecar.format == "weaver-preprocess"):
        said = [f"does not prepare {listed(unfed)}"] if unfed else []
        said += [f"prepares {listed(lacking)}, which it has not"] if lacking else []
        yield INPUTS.found(f"of the inputs of {model.path} it {' and '.join(said)}", path=sidecar.path, where="/inputs")
    tensors = {str(each.get("name")): each for each in beside.inputs(model)}
    for place, group in enumerate(sidecar.values.get("input_groups") or ()):
        variables = group.get("var_names") or group.get("vars")
        tensor = tensors.get(str(group.get("name")))
        if not isinstance(variables, list) or tensor is None or _fits(len(variables), group, tensor):
            continue
        message = (
            f"{group['name']} has {len(variables)} variables; {model.path} takes "
            f"{beside.told(beside.shape(tensor) or ())}"
        )
        yield VARIABLES.found(message, path=sidecar.path, where=f"/input_groups/{place}")


def _fits(count: int, group: Mapping[str, Any], tensor: Mapping[str, Any]) -> bool:
    """Say whether variables fill an input, of batch × variables × objects or its transpose, or flat."""
    axes = beside.shape(tensor)
    if axes is None or len(axes) < 2:
        return True
    inner = axes[1:]
    lengths = {group.get(name) for name in ("var_length", "length", "min_length", "max_length")} - {None}
    if len(inner) == 1:
        return not isinstance(inner[0], int) or inner[0] in {count, *(count * n for n in lengths if isinstance(n, int))}
    if not isinstance(inner[0], int) or (inner[0] in lengths and inner[0] != count):
        return not isinstance(inner[-1], int) or inner[-1] == count or inner[0] == count
    return inner[0] == count


def _listed(sidecar: Read, model: Read) -> Iterator[Finding]:
    """Compare a list of variables with a model of trees, or with the one input of a network."""
    count = sidecar.values.get("num_features")
    wanted = model.values.get("num_features")
    if wanted is None and len(beside.inputs(model)) == 1:
        wanted = beside.width(beside.inputs(model)[0])
    if isinstance(count, int) and isinstance(wanted, int) and count != wanted:
        message = f"it lists {count} variables; {model.path} takes {wanted}"
        yield VARIABLES.found(message, path=sidecar.path, where="/features")


def _lwtnn(model: Read) -> Iterator[Finding]:
    """Compare the number of inputs with the first layer's matrix, inputs × outputs, whose bias tells the outputs."""
    features, layers = model.values.get("features"), model.values.get("layers")
    if not features or not layers or layers[0].get("architecture") != "dense":
        return
    weights, bias = layers[0].get("weights"), layers[0].get("bias")
    if isinstance(weights, int) and isinstance(bias, int) and bias and weights != len(features) * bias:
        message = f"it has {len(features)} inputs, and the first layer {weights} weights for {bias} outputs"
        yield VARIABLES.found(message, path=model.path, where="/layers/0")
