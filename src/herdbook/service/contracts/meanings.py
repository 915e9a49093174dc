"""What outputs mean, by what makes their values: the objective of trees, the last operator or layer of a network."""

from __future__ import annotations

from herdbook.model.dossiers import FileView
from herdbook.model.meanings import of_maker
from herdbook.service.contracts.telling import Told, by, inferred

_OBJECTIVES = {
    "binary:logistic": "probability",
    "multi:softprob": "probability",
    "binary:logitraw": "logit",
    "multi:softmax": "labels",
    "reg:": "regression",
    "binary sigmoid": "probability",
    "multiclass ": "probability",
    "regression": "regression",
}
"""What the score is, by how the objective begins: XGBoost's documentation of objectives, LightGBM's of `objective`."""


def of_trees(view: FileView) -> Told | None:
    """Return what the score of a model of features is, by its objective or its kind; ``None`` when that is not said."""
    values = view.facts.values if view.facts else {}
    objective = str(values.get("objective") or "")
    word = next((word for begin, word in _OBJECTIVES.items() if objective.startswith(begin)), None)
    if word:
        return Told(word, by(view, "/objective", f"what {objective.split(maxsplit=1)[0]} gives"))
    kind = next((key for key in ("analysis_type", "function") if str(values.get(key)).lower() == "regression"), None)
    if kind:
        return Told("regression", by(view, f"/{kind}"))
    return of_output(view, 0)


def of_output(view: FileView, number: int) -> Told | None:
    """Return what an output is, by the operator or activation behind it; ``None`` when it may be anything."""
    made_by = (view.facts.values if view.facts else {}).get("made_by") or ()
    maker = str(made_by[number] or "") if number < len(made_by) else ""
    word = of_maker(maker)
    return Told(word, inferred(view, f"its values come from {maker}")) if word else None
