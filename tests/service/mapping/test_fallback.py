"""Trees that no rules know: what is a model, what lies beside one, and under which name a person would look for it."""

from __future__ import annotations

import gzip
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from herdbook.kernel import names
from herdbook.kernel.errors import InvalidError
from herdbook.service.mapping import fallback_heads
from herdbook.service.mapping.fallback import Fallback
from herdbook.service.mapping.places import Place


def place(path: str, content: bytes | None = None, prefix: str = "cms/Reco-Tau") -> Place:
    return Fallback(prefix).place(path, None if content is None else lambda: content, {})


def named(path: str, content: bytes | None = None) -> tuple[str, str, str]:
    """Return what follows the prefix, the label and the member."""
    found = place(path, content)
    assert found.what == "model", found
    return found.model.removeprefix("cms/Reco-Tau/"), found.label, found.member


@pytest.mark.parametrize(
    ("path", "name", "label", "member"),
    [
        ("deepTau_2018v2p5_core.pb", "deepTau", "2018v2p5", "core"),
        ("DeepTauId/deepTau_2017v2p6_e6_inner.pb", "DeepTauId/deepTau", "2017v2p6_e6", "inner"),
        ("L2TauNNTag/L2TauTag_Run3v1.pb", "L2TauNNTag/L2TauTag", "Run3v1", ""),
        ("DPF/DPFIsolation_2017v0_quantized.pb", "DPF/DPFIsolation", "2017v0_quantized", ""),
        ("egamma/compositeID_EB_v1.onnx", "egamma/compositeID", "v1", "EB"),
        ("DeepDoubleX/94X/V01/BvL.h5", "DeepDoubleX/BvL", "94X_V01", ""),
        ("DeepBoostedJet/V02/full/resnet.onnx", "DeepBoostedJet-full/resnet", "V02", ""),
        ("ParticleNet/CHS_V01/net.onnx", "ParticleNet-CHS/net", "V01", ""),
        ("Spring16_HZZ_V1/EB1_5.weights.xml", "Spring16_HZZ", "V1", "EB1_5"),
        ("CombinedMVAV2_13_07_2015.weights.xml.gz", "CombinedMVAV2", "13_07_2015", ""),
        ("ids/net_20220308.onnx", "ids/net", "v20220308", ""),
        ("nets/net.v1.2.onnx", "nets/net", "v1.2", ""),
        ("pu/pileupId_133X_Eta0p0To2p5_chs_BDT.weights.xml.gz", "pu/pileupId_chs_BDT", "133X", "Eta0p0To2p5"),
        ("mu/Run2022-20231030-1731-Event0.model", "mu", "Run2022_20231030-1731", "Event0"),
        ("agc/model_even.ubj", "agc", "", "even"),
        ("agc/net_fold3.pt", "agc/net", "", "fold3"),
        ("V03.onnx", "model", "V03", ""),
        ("nets/core.pb", "nets", "", "core"),
        ("models/particlenet_AK4/1/model.onnx", "models/particlenet_AK4", "", ""),
        ("models/particlenet_AK4/2/model.onnx", "models/particlenet_AK4", "v2", ""),
        ("SONIC/deeptau_2018v2p5/1/model.graphdef", "SONIC/deeptau", "2018v2p5", ""),
        ("years/2018/net.onnx", "years-2018/net", "", ""),
        ("Grün/näher dran.onnx", "Grun/naher-dran", "", ""),
    ],
)
def test_what_looks_like_a_version_is_the_label_and_the_rest_the_name(
    path: str, name: str, label: str, member: str
) -> None:
    assert named(path) == (name, label, member)


