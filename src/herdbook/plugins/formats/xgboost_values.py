"""What an XGBoost model says, whether it was written as JSON or as UBJSON: the same tree of values.

Source: XGBoost's documentation, "Introduction to Model IO" and its JSON schema of a model.
"""

from __future__ import annotations

import re
from typing import Any

from herdbook.kernel.errors import CorruptError
from herdbook.model.facts import Finding, Severity
from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.kept import Kept

TREE_KEYS = frozenset({"tree_param", "num_nodes", "num_deleted"})
"""Of a tree, only this is needed."""

_WHOLE = re.compile(r"-?[0-9]{1,15}")
_LINEAR = "weights of a linear booster, biases included"
_WHERE = {
    "num_features": "learner.learner_model_param.num_feature",
    "num_class": "learner.learner_model_param.num_class",
    "base_score": "learner.learner_model_param.base_score",
    "features": "learner.feature_names",
    "feature_types": "learner.feature_types",
    "objective": "learner.objective.name",
    "booster": "learner.gradient_booster.name",
    "trees": "learner.gradient_booster.model.trees",
    "attributes": "learner.attributes",
    "file_version": "version",
}


def is_model(content: Any) -> bool:  # noqa: ANN401 - any JSON
    """Say whether this is a model: a learner with its parameters and a booster (a saved configuration has no model)."""
    learner = content.get("learner") if isinstance(content, dict) else None
    if not isinstance(learner, dict) or not isinstance(learner.get("learner_model_param"), dict):
        return False
    booster = learner.get("gradient_booster")
    return isinstance(booster, dict) and ("model" in booster or "gbtree" in booster)


def read_model(content: dict[str, Any], format_: str) -> Content:
    """Return the facts of a model for which ``is_model`` holds.

    Raises:
        CorruptError: when a number or a structure is not what the schema says.
    """
    kept = Kept()
    learner = content["learner"]
    param = learner["learner_model_param"]
    values: dict[str, Any] = {
        "num_features": _number(param, "num_feature"),
        "num_class": _number(param, "num_class", 0),
        "num_target": _number(param, "num_target", 1),
        **_base_score(param.get("base_score"), kept),
        **_objective(learner.get("objective"), kept),
        **_features(learner, kept),
    }
    attributes = learner.get("attributes")
    values["attributes"] = kept.texts(attributes, "attributes") if isinstance(attributes, dict) else {}
    version = content.get("version")
    if isinstance(version, list) and version and all(type(part) is int for part in version[:8]):
        values["file_version"] = version[:8]
        values["producer"] = {"name": "xgboost", "version": ".".join(map(str, version[:8]))}
    groups = max(values["num_class"], values["num_target"], 1)
    booster, findings = _booster(learner["gradient_booster"], groups, kept)
    values |= booster
    return Content(
        format=format_,
        values=values,
        where={f"/{key}": place for key, place in _WHERE.items() if key in values},
        findings=(*findings, *kept.findings),
    )


def _features(learner: dict[str, Any], kept: Kept) -> dict[str, Any]:
    found: dict[str, Any] = {}
    names, types = learner.get("feature_names"), learner.get("feature_types")
    if isinstance(names, list) and names:
        kept_names = [kept.text(str(name), "feature names") for name in kept.items(names, "features")]
        found["features"] = [{"name": name} for name in kept_names]
    if isinstance(types, list) and types:
        found["feature_types"] = [kept.text(str(each), "feature types") for each in kept.items(types, "feature types")]
    return found


def _base_score(score: Any, kept: Kept) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """Return the intercept as the file has it, and as XGBoost from 3.1 on shows it: a list, one number a target."""
    if not isinstance(score, str):
        return {}
    score = kept.text(score, "base score")
    return {"base_score_in_file": score, "base_score": score if score.startswith("[") else f"[{score}]"}


def _objective(objective: Any, kept: Kept) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    if not isinstance(objective, dict):
        return {}
    found: dict[str, Any] = {}
    if isinstance(name := objective.get("name"), str):
        found["objective"] = kept.text(name, "objective")
    parameters: dict[str, str] = {}
    for group in objective.values():
        if isinstance(group, dict):
            parameters |= kept.texts(group, "objective")
    if parameters:
        found["objective_parameters"] = parameters
    return found


def _booster(booster: dict[str, Any], groups: int, kept: Kept) -> tuple[dict[str, Any], list[Finding]]:
    """Return what the booster says; ``groups``: trees of a round, but for parallel ones."""
    found: dict[str, Any] = {}
    if isinstance(name := booster.get("name"), str):
        found["booster"] = kept.text(name, "booster")
    inner = booster.get("gbtree")
    model = inner.get("model") if isinstance(inner, dict) else booster.get("model")
    if not isinstance(model, dict):
        raise CorruptError("the booster has no model", code="xgboost-bad-model")
    if "trees" not in model:
        if (weights := _length(model.get("weights"))) is not None:
            found |= {"parameters": weights, "parameters_counted": _LINEAR}
        if "boosted_rounds" in model:
            found["boosted_rounds"] = _number(model, "boosted_rounds")
        return found, []
    if not isinstance(model["trees"], list):
        raise CorruptError("trees are no list", code="xgboost-bad-model")
    counted = len(model["trees"])
    declared = model.get("gbtree_model_param")
    declared = declared if isinstance(declared, dict) else {}
    parallel = max(_number(declared, "num_parallel_tree", 1), 1)
    rounds = _length(model.get("iteration_indptr"))
    found |= {
        "trees": counted,
        "n_trees": counted,
        "boosted_rounds": counted // (groups * parallel) if not rounds else rounds - 1,
        "trees_declared": _number(declared, "num_trees", counted),
        "nodes": sum(_nodes(tree) for tree in model["trees"]),
    }
    if (weights := _length(booster.get("weight_drop"))) is not None:
        found["tree_weights"] = weights
    return found, trees_differ(found["trees_declared"], counted)


def trees_differ(declared: int, counted: int) -> list[Finding]:
    """Return the finding that a file has not as many trees as it says, if so."""
    if declared == counted:
        return []
    message = f"the file says that it has {declared} trees, and it has {counted}"
    return [Finding(rule="trees-differ", severity=Severity.WARNING, message=message, where="/trees")]


def _nodes(tree: Any) -> int:  # noqa: ANN401 - any JSON
    """Return how many nodes of a tree are used."""
    param = tree.get("tree_param") if isinstance(tree, dict) else None
    if not isinstance(param, dict):
        raise CorruptError("a tree has no tree_param", code="xgboost-bad-model")
    return _number(param, "num_nodes") - _number(param, "num_deleted", 0)


def _length(value: Any) -> int | None:  # noqa: ANN401 - any JSON
    return len(value) if hasattr(value, "__len__") and not isinstance(value, str) else None


def _number(param: dict[str, Any], key: str, default: int | None = None) -> int:
    """Return a whole number, which XGBoost writes as text.

    Raises:
        CorruptError: when it is none, or is absent and has no default.
    """
    value = param.get(key, default)
    if type(value) is int and abs(value) < 1 << 53:
        return value
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    raise CorruptError(f"{key} is not a whole number", code="xgboost-bad-model")
