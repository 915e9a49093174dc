"""conifer's JSON: decision trees for firmware, with the fixed-point types of their inputs and scores.

Source: what conifer's `ModelBase.save` writes (0.x and 1.x).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from herdbook.kernel.canonical import SAFE_INTEGER
from herdbook.kernel.errors import CorruptError
from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.kept import Kept
from herdbook.plugins.formats.plain_values import Plain
from herdbook.plugins.formats.xgboost_values import trees_differ

if TYPE_CHECKING:
    from herdbook.ports.formats import Listing

FORMATS = ("conifer-json",)
_AS_WRITTEN = ("n_features", "max_depth", "norm", "library", "splitting_convention", "init_predict")
_WHERE = {
    "features": "feature_map",
    "num_features": "n_features",
    "num_class": "n_classes",
    "n_trees_declared": "n_trees",
}


def fits(content: Any, path: str) -> bool:  # noqa: ANN401, ARG001 - any JSON; the port's signature
    """Say whether these are trees as conifer has them: a list of rounds, each a list of trees of parallel lists."""
    if not isinstance(content, dict) or not {"n_features", "n_classes", "n_trees", "init_predict"} <= content.keys():
        return False
    rounds = content.get("trees")
    return isinstance(rounds, list) and (not rounds or isinstance(rounds[0], list))


def read(content: Any, path: str, listing: Listing) -> Content:  # noqa: ANN401, ARG001 - the same
    """Read the facts.

    Raises:
        CorruptError: when a round is no list, or features are not numbered.
    """
    kept = Kept()
    rounds = content["trees"]
    if not all(isinstance(each, list) for each in rounds):
        raise CorruptError("a round of trees is no list", code="conifer-bad-model")
    plain = Plain()
    values: dict[str, Any] = {key: plain.copy(content[key]) for key in _AS_WRITTEN if content.get(key) is not None}
    values |= {
        "keys": sorted(kept.items(list(content), "keys")),
        "trees": sum(map(len, rounds)),
        "boosting_rounds": len(rounds),
        "nodes": sum(_nodes(tree) for each in rounds for tree in each),
    }
    for ours, theirs in (("num_features", "n_features"), ("num_class", "n_classes"), ("n_trees_declared", "n_trees")):
        if type(content[theirs]) is int and 0 <= content[theirs] <= SAFE_INTEGER:
            values[ours] = content[theirs]
    if features := _features(content.get("feature_map"), kept):
        values["features"] = features
    if isinstance(metadata := content.get("metadata"), list):
        values["metadata"] = plain.copy(metadata)
    if isinstance(config := content.get("config"), dict):
        values["config"] = plain.copy(config)
    findings = trees_differ(values["n_trees_declared"], len(rounds)) if "n_trees_declared" in values else []
    where = {f"/{key}": _WHERE.get(key, key) for key in values if _WHERE.get(key, key) in content}
    return Content("conifer-json", values, where=where, findings=(*findings, *kept.findings, *plain.findings()))


def _features(names: Any, kept: Kept) -> list[dict[str, str]]:  # noqa: ANN401 - any JSON
    """Return the features in the order of their indices (``feature_map``: name → index).

    Raises:
        CorruptError: when an index is none.
    """
    if not isinstance(names, dict):
        return []
    try:
        ordered = sorted(names, key=lambda name: int(names[name]))
    except (TypeError, ValueError, OverflowError):
        raise CorruptError("feature_map does not number the features", code="conifer-bad-model") from None
    return [{"name": kept.text(name, "feature names")} for name in kept.items(ordered, "features")]


def _nodes(tree: Any) -> int:  # noqa: ANN401 - any JSON
    feature = tree.get("feature") if isinstance(tree, dict) else None
    return len(feature) if isinstance(feature, list) else 0
