"""The main job, on an embedded registry: train, register, find, trace, fetch, verify. `make demo` runs it."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
TOY = HERE / "toy_taus"


class Demo:
    """Runs commands in a folder of its own, and shows each before its output."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.environment = {
            **os.environ,
            "HERDBOOK_REGISTRY": str(folder / "registry"),
            "HERDBOOK_CONFIG": str(folder / "config.toml"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def say(self, text: str) -> None:
        """Print a headline."""
        print(f"\n\033[1m# {text}\033[0m" if sys.stdout.isatty() else f"\n# {text}", flush=True)

    def run(self, command: str) -> None:
        """Run a command line; end the demo when it fails."""
        print(f"$ {command}", flush=True)
        words = [sys.executable if word == "python" else word for word in shlex.split(command)]
        words = [str(TOY / word) if word in {"generate.py", "train.py"} else word for word in words]
        done = subprocess.run(words, cwd=self.folder, env=self.environment, check=False)  # noqa: S603 - our own commands
        if done.returncode:
            raise SystemExit(f"`{command}` ended with {done.returncode}")


def main() -> None:
    """Tell the story of the tutorial."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "demo-output").absolute()
    demo = Demo(folder)
    demo.say("Events of a toy experiment, and a tau identification trained on them")
    demo.run("python generate.py --out data/a --seed 1 --period A")
    demo.run("python train.py --data data/a --out models/v1 --seed 7")
    demo.say("Make the dataset known by its files, then register the model with its training")
    demo.run("herdbook whoami --name 'A demonstrator'")
    demo.run(
        "herdbook dataset register demo local:toy-taus-a --file data/a --kind toy --title 'Toy taus and jets, period A'"
    )
    demo.run(
        "herdbook register demo/tau/toy:v1.0 models/v1 --dataset local:toy-taus-a --activity models/v1/activity.json"
        " --title 'Toy tau identification' --licence CC0-1.0 --step reconstruction --task classification"
    )
    demo.say("Conditions changed: fine-tune the first version on the next period, and register the second")
    demo.run("python generate.py --out data/b --seed 2 --period B")
    demo.run("python train.py --data data/b --out models/v2 --seed 8 --init models/v1/model.onnx")
    demo.run(
        "herdbook dataset register demo local:toy-taus-b --file data/b --kind toy --title 'Toy taus and jets, period B'"
    )
    demo.run(
        "herdbook register demo/tau/toy:v1.1 models/v2 --parent demo/tau/toy:v1.0 --dataset local:toy-taus-b"
        " --activity models/v2/activity.json --licence CC0-1.0"
    )
    demo.run("herdbook alias set demo/tau/toy@production demo/tau/toy:v1.1 --reason 'better in period B'")
    demo.say("Which versions are there?")
    demo.run("herdbook search 'tau AND step = reconstruction AND metric.auc > 0.8'")
    demo.say("What is known of the one in production?")
    demo.run("herdbook show demo/tau/toy@production")
    demo.say("Where does it come from?")
    demo.run("herdbook trace demo/tau/toy:v1.1")
    demo.say("What changed?")
    demo.run("herdbook diff demo/tau/toy:v1.0 demo/tau/toy:v1.1")
    demo.say("Bring it here, and prove that it is what was registered")
    demo.run("herdbook fetch demo/tau/toy:v1.1 fetched")
    demo.run("herdbook verify demo/tau/toy:v1.0 demo/tau/toy:v1.1")
    demo.run("herdbook doctor")
    demo.say(f"All of it lies in {folder.name}/; the tutorial (docs/tutorial/index.md) explains each step")


if __name__ == "__main__":
    main()
