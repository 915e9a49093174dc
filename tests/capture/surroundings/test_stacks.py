"""A training inside an experiment's software can be had again only when its release, and its image, are told."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdbook.capture import cvmfs, stacks

VIEW = "/cvmfs/sft.cern.ch/lcg/views"
ALICE = "/cvmfs/alice.cern.ch/el9-x86_64/Packages/O2Physics/daily-20260101-0000-1"


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({}, None),
        (
            {"PATH": f"/usr/bin:{VIEW}/LCG_107/x86_64-el9-gcc13-opt/bin"},
            {"kind": "lcg", "release": "LCG_107", "platform": "x86_64-el9-gcc13-opt"},
        ),
        (
            {"PYTHONPATH": "/cvmfs/sft-nightlies.cern.ch/lcg/views/dev4/Mon/aarch64-el9-gcc13-opt/lib"},
            {"kind": "lcg", "release": "dev4", "platform": "aarch64-el9-gcc13-opt", "day": "Mon"},
        ),
        (
            {"CMSSW_VERSION": "CMSSW_14_1_0", "SCRAM_ARCH": "el9_amd64_gcc12", "CMSSW_BASE": "/w/CMSSW_14_1_0"},
            {"kind": "cmssw", "release": "CMSSW_14_1_0", "platform": "el9_amd64_gcc12", "base": "/w/CMSSW_14_1_0"},
        ),
        (
            {"AtlasProject": "Athena", "AtlasVersion": "25.0.20", "Athena_PLATFORM": "x86_64-el9-gcc13-opt"},
            {"kind": "athena", "release": "25.0.20", "platform": "x86_64-el9-gcc13-opt", "project": "Athena"},
        ),
        (
            {"LOADEDMODULES": "BASE/1.0:VO_ALICE@O2Physics::daily-20260101-0000-1"},
            {"kind": "o2", "package": "O2Physics", "release": "daily-20260101-0000-1"},
        ),
        (
            {"O2PHYSICS_ROOT": ALICE},
            {"kind": "o2", "package": "O2Physics", "release": "daily-20260101-0000-1", "platform": "el9-x86_64"},
        ),
        (
            {"O2_VERSION": "daily-20260101", "O2_COMMIT": "abc"},
            {"kind": "o2", "package": "O2", "release": "daily-20260101", "commit": "abc"},
        ),
        (
            {"BELLE2_RELEASE": "release-08-02-05", "BELLE2_OPTION": "opt", "BELLE2_EXTERNALS_VERSION": "v02-02-00"},
            {"kind": "basf2", "release": "release-08-02-05", "option": "opt", "externals": "v02-02-00"},
        ),
        (
            {"GAUDIAPPNAME": "DaVinci", "GAUDIAPPVERSION": "v65r0", "BINARY_TAG": "x86_64_v3-el9-gcc13-opt+g"},
            {"kind": "lhcb", "release": "v65r0", "project": "DaVinci", "platform": "x86_64_v3-el9-gcc13-opt+g"},
        ),
        (
            {"GAUDIAPPVERSION": "v65r0", "PATH": f"{VIEW}/LCG_105a/x86_64_v2-el9-gcc13-opt/bin"},
            {
                "kind": "lhcb",
                "release": "v65r0",
                "beside": [{"kind": "lcg", "release": "LCG_105a", "platform": "x86_64_v2-el9-gcc13-opt"}],
            },
        ),
        (
            {"KEY4HEP_STACK": "/cvmfs/sw.hsf.org/key4hep/releases/2026-01-02/x86_64-almalinux9-gcc14-opt/x/setup.sh"},
            {
                "kind": "key4hep",
                "release": "2026-01-02",
                "platform": "x86_64-almalinux9-gcc14-opt",
                "path": "/cvmfs/sw.hsf.org/key4hep/releases/2026-01-02/x86_64-almalinux9-gcc14-opt/x/setup.sh",
            },
        ),
        ({"LCG_VERSION": "107"}, {"kind": "lcg", "release": "107"}),
    ],
)
def test_the_stack_is_told_by_what_its_set_up_leaves_in_the_variables(
    tmp_path: Path, variables: dict[str, str], told: dict[str, Any] | None
) -> None:
    assert stacks.read(variables, roots=(), top=tmp_path).stack == told


@given(
    st.dictionaries(st.sampled_from(["PATH", "LCG_VERSION", "O2_ROOT", "KEY4HEP_STACK", "CMSSW_VERSION"]), st.text())
)
def test_no_value_of_a_variable_stops_the_reading(variables: dict[str, str]) -> None:
    stacks.read(variables, roots=(), top=Path("/nowhere"))


def _repository(root: Path, name: str, manifest: str = "") -> Path:
    (root / name).mkdir(parents=True)
    if manifest:
        (root / name / ".cvmfspublished").write_bytes(manifest.encode() + b"--\nsignature\xff\n")
    return root / name


def test_repositories_that_the_variables_name_are_told_with_revision_and_no_others_are_touched(tmp_path: Path) -> None:
    root = tmp_path / "cvmfs"
    _repository(root, "sft.cern.ch", "Cabc123\nB100\nS4711\nNsft.cern.ch\n")
    _repository(root, "other.cern.ch", "Cdef\nS1\n")
    _repository(root, "bare.cern.ch")
    variables = {
        "PATH": f"/usr/bin:{root}/sft.cern.ch/lcg/bin:{root}/sft.cern.ch/x",
        "ODD": f"x={root}/bare.cern.ch/y",
        "NOT": f"/backup{root}/other.cern.ch/y",
    }
    state = stacks.read(variables, roots=(str(root),), top=tmp_path)
    assert state.cvmfs == (
        {"repository": "bare.cern.ch"},
        {"repository": "sft.cern.ch", "root_hash": "abc123", "revision": 4711},
    )
    assert state.problems == ("cvmfs-revision-unknown:bare.cern.ch",)


def test_a_mounted_repository_answers_by_its_attributes(tmp_path: Path) -> None:
    folder = _repository(tmp_path, "cms.cern.ch", "S1\n")
    try:
        os.setxattr(folder, "user.revision", b"99")
        os.setxattr(folder, "user.root_hash", b"feed")
    except OSError:
        pytest.skip("this file system keeps no extended attributes of users")
    (told,) = cvmfs.repositories({}, (str(tmp_path),), [f"{tmp_path}/cms.cern.ch/a"])
    assert told == {"repository": "cms.cern.ch", "revision": 99, "root_hash": "feed"}


def test_a_mount_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _repository(tmp_path, "slow.cern.ch")
    release = threading.Event()
    monkeypatch.setattr(cvmfs, "TIMEOUT_S", 0.1)
    monkeypatch.setattr("os.getxattr", lambda *_: release.wait(10) and b"", raising=False)
    assert cvmfs.repositories({"A": f"{tmp_path}/slow.cern.ch"}, (str(tmp_path),)) == [{"repository": "slow.cern.ch"}]
    release.set()


def test_outside_of_any_container_none_is_told(tmp_path: Path) -> None:
    assert stacks.read({}, roots=(), top=tmp_path) == stacks.StackState()


def test_an_image_of_unpacked_is_told_by_its_name_and_by_what_it_points_at(tmp_path: Path) -> None:
    path = "/cvmfs/unpacked.cern.ch/registry.hub.docker.com/library/python:3.11"
    both = {"APPTAINER_CONTAINER": path, "SINGULARITY_CONTAINER": path}
    state = stacks.read(both, roots=(), top=tmp_path)
    assert state.container == {
        "kind": "apptainer",
        "path": path,
        "image": "registry.hub.docker.com/library/python:3.11",
    }
    assert state.problems == ("container-without-digest",)


def test_where_a_link_into_the_flat_store_leads_is_told(tmp_path: Path) -> None:
    flat = tmp_path / ".flat/ab" / ("ab" * 32)
    flat.mkdir(parents=True)
    (tmp_path / "image").symlink_to(flat)
    state = stacks.read({"APPTAINER_CONTAINER": str(tmp_path / "image")}, roots=(), top=tmp_path)
    assert state.container == {"kind": "apptainer", "path": str(tmp_path / "image"), "unpacked": "ab" * 32}


def test_an_image_with_a_digest_in_its_name_needs_no_other(tmp_path: Path) -> None:
    image = f"docker://example.org/a@sha256:{'0' * 64}"
    state = stacks.read({"SINGULARITY_CONTAINER": image}, roots=(), top=tmp_path)
    assert state.container == {
        "kind": "singularity",
        "path": image,
        "image": image,
        "digest": f"sha256:{'0' * 64}",
    }
    assert state.problems == ()


def test_podman_tells_its_image_and_docker_nothing(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    mark = tmp_path / "run/.containerenv"
    mark.write_text(f'engine="podman-5.2.0"\nname="x"\nid="y"\nimage="h.org/a:1"\nimageid="{"c" * 64}"\nrootless=1\n')
    state = stacks.read({}, roots=(), top=tmp_path)
    assert state.container == {
        "kind": "podman",
        "engine": "podman-5.2.0",
        "image": "h.org/a:1",
        "config_digest": f"sha256:{'c' * 64}",
    }
    assert state.problems == ("container-without-digest",)
    mark.write_text("")
    assert stacks.read({}, roots=(), top=tmp_path).problems == ("container-unknown:podman",)
    mark.unlink()
    (tmp_path / ".dockerenv").touch()
    state = stacks.read({}, roots=(), top=tmp_path)
    assert (state.container, state.problems) == (None, ("container-unknown:docker",))


def test_a_container_in_a_container_is_told_from_the_inside_out(tmp_path: Path) -> None:
    variables = {
        "APPTAINER_CONTAINER": "/images/a.sif",
        "SINGULARITY_CONTAINER": "/images/b.sif",
        "KUBERNETES_SERVICE_HOST": "10.0.0.1",
    }
    state = stacks.read(variables, roots=(), top=tmp_path)
    assert state.container is not None
    assert state.container["path"] == "/images/a.sif"
    assert [each["kind"] for each in state.container["within"]] == ["singularity", "kubernetes"]
    assert "container-in-container" in state.problems
