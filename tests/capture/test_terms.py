"""Terms: what libraries call differently is one thing, and nothing is guessed."""

from __future__ import annotations

import pytest

from herdbook.capture.terms import TERMS, term


@pytest.mark.parametrize(
    ("name", "source", "wanted"),
    [
        ("lr", "torch.optim.Adam", "learning_rate"),
        ("eta", "xgboost.train", "learning_rate"),
        ("--learning-rate", "argparse", "learning_rate"),
        ("model.optim.lr", "", "learning_rate"),
        ("maxDepth", "", "max_depth"),
        ("NTrees", "tmva", "n_estimators"),
        ("num_boost_round", "xgboost.train", "n_estimators"),
        ("lambda", "xgboost.train", "weight_decay"),
        ("gamma", "xgboost.train", "min_split_gain"),
        ("gamma", "sklearn.SVC", None),
        ("criterion", "sklearn.RandomForestClassifier", None),
        ("flux_capacitor", "", None),
        ("learning_rate_schedule", "", None),
        ("", "", None),
    ],
)
def test_a_name_has_the_term_that_it_means(name: str, source: str, wanted: str | None) -> None:
    assert term(name, source) == wanted


def test_no_name_has_two_terms() -> None:
    names = [name for term_, others in TERMS.items() for name in (term_, *others)]
    assert len(names) == len(set(names))
