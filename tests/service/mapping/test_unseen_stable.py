"""Random trees of such names: nothing crashes, every blob has one fate, and what comes later renames nothing."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.service.mapping.unseen import Gone, Line, To, Value, made

from herdbook.model.drafts import Drafts

SEGMENTS = [
    "models", "Models", "particlenet_AK4", "ParticleNetAK4", "CHS", "PUPPI", "V00", "V01", "v1", "94X",
    "DeepFlavourV02", "1", "2", "15", "Fall17IsoV2", "deepmet", "2018", "Run3", "full", "A B", "a-b",
    "a_b", "A+B,c=1", "-x", "..x",
    "é", "模型", "x" * 90, "variables", "assets", "HLT", "12_Jul_2022", "10_4_X", "__", "V00__V01",
]  # fmt: skip
STEMS = [
    "model", "Model", "net", "particle-net", "particlenet", "BvL", "CvL", "constant_graph", "deepTau_2018v2p5_core",
    "deepTau_2018v2p5_inner", "EB1_5", "EB1_10", "EE_5", "id_Eta0p0To2p5_chs", "id_Eta2p5To3p0_chs", "m_even", "m_odd",
    "Run2022-20231030-1731-Event0", "Run2022-20231030-1731-Event1", "breg_training_2018", "V03", "resnet-symbol",
    "resnet-0000", "core", "saved_model", "preprocess", "config", "BvL_config", "BvL_scaler", "README", "labels", "0",
    "-", ".", "+=,", "日本", "y" * 120,
]  # fmt: skip
ENDS = [
    "", ".onnx", ".pb", ".pb.txt", ".pt", ".h5", ".json", ".xml", ".xml.gz", ".weights.xml.gz", ".weights.root",
    ".root",
    ".params", ".model", ".features", ".pbtxt", ".txt", ".md", ".csv", ".npz", ".index", ".data-00000-of-00001", ".gz",
]  # fmt: skip

PATHS = st.builds(
    lambda folders, stem, end: "/".join([*folders, stem + end]),
    st.lists(st.sampled_from(SEGMENTS), max_size=4),
    st.sampled_from(STEMS),
    st.sampled_from([*ENDS, *[".onnx"] * 15]),
)
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 1\n"


@st.composite
def states(draw: st.DrawFn) -> list[dict[str, Value]]:
    """Return what some commits change: paths from a small pool, so that they change, go and come back."""
    pool = draw(st.lists(PATHS, min_size=1, max_size=14, unique=True))
    kept: list[str] = []
    for path in pool:  # of a file and a folder of one name a tree has one
        if not any(path.startswith(other + "/") or other.startswith(path + "/") for other in kept):
            kept.append(path)
    changed = st.lists(st.sampled_from(kept), unique=True)
    return [{path: draw(_value(path)) for path in draw(changed)} for _ in range(draw(st.integers(1, 5)))]


def _value(path: str) -> st.SearchStrategy[Any]:
    plain = st.sampled_from([made(path), made(path), made(path, "2"), made("same")])
    return st.none() | plain | st.sampled_from([b"", POINTER, Gone(path), To("../models/1"), To("x"), made(path)])


def line(commits: list[dict[str, Value]], tagged: bool) -> Line:
    history = Line()
    for number, files in enumerate(commits):
        history.commit(files, "fix: removed a bugged model" if number % 2 else "Add", f"T{number}" * tagged)
    return history


def names(drafts: Drafts) -> dict[str, str]:
    """Return key → model of every version."""
    return {version.key: version.model for version in drafts.versions}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example([{"models/1/net.onnx": b"a"}, {"models/net.onnx": b"b", "models.onnx": b"c"}], True)
@given(states(), st.booleans())
def test_what_comes_later_renames_nothing_and_loses_nothing(commits: list[dict[str, Value]], tagged: bool) -> None:
    before: dict[str, str] = {}
    for count in range(1, len(commits) + 1):
        drafts = line(commits[:count], tagged).drafts()  # checks fates, names and labels, too
        after = names(drafts)
        assert before.items() <= after.items()
        before = after
    assert line(commits, tagged).drafts() == drafts


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(states())
def test_every_path_of_a_version_is_in_the_tree_that_it_is_of(commits: list[dict[str, Value]]) -> None:
    history = line(commits, True)
    drafts = history.drafts()
    trees: list[dict[str, str]] = []
    for delta in history.deltas:
        now = {**(trees[-1] if trees else {}), **{path: each.new.digest for path, each in delta.items() if each.new}}
        trees.append({path: digest for path, digest in now.items() if path not in delta or delta[path].new})
    at = {commit.id: number for number, commit in enumerate(history.commits)}
    for version in drafts.versions:
        tree = trees[at[version.commit]]
        assert all(tree[file.source_path] == file.digest for file in version.files)
        assert version.rule not in {"fallback:readme", "fallback:licence", "fallback:labels"}
