"""Trainable, the run itself: code, command, environment, seeds, parameters, hardware, parents."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from itertools import pairwise

from herdbook.model.activities import Code
from herdbook.model.audits import Absent, Checked, Level, Score, Stated, Structured, Waived
from herdbook.service.auditing_evidence import Evidence, Look

UNKNOWN = "nobody said how it was trained"
_HINDER = ("diff-withheld", "diff-too-large", "missing-submodule", "no-commit")
_REQUIREMENT = re.compile(
    r"^(#[ \t]*)?([A-Za-z0-9][\w.-]*)[ \t]*(\[[^]]*\])?[ \t]*(==|@)[ \t]*\S+|^https?://\S+", re.MULTILINE
)
_HASH = re.compile(r"sha256[\"']?\s*[:=]\s*[\"']?(sha256:)?[0-9a-f]{64}|#(md5=)?[0-9a-f]{32}\s*$", re.MULTILINE)
_LOCAL = re.compile(r"^(source|vcs|directory)\s*=.*(editable|virtual|directory|path)\s*=", re.MULTILINE)


def fresh(e: Evidence, looks: Iterable[Look]) -> Look | None:
    """Return the first of these places that has it and was asked lately."""
    return next((look for look in looks if look.fresh(e.now)), None)


def code(e: Evidence) -> Score:
    """T1: the code of the training at a commit that can be had, with the diff of a tree that was not clean."""
    told = e.activity.code if e.activity else None
    if told is None:
        return Absent(why=UNKNOWN if e.activity is None else "no code is recorded")
    if why := _incomplete(e, told):
        return Stated(where=why)
    if not told.commit:
        return Checked(ran=e.ran("files kept", f"{len(told.untracked or ())} files of code that no git knew"))
    short = told.commit[:12]
    if e.bundled:
        return Checked(ran=e.ran("bundle kept", f"commit {short}"))
    if look := fresh(e, [look for look in e.code_looks if told.commit in look.location.uri]):
        return Checked(ran=e.ran("commit", look.location.uri, look.location.asked))
    if "unpushed" in (told.problems or ()) or "no-remote" in (told.problems or ()) or not told.repository:
        return Stated(where=f"commit {short} is in no repository that others can reach")
    return Structured(where=f"commit {short} of {told.repository}")


def _incomplete(e: Evidence, told: Code) -> str:
    """Say what of the code is not pinned; empty when all of it is."""
    if not told.commit and not told.untracked:
        return f"{told.repository or told.path or 'code'}, without a commit"
    problems = [each for each in told.problems or () if each.partition(":")[0] in _HINDER]
    if told.commit and problems:
        return f"commit {told.commit[:12]}, but {', '.join(problems)}"
    if told.dirty and not told.diff and not told.untracked:
        return f"commit {str(told.commit)[:12]} with changes that were not stored"
    if told.diff and told.diff not in e.kept:
        return f"commit {str(told.commit)[:12]}, but its diff is not kept here"
    lost = [str(item.get("path")) for item in told.untracked or () if _sha256(item.get("sha256")) not in e.kept]
    return f"{lost[0]}, which git did not know, is not kept here" if lost else ""


def _sha256(text: object) -> str:
    return f"sha256:{str(text).removeprefix('sha256:')}"


def command(e: Evidence) -> Score:
    """T2: the whole command, and the configuration files that it read."""
    if e.activity is None:
        return Absent(why=UNKNOWN)
    configs = [each.part for each in e.inputs if each.part.role == "config"]
    pinned = [digest for part in configs if (digest := part.blob or part.file)]
    if e.activity.command and configs and len(pinned) == len(configs) and set(pinned) <= e.kept:
        return Checked(ran=e.ran("files kept", f"the command and {len(pinned)} configuration files"))
    if e.activity.command:
        return Structured(where=" ".join(e.activity.command.argv)[:80])
    if e.activity.parameters or workflow_of(e) or configs:
        return Stated(where="parameters, a workflow or a configuration, without the command")
    return Absent(why="neither the command nor the configuration is recorded")


def environment(e: Evidence) -> Score:
    """T6: an image's digest, a lock with hashes, or a frozen release."""
    told = e.activity.environment if e.activity else None
    if told is None:
        return Absent(why=UNKNOWN if e.activity is None else "no environment is recorded")
    image = str((told.container or {}).get("digest") or "")
    if image:
        look = fresh(e, [look for look in e.code_looks if image in look.location.uri])
        if look:
            return Checked(ran=e.ran("image", look.location.uri, look.location.asked))
        return Structured(where=f"image {image[:19]}")
    if lost := [each for each in told.problems or () if _nowhere(each)]:
        return Stated(where=", ".join(lost)[:120])
    if told.blob:
        if told.blob not in e.kept:
            return Stated(where=f"a lock that is not kept here, {told.blob[:19]}")
        count = locked(e.read(told.blob) or b"")
        if count and not any(each.startswith("not-in-lock") for each in told.problems or ()):
            return Checked(ran=e.ran("lock read", f"{count} packages, each with a hash"))
        return Structured(where=f"lock {told.blob[:19]}, without hashes of all packages")
    if (told.stack or {}).get("release"):
        return Structured(where=f"release {(told.stack or {})['release']}")
    if told.packages or told.python or told.stack:
        return Stated(where=f"{len(told.packages or {})} packages by version, no lock")
    return Absent(why="neither image, lock nor release is recorded")


