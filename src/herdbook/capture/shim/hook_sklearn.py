"""What is told of scikit-learn and of all that is built as its estimators are: the settings of the outermost fit."""

from __future__ import annotations

from .guard import local
from .hook_standard import seed, training_begins
from .importlib_bootstrap import MARK, around
from .lines import called_from, number
from .sessions import told

TYPE_CHECKING = False
if TYPE_CHECKING:  # the module typing is not imported into a training
    from types import ModuleType
    from typing import Any

_METHODS = ("fit", "partial_fit", "fit_transform", "fit_predict")
_INNER = ("sklearn", "imblearn", "xgboost", "lightgbm", "catboost", "mapie", "skopt", "optuna")
"""Below these, also in a worker of theirs, ``fit`` is of a clone or of a part, told by the settings of the whole."""
_CURVES = {
    "loss_curve_": ("loss", "training"),
    "validation_scores_": ("score", "validation"),
    "train_score_": ("train_score", "training"),
    "validation_score_": ("score", "validation"),
}
_MOST_INSTANCES = 10_000
_instances: dict[int, int] = {}
"""Estimators that learn by parts and were told: by address, with the number of settings."""


def estimators(module: ModuleType) -> None:
    """Wrap what trains in every estimator that there is and that will be defined."""
    base = module.BaseEstimator
    for mixin in ("TransformerMixin", "ClusterMixin", "OutlierMixin"):
        if hasattr(module, mixin):
            _wrap(getattr(module, mixin))
    below = [base]
    while below:
        kind = below.pop()
        _wrap(kind)
        below.extend(type.__subclasses__(kind))
    own = base.__dict__.get("__init_subclass__")
    if getattr(getattr(own, "__func__", None), MARK, False):
        return

    def __init_subclass__(cls: type, **kwargs: Any) -> None:  # noqa: N807 - what a class statement gives
        if own is None:
            super(base, cls).__init_subclass__(**kwargs)
        else:
            own.__get__(None, cls)(**kwargs)
        _wrap_quietly(cls)

    setattr(__init_subclass__, MARK, True)
    base.__init_subclass__ = classmethod(__init_subclass__)  # type: ignore[arg-type]  # named as classes name it


def _wrap_quietly(kind: type) -> None:
    try:
        _wrap(kind)
    except Exception:
        pass


def _wrap(kind: type) -> None:
    """Wrap the methods that this class defines itself.

    A class of the script, or one inside a function, is pickled by value by ``cloudpickle`` and ``dill``: its bytes
    would not be the same, so it is left alone, and what it fits inside counts as outermost.
    """
    if kind.__module__ == "__main__" or "<locals>" in kind.__qualname__:
        return
    for name in _METHODS:
        method = kind.__dict__.get(name)
        if type(method) is type(_wrap) and not getattr(method, MARK, False):
            setattr(kind, name, around(method, _fits_in_parts if name == "partial_fit" else _fits, _fitted))


def _fits(args: tuple[Any, ...], _kwargs: dict[str, Any]) -> bool | None:
    """Tell an estimator's settings when nothing around it does; the token says whether it was told."""
    if not hasattr(args[0], "get_params"):
        return None
    outermost = local.depth == 0 and not called_from(*_INNER)
    local.depth += 1
    try:
        if outermost:
            training_begins()
            _tell(args[0])
    except Exception:
        pass
    return outermost


def _fits_in_parts(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool | None:
    """Tell an estimator that is given one batch after the other once, and spend no time on the later ones."""
    if local.depth > 0 or id(args[0]) in _instances:
        return None
    if len(_instances) < _MOST_INSTANCES:
        _instances[id(args[0])] = 1
    return _fits(args, kwargs)


def _tell(estimator: Any) -> None:
    kind = type(estimator)
    top = kind.__module__.partition(".")[0]
    boosting = top in ("xgboost", "lightgbm", "catboost")
    if boosting:
        local.told = top
    settings = sorted(estimator.get_params(deep=True).items())
    if boosting:  # there None leaves it to the library, and there are dozens of these
        settings = [(name, value) for name, value in settings if value is not None]
    for session in told():
        session.parameters(top + "." + kind.__qualname__, settings)
    for name, value in settings:
        if name.rpartition("__")[2] in ("random_state", "seed", "random_seed"):
            seed("xgboost.seed" if top == "xgboost" else top + ".random_state", value)


def _fitted(outermost: bool, args: tuple[Any, ...], _kwargs: dict[str, Any], result: object) -> None:
    local.depth = max(0, local.depth - 1)
    if not outermost:
        return
    local.told = ""
    if isinstance(result, BaseException):
        return
    kind, held = type(args[0]), vars(args[0])
    source = kind.__module__.partition(".")[0] + "." + kind.__qualname__
    for session in told():
        best = held.get("best_params_")
        if isinstance(best, dict):
            session.parameters(source + ".best", sorted(best.items()))
            session.metric("best_score", held.get("best_score_"), "validation", source=source)
        for name, (metric, split) in _CURVES.items():
            _curve(session, metric, held.get(name), split, source)
        results = held.get("_evals_result")  # lightgbm
        if isinstance(results, dict) and source.startswith("lightgbm"):
            histories(session, results, source)


def histories(session: Any, results: dict[str, Any], source: str) -> None:
    """Tell the history of a boosting: by split, by metric, one value each round."""
    for split, metrics in results.items():
        for name, values in metrics.items():
            _curve(session, str(name), values, str(split), source)


def _curve(session: Any, name: str, values: Any, split: str, source: str) -> None:
    if not isinstance(values, (list, tuple)) and type(values).__module__ != "numpy":
        return
    for step, value in enumerate(values):
        value = value[0] if isinstance(value, tuple) and value else value  # noqa: PLW2901 - mean and spread of a cv
        if number(value) is not None:
            session.metric(name, value, split, step, source)
