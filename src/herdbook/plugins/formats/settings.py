"""Settings of a training or of a program as JSON: hyperparameters beside a model."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from typing import Any

from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.plain_values import Plain
from herdbook.ports.formats import Listing

FORMAT = "config"
_NAMES = re.compile(r".*\.params|(?:.*[._-])?(?:config|configuration|settings|params|parameters|hyper_?param\w*)\.json")
_TRAINING = frozenset(
    {
        "objective",
        "booster",
        "eta",
        "learning_rate",
        "max_depth",
        "num_leaves",
        "subsample",
        "colsample_bytree",
        "min_child_weight",
        "nthread",
        "eval_metric",
        "tree_method",
        "n_estimators",
        "num_boost_round",
        "batch_size",
        "epochs",
        "dropout",
        "weight_decay",
    }
)
"""Names of settings that trainings have; three of them in a flat object are no accident."""


def fits(content: Any, path: str) -> bool:  # noqa: ANN401 - a kind is asked about anything
    """Say whether the file is called settings, or is a flat object with names of hyperparameters."""
    if not isinstance(content, dict) or not content:
        return False
    if _NAMES.fullmatch(posixpath.basename(path).lower()):
        return True
    flat = not any(isinstance(value, dict | list) for value in content.values())
    return flat and len(_TRAINING & {key.lower() for key in content}) >= 3


def read(content: Mapping[str, Any], path: str, listing: Listing) -> Content:  # noqa: ARG001 - the signature of a kind
    """Read all settings, as they stand."""
    plain = Plain(values=5000)
    return Content(format=FORMAT, values={"settings": plain.copy(content)}, findings=plain.findings())
