"""From a training that nobody described to one that a stranger repeats: ``make retrain`` runs it.

An author trains the toy under ``herdbook run`` and pushes it. Then everything of the author's is deleted, and the first
model is trained again from the registry alone: the same bytes. The second is trained again with another seed: within
the tolerance that was declared. Then its data disappear, and so does that certainty.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
NEEDED = ("numpy", "onnx", "ml-dtypes", "protobuf", "typing-extensions")
SPLIT = "--rule train:files:train.npy --rule validation:files:validation.npy --rule test:files:test.npy"
SMALL = "--train 8000 --validation 2000 --test 4000"


class Story:
    """Runs commands in a folder of its own, and shows each before its output."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        self.code.mkdir(parents=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HERDBOOK_", "GIT_"))}
        self.environment = {
            **kept,
            "HERDBOOK_REGISTRY": str(folder / "registry"),
            "HERDBOOK_CONFIG": str(folder / "config.toml"),
            "HERDBOOK_SPOOL": str(self.author / "spool"),
            "HERDBOOK_CACHE": str(folder / "cache"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
        }

    @property
    def author(self) -> Path:
        """All that the author has: code, data, environment, spool, models."""
        return self.folder / "author"

    @property
    def code(self) -> Path:
        """The author's working copy."""
        return self.author / "code"

    def say(self, text: str) -> None:
        """Print a headline."""
        print(f"\n\033[1m# {text}\033[0m" if sys.stdout.isatty() else f"\n# {text}", flush=True)

    def run(self, command: str, *, cwd: Path | None = None, status: int = 0, shown: bool = True) -> str:
        """Run a command line and show it; end the story when it ends otherwise than it should."""
        if shown:
            print(f"$ {command}", flush=True)
        done = subprocess.run(  # noqa: S603 - our own commands
            shlex.split(command),
            cwd=cwd or self.folder,
            env=self.environment,
            check=False,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if shown or done.returncode != status:
            print(done.stdout, end="", flush=True)
        if done.returncode != status:
            raise SystemExit(f"`{command}` ended with {done.returncode}")
        return done.stdout

    def level(self, reference: str, wanted: str) -> None:
        """Show the level of a version; end the story when it is another one."""
        said = self.run(f"herdbook audit {reference}", shown=False)
        level = said[said.index("\nLevel") :].strip() if "\nLevel" in said else ""
        print(f"$ herdbook audit {reference}\n{said.partition(chr(10))[0]}\n…\n{level}", flush=True)
        if not said.startswith(f"{reference}  {wanted}"):
            raise SystemExit(f"{reference} should be {wanted}")


def environment(story: Story) -> None:
    """Give the author an environment of what is locked here; where it cannot be had, this interpreter's."""
    blocks = re.split(r"^(?=\S)", (HERE.parent / "requirements.txt").read_text("utf-8"), flags=re.MULTILINE)
    wanted = [block for block in blocks if re.match(rf"(?:{'|'.join(NEEDED)})==", block)]
    (story.code / "requirements.txt").write_text("".join(wanted), "utf-8")
    venv = story.author / "venv"
    install = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--require-hashes", "-r"]
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)  # noqa: S603 - our own interpreter
    done = subprocess.run(  # noqa: S603 - the environment's own pip
        [*install, "requirements.txt"], cwd=story.code, check=False, capture_output=True, text=True
    )
    folder = Path(sys.executable).parent
    if done.returncode == 0:
        story.environment["PATH"] = os.pathsep.join([str(venv / "bin"), str(folder), story.environment["PATH"]])
    else:
        print("(no index of packages can be reached: the author trains in this environment)")
        story.environment["PATH"] = os.pathsep.join([str(folder), story.environment["PATH"]])


def work(story: Story) -> None:
    """Put the toy under git, in an environment of its own."""
    shutil.copytree(
        HERE / "toy_taus", story.code / "examples" / "toy_taus", ignore=shutil.ignore_patterns("__pycache__")
    )
    environment(story)
    author = "-c user.name=Author -c user.email=author@example.org"
    for words in ("init --quiet --initial-branch=main", "add .", f"{author} commit --quiet -m 'The toy'"):
        story.run(f"git {words}", cwd=story.code, shown=False)


def files(option: str, folder: str) -> str:
    """Return the option for each file of a sample that holds events."""
    return " ".join(f"{option} {folder}/{split}.npy" for split in ("train", "validation", "test"))


def first(story: Story) -> None:
    """Train the first model, on data that are small enough for the registry."""
    toy = "python examples/toy_taus"
    story.run(f"{toy}/generate.py --out ../data/a --seed 1 --period A {SMALL}", cwd=story.code)
    about = "--kind toy --title 'Toy, period A'"
    story.run(f"herdbook dataset register demo local:toy-taus-a {files('--file', 'author/data/a')} {about}")
    story.run(f"herdbook dataset split local:toy-taus-a {SPLIT} {files('--run', 'author/data/a')}")
    story.run(
        "herdbook run --model demo/tau/toy:v1.0 --dataset local:toy-taus-a --input ../data/a --output ../models/v1"
        " --metrics ../models/v1/metrics.json --bundle --push --"
        f" {toy}/train.py --data ../data/a --out ../models/v1 --seed 7",
        cwd=story.code,
    )


def second(story: Story) -> None:
    """Fine-tune it on data that stay where they are, at a site."""
    toy = "python examples/toy_taus"
    site = story.folder / "site" / "b"
    story.run(f"{toy}/generate.py --out {site} --seed 2 --period B {SMALL}", cwd=story.code)
    about = "--here --kind toy --title 'Toy, period B'"
    story.run(f"herdbook dataset register demo local:toy-taus-b {files('--file', 'site/b')} {about}")
    story.run(f"herdbook dataset split local:toy-taus-b {SPLIT} {files('--run', 'site/b')}")
    story.run(
        "herdbook run --model demo/tau/toy:v1.1 --dataset local:toy-taus-b --parent demo/tau/toy:v1.0"
        " --output ../models/v2 --metrics ../models/v2/metrics.json --bundle --push --"
        f" {toy}/train.py --data {site} --out ../models/v2 --seed 8 --init ../models/v1/model.onnx",
        cwd=story.code,
    )


def main() -> None:
    """Tell the story."""
    story = Story(Path(sys.argv[1] if len(sys.argv) > 1 else "retrain-output").absolute())
    work(story)
    story.say("An author trains the toy under `herdbook run`, which types the rest")
    first(story)
    story.say("Conditions changed: it is fine-tuned on data that lie at a site, and not in the registry")
    second(story)
    story.say("The author's machine is gone: code, data, environment, models")
    story.run("rm -r author")
    story.say("What would it take to train the first one again?")
    story.run("herdbook retrain demo/tau/toy:v1.0 --dry-run")
    story.say("A stranger trains it again from the registry alone: the same bytes")
    story.run("herdbook retrain demo/tau/toy:v1.0")
    story.level("demo/tau/toy:v1.0", "R5")
    story.say("The second one, with another seed: how much may it differ? That must be said before")
    body = '{"metrics": [{"name": "auc", "split": "test", "absolute": 0.01}]}'
    story.run(f"herdbook statement add demo/tau/toy:v1.1 --kind tolerance --body '{body}'")
    story.run("herdbook retrain demo/tau/toy:v1.1 --seed seed=9")
    story.level("demo/tau/toy:v1.1", "R4")
    story.say("The site loses the data: what is not there cannot be trained on again")
    story.run("rm -r site/b")
    story.run("herdbook recheck demo/tau/toy:v1.1 --older-than 0m", status=3)
    story.run("herdbook retrain demo/tau/toy:v1.1 --dry-run", status=3)
    story.level("demo/tau/toy:v1.1", "R2")


if __name__ == "__main__":
    main()
