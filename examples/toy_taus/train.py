"""Train the toy classifier, or fine-tune an earlier one, and write all that belongs to a version of a model.

``python examples/toy_taus/train.py --data DIR --out DIR --seed 7 [--init OLD/model.onnx]``

``--data`` is a folder that ``generate.py`` wrote. ``--out`` gets the model's files and, for the registry,
``activity.json`` (see ``report.py``). The same data, seed and NumPy on the same kind of machine give the same bytes,
but for times in ``activity.json``.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # a script finds its neighbours from the repository root
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # for matrices this small more threads give nothing, and may round differently
os.environ["OMP_NUM_THREADS"] = "1"  # the same for a NumPy with another library of linear algebra
os.environ["MKL_NUM_THREADS"] = "1"

import numpy as np
from examples.toy_taus import network, onnx_file, quality, report

if TYPE_CHECKING:
    from collections.abc import Mapping

    Split = tuple[network.Array, network.Array]

TRAINING = network.Recipe()
FINE_TUNING = network.Recipe(learning_rate=5e-4)
"""Smaller steps, so that what was learnt before is not lost."""


def read(data: Path, columns: list[str], truth: str) -> dict[str, Split]:
    """Read the splits: for each the features, shape (n, columns), and the truth, shape (n,), both float32."""
    splits = {}
    for split in ("train", "validation", "test"):
        table = np.load(data / f"{split}.npy", allow_pickle=False)
        features = np.stack([table[name] for name in columns], axis=1).astype(np.float32)
        splits[split] = (features, table[truth].astype(np.float32))
    return splits


def train(data: Path, out: Path, *, seed: int, init: Path | None = None) -> Mapping[str, quality.Quality]:
    """Train on a sample, write the files, and return the quality on validation and test, and of ``init`` on test.

    Args:
        data: a folder that ``generate.py`` wrote.
        out: the folder to write, made when it is not there.
        seed: of initial weights and of the order of events.
        init: an earlier ``model.onnx`` to begin from; its standardisation is kept.

    Raises:
        ValueError: when ``init`` cannot be used with these columns.
    """
    started = datetime.now(UTC)
    sample = json.loads((data / "columns.json").read_text(encoding="utf-8"))
    names = [column["name"] for column in sample["columns"]]
    splits = read(data, names, sample["truth"]["name"])
    rng = np.random.Generator(np.random.PCG64(seed))
    if init is None:
        recipe = TRAINING
        parent: dict[str, str] = {}
        start = network.fresh(splits["train"][0], recipe.hidden, rng)
    else:
        start, parent = onnx_file.load(init)
        if parent.get("features") != ",".join(names):
            raise ValueError(f"{init} was trained on other features: {parent.get('features')}")
        recipe = dataclasses.replace(FINE_TUNING, hidden=tuple(bias.size for bias in start.biases[:-1]))
    fit = network.fit(start, splits["train"], splits["validation"], recipe, rng)
    measured = {split: _measure(fit.network, splits[split]) for split in ("validation", "test")}
    if init is not None:
        measured["test, before"] = _measure(start, splits["test"])
    story = report.Story(
        sample=sample, recipe=recipe, seed=seed, fit=fit, measured=measured, init=init, parent=parent,
        ranges=np.quantile(splits["train"][0], (0.001, 0.999), axis=0), started=started,
    )  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    onnx_file.save(out / "model.onnx", fit.network, doc=report.doc(story), metadata=report.metadata(story))
    report.write(out, story)
    return measured


def _measure(model: network.Network, split: Split) -> quality.Quality:
    return quality.measure(model.probabilities(split[0]), split[1])


def main(arguments: list[str] | None = None) -> None:
    """Read the command line, train, and print the result."""
    parser = argparse.ArgumentParser(description="Train a toy classifier of hadronic taus against jets.")
    parser.add_argument("--data", type=Path, required=True, help="folder that generate.py wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--seed", type=int, required=True, help="seed of initial weights and of the order of events")
    parser.add_argument("--init", type=Path, help="an earlier model.onnx to begin from")
    options = parser.parse_args(arguments)
    if options.seed < 0:
        parser.error("the seed is not negative")
    try:
        measured = train(options.data, options.out, seed=options.seed, init=options.init)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    for split, result in measured.items():
        print(f"{split}: {report.sentence(result)}")


if __name__ == "__main__":
    main()
