"""Software stacks of experiments, repositories of CVMFS and containers around this process."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from herdbook.capture.containers import Found, containers
from herdbook.capture.cvmfs import ROOTS, repositories
from herdbook.model.base import Json

_PATHS = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "CMAKE_PREFIX_PATH", "ROOTSYS", "LCG_VIEW", "KEY4HEP_STACK")
_LCG = re.compile(
    r"/lcg/(?:views|releases)/(?P<release>(?:LCG_)?[A-Za-z0-9_.]+)/(?:(?P<day>latest|Mon|Tue|Wed|Thu|Fri|Sat|Sun)/)?"
    r"(?P<platform>(?:x86_64|aarch64|arm64|i686)[A-Za-z0-9_+.]*-[A-Za-z0-9_+.-]+)(?:/|$)"
)
_KEY4HEP = re.compile(r"/key4hep/(?:releases/)?(?P<release>[^/:]+)/(?P<platform>[^/:]+)/")
_ALICE = re.compile(
    r"/(?P<platform>[^/:]+)/Packages/(?P<name>O2Physics|O2|O2PDPSuite|AliPhysics|AliRoot)/(?P<release>[^/:]+)"
)
_ALICE_MODULE = re.compile(r"(?:^|:)(?:VO_ALICE@)?(?P<name>O2Physics|O2PDPSuite|O2)(?:/|::)(?P<release>[^:]+)")


@dataclass(frozen=True)
class StackState:
    """The stack, the CVMFS repositories with their revisions, the innermost container, and problem codes.

    Args:
        stack: ``kind`` (``cmssw``, ``athena``, ``o2``, ``basf2``, ``lhcb``, ``key4hep``, ``lcg``), ``release``,
            ``platform``, and what else the stack tells; under ``beside`` further stacks, as an LCG view below LHCb's.
        cvmfs: each ``repository`` with ``revision`` and ``root_hash`` where they can be read.
        container: ``kind``, ``image``, ``path``, ``digest``; ``within`` lists the containers around it, from the
            inside out.
        problems: ``container-in-container``, ``container-unknown:KIND``, ``container-without-digest``,
            ``cvmfs-revision-unknown:REPOSITORY``.
    """

    stack: Json | None = None
    cvmfs: tuple[Json, ...] = ()
    container: Json | None = None
    problems: tuple[str, ...] = ()


def read(variables: Mapping[str, str], roots: Sequence[str] = ROOTS, *, top: Path = Path("/")) -> StackState:
    """Read what the variables and a few files say.

    Args:
        variables: environment variables.
        roots: folders below which CVMFS repositories lie.
        top: the root of the file system, for the marks that containers leave there.
    """
    found = [stack for reader in _READERS if (stack := reader(variables)) is not None]
    stack = None
    if found:
        stack = found[0] | ({"beside": found[1:]} if found[1:] else {})
    mounted = repositories(variables, roots)
    inside: Found = containers(variables, top)
    unknown = [f"cvmfs-revision-unknown:{each['repository']}" for each in mounted if "revision" not in each]
    return StackState(stack, tuple(mounted), inside.container, (*inside.problems, *unknown))


def _told(variables: Mapping[str, str], kind: str, release: str | None, **names: str) -> Json | None:
    """Return a stack of a kind, with the variables that tell more of it; ``None`` where its release is not set."""
    if not release:
        return None
    more = {key: value for key, name in names.items() if (value := variables.get(name))}
    return {"kind": kind, "release": release} | more


def _cmssw(variables: Mapping[str, str]) -> Json | None:
    names = {"platform": "SCRAM_ARCH", "base": "CMSSW_BASE", "release_base": "CMSSW_RELEASE_BASE"}
    return _told(variables, "cmssw", variables.get("CMSSW_VERSION"), **names)


def _athena(variables: Mapping[str, str]) -> Json | None:
    project = variables.get("AtlasProject")
    names = {"branch": "AtlasBuildBranch", "stamp": "AtlasBuildStamp", "patch": "AtlasPatchVersion"}
    told = _told(variables, "athena", variables.get("AtlasVersion"), platform=f"{project}_PLATFORM", **names)
    return told | {"project": project} if told and project else told


def _alice(variables: Mapping[str, str]) -> Json | None:
    """Read the environment of ``alienv`` or of alibuild's ``init.sh``: modules, versions, or paths of packages."""
    if modules := _ALICE_MODULE.search(variables.get("LOADEDMODULES", "")):
        return {"kind": "o2", "package": modules["name"], "release": modules["release"]}
    for name in ("O2PHYSICS", "O2PDPSUITE", "O2"):
        if version := variables.get(f"{name}_VERSION"):
            told = {"kind": "o2", "package": name, "release": version}
            return told | ({"commit": commit} if (commit := variables.get(f"{name}_COMMIT")) else {})
        if path := _ALICE.search(variables.get(f"{name}_ROOT", "")):
            return {"kind": "o2", "package": path["name"], "release": path["release"], "platform": path["platform"]}
    return None


def _basf2(variables: Mapping[str, str]) -> Json | None:
    names = {"platform": "BELLE2_ARCH", "option": "BELLE2_OPTION", "externals": "BELLE2_EXTERNALS_VERSION"}
    return _told(variables, "basf2", variables.get("BELLE2_RELEASE"), **names, local="BELLE2_LOCAL_DIR")


def _lhcb(variables: Mapping[str, str]) -> Json | None:
    """Read what ``lb-run`` and ``lb-exec`` set: application, its version, the binary tag."""
    told = _told(variables, "lhcb", variables.get("GAUDIAPPVERSION"), project="GAUDIAPPNAME", platform="BINARY_TAG")
    if told and "platform" not in told and (platform := variables.get("CMTCONFIG")):
        told["platform"] = platform
    return told


def _key4hep(variables: Mapping[str, str]) -> Json | None:
    path = variables.get("KEY4HEP_STACK")
    if not path:
        return None
    match = _KEY4HEP.search(path)
    told = {"release": match["release"], "platform": match["platform"]} if match else {}
    return {"kind": "key4hep", **told, "path": path}


def _lcg(variables: Mapping[str, str]) -> Json | None:
    """Read an LCG view, or packages of an LCG release, from where the variables point; LCG_VERSION adds its name."""
    for name in _PATHS:
        if match := _LCG.search(variables.get(name, "")):
            told = {"kind": "lcg", "release": match["release"], "platform": match["platform"]}
            return told | ({"day": match["day"]} if match["day"] else {})
    platform = {"platform": "LCG_PLATFORM"} if variables.get("LCG_PLATFORM") else {"platform": "BINARY_TAG"}
    return _told(variables, "lcg", variables.get("LCG_VERSION"), **platform)


_READERS = (_cmssw, _athena, _alice, _basf2, _lhcb, _key4hep, _lcg)
