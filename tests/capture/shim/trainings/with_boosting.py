"""A training with xgboost, by its function and by its estimator, and one with lightgbm."""

import lightgbm  # in .cache/frameworks
import numpy as np
import xgboost

random = np.random.default_rng(3)
features = random.normal(size=(200, 3)).astype(np.float32)
label = (features[:, 0] > 0).astype(int)
np.savez("events.npz", features=features, label=label)

matrix = xgboost.DMatrix(features[:100], label=label[:100])
other = xgboost.DMatrix(features[100:], label=label[100:])
settings = {"objective": "binary:logistic", "max_depth": 2, "eta": 0.3, "seed": 42, "eval_metric": "logloss"}
booster = xgboost.train(settings, matrix, num_boost_round=4, evals=[(other, "validation")], verbose_eval=False)
booster.save_model("booster.json")

estimator = xgboost.XGBClassifier(n_estimators=3, learning_rate=0.2, random_state=9)
estimator.fit(features[:100], label[:100], eval_set=[(features[100:], label[100:])], verbose=False)
estimator.save_model("estimator.json")

light = {"objective": "binary", "num_leaves": 4, "seed": 6, "verbose": -1, "num_threads": 1}
lightgbm.train(light, lightgbm.Dataset(features, label), num_boost_round=3).save_model("light.txt")
