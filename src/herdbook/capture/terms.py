"""Canonical terms of hyper-parameters: what libraries call ``eta``, ``lr`` and ``learning_rate`` is one thing."""

from __future__ import annotations

import re

TERMS: dict[str, tuple[str, ...]] = {
    "learning_rate": ("lr", "eta", "learning_rate_init", "base_lr", "initial_lr", "step_size", "max_lr"),
    "batch_size": ("batchsize", "bs", "train_batch_size", "per_device_train_batch_size", "mini_batch_size"),
    "epochs": ("epoch", "n_epochs", "num_epochs", "max_epochs", "nepochs", "num_train_epochs"),
    "max_steps": ("n_steps", "num_steps", "steps", "max_iter", "n_iter", "iterations"),
    "optimizer": ("optimiser", "optim", "solver"),
    "weight_decay": ("l2", "l2_reg", "decay", "reg_lambda", "lambda_l2", "l2_regularization", "l2_leaf_reg"),
    "l1": ("l1_reg", "reg_alpha", "lambda_l1", "alpha_l1"),
    "momentum": ("sgd_momentum",),
    "dropout": ("dropout_rate", "p_dropout", "drop_rate", "dropout_p"),
    "hidden_size": ("hidden", "hidden_units", "hidden_dim", "n_hidden", "hidden_layer_sizes", "width", "d_model"),
    "n_layers": ("num_layers", "layers", "hidden_layers", "num_hidden_layers", "n_blocks"),
    "n_heads": ("num_heads", "heads", "nhead", "num_attention_heads"),
    "activation": ("act", "activation_function", "nonlinearity"),
    "loss": ("loss_function", "loss_fn", "objective", "criterion"),
    "n_estimators": ("num_boost_round", "n_trees", "ntrees", "num_trees", "num_iterations", "num_round", "nrounds"),
    "max_depth": ("maxdepth", "depth", "tree_depth"),
    "max_leaves": ("num_leaves", "max_leaf_nodes"),
    "min_samples_leaf": ("min_data_in_leaf", "min_child_samples", "min_node_size", "minnodesize"),
    "min_child_weight": ("min_sum_hessian_in_leaf",),
    "min_split_gain": ("gamma", "min_gain_to_split", "min_impurity_decrease"),
    "subsample": ("bagging_fraction", "sample_fraction", "baggedsamplefraction"),
    "feature_fraction": ("colsample_bytree", "max_features", "feature_subsample"),
    "early_stopping_patience": ("patience", "early_stopping_rounds", "n_iter_no_change"),
    "gradient_clip": ("clip", "grad_clip", "max_grad_norm", "clipnorm", "gradient_clip_val"),
    "warmup_steps": ("warmup", "n_warmup_steps", "num_warmup_steps"),
    "seed": ("random_state", "random_seed", "rng_seed", "manual_seed", "seed_value"),
    "test_fraction": ("test_size", "test_split"),
    "validation_fraction": ("val_size", "validation_split", "val_fraction", "valid_fraction"),
    "n_bits": ("bits", "bit_width", "num_bits", "total_bits"),
    "sparsity": ("final_sparsity", "target_sparsity", "pruning_amount"),
    "temperature": ("distillation_temperature", "softmax_temperature"),
}
"""By canonical term: other names for it. A name has one term at most; a term is its own."""

_ELSEWHERE: dict[tuple[str, str], str] = {
    ("xgboost", "alpha"): "l1",
    ("xgboost", "lambda"): "weight_decay",
    ("sklearn", "alpha"): "weight_decay",
    ("sklearn", "gamma"): "",
    ("torch", "gamma"): "",
    ("sklearn", "criterion"): "",
    ("torch", "width"): "",
}
"""By beginning of the source and name: names that mean something else, or nothing certain, in one library."""

_KNOWN = {name: term for term, names in TERMS.items() for name in (term, *names)}
_WORDS = re.compile(r"[^a-z0-9]+")


def term(name: str, source: str = "") -> str | None:
    """Return the canonical term of a parameter, or ``None`` when nobody can say; nothing is guessed from a part of it.

    ``name`` may be spelled with dashes, dots or capitals, as ``--learning-rate``, ``model.lr``, ``maxDepth``; what
    stands before the last dot says where it belongs, and does not count.
    """
    last = name.rpartition(".")[2].lstrip("-")
    plain = _WORDS.sub("_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", last).lower()).strip("_")
    library = source.partition(".")[0]
    if (library, plain) in _ELSEWHERE:
        return _ELSEWHERE[library, plain] or None
    return _KNOWN.get(plain) or _KNOWN.get(plain.replace("_", ""))
