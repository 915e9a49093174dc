"""What is told of xgboost and lightgbm when they are called by their own functions, and their files."""

from __future__ import annotations

from .guard import local
from .hook_sklearn import histories
from .hook_standard import seed, training_begins
from .lines import called_from
from .opens import by_library
from .patching import patch
from .sessions import told

TYPE_CHECKING = False
if TYPE_CHECKING:  # the module typing is not imported into a training
    from types import ModuleType
    from typing import Any

_SEEDS = ("seed", "random_state", "random_seed", "bagging_seed", "feature_fraction_seed", "data_random_seed")


def xgboost_training(module: ModuleType) -> None:
    """Tell the parameters of ``xgboost.train`` and, once it is done, the history of its evaluations."""
    patch(module, "train", _xgboost_begins, _xgboost_ends, also=("xgboost", "xgboost.sklearn"))


def _xgboost_begins(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    within = local.told == "xgboost"  # its estimator was told
    outermost = local.depth == 0 and not called_from("xgboost", "sklearn")
    if outermost:
        training_begins()
        _tell_boosting("xgboost", args, kwargs, "num_boost_round", 10)
    results = None
    if (outermost or within) and kwargs.get("evals"):
        if kwargs.get("evals_result") is None:
            kwargs["evals_result"] = {}
        results = kwargs["evals_result"]
    local.depth += 1
    return {"results": results}


def _xgboost_ends(token: dict[str, Any], _args: tuple[Any, ...], _kwargs: dict[str, Any], _result: object) -> None:
    local.depth = max(0, local.depth - 1)
    if isinstance(token["results"], dict):
        for session in told():
            histories(session, token["results"], "xgboost.train")


def _tell_boosting(library: str, args: tuple[Any, ...], kwargs: dict[str, Any], rounds: str, usual: int) -> None:
    given = args[0] if args else kwargs.get("params")
    items = dict(given) if isinstance(given, (dict, list, tuple)) else {}
    items[rounds] = args[2] if len(args) > 2 else kwargs.get(rounds, usual)
    if kwargs.get("early_stopping_rounds") is not None:
        items["early_stopping_rounds"] = kwargs["early_stopping_rounds"]
    for session in told():
        session.parameters(library + ".train", sorted((str(name), value) for name, value in items.items()))
    for name in _SEEDS:
        seed(library + ".seed" if name in _SEEDS[:3] else library + "." + name, items.get(name))


def lightgbm_training(module: ModuleType) -> None:
    """Tell the parameters of ``lightgbm.train`` and, once it is done, the best of its evaluations."""

    def begins(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        outermost = local.depth == 0 and not called_from("lightgbm", "sklearn")
        if outermost:
            training_begins()
            _tell_boosting("lightgbm", args, kwargs, "num_boost_round", 100)
        local.depth += 1
        return outermost

    def ends(outermost: bool, _args: tuple[Any, ...], _kwargs: dict[str, Any], result: object) -> None:
        local.depth = max(0, local.depth - 1)
        best = getattr(result, "best_score", None)
        if not outermost or not isinstance(best, dict):
            return
        for session in told():
            for split, metrics in best.items():
                for name, value in metrics.items():
                    session.metric(name, value, split, source="lightgbm.train")

    patch(module, "train", begins, ends, also=("lightgbm", "lightgbm.sklearn"))


def xgboost_files(module: ModuleType) -> None:
    """Tell of files that xgboost opens in C++: data given by name, and models."""

    def data(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        source: Any = args[1] if len(args) > 1 else kwargs.get("data")
        if hasattr(type(source), "__fspath__"):
            source = source.__fspath__()
        if isinstance(source, str):  # file?format=libsvm#cache
            by_library(source.partition("#")[0].partition("?")[0], "r", "xgboost")

    patch(module.DMatrix, "__init__", data)
    _models(module.Booster, "load_model", "save_model", "xgboost")


def lightgbm_files(module: ModuleType) -> None:
    """Tell of files that lightgbm opens in C++."""

    def data(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        by_library(args[1] if len(args) > 1 else kwargs.get("data"), "r", "lightgbm")

    patch(module.Dataset, "__init__", data)
    _models(module.Booster, "", "save_model", "lightgbm")


def _models(booster: type, load: str, save: str, library: str) -> None:
    def hook(mode: str) -> Any:
        def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            for key in ("fname", "filename"):
                if key in kwargs:
                    by_library(kwargs[key], mode, library)
            by_library(args[1] if len(args) > 1 else None, mode, library)

        return before

    if load:
        patch(booster, load, hook("r"))
    patch(booster, save, hook("w"))