@pytest.mark.parametrize(
    "paths",
    [
        ["b/resnet-symbol.json", "b/resnet-0000.params", "b/resnet.onnx"],
        ["b/BvL.h5", "b/BvL.onnx"],
        ["b/modelDNN.pb", "b/modelDNN.pb.txt"],
        ["b/net.json", "b/net_weights.h5"],
        ["b/net.onnx", "b/net.onnx.data"],
        ["b/net.ckpt.index", "b/net.ckpt.meta", "b/net.ckpt.data-00000-of-00001"],
        ["b/EB1_5.weights.root", "b/EB1_10.weights.root", "b/EB2_5.weights.root", "b/EE_10.weights.root"],
        ["b/x_Eta0p0To2p5_puppi.weights.xml", "b/x_Eta2p5To2p75_puppi.weights.xml"],
        ["b/m_core.pb", "b/m_inner.pb", "b/m_outer.pb"],
        ["b/m_even.json", "b/m_odd.json"],
        ["b/saved_model.pb", "b/variables/variables.index", "b/variables/variables.data-00000-of-00001"],
        ["b/1/model.savedmodel/saved_model.pb", "b/1/model.savedmodel/variables/variables.index"],
    ],
)
def test_files_of_one_model_are_one_version(paths: list[str]) -> None:
    ours = Fallback("cms/x")
    places = [ours.place(path, lambda: b'{"learner": {"class_name"', {}) for path in paths]
    assert {(each.what, each.model, each.label, each.folder) for each in places} == {
        ("model", places[0].model, "", "b")
    }
    assert len({each.inside for each in places}) == len(paths)


@pytest.mark.parametrize(
    ("path", "folder", "inside"),
    [
        ("models/pn/config.pbtxt", "models/pn", "config.pbtxt"),
        ("models/pn/pn_labels.txt", "models/pn", "pn_labels.txt"),
        ("models/pn/1/labels.txt", "models/pn", "1/labels.txt"),
        ("models/pn/1/model.py", "models/pn", "1/model.py"),
        ("AK4/V00/preprocess_noragged.json", "AK4/V00", "preprocess_noragged.json"),
        ("ele/scaler.txt", "ele", "scaler.txt"),
        ("L2/NormalizationDict.json", "L2", "NormalizationDict.json"),
        ("breg/breg_training_2018_config.json", "breg", "breg_training_2018_config.json"),
        ("ddx/model_info.txt", "ddx", "model_info.txt"),
        ("ddx/README.md", "ddx", "README.md"),
        ("ddx/LICENSE", "ddx", "LICENSE"),
        ("saved/assets/vocab.txt", "saved", "assets/vocab.txt"),
    ],
)
def test_what_lies_beside_a_model_goes_with_all_in_its_folder(path: str, folder: str, inside: str) -> None:
    found = place(path)
    assert (found.what, found.folder, found.inside, found.of, found.model) == ("sidecar", folder, inside, ("*",), "")


def test_lists_of_features_go_with_the_model_of_their_own_stem() -> None:
    ours = Fallback("cms/mu")
    model = ours.place("a/Run2022-20231030-1731-Event0.model", None, {})
    for end in ("features", "impact", "params"):
        beside = ours.place(f"a/Run2022-20231030-1731-Event0.{end}", lambda: b'{"eta": 0.3}', {})
        assert (beside.what, beside.model, beside.label, beside.folder) == ("sidecar", model.model, model.label, "a")


@pytest.mark.parametrize(
    ("path", "content", "kind"),
    [
        ("a.xml", b'<?xml version="1.0"?>\n<MethodSetup Method="BDT::x">', "tmva-xml"),
        ("a.xml.gz", gzip.compress(b'<?xml version="1.0"?><MethodSetup Method="BDT::x">', mtime=0), "tmva-xml"),
        ("a.json", b'{"n_trees": 1, "max_depth": 2, "trees": []}', "conifer-json"),
        ("a.json", b'{"layers": [{"activation": "x", "bias": [1]}]}', "lwtnn-json"),
        ("a.json", b'{"input_sequences": [], "inputs": []}', "lwtnn-graph-json"),
        ("a.json", b'{"learner": {"attributes": {}}}', "xgboost-json"),
        ("a.json", b'{"class_name": "Model", "config": {"layers": []}}', "keras-json"),
        ("a_config.json", b'{"class_name": "Model", "config": {"layers": []}}', "keras-json"),
        ("a-symbol.json", b"", "mxnet-symbol"),
        ("a.json", b'{"nodes": [{"op": "null"}]}', "mxnet-symbol"),
        ("a-0000.params", b"", "mxnet-params"),
        ("a.params", b"\x12\x01\0\0\0\0\0\0more", "mxnet-params"),
        ("a.txt", b"tree\nversion=v3\n", "lightgbm-text"),
        ("a.txt", b"#GEN -*-*-*- general info", "tmva-txt"),
        ("a.pbtxt", b'node {\n  name: "x"', "tf-graphdef-text"),
        ("a.bin", b"binf\0\0", "xgboost-binf"),
        ("a.root", b"root\0\0TKey GBRForest x", "gbrforest-root"),
        ("a.weights.root", b"", "gbrforest-root"),
        ("hidden_bdt.xml.gz", None, "xml"),
    ],
)
def test_the_first_bytes_tell_a_model_where_the_name_does_not(path: str, content: bytes | None, kind: str) -> None:
    found = place(path, content)
    assert (found.what, found.rule) == ("model", f"fallback:{kind}")


