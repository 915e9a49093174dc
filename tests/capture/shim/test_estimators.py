"""Estimators in all shapes: of the script, in a pipeline, in workers of a search, learning in parts."""

from __future__ import annotations

from pathlib import Path

from tests.capture.shim.captured import frameworks, run, script

TEXT = """
import inspect, json, pickle
import joblib, numpy as np
import cloudpickle
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

class Mine(ClassifierMixin, BaseEstimator):
    def __init__(self, c=1.0):
        self.c = c
    def fit(self, X, y):
        self.inner_ = LogisticRegression(C=self.c).fit(X, y)
        self.classes_ = self.inner_.classes_
        return self
    def predict(self, X):
        return self.inner_.predict(X)

X = np.random.RandomState(0).normal(size=(80, 3))
y = (X[:, 0] > 0).astype(int)
print(len(cloudpickle.dumps(Mine())), b"capture" in cloudpickle.dumps(Mine()))
print(GridSearchCV(Mine(), {"c": [0.1, 1.0]}, cv=2, n_jobs=2).fit(X, y).best_params_)
pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=50)).fit(X, y)
print(joblib.hash(pickle.dumps(pipeline)), joblib.hash(pipeline), inspect.signature(SGDClassifier.fit))
learner = SGDClassifier(random_state=3)
for _ in range(5):
    learner.partial_fit(X, y, classes=[0, 1])
try:
    LogisticRegression(C=-1).fit(X, y)
except ValueError as error:
    print(type(error).__name__)
LogisticRegression(C=4.0).fit(X, y)
"""


def test_only_outermost_fits_are_told_and_nothing_about_a_class_changes(tmp_path: Path) -> None:
    python = frameworks()
    done = run([script(tmp_path / "job", TEXT)], tmp_path / "job", python=python)
    plain = run(["train.py"], tmp_path / "job", python=python, shim=False, spool=tmp_path / "none")
    assert (done.status, done.output, done.errors) == (0, plain.output, plain.errors)
    sources = {line["source"] for line in done.of("parameter")}
    assert sources == {
        *("sklearn.GridSearchCV", "sklearn.GridSearchCV.best", "sklearn.Pipeline", "sklearn.SGDClassifier"),
        *("sklearn.LogisticRegression", "sklearn.LogisticRegression[2]"),
    }
    assert done.parameters("sklearn.Pipeline")["logisticregression__max_iter"] == "50"
    assert done.parameters("sklearn.LogisticRegression[2]")["C"] == "4.0"