def _nowhere(problem: str) -> bool:
    """Whether a problem of an environment means that a part of it can be had from nowhere, or is not known."""
    name, *rest = problem.split(":")
    if name == "editable":
        return len(rest) < 2
    return name in {"editable-dirty", "local-install", "lock-unchecked", "lock-unread", "interpreter-silent"}


def locked(lock: bytes) -> int:
    """Return how many packages a lock has, when each has a hash; 0 when one has none, or it is no lock we know.

    Known are pylock.toml (PEP 751) and uv.lock, conda-lock and pixi.lock, conda's explicit lists, requirements with
    ``--hash``, and listings of what was installed with a hash of its files.
    """
    text = lock.decode("utf-8", "replace")
    if "[[packages]]" in text or "[[package]]" in text:
        parts = re.split(r"^\[\[packages?\]\]", text, flags=re.MULTILINE)[1:]
        parts = [part for part in parts if not _LOCAL.search(part)]
    elif re.search(r"^packages?:\s*$", text, re.MULTILINE):
        parts = re.split(r"^\s*- (?=\w+:)", text, flags=re.MULTILINE)[1:]
        parts = [part for part in parts if re.search(r"^\s*(name|conda|pypi):", part, re.MULTILINE)]
    else:
        starts = [match.start() for match in _REQUIREMENT.finditer(text)]
        parts = [text[start:end] for start, end in pairwise([*starts, len(text)])]
    return len(parts) if parts and all(_HASH.search(part) for part in parts) else 0


def seeds(e: Evidence) -> Score:
    """T7: seeds, flags of determinism, and how far runs differ."""
    if e.activity is None:
        return Absent(why=UNKNOWN)
    good = [rerun for rerun in e.reruns if not rerun.faults and (rerun.equal or rerun.within)]
    if any(rerun.same for rerun in good) or len(good) >= 2:
        return Checked(ran=e.ran("retrainings", f"{len(good)} beside the original"))
    told = bool(e.activity.seeds), bool(e.activity.determinism)
    if all(told):
        return Structured(where=f"{len(e.activity.seeds or ())} seeds and the flags")
    if any(told):
        return Stated(where="seeds without flags of determinism" if told[0] else "flags of determinism without seeds")
    return Absent(why="neither seeds nor flags of determinism are recorded")


def parameters(e: Evidence) -> Score:
    """T8: parameters, and the search that chose them."""
    if e.activity is None:
        return Absent(why=UNKNOWN)
    mine = {each.name: each.text for each in e.activity.parameters or ()}
    for search in e.searches:
        tables = [part for part in search.activity.outputs or () if part.role == "trials" and part.blob]
        chosen = (search.activity.search or {}).get("chosen")
        if mine and tables and chosen is not None and _chosen(e, str(tables[0].blob), int(chosen), mine):
            return Checked(ran=e.ran("trials", f"trial {chosen} has the training's parameters"))
    if mine:
        return Structured(where=f"{len(mine)} parameters")
    if e.activity.command and len(e.activity.command.argv) > 2:
        return Stated(where="the command's words")
    return Absent(why="no parameter is recorded")


def _chosen(e: Evidence, table: str, number: int, mine: dict[str, str]) -> bool:
    for line in (e.read(table) or b"").splitlines():
        trial = json.loads(line)
        if trial.get("number") == number:
            told = trial.get("parameters") or {}
            return bool(told) and all(mine.get(name) in {str(value), json.dumps(value)} for name, value in told.items())
    return False


def usage(e: Evidence) -> Score:
    """T9: hardware, time and energy."""
    if e.activity is None:
        return Absent(why=UNKNOWN)
    if e.activity.hardware and e.activity.usage:
        return Structured(where="hardware and usage of the run")
    if e.activity.hardware or e.activity.usage or (e.activity.started and e.activity.ended):
        return Stated(where="hardware, or times, alone")
    return Absent(why="neither hardware nor time is recorded")


def parents(e: Evidence) -> Score:
    """T11: what it was fine-tuned from is known, and can itself be trained again."""
    if e.activity is None:
        return Absent(why=UNKNOWN)
    if not e.parents:
        if e.activity.inputs and e.activity.kind in {"training", "retraining"}:
            return Waived(reason="no version went into its training")
        return Absent(why=f"a {e.activity.kind} without a parent")
    unknown = [parent.title for parent in e.parents if parent.level is None]
    if unknown:
        return Stated(where=f"{unknown[0]}, which is not here")
    low = [parent for parent in e.parents if (parent.level or 0) < Level.PINNED]
    if low:
        return Structured(where=f"{low[0].title}, which is at R{low[0].level}")
    return Checked(ran=e.ran("audit", ", ".join(f"{each.title} at R{each.level}" for each in e.parents)))


def workflow_of(e: Evidence) -> bool:
    """Whether the activity names a workflow; the same field also holds notes of a capture or of a retraining."""
    told = (e.activity.workflow or {}) if e.activity else {}
    return bool(told.get("file") or told.get("type"))
