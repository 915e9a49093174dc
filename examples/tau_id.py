"""The tau-ID models of CMS, from the systems that hold them today into a registry, and what can then be asked.

``python examples/tau_id.py [FOLDER]`` needs the data pack: ``HERDBOOK_DATA``, else ``../shared/data`` beside the
checkout. Every answer is held against what git alone says about the same repository (``expected/systems`` of the
pack); a wrong one ends the story with exit status 1. `make tau-id` runs it; docs/tutorial/tau-id.md explains each step.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a script finds its neighbours from the repository root

from examples.demo import Demo

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROOT = Path(__file__).resolve().parents[1]
REPOSITORY = "RecoTauTag-TrainingFiles"
NAME = f"cms-data/{REPOSITORY}"
OTHER = "L1Trigger-Phase2L1ParticleFlow.bundle"
CALLED = "cms-fileinpath:RecoTauTag/TrainingFiles/data/"
RUN_2, PHASE_2 = "DeepTauId/deepTau_2018v2p5_core.pb", "DeepTauId/deepTau_2026v2p5_core.pb"


class Story(Demo):
    """Shows commands with what they print, asks the same again as JSON, and remembers which answers were wrong."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        own = str(Path(sys.executable).parent)
        self.environment["PATH"] = own + os.pathsep + self.environment.get("PATH", "")
        self.wrong = 0

    def ask(self, command: str) -> list[Any]:
        """Return what a command says as JSON."""
        words = [*command.split(), "--json"]
        done = subprocess.run(  # noqa: S603 - our own commands
            words, cwd=self.folder, env=self.environment, check=False, capture_output=True, text=True
        )
        if done.returncode:
            raise SystemExit(f"`{' '.join(words)}` ended with {done.returncode}\n{done.stderr}")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def check(self, what: str, said: object, expected: object) -> None:
        """Say whether an answer is what git, or the list itself, says."""
        good = said == expected and bool(expected)
        self.wrong += not good
        print(f"{'checked' if good else 'WRONG'}: {what}", flush=True)
        if not good:
            print(f"  said     {said}\n  expected {expected}", flush=True)


def data_pack() -> Path:
    """Return the folder of the data pack; end with words when it is not here."""
    given = os.environ.get("HERDBOOK_DATA")
    folder = Path(given) if given else ROOT.parent / "shared" / "data"
    for needed in (folder / "systems", folder / "expected" / "systems"):
        if not needed.is_dir():
            raise SystemExit(
                f"This story needs the data pack, and there is no {needed}.\n"
                "Set HERDBOOK_DATA to its folder, or put it at ../shared/data beside the checkout."
            )
    return folder


def unpack(pack: Path, folder: Path) -> None:
    """Put the repository and the lists where the commands find them; nothing can be written outside the folder."""
    systems = folder / "systems"
    systems.mkdir()
    with tarfile.open(pack / "systems" / f"{REPOSITORY}.git.tar") as archive:
        archive.extractall(systems, filter="data")
    shutil.copy(pack / "systems" / OTHER, systems)
    for name in ("cmsdist", "TauMLTools"):
        shutil.copytree(pack / "systems" / name, systems / name)


def bring(story: Story) -> None:
    """Look, plan, apply; then the lists of releases, and the lists and configurations of the trainings."""
    repository = f"systems/{REPOSITORY}.git --name {NAME}"
    story.say("What would an import of the repository do? The plan can be edited; nothing is written")
    story.run(f"herdbook import git {repository} --plan tau.yaml")
    story.say("Do it: one batch, which can be taken back as a whole")
    story.run(f"herdbook import git {repository} --plan tau.yaml --apply --report report.md")
    story.say("Which release cycle took which tag; and on what, and how, the tau group trained")
    story.run("herdbook import folder systems/cmsdist --rules cmsdist --apply")
    story.run("herdbook import folder systems/TauMLTools --rules taumltools --apply")
    story.say("Once more: nothing new")
    story.run(f"herdbook import git {repository} --apply")


class Repository:
    """What git alone says about the repository."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self.facts = facts
        self._ids = {f"sha256:{blob['sha256']}": blob["git_id"] for blob in facts["blobs"] if blob.get("sha256")}

    def id(self, digest: str) -> str:
        """Return git's id of a file, by sha256 where its bytes are known, else by the id itself."""
        return str(self._ids.get(digest, digest.removeprefix("git-sha1:")))

    def held(self, entries: Iterable[Mapping[str, Any]]) -> set[str]:
        """Return git's ids of the files of versions."""
        return {self.id(file["digest"]) for entry in entries for file in entry["version"]["files"]}


def identified(story: Story, path: str) -> list[Any]:
    """Return what a path of the repository led to, for each range of tags."""
    return story.ask(f"herdbook identity show {CALLED}{path}")


def versions(story: Story, git: Repository) -> None:
    """Ask which DeepTau versions exist, and hold their files against the trees of all commits."""
    model = identified(story, RUN_2)[0]["reference"].partition(":")[0]
    story.say("Which DeepTau versions exist?")
    story.run(f"herdbook list {model}")
    story.check(
        "files of its versions are those that DeepTauId ever held",
        git.held(story.ask(f"herdbook list {model} --all")),
        {blob["git_id"] for blob in git.facts["blobs"] if any(path.startswith("DeepTauId/") for path in blob["paths"])},
    )


def bytes_by_tag(story: Story, git: Repository) -> None:
    """Ask which bytes each path held in each tag."""
    story.say("Which bytes did a path hold in each tag?")
    story.run(f"herdbook identity show {CALLED}{RUN_2}")
    trees = git.facts["tag_trees"]
    paths = sorted({path for tree in trees.values() for path in tree if path.startswith("DeepTauId/")})
    for path in paths:
        said = {tag: git.id(entry["digest"]) for entry in identified(story, path) for tag in entry["tags"]}
        story.check(path, said, {tag: tree[path] for tag, tree in trees.items() if path in tree})


