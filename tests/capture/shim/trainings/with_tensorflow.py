"""A training with Keras on TensorFlow, made as repeatable as TensorFlow can."""

import keras  # type: ignore[import-not-found]
import numpy as np
import tensorflow as tf  # in .cache/formats

tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.experimental.enable_op_determinism()
keras.utils.set_random_seed(17)
features = np.random.default_rng(4).normal(size=(64, 3)).astype("float32")
label = (features.sum(axis=1) > 0).astype("float32")
model = keras.Sequential([keras.layers.Dense(4, activation="relu"), keras.layers.Dense(1, activation="sigmoid")])
model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.02), loss="binary_crossentropy")
history = model.fit(features, label, epochs=2, batch_size=16, verbose=0)
model.save_weights("model.weights.h5")
print(history.history)
