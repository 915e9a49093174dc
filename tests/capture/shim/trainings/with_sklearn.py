"""A training with scikit-learn, as its author wrote it: a table, a pipeline, a search of settings."""

import argparse
import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd  # type: ignore[import-untyped]  # in .cache/frameworks
from sklearn.ensemble import RandomForestClassifier  # type: ignore[import-not-found]  # the same
from sklearn.model_selection import GridSearchCV  # type: ignore[import-not-found]  # the same
from sklearn.neural_network import MLPClassifier  # type: ignore[import-not-found]  # the same
from sklearn.preprocessing import StandardScaler  # type: ignore[import-not-found]  # the same

parser = argparse.ArgumentParser()
parser.add_argument("--trees", type=int, default=10)
parser.add_argument("--input", type=Path, default=Path("events.csv"))
arguments = parser.parse_args()

np.random.seed(11)  # noqa: NPY002 - as authors do
events = pd.read_csv(arguments.input)
features, label = events[["pt", "eta"]].to_numpy(), events["label"].to_numpy()

scaled = StandardScaler().fit_transform(features)
forest = RandomForestClassifier(n_estimators=arguments.trees, max_depth=3, random_state=7)
search = GridSearchCV(forest, {"max_depth": [2, 3]}, cv=2, n_jobs=2)
search.fit(scaled, label)
network = MLPClassifier(hidden_layer_sizes=(4,), max_iter=5, random_state=5)
network.fit(scaled, label)

with Path("model.pkl").open("wb") as out:
    pickle.dump((search.best_estimator_, network), out)
Path("metrics.json").write_text(json.dumps({"accuracy": float(search.score(scaled, label))}))
print("random number after it all:", np.random.random())  # noqa: NPY002 - shows that the shim drew none
