"""Write a toy sample of hadronic taus and jets: ``python examples/toy_taus/generate.py --out DIR --seed 1 --period A``.

``DIR`` gets ``train.npy``, ``validation.npy``, ``test.npy`` (structured NumPy arrays, see ``events.draw``) and
``columns.json`` (name, unit and meaning of each field; period, seed, counts). The same options give the same bytes with
the same NumPy: the ``.npy`` format holds no time of writing.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # a script finds its neighbours from the repository root

import numpy as np
from examples.toy_taus import events

SPLITS = {"train": 40_000, "validation": 10_000, "test": 20_000}


def write(out: Path, *, seed: int, period: events.Period, counts: dict[str, int]) -> None:
    """Write the files of one sample; each split has a random stream of its own, so no event stands in two.

    Args:
        out: the folder, made when it is not there.
        seed: of all streams; not negative.
        period: the conditions.
        counts: events for each split.
    """
    out.mkdir(parents=True, exist_ok=True)
    for index, (split, count) in enumerate(counts.items()):
        stream = np.random.SeedSequence([seed, ord(period.name), index])
        np.save(out / f"{split}.npy", events.draw(count, period, np.random.Generator(np.random.PCG64(stream))))
    about = {
        "generator": "examples/toy_taus",
        "period": period.name,
        "mean_vertices": period.mean_vertices,
        "track_smearing": period.track_smearing,
        "seed": seed,
        "events": counts,
        "truth": {"name": events.TRUTH, "meaning": "1 for a hadronic tau, 0 for a jet"},
        "columns": [{"name": c.name, "unit": c.unit, "meaning": c.meaning} for c in events.COLUMNS],
    }
    (out / "columns.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def main(arguments: list[str] | None = None) -> None:
    """Read the command line and write the sample."""
    parser = argparse.ArgumentParser(description="Write a toy sample of hadronic taus and jets.")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--seed", type=int, required=True, help="seed of all random streams")
    parser.add_argument("--period", choices=sorted(events.PERIODS), default="A", help="conditions (default: A)")
    for split, count in SPLITS.items():
        parser.add_argument(f"--{split}", type=int, default=count, help=f"events for {split} (default: {count})")
    options = parser.parse_args(arguments)
    counts = {split: getattr(options, split) for split in SPLITS}
    if options.seed < 0 or min(counts.values()) < 100:
        parser.error("the seed is not negative, and each split has at least 100 events")
    write(options.out, seed=options.seed, period=events.PERIODS[options.period], counts=counts)
    print(f"{options.out}: {', '.join(f'{count} {split}' for split, count in counts.items())}, period {options.period}")


if __name__ == "__main__":
    main()
