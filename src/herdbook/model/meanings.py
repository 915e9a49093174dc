"""What outputs mean, by the operator or the activation that their values come from."""

from __future__ import annotations

from typing import Final

MEANINGS: Final = frozenset({"probability", "logit", "regression", "labels"})
"""The words that have one sense; an author may use others."""
_MAKERS: Final = {
    "softmax": "probability",
    "softmaxactivation": "probability",
    "softmaxoutput": "probability",
    "sigmoid": "probability",
    "logisticregressionoutput": "probability",
    "argmax": "labels",
    "linearregressionoutput": "regression",
    "maeregressionoutput": "regression",
}


def of_maker(maker: str) -> str | None:
    """Return what comes out of an operator or activation, ``None`` of one that may give anything.

    Args:
        maker: its name, with or without the domain: ``ai.onnx.Softmax``, ``Sigmoid``, ``softmax``.
    """
    return _MAKERS.get(maker.rpartition(".")[2].lower().replace("_", ""))
