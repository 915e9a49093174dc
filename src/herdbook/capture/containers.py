"""Containers around this process: Apptainer or Singularity, Docker, podman, Kubernetes; an image's path and digest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from herdbook.model.base import Json

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_FLAT = re.compile(r"/\.flat/[0-9a-f]{2}/([0-9a-f]{64})")
_UNPACKED = re.compile(r"/cvmfs/(?:unpacked\.cern\.ch|singularity\.opensciencegrid\.org)/(.+)")
_LIMIT = 65_536


@dataclass(frozen=True)
class Found:
    """The innermost container, those around it under ``within``, and problem codes."""

    container: Json | None = None
    problems: tuple[str, ...] = ()


def containers(variables: Mapping[str, str], top: Path) -> Found:
    """Return the containers that variables, and files at the root of the file system, give away.

    One of which nothing is known but that it is there, as Docker's, is a problem and no container: nobody can have it
    again.
    """
    found = [*_apptainer(variables, top), *_engine(variables, top)]
    if not found:
        return Found()
    problems = ["container-in-container"] if len(found) > 1 else []
    inner = found[0]
    if not inner.keys() & {"path", "image", "digest"}:
        problems.append(f"container-unknown:{inner['kind']}")
    elif "digest" not in inner:
        problems.append("container-without-digest")
    if len(found) == 1 and inner.keys() == {"kind"}:
        return Found(problems=tuple(problems))
    return Found(inner | ({"within": found[1:]} if found[1:] else {}), tuple(problems))


def _apptainer(variables: Mapping[str, str], top: Path) -> list[Json]:
    """Return Apptainer's container; Singularity's too where it is another one, for both set SINGULARITY_ names."""
    found: list[Json] = []
    for kind, prefix in (("apptainer", "APPTAINER_"), ("singularity", "SINGULARITY_")):
        path = variables.get(f"{prefix}CONTAINER") or variables.get(f"{prefix}NAME")
        if path and path not in {each.get("path") for each in found}:
            found.append({"kind": kind, "path": path} | _image(path))
    if not found and (top / ".singularity.d").is_dir():
        found.append({"kind": "apptainer"})
    return found


def _image(path: str) -> Json:
    """Return what a path tells of an image; a link into the flat store of unpacked.cern.ch is told as it stands."""
    told: Json = {}
    if unpacked := _UNPACKED.match(path):
        told["image"] = unpacked[1]
    elif "://" in path:
        told["image"] = path
    if digest := _DIGEST.search(path):
        told["digest"] = digest[0]
    try:
        resolved = Path(path).resolve(strict=True)
    except (OSError, ValueError, RuntimeError):
        return told
    if flat := _FLAT.search(str(resolved)):
        told["unpacked"] = flat[1]
    if resolved.is_file():
        state = resolved.stat()
        told |= {"size": state.st_size, "mtime_ns": state.st_mtime_ns}
    return told


def _engine(variables: Mapping[str, str], top: Path) -> list[Json]:
    """Return the container of an engine: podman writes what it is into /run/.containerenv, Docker only a mark."""
    podman = _text(top / "run/.containerenv")
    if podman is not None:
        lines = (line.partition("=") for line in podman.splitlines())
        fields = {name: value.strip('"') for name, _, value in lines if value}
        told: Json = {"kind": "podman"}
        if fields.get("engine"):
            told["engine"] = fields["engine"]
        if fields.get("image"):
            told["image"] = fields["image"]
            if digest := _DIGEST.search(fields["image"]):
                told["digest"] = digest[0]
        if re.fullmatch(r"[0-9a-f]{64}", fields.get("imageid", "")):
            told["config_digest"] = f"sha256:{fields['imageid']}"  # of the image's configuration, not its manifest
        return [told]
    if "KUBERNETES_SERVICE_HOST" in variables:
        return [{"kind": "kubernetes"}]
    return [{"kind": "docker"}] if (top / ".dockerenv").exists() else []


def _text(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return file.read(_LIMIT).decode("utf-8", "replace")
    except OSError:
        return None
