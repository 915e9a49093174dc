"""The two systems of the data pack under the fallback and under their ready-made rules."""

from __future__ import annotations

import contextlib
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from herdbook.bootstrap import importers
from herdbook.ports.importers import Source
from herdbook.service.mapping.fallback import Fallback
from herdbook.service.mapping.matching import HEAD, Matcher, Place

pytestmark = pytest.mark.datapack

BESIDE = {"triton-config", "normalisation-dict", "readme", "scaler", "labels", "feature-list", "config"}
BESIDE |= {"weaver-preprocess", "weaver-data-config", "hls4ml-config", "hls4ml-defines"}
NEITHER = {"root-other", "json-other", "git-symlink", "other"}
"""What the formats of the data pack are to us; all others are models."""

TAU, L1 = "RecoTauTag-TrainingFiles", "L1Trigger-Phase2L1ParticleFlow"


def expected(form: str) -> str:
    return "sidecar" if form in BESIDE else "skip" if form in NEITHER else "model"


def told(path: str, content: bytes) -> Place:
    return Fallback("cms/x").place(path, lambda: content, {})


@pytest.fixture(scope="module")
def sources(datapack: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Source]]:
    folder = tmp_path_factory.mktemp("systems")
    with tarfile.open(datapack / "systems" / f"{TAU}.git.tar") as tar:
        tar.extractall(folder, filter="data")
    (place,) = folder.iterdir()
    with contextlib.ExitStack() as stack:
        opened = {
            TAU: importers.open_source(str(place), "git", f"cms-data/{TAU}"),
            L1: importers.open_source(str(datapack / "systems" / f"{L1}.bundle"), "git", f"cms-data/{L1}"),
        }
        for source in opened.values():
            stack.callback(source.close)
        yield opened


def head(source: Source, git_id: str) -> bytes:
    with source.open(f"git-sha1:{git_id}") as stream:
        return stream.read(HEAD)


def test_the_fallback_tells_every_blob_of_the_two_systems_as_its_format_says(
    datapack: Path, sources: dict[str, Source]
) -> None:
    entries = json.loads((datapack / "expected" / "systems" / "files.json").read_text("utf-8"))
    wrong = []
    for entry in entries:
        system, _, path = entry["path"].split("/", 2)
        content = head(sources[system], entry["git_id"])
        found = told(path, content)
        if found.what != expected(entry["format"]):
            wrong.append((path, entry["format"], found.what, found.reason))
    assert len(entries) == 69
    assert not wrong


def test_the_fallback_tells_the_models_of_the_data_pack_as_their_formats_say(datapack: Path) -> None:
    wrong = []
    for entry in json.loads((datapack / "expected" / "files.json").read_text("utf-8")):
        if entry["format"] == "other":
            continue  # some of these lie beside a model
        with (datapack / entry["path"]).open("rb") as file:
            content = file.read(HEAD)
        found = told(entry["path"], content)
        if found.what != expected(entry["format"]):
            wrong.append((entry["path"], entry["format"], found.what, found.reason))
    assert not wrong


def places(datapack: Path, system: str) -> dict[str, Place]:
    """Return path → place of all that a system ever had, in the order of its blobs, by its ready-made rules."""
    name = f"cms-data/{system}"
    matcher = Matcher(importers.load_rules(None, name, "git"), name)
    assert matcher.package == system
    told = json.loads((datapack / "expected" / "systems" / f"{system}.json").read_text("utf-8"))
    return {path: matcher.place(path) for blob in told["blobs"] for path in blob["paths"]}


def test_the_rules_for_tau_identification_name_every_path(datapack: Path) -> None:
    found = places(datapack, TAU)
    models = {(place.model, place.label) for place in found.values() if place.what == "model"}
    assert models == {
        ("cms/tau/deeptau", "2017v1"),
        ("cms/tau/deeptau", "2017v1_quantized"),
        ("cms/tau/deeptau", "2017v2p6"),
        ("cms/tau/deeptau", "2018v2p5"),
        ("cms/tau/deeptau", "2026v2p5"),
        ("cms/tau/deeptau-sonic", "2017v2p1"),
        ("cms/tau/deeptau-sonic", "2018v2p5"),
        ("cms/tau/boosted-deeptau", "RunIIv2p0"),
        ("cms/tau/dpf", "2017v0"),
        ("cms/tau/dpf", "2017v0_quantized"),
        ("cms/tau/dpf", "2017v1"),
        ("cms/tau/dpf", "2017v1_quantized"),
        ("cms/tau/l2-cnn", "Run3v1"),
    }
    assert [path for path, place in found.items() if place.what == "skip"] == ["README.md"]
    assert not [place for place in found.values() if place.rule.startswith("fallback:")]


def test_the_rules_for_the_level_1_trigger_name_every_path(datapack: Path) -> None:
    found = places(datapack, L1)
    entries = json.loads((datapack / "expected" / "systems" / "files.json").read_text("utf-8"))
    forms = {entry["path"].split("/", 2)[2]: entry["format"] for entry in entries if entry["path"].startswith(L1)}
    assert {path for path, place in found.items() if place.what == "model"} == {
        path for path, form in forms.items() if expected(form) == "model"
    }
    assert not [place for place in found.values() if place.rule.startswith("fallback:")]
    corrections = [place.reason for path, place in found.items() if forms[path] in NEITHER]
    assert corrections
    assert all(reason.startswith("a correction") for reason in corrections)


def test_release_lists_and_the_tau_groups_lists_are_found_by_their_rules(datapack: Path) -> None:
    for folder, rules, count in (("cmsdist", "cmsdist", 6), ("TauMLTools", "taumltools", 15)):
        paths = importers.listed(str(datapack / "systems" / folder))
        chosen = importers.load_rules(None, "whatever", "folder", paths=paths)
        assert chosen.name == rules
        matcher = Matcher(chosen, "whatever")
        assert [matcher.place(path).what for path in paths] == ["list"] * count
