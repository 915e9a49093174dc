"""What a pickled estimator says of itself: features, outputs, version of scikit-learn; read from inert nodes."""

from __future__ import annotations

from typing import Any

from herdbook.plugins.formats.pickle_nodes import Call, Node, get, is_mapping, label, state

MAX_NAMES = 10_000
_COUNTS = ("n_features_in_", "n_outputs_", "n_classes_", "n_estimators_", "n_estimators")
_MAX_TEXT = 1000


def estimator(root: Node) -> dict[str, Any]:
    """Return facts of an estimator; of a pipeline also its steps; nothing of anything else.

    Args:
        root: the object.
    """
    held = state(root)
    if not is_mapping(held):
        return {}
    values: dict[str, Any] = {}
    version = get(held, "_sklearn_version")
    if isinstance(version, str):
        values["sklearn_version"] = version[:_MAX_TEXT]
    for key in _COUNTS:
        found = get(held, key)
        if isinstance(found, int) and not isinstance(found, bool):
            values[key.rstrip("_")] = found
    names = strings(get(held, "feature_names_in_"))
    if names:
        values["features"] = [{"name": name} for name in names]
    steps = get(held, "steps")
    if isinstance(steps, list):
        values["steps"] = [
            {"name": label(each[0])[:_MAX_TEXT], "class": label(each[1].function)[:_MAX_TEXT]}
            for each in steps[:1000]
            if isinstance(each, tuple) and len(each) == 2 and isinstance(each[1], Call)
        ]
    return values


def strings(node: Node) -> list[str]:
    """Return the strings of an array of objects, as numpy pickles it; empty when it is none."""
    if isinstance(node, Call) and label(node.function).endswith(".NumpyArrayWrapper"):  # joblib: a pickle of its own
        node = node.items[0] if node.items else None
    held = node.state if isinstance(node, Call) else None
    data = held[4] if isinstance(held, tuple) and len(held) == 5 else None
    if not isinstance(data, list) or not all(isinstance(each, str) for each in data):
        return []
    return [each[:_MAX_TEXT] for each in data[:MAX_NAMES]]