def releases(story: Story, git: Repository, facts: Mapping[str, Any]) -> None:
    """Ask both ways: which versions were in a release cycle, and in which cycles a version was."""
    newest = identified(story, RUN_2)[-1]
    story.say("Which versions were in CMSSW_14_1_X, and which cycles ran the newest 2018v2p5?")
    story.run(f"herdbook release show CMSSW_14_1_X --package {REPOSITORY}")
    story.run(f"herdbook release of {newest['reference']}")
    cycles = facts["systems"][REPOSITORY]["release_cycles"]
    for name, cycle in cycles.items():
        held = story.ask(f"herdbook release show {name} --package {REPOSITORY}")[0]["versions"]
        said = {item["identity"]["id"].removeprefix(CALLED): git.id(item["identity"]["digest"]) for item in held}
        models = {path: blob for path, blob in cycle["blobs"].items() if path.endswith((".pb", ".graphdef"))}
        story.check(f"{name} ran {cycle['tag']}: {len(models)} model files", {**said, **models}, said)
        story.check(f"{name} and its tag", {item["tag"] for item in held}, {cycle["tag"]})
    of = {item["release"] for item in story.ask(f"herdbook release of {newest['reference']}")}
    ran = {name for name, cycle in cycles.items() if cycle["blobs"].get(RUN_2) == git.id(newest["digest"])}
    story.check("the cycles that ran it", of, ran)


def trainings(story: Story, git: Repository) -> None:
    """Ask which training made what, and what the Phase-2 model was tuned from."""
    story.say("Which training is behind each? Its id stands in a commit's message; nothing else is known of it")
    found = {path: identified(story, path)[-1]["reference"] for path in (RUN_2, PHASE_2)}
    shown = {reference: story.ask(f"herdbook show {reference}")[0]["made_by"] for reference in found.values()}
    ids = []
    for reference, made_by in shown.items():
        story.run(f"herdbook show {reference}")
        ids += [str(name["value"]) for made in made_by for name in made["activity"].get("ids", [])]
    for name in ids:
        story.run(f"herdbook activity show mlflow-run:{name}")
    told = {hex32 for message in git.facts["training_ids_in_messages"] for hex32 in message["hex32"]}
    story.check("the ids are those that the messages tell", set(ids), told)
    story.say("Was the Phase-2 model fine-tuned from the Run-2 one? The configuration of its training says so")
    story.run(f"herdbook trace {found[PHASE_2]}")
    lineage = story.ask(f"herdbook trace {found[PHASE_2]}")[0]
    kinds = {made["activity"]["kind"] for made in shown[found[PHASE_2]]}
    titles = {node["title"] for node in lineage["nodes"]}
    story.check(
        "it was, from the run that made the other", ("fine-tuning" in kinds, found[RUN_2] in titles), (True, True)
    )


def datasets(story: Story, lists: Iterable[Mapping[str, Any]]) -> None:
    """Ask which datasets the lists of 2018 name."""
    story.say("On which datasets do the lists of 2018 stand?")
    story.run("herdbook activity list --kind dataset-production")
    story.run("herdbook activity show list:TauMLTools/2018/TTBar")
    said = {entry["dataset"]["id"]["value"] for entry in story.ask("herdbook dataset list cms-dbs: --all")}
    named = {line["dataset"] for file in lists for line in file["datasets"]}
    story.run(f"herdbook dataset show cms-dbs:{min(named)}")
    story.check(f"all {len(named)} datasets of the lists, and no other", said, named)


def missing(story: Story, git: Repository) -> None:
    """Ask which bytes are not here, and what nobody wrote down."""
    story.say("What is missing? Files whose content the partial clone lacks")
    story.run("herdbook search resolved=no")
    held = {git.id(digest) for digest in _unresolved(story.ask("herdbook search resolved=no --all"))}
    lacking = {blob["git_id"] for blob in git.facts["blobs"] if not blob["present"]}
    story.check("they are those whose content is absent", held, lacking)
    story.say("And what nobody wrote down, field by field, beside another repository of the same organisation")
    story.run(f"herdbook import survey systems/{REPOSITORY}.git systems/{OTHER}")


def _unresolved(entries: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    files = (file for entry in entries for file in entry["version"]["files"])
    return [file["digest"] for file in files if not file["digest"].startswith("sha256:")]


def main() -> None:
    """Tell the story; end with 1 when an answer was wrong."""
    pack = data_pack()
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "tau-id-output").absolute()
    if folder.exists() and any(folder.iterdir()) and not (folder / "systems").is_dir():
        raise SystemExit(f"{folder} holds something else; name an empty folder")
    story = Story(folder)
    facts = pack / "expected" / "systems"
    git = Repository(json.loads((facts / f"{REPOSITORY}.json").read_text("utf-8")))
    unpack(pack, folder)
    story.say("A partial clone of cms-data/RecoTauTag-TrainingFiles, release lists, and the tau group's tools")
    story.run("herdbook whoami --name 'A demonstrator'")
    bring(story)
    versions(story, git)
    bytes_by_tag(story, git)
    releases(story, git, json.loads((facts / "releases.json").read_text("utf-8")))
    trainings(story, git)
    datasets(story, json.loads((facts / "TauMLTools-datasets.json").read_text("utf-8")))
    missing(story, git)
    if story.wrong:
        raise SystemExit(f"{story.wrong} answers were wrong")
    story.say(f"Every answer was right. All of it lies in {folder.name}/; docs/tutorial/tau-id.md explains each step")


if __name__ == "__main__":
    main()