@pytest.mark.parametrize(
    ("path", "content", "reason"),
    [
        ("a.root", b"root\0\0TKey TH2F", "a ROOT file without trees of a known model"),
        ("a.json", b'{"schema_version": 2, "corrections": []}', "a correction (JSON)"),
        ("a.json", b'{"273158": [[1, 1279]]}', "a list of runs and lumi sections (JSON)"),
        ("a.json", b'{"hello": 1}', "a JSON of something else than a known model"),
        ("a.json", None, "a .json file whose content is not here"),
        ("a.json", b"", "an empty file, or one that is broken"),
        ("a.xml", b"<config/>", "an XML of something else than a known model"),
        ("a.xml.gz", b"\x1f\x8bbroken", "an empty file, or one that is broken"),
        ("a.txt", b"# eta pt\n0.1 2 3\n0.2 3e4 -5\n", "a table of numbers"),
        ("a.txt", b"{1 JetEta 3 Rho JetPt JetA", "a correction (text)"),
        ("a.txt", b"Hello, who reads this?", "text"),
        ("a.csv", b"", "a table of numbers"),
        ("a.png", b"", "a picture"),
        ("a.cc", b"", "code"),
        ("a.npz", b"", "arrays of numbers (NumPy)"),
        ("a.so", b"", "a library or a program"),
        ("a.tar.gz", b"", "an archive, which is not opened"),
        ("a.yaml", b"x: y", "a configuration"),
        (".gitignore", b"", "settings of git"),
        (".github/workflows/x.onnx", b"", "settings of git"),
        ("docs/.hidden/x.onnx", b"", "a hidden file"),
        ("Makefile", b"", "code"),
        ("strange", b"", "a file of no known kind"),
    ],
)
def test_what_is_no_model_is_skipped_saying_what_it_is(path: str, content: bytes | None, reason: str) -> None:
    found = place(path, content)
    assert (found.what, found.reason) == ("skip", reason)


def test_a_compressed_bomb_costs_no_more_than_its_begin() -> None:
    bomb = gzip.compress(b"\0" * (1 << 26))[: 1 << 16]
    assert len(fallback_heads.inflate(bomb)) <= fallback_heads.MOST
    assert place("a.xml.gz", bomb).what == "skip"


