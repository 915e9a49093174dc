"""A contract's preprocessing, and a preprocessing as the beginning of a contract."""

from __future__ import annotations

from herdbook.kernel.errors import InvalidError
from herdbook.model.contracts import Contract, Tensor
from herdbook.model.preprocessing import PreparedInput, PreparedOutput, PreprocessingSpec


def to_spec(contract: Contract, member: str = "") -> PreprocessingSpec:
    """Return what a contract says of preparation: its inputs that have features.

    Args:
        contract: the contract.
        member: of a set, the member whose interface counts where it has one of its own.

    Raises:
        InvalidError: when no input has features, or there is no such member.
    """
    inputs, outputs = contract.inputs, contract.outputs
    if member:
        found = next((each for each in contract.members or () if each.name == member), None)
        if found is None:
            raise InvalidError(f"the contract has no member {member!r}", code="no-such-member")
        inputs, outputs = found.inputs or inputs, found.outputs or outputs
    prepared = tuple(
        PreparedInput(name=each.name, features=each.features, sequence=each.sequence)
        for each in inputs or ()
        if each.features
    )
    if not prepared:
        raise InvalidError(
            "no input of the contract has features",
            code="preprocessing-none",
            hint="Name the features of its inputs; herdbook contract init PATH begins one.",
        )
    named = tuple(PreparedOutput(name=each.name, labels=each.labels or ()) for each in outputs or ())
    return PreprocessingSpec(inputs=prepared, outputs=named or None)


def from_spec(spec: PreprocessingSpec) -> Contract:
    """Return a contract of the inputs, and of the outputs that have a name; what else there is, is not said."""
    inputs = tuple(Tensor(name=each.name, features=each.features, sequence=each.sequence) for each in spec.inputs)
    outputs = tuple(
        Tensor(name=each.name, labels=each.labels or None) for each in spec.outputs or () if each.name is not None
    )
    return Contract(inputs=inputs, outputs=outputs or None)
