"""The environment of a training: a kept lock, a container, or names of packages to be held against what is here."""

from __future__ import annotations

import platform
import re
import shutil
from dataclasses import dataclass
from importlib import metadata

from herdbook.model.activities import Activity, Environment
from herdbook.model.retrainings import Need
from herdbook.service.retraining.inputs import Finder

RUNTIMES = ("apptainer", "singularity")


@dataclass(frozen=True)
class Surroundings:
    """What is needed; ``lock`` (namespace, sha256) is the lock that the registry keeps."""

    need: Need
    lock: tuple[str, str] | None = None


def find(finder: Finder, activity: Activity, python: str = "") -> Surroundings:
    """Say whether the environment of an activity can be had, as far as a look from here tells.

    ``python`` is an interpreter that the caller wants instead; the job holds it against the record.
    """
    environment = activity.environment
    if environment is None or not (environment.blob or environment.container or environment.packages):
        return Surroundings(_need("unknown", "environment", detail="it is not known"))
    if python:
        lock = finder.held([environment.blob]).get(environment.blob) if environment.blob else None
        need = _need("unknown", python, where="here", detail="asked for; the job holds it against the record")
        return Surroundings(need, (lock[0], str(environment.blob)) if lock else None)
    if environment.container:
        return _container(environment)
    if environment.blob:
        held = finder.held([environment.blob])
        if environment.blob not in held:
            why = "the registry does not keep the lock" + _hint(environment)
            return Surroundings(_need("missing", "lock", environment.blob, detail=why))
        namespace, size = held[environment.blob]
        need = _need("verified", "lock", environment.blob, where="registry", size=size, detail="by sha256")
        if different := _here(environment):
            need = need.model_copy(update={"detail": f"by sha256; here it would be made anew: {different}"})
        return Surroundings(need, (namespace, environment.blob))
    if different := _here(environment):
        why = f"no lock was kept, and what is here is not the same: {different}"
        return Surroundings(_need("different", "packages", detail=why))
    return Surroundings(_need("verified", "packages", where="here", detail="the same versions are installed here"))


def _hint(environment: Environment) -> str:
    packages = environment.packages or {}
    return f", only the versions of {len(packages)} packages" if packages else ""


def _container(environment: Environment) -> Surroundings:
    container = environment.container or {}
    name = str(container.get("digest") or container.get("image") or container.get("path") or "container")
    if not any(map(shutil.which, RUNTIMES)):
        why = "a container, and neither Apptainer nor Singularity is installed here"
        return Surroundings(_need("missing", name, detail=why))
    return Surroundings(_need("unknown", name, where="here", detail="whether the image can be had shows when it runs"))


def _need(state: str, path: str, digest: str = "", **told: object) -> Need:
    return Need.model_validate({"what": "environment", "path": path, "digest": digest, "state": state, **told})


def _here(environment: Environment) -> str:
    """Say in which the Python that runs this differs from an environment; empty when in nothing that is known."""
    told = []
    if environment.python and environment.python != platform.python_version():
        told.append(f"Python {platform.python_version()}, not {environment.python}")
    return "; ".join([*told, *differences(environment.packages or {}, installed(), extra=False)][:4])


def installed() -> dict[str, str]:
    """Return the versions of what is installed in this Python, by normalised name."""
    return {flat(name): item.version for item in metadata.distributions() if (name := item.metadata["Name"])}


def flat(name: str) -> str:
    """Return the name of a distribution as indices compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def differences(original: dict[str, str], again: dict[str, str], *, extra: bool = True) -> list[str]:
    """Return in words which packages differ; with ``extra`` also those that the original did not have."""
    ours, theirs = ({flat(name): version for name, version in each.items()} for each in (original, again))
    names = sorted(ours.keys() | (theirs.keys() if extra else set()))
    return [
        f"{name} {theirs.get(name, 'absent')}, not {ours.get(name, 'absent')}"
        for name in names
        if ours.get(name) != theirs.get(name)
    ]
