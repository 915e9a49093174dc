"""What is told of Optuna: the best trial of a study, once it was optimised. Its trials are read from its storage."""

from __future__ import annotations

from .guard import local
from .patching import patch
from .sessions import told

TYPE_CHECKING = False
if TYPE_CHECKING:  # the module typing is not imported into a training
    from types import ModuleType
    from typing import Any


def study(module: ModuleType) -> None:
    """Tell the best trial; what trials train in this thread is theirs, and not told."""

    def begins(_args: tuple[Any, ...], _kwargs: dict[str, Any]) -> bool:
        local.depth += 1
        return True

    def ends(_token: bool, args: tuple[Any, ...], _kwargs: dict[str, Any], _result: object) -> None:
        local.depth = max(0, local.depth - 1)
        made = args[0]
        name = str(made.study_name)
        for session in told():
            session.parameters("optuna.study", [("study_name", name), ("trials", len(made.get_trials(deepcopy=False)))])
            session.parameters("optuna.best", sorted(made.best_params.items()))
            session.metric("best_value", made.best_value, "validation", source="optuna." + name)

    patch(module.Study, "optimize", begins, ends)