# Invented after what hep-practice.md §1.5 tells of RecoBTag-Combined, ElectronIdentification and JetProducers.
MESSY = [
    "README.md",
    *(f"ParticleNetAK4/{kind}/V0{v}/preprocess.json" for kind in ("CHS", "PUPPI") for v in (0, 1)),
    *(f"ParticleNetAK4/{kind}/V0{v}/net.onnx" for kind in ("CHS", "PUPPI") for v in (0, 1)),
    *(f"DeepBoostedJet/V0{v}/{kind}/resnet{end}" for v in (1, 2) for kind in ("full", "decorrelated")
      for end in ("-symbol.json", "-0000.params", ".onnx")),
    *(f"DeepDoubleX/{release}/V01/{x}{end}" for release in ("94X", "102X") for x in ("BvL", "CvB", "CvL")
      for end in (".h5", ".onnx", ".pb")),
    *("models/pn_AK4/1/model.onnx", "models/pn_AK4_PT/1/model.pt", "models/pt/2/model.onnx"),
    *(f"models/{net}/config.pbtxt" for net in ("pn_AK4", "pn_AK4_PT", "pt")),
    *(f"ele/Spring16_HZZ_V1/electronID_{region}.weights.xml.gz"
      for region in ("EB1_5", "EB1_10", "EB2_5", "EB2_10", "EE_5", "EE_10")),
    *(f"pileupJetId_UL18_Eta{a}_chs_BDT.weights.xml.gz" for a in ("0p0To2p5", "2p5To2p75", "2p75To3p0", "3p0To5p0")),
    "CombinedMVAV2_13_07_2015.weights.xml.gz",
    "combinedmvav2_13_07_2015.weights.xml.gz",
    "models.onnx",
    "ele.onnx",
    "scale_factors.csv",
]  # fmt: skip


def groups(paths: list[str]) -> dict[tuple[str, str, str], list[str]]:
    """Return (name, label, folder) → paths of the models in a tree."""
    ours, found = Fallback("cms/RecoBTag-Combined"), defaultdict(list)
    for path in paths:
        if (where := ours.place(path, lambda: b"", {})).what == "model":
            found[where.model, where.label, where.folder].append(path)
    return found


def check_names(found: dict[tuple[str, str, str], list[str]]) -> None:
    """Check that names and labels can be registered: valid, apart without case, none a folder of another."""
    models = {model for model, _, _ in found}
    assert len({model.lower() for model in models}) == len(models)
    for model, label, _ in found:
        names.check_model(model)
        assert not label or names.check_label(label)
        assert not [other for other in models if other.lower().startswith(model.lower() + "/")]


def test_a_messy_tree_becomes_few_models_with_names_that_can_be_registered() -> None:
    found = groups(MESSY)
    check_names(found)
    assert len(found[("cms/RecoBTag-Combined/DeepBoostedJet-full/resnet", "V02", "DeepBoostedJet/V02/full")]) == 3
    assert len(found[("cms/RecoBTag-Combined/DeepDoubleX/CvL", "102X_V01", "DeepDoubleX/102X/V01")]) == 3
    assert len(found[("cms/RecoBTag-Combined/ele-Spring16_HZZ/electronID", "V1", "ele/Spring16_HZZ_V1")]) == 6
    assert len(found[("cms/RecoBTag-Combined/pileupJetId_UL18_chs_BDT", "", "")]) == 4
    assert ("cms/RecoBTag-Combined/models/pt", "v2", "models/pt") in found
    models = {model for model, _, _ in found}
    assert "cms/RecoBTag-Combined/models-top" in models
    assert len(models) == 16


def test_what_comes_later_renames_nothing() -> None:
    before = groups(MESSY[:20])
    after = groups(MESSY)
    assert all(after[key][: len(paths)] == paths for key, paths in before.items())


SEGMENT = st.text("aAbB12_-. vVX/é", min_size=1, max_size=12)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(SEGMENT, st.sampled_from([".onnx", "_core.pb", "/1/model.onnx", "/saved_model.pb"])), max_size=12
    )
)
def test_whatever_the_tree_names_can_be_registered(parts: list[tuple[str, str]]) -> None:
    paths = ["/".join(filter(None, f"{stem}{end}".split("/"))) for stem, end in parts]
    found = groups(paths)
    check_names(found)
    assert groups(paths) == found


def test_long_paths_are_cut_and_stay_apart() -> None:
    deep = "/".join(f"folder{n}" for n in range(40))
    found = groups([f"{deep}/net_{'x' * 100}a.onnx", f"{deep}/net_{'x' * 100}b.onnx", f"{deep}0/net.onnx"])
    check_names(found)
    assert len({model for model, _, _ in found}) == 3


def test_a_prefix_that_leaves_no_room_is_refused() -> None:
    with pytest.raises(InvalidError, match="too little room"):
        Fallback("cms/" + "x" * 70)
