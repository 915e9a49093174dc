"""A multi-layer perceptron in NumPy alone: forward pass, gradients, Adam, early stopping."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Network:
    """Standardisation, hidden layers with ReLU, and one output with a sigmoid.

    Attributes:
        mean: of each feature, shape (features,).
        scale: standard deviation of each feature, shape (features,).
        weights: one matrix for each layer, shape (inputs, outputs).
        biases: one vector for each layer, shape (outputs,).
    """

    mean: Array
    scale: Array
    weights: tuple[Array, ...]
    biases: tuple[Array, ...]

    def logits(self, features: Array) -> Array:
        """Return the logit of each row of ``features``, shape (n, features) → (n,)."""
        return _layers(self.parameters, (features - self.mean) / self.scale)[-1][:, 0]

    def probabilities(self, features: Array) -> Array:
        """Return the probability of a tau for each row, shape (n, features) → (n,)."""
        return _sigmoid(self.logits(features))

    @property
    def parameters(self) -> list[Array]:
        """Weights and biases in turn, layer by layer."""
        return [array for pair in zip(self.weights, self.biases, strict=True) for array in pair]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train: Adam's step, events a batch, most epochs, epochs without progress, weight decay, hidden sizes."""

    learning_rate: float = 2e-3
    batch_size: int = 512
    max_epochs: int = 40
    patience: int = 5
    weight_decay: float = 1e-5
    hidden: tuple[int, ...] = (48, 32)


@dataclass(frozen=True, slots=True)
class Fit:
    """What came out: the network of the best epoch (counted from 1), epochs run, and the two losses of that epoch."""

    network: Network
    best_epoch: int
    epochs: int
    train_loss: float
    validation_loss: float


def fresh(features: Array, hidden: tuple[int, ...], rng: np.random.Generator) -> Network:
    """Return an untrained network: standardised to these features, He's initial weights (arXiv:1502.01852)."""
    sizes = (features.shape[1], *hidden, 1)
    shapes = list(pairwise(sizes))
    return Network(
        mean=features.mean(axis=0, dtype=np.float64).astype(np.float32),
        scale=features.std(axis=0, dtype=np.float64).astype(np.float32),
        weights=tuple((rng.standard_normal(shape) * np.sqrt(2 / shape[0])).astype(np.float32) for shape in shapes),
        biases=tuple(np.zeros(shape[1], dtype=np.float32) for shape in shapes),
    )


def loss(logits: Array, truth: Array) -> float:
    """Return the mean binary cross-entropy in nats; both of shape (n,)."""
    return float(np.mean(np.logaddexp(0, logits, dtype=np.float64) - truth * logits))


def fit(
    start: Network,
    train: tuple[Array, Array],
    validation: tuple[Array, Array],
    recipe: Recipe,
    rng: np.random.Generator,
) -> Fit:
    """Train until the validation loss has not fallen for ``patience`` epochs, and return the network of the best one.

    Args:
        start: where to begin; its standardisation stays as it is.
        train: features (n, features) and truth (n,).
        validation: likewise; decides when to stop, never enters a gradient.
        recipe: step, batch size and so on.
        rng: shuffles the events.
    """
    inputs, truth = (train[0] - start.mean) / start.scale, train[1]
    adam = _Adam([array.copy() for array in start.parameters], recipe)
    best, best_epoch, epoch = start, 0, 0
    best_loss = loss(start.logits(validation[0]), validation[1])
    while epoch < recipe.max_epochs and epoch - best_epoch < recipe.patience:
        epoch += 1
        order = rng.permutation(len(truth))
        for first in range(0, len(order), recipe.batch_size):
            rows = order[first : first + recipe.batch_size]
            adam.step(_gradients(adam.parameters, inputs[rows], truth[rows]))
        now = _with_parameters(start, adam.parameters)
        if (seen := loss(now.logits(validation[0]), validation[1])) < best_loss:
            best, best_epoch, best_loss = now, epoch, seen
    return Fit(best, best_epoch, epoch, loss(best.logits(train[0]), train[1]), best_loss)


def _with_parameters(network: Network, parameters: list[Array]) -> Network:
    copies = [array.copy() for array in parameters]
    return Network(network.mean, network.scale, tuple(copies[::2]), tuple(copies[1::2]))


def _layers(parameters: list[Array], inputs: Array) -> list[Array]:
    """Return the inputs, what each hidden layer gives after ReLU, and the logits (n, 1)."""
    values = [inputs]
    for layer in range(0, len(parameters), 2):
        value = values[-1] @ parameters[layer] + parameters[layer + 1]
        values.append(value if layer + 2 == len(parameters) else np.maximum(value, np.float32(0)))
    return values


def _sigmoid(logits: Array) -> Array:
    return np.asarray((1 + np.tanh(logits / 2)) / 2, dtype=np.float32)  # 1 / (1 + exp(-x)) that cannot overflow


def _gradients(parameters: list[Array], inputs: Array, truth: Array) -> list[Array]:
    """Return the gradient of the mean cross-entropy for each parameter."""
    values = _layers(parameters, inputs)
    slope: Array = (_sigmoid(values[-1]) - truth[:, None]) / np.float32(len(truth))
    found: list[Array] = []
    for layer in range(len(parameters) - 2, -1, -2):
        found[:0] = [values[layer // 2].T @ slope, slope.sum(axis=0)]
        slope = (slope @ parameters[layer].T) * (values[layer // 2] > 0)
    return found


class _Adam:
    """Adam (arXiv:1412.6980) with its usual constants, and weight decay apart from the gradient (arXiv:1711.05101)."""

    def __init__(self, parameters: list[Array], recipe: Recipe) -> None:
        self.parameters = parameters
        self._recipe = recipe
        self._first = [np.zeros_like(array) for array in parameters]
        self._second = [np.zeros_like(array) for array in parameters]
        self._steps = 0

    def step(self, gradients: list[Array]) -> None:
        self._steps += 1
        rate = self._recipe.learning_rate * np.sqrt(1 - 0.999**self._steps) / (1 - 0.9**self._steps)
        keep = np.float32(1 - self._recipe.learning_rate * self._recipe.weight_decay)
        for index, slope in enumerate(gradients):
            self._first[index] += np.float32(0.1) * (slope - self._first[index])
            self._second[index] += np.float32(0.001) * (slope * slope - self._second[index])
            self.parameters[index] *= keep
            spread = np.sqrt(self._second[index]) + np.float32(1e-8)
            self.parameters[index] -= np.float32(rate) * self._first[index] / spread
