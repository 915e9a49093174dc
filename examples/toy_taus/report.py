"""What is written beside the model: its features, labels, README and metrics, and the activity for the registry."""

from __future__ import annotations

import json
import math
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from examples.toy_taus.network import Fit, Recipe
    from examples.toy_taus.quality import Quality

LABELS = ("jet", "tau")
"""Meaning of the truth's values 0 and 1; the model's output is the probability of the latter."""

_HERE = Path(__file__).resolve().parent
_TERMS = {"learning_rate": "learning_rate", "batch_size": "batch_size", "max_epochs": "epochs"}


@dataclass(frozen=True, slots=True)
class Story:
    """All that there is to tell of one training; ``ranges`` has shape (2, features)."""

    sample: dict[str, Any]
    recipe: Recipe
    seed: int
    fit: Fit
    measured: dict[str, Quality]
    init: Path | None
    parent: dict[str, str]
    ranges: npt.NDArray[np.float32]
    started: datetime


def sentence(quality: Quality) -> str:
    """Return the result on one split as a line of text."""
    return (
        f"AUC {quality.auc:.4f} ± {quality.auc_stat:.4f}, background rejection {quality.rejection:.1f} ± "
        f"{quality.rejection_stat:.1f} at {quality.efficiency * 100:.0f} % signal efficiency ({quality.events} events)"
    )


def doc(story: Story) -> str:
    """Return the text for the model's ``doc_string``."""
    how = "fine-tuned from an earlier version" if story.init else "trained from scratch"
    return f"Toy hadronic tau versus jet, {how} on period {story.sample['period']}. A documented toy, of no experiment."


def metadata(story: Story) -> dict[str, str]:
    """Return the model's ``metadata_props``."""
    return {
        "features": ",".join(column["name"] for column in story.sample["columns"]),
        "labels": ",".join(LABELS),
        "period": story.sample["period"],
        "seed": str(story.seed),
        "working_point_75": repr(story.measured["validation"].cut),
    }


def write(out: Path, story: Story) -> None:
    """Write ``features.json``, ``labels.txt``, ``README.md``, ``metrics.json`` and ``activity.json`` into a folder.

    ``activity.json`` has the shape of the record ``herdbook/activity/1`` but for what only the registry knows: its
    inputs and outputs. It is no part of the model, so ``.herdbookignore`` leaves it out of a registration.
    """
    _json(out / "features.json", _features(story))
    _json(out / "metrics.json", {split: _quality(result) for split, result in story.measured.items()})
    (out / "labels.txt").write_text("\n".join(LABELS) + "\n", encoding="utf-8")
    (out / "README.md").write_text(_readme(story), encoding="utf-8")
    (out / ".herdbookignore").write_text("activity.json\n", encoding="utf-8")
    _json(out / "activity.json", activity(story))


def activity(story: Story) -> dict[str, Any]:
    """Return the activity as a record has it, without ``inputs`` and ``outputs``."""
    body: dict[str, Any] = {
        "schema": "herdbook/activity/1",
        "kind": "fine-tuning" if story.init else "training",
        "status": "finished",
        "started": _time(story.started),
        "ended": _time(datetime.now(UTC)),
        "command": {"argv": [Path(sys.orig_argv[0]).name, *sys.orig_argv[1:]], "cwd": "."},
        "environment": {
            "kind": "packages",
            "python": platform.python_version(),
            "platform": platform.platform(),
            "packages": {name: version(name) for name in ("numpy", "onnx")},
        },
        "parameters": _parameters(story.recipe),
        "seeds": [{"name": "numpy.PCG64", "text": str(story.seed)}],
        "metrics": _metrics(story),
    }
    if code := _code():
        body["code"] = code
    return body


def _features(story: Story) -> list[dict[str, Any]]:
    low, high = (row.tolist() for row in story.ranges)
    network = story.fit.network
    return [
        {**column, "mean": mean, "scale": scale, "training_range": [round(first, 6), round(last, 6)]}
        for column, mean, scale, first, last in zip(
            story.sample["columns"], network.mean.tolist(), network.scale.tolist(), low, high, strict=True
        )
    ]


