"""Trees that are missing, trees that do not count, and features without names."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from herdbook.model.contracts import Contract
from herdbook.model.facts import Finding

Found = Callable[..., list[Finding]]
FIXTURES = Path(__file__).parents[1] / "fixtures" / "formats"


def xgboost(trees: int = 3, *, names: tuple[str, ...] = (), best: int | None = None) -> str:
    """Return XGBoost's JSON with trees of one leaf over two features."""
    tree = {
        "tree_param": {"num_nodes": "1", "num_feature": "2", "num_deleted": "0", "size_leaf_vector": "1"},
        "parents": [2147483647],
        **{name: [-1] for name in ("left_children", "right_children")},
        **{name: [0.5] for name in ("split_conditions", "base_weights", "loss_changes", "sum_hessian")},
        **{name: [0] for name in ("split_indices", "default_left", "split_type")},
        **{name: [] for name in ("categories", "categories_nodes", "categories_segments", "categories_sizes")},
    }
    model = {
        "gbtree_model_param": {"num_trees": str(trees), "num_parallel_tree": "1"},
        "trees": [{**tree, "id": number} for number in range(trees)],
        "tree_info": [0] * trees,
        "iteration_indptr": list(range(trees + 1)),
    }
    learner = {
        "learner_model_param": {"base_score": "5E-1", "num_class": "0", "num_feature": "2", "num_target": "1"},
        "objective": {"name": "binary:logistic", "reg_loss_param": {"scale_pos_weight": "1"}},
        "gradient_booster": {"name": "gbtree", "model": model},
        "attributes": {} if best is None else {"best_iteration": str(best)},
        "feature_names": list(names),
        "feature_types": ["float"] * len(names),
    }
    return json.dumps({"version": [2, 1, 0], "learner": learner})


def tmva(trees: int, declared: int) -> str:
    """Return TMVA's weights of trees with one leaf."""
    weights = "".join(
        f'<BinaryTree type="DecisionTree" boostWeight="1" itree="{number}">'
        '<Node pos="s" depth="0" NCoef="0" IVar="-1" Cut="0" cType="1" res="0.5" rms="0" purity="0.5" nType="1"/>'
        "</BinaryTree>"
        for number in range(trees)
    )
    return (
        '<?xml version="1.0"?>\n<MethodSetup Method="BDT::BDT">'
        '<GeneralInfo><Info name="TMVA Release" value="4.2.1 [262657]"/></GeneralInfo>'
        f'<Options><Option name="NTrees" modified="Yes">{declared}</Option></Options>'
        '<Variables NVar="1"><Variable VarIndex="0" Expression="eta" Label="eta" Title="eta" Unit="" Internal="eta"'
        ' Type="F" Min="-2.5" Max="2.5"/></Variables>'
        f'<Weights NTrees="{declared}" AnalysisType="0">{weights}</Weights></MethodSetup>\n'
    )


def conifer(rounds: int, declared: int) -> str:
    """Return conifer's JSON with one tree a round."""
    tree = {"feature": [-2], "threshold": [-2.0], "value": [0.5], "children_left": [-1], "children_right": [-1]}
    told = {"max_depth": 1, "n_classes": 2, "n_features": 1, "n_trees": declared, "norm": 1, "init_predict": [0]}
    return json.dumps({**told, "trees": [[tree]] * rounds})


def test_fewer_trees_than_declared_are_told_and_as_many_are_not(found: Found) -> None:
    finding = found("trees-differ", {"bdt.weights.xml": tmva(2, 3)})[0]
    assert "3 trees, and it has 2" in finding.message
    assert not found("trees-differ", {"bdt.weights.xml": tmva(3, 3)})
    assert found("trees-differ", {"bdt.json": conifer(2, 3)})
    assert not found("trees-differ", {"bdt.json": conifer(3, 3)})


def test_trees_beyond_the_best_are_told_and_a_training_that_ran_to_its_end_is_not(found: Found) -> None:
    names = ("eta", "phi")
    finding = found("early-stopped", {"model.json": xgboost(5, names=names, best=2)})[0]
    assert "round 3 was the best, the file holds 5" in finding.message
    assert not found("early-stopped", {"model.json": xgboost(5, names=names, best=4)})
    assert not found("early-stopped", {"model.json": xgboost(5, names=names)})


def test_features_without_names_are_told_unless_a_list_or_a_contract_names_as_many(found: Found) -> None:
    assert found("features-unnamed", {"model.json": xgboost()})[0].severity == "warning"
    assert not found("features-unnamed", {"model.json": xgboost(names=("eta", "phi"))})
    assert not found("features-unnamed", {"model.json": xgboost(), "model.features": "eta\nphi\n"})
    assert found("features-unnamed", {"model.json": xgboost(), "model.features": "eta\nphi\npt\n"})
    made_up = {"model.json": xgboost(names=("f_0", "f_1"))}
    assert "are called 'f_0', 'f_1'" in found("features-unnamed", made_up)[0].message
    features: list[Any] = [{"name": "eta"}, {"name": "phi"}]
    told = Contract.read({"inputs": [{"name": "features", "features": features}]})
    assert not found("features-unnamed", {"model.json": xgboost()}, contract=told)


def test_the_binary_format_of_old_is_told_and_json_is_not(found: Found) -> None:
    old = FIXTURES / "trees" / "legacy_binary.model"
    assert found("xgboost-legacy", {"model.model": old.read_bytes()})[0].severity == "warning"
    assert not found("xgboost-legacy", {"model.json": xgboost()})