def _quality(quality: Quality) -> dict[str, Any]:
    return {
        "events": quality.events,
        "taus": quality.taus,
        "auc": {"value": quality.auc, "stat": quality.auc_stat},
        "background_rejection": {
            "value": _number(quality.rejection),
            "stat": _number(quality.rejection_stat),
            "signal_efficiency": quality.efficiency,
            "cut": quality.cut,
            "jets_above_cut": quality.passed,
        },
    }


def _metrics(story: Story) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": "loss", "split": "train", "value": story.fit.train_loss},
        {"name": "loss", "split": "validation", "value": story.fit.validation_loss},
        {"name": "best_epoch", "value": story.fit.best_epoch},
    ]
    for split in ("validation", "test"):
        result = story.measured[split]
        found.append({"name": "auc", "split": split, "value": result.auc, "stat": result.auc_stat})
        rejection: dict[str, Any] = {
            "name": "background_rejection",
            "split": split,
            "value": _number(result.rejection),
            "params": {"signal_efficiency": result.efficiency},
        }
        if math.isfinite(result.rejection_stat):
            rejection["stat"] = result.rejection_stat
        found.append(rejection)
    return found


def _parameters(recipe: Recipe) -> list[dict[str, str]]:
    found = []
    for name in ("learning_rate", "batch_size", "max_epochs", "patience", "weight_decay"):
        value = getattr(recipe, name)
        entry = {"name": name, "type": type(value).__name__, "text": repr(value)}
        found.append(entry | ({"term": _TERMS[name]} if name in _TERMS else {}))
    return [*found, {"name": "hidden", "type": "list", "text": ",".join(map(str, recipe.hidden))}]


def _readme(story: Story) -> str:
    sample, fit = story.sample, story.fit
    events = sample["events"]
    began = f"from an earlier version of period {story.parent.get('period')}" if story.init else "from scratch"
    rows = "".join(f"| {c['name']} | {c['unit']} | {c['meaning']} |\n" for c in sample["columns"])
    results = "".join(f"- {split}: {sentence(result)}\n" for split, result in story.measured.items())
    before = ' "Before" is the version it started from, on the same events.' if story.init else ""
    hidden = " and ".join(map(str, story.recipe.hidden))
    return f"""# Toy tau identification, period {sample["period"]}

A small neural network that tells hadronic tau decays from jets of quarks and gluons. It is a toy: its events come from
`{sample["generator"]}`, which no experiment made or checked. Do not use it for physics.

**Data.** Period {sample["period"]}: {sample["mean_vertices"]:g} vertices on average, seed {sample["seed"]};
{events["train"]} events to train, {events["validation"]} to stop, {events["test"]} to test; half taus, half jets.

**Training.** Started {began}; hidden layers of {hidden} units, Adam,
stopped after {fit.epochs} epochs, the best was {fit.best_epoch}. Standardisation is inside the graph:
feed raw values in the units below.

**Result.** Uncertainties are statistical (one standard deviation).{before}

{results}
The cut for 75 % of the taus of the validation sample is in the model's metadata as `working_point_75`.

| input, in order | unit | meaning |
|---|---|---|
{rows}
Output `p_tau`: probability of a tau, at equal numbers of taus and jets.
"""


def _code() -> dict[str, str]:
    """Return commit and folder of this code; nothing where git does not know it, or the folder was changed since.

    A commit that is not what ran would be a guess.
    """
    git = shutil.which("git")
    if git is None:
        return {}

    def ask(*words: str) -> str | None:
        done = subprocess.run([git, *words], cwd=_HERE, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
        return done.stdout.strip() if done.returncode == 0 else None

    commit, changed = ask("rev-parse", "HEAD"), ask("status", "--porcelain", "--", ".")
    if not commit or changed != "":
        return {}
    return {"commit": commit, "path": ask("rev-parse", "--show-prefix") or "."}


def _number(value: float) -> float | str:
    """Return the value as records write it: a non-finite one as text."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity"


def _time(moment: datetime) -> str:
    text = moment.replace(tzinfo=None).isoformat()
    return (text.rstrip("0") if "." in text else text) + "Z"


def _json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
