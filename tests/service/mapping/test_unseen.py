"""Data packages that no rules name: what a librarian would find in them. Paths are facts, contents stand-ins."""

from __future__ import annotations

import itertools

from tests.service.mapping.drafting import codes, said
from tests.service.mapping.unseen import Gone, Line, To, inside, made, one, short, skipped, tree

BTAG = "cms-data/RecoBTag-Combined"
BINS = ("Eta0p0To2p5", "Eta2p5To2p75", "Eta2p75To3p0", "Eta3p0To5p0")
REGIONS = [f"{region}_{edge}" for region in ("EB1", "EB2", "EE") for edge in ("5", "10")]


def btag() -> Line:
    """Jet taggers: formats side by side, four schemes of versions, a Triton repository and links into it."""
    double = [f"{x}.{end}" for x in ("BvL", "CvB", "CvL") for end in ("h5", "onnx")]
    first = tree(
        "CSVv2.csv", "CombinedMVAV2_13_07_2015.weights.xml.gz", "ChargeBTag_4sep_2016.weights.xml.gz",
        "ChargeBTag_16_1_2016.weights.xml.gz", "DeepCSV_PhaseI.json", "DeepFlavourV01_PhaseII/model.onnx",
        "DeepFlavourV02_PhaseII/DeepJet_retraining_phase2_new_inputs.onnx", "DeepDoubleBV00/constant_graph.pb",
        "DeepFlavourV03_10X_training/constant_graph.pb", "DeepFlavourV03_10X_training/model.onnx",
        *(f"DeepBoostedJet/V0{v}/{kind}/resnet{end}" for v in (1, 2) for kind in ("decorrelated", "full")
          for end in ("-0000.params", "-symbol.json", ".onnx")),
        *(f"DeepDoubleX/{release}/{name}" for release in ("94X/V01", "102X/V02")
          for name in (*double, "model_info.txt")),
        *(f"ParticleNetAK8/General/V00/ParticleNet{end}" for end in ("-0000.params", "-symbol.json")),
        *(f"ParticleNetAK8/General/V01/{name}" for name in ("particle-net.onnx", "preprocess.json", "README.md")),
        "ParticleNetAK4/CHS/V00/preprocess.json", "ParticleNetAK4/CHS/V00/preprocess_noragged.json",
        "HLT/ParticleNetAK4/V00/particle-net.onnx", "HLT/ParticleNetAK4/V00/particle-net-with-tauh.onnx",
        "models/particlenet_AK4/1/model.onnx", "models/particlenet_AK4/config.pbtxt",
        "models/particlenet_AK4/particlenet_labels.txt", "README.md", "plots/roc.png", "convert.py",
    )  # fmt: skip
    first["ParticleNetAK4/CHS/V00/modelfile"] = To("../../../models/particlenet_AK4/1")
    first["models/particlenet_AK4_PT/1/model.pt"] = Gone("large")
    history = Line().commit(first, "Initial commit", "V01-00-00")
    fixed = tree("DeepFlavourV03_PhaseII/Deepjet_FixedSoftmaxLayer.onnx")
    history.commit(fixed, "Phase2 model with softmax layer", "V01-01-00")
    bugged = "DeepFlavourV02_PhaseII/DeepJet_retraining_phase2_new_inputs.onnx"
    return history.commit({bugged: None}, "fix:removing bugged onnx model", "V01-02-00")


def test_jet_taggers_are_few_models_with_the_versions_that_folders_tell() -> None:
    found = short(btag().drafts(BTAG))
    assert found == {
        "CombinedMVAV2": ["13_07_2015"],
        "ChargeBTag": ["16_1_2016", "4sep_2016"],
        "DeepCSV_PhaseI": ["V01-00-00"],
        "DeepFlavour_PhaseII": ["V01"],
        "DeepFlavour_PhaseII-DeepJet_retraining_phase2_new_inputs": ["V02"],
        "DeepFlavour_PhaseII-Deepjet_FixedSoftmaxLayer": ["V03"],
        "DeepDoubleB": ["V00"],
        "DeepFlavour_training": ["V03_10X"],
        "DeepBoostedJet-decorrelated/resnet": ["V01", "V02"],
        "DeepBoostedJet-full/resnet": ["V01", "V02"],
        **{f"DeepDoubleX/{x}": ["102X_V02", "94X_V01"] for x in ("BvL", "CvB", "CvL")},
        "ParticleNetAK8/General": ["V00", "V01"],
        "HLT/ParticleNetAK4": ["V00"],
        "HLT-ParticleNetAK4/particle-net-with-tauh": ["V00"],
        "models/particlenet_AK4": ["V01-00-00"],
        "models/particlenet_AK4_PT": ["V01-00-00"],
    }


def test_one_model_in_several_formats_is_one_version_with_what_lies_beside_it() -> None:
    drafts = btag().drafts(BTAG)
    assert inside(one(drafts, "DeepBoostedJet-full/resnet", "V02")) == [
        "resnet-0000.params", "resnet-symbol.json", "resnet.onnx"]  # fmt: skip
    assert inside(one(drafts, "DeepDoubleX/BvL", "94X_V01")) == ["BvL.h5", "BvL.onnx", "model_info.txt"]
    assert inside(one(drafts, "DeepFlavour_training")) == ["constant_graph.pb", "model.onnx"]


def test_a_linked_modelfile_is_a_second_name_and_brings_the_preprocessing_beside_it() -> None:
    served = one(btag().drafts(BTAG), "models/particlenet_AK4")
    assert inside(served) == [
        "1/model.onnx", "config.pbtxt", "particlenet_labels.txt", "preprocess.json", "preprocess_noragged.json"
    ]  # fmt: skip
    ids = {told.body["id"]["value"] for told in said(served, "identity")}
    assert "RecoBTag/Combined/data/ParticleNetAK4/CHS/V00/modelfile/model.onnx" in ids
    assert "RecoBTag/Combined/data/models/particlenet_AK4/1/model.onnx" in ids


def test_a_removed_bugged_model_is_proposed_for_withdrawal_and_nothing_else_is() -> None:
    drafts = btag().drafts(BTAG)
    bugged = one(drafts, "DeepFlavour_PhaseII-DeepJet_retraining_phase2_new_inputs")
    assert [(told.versions, told.reason) for told in drafts.withdrawals] == [
        ((bugged.key,), "fix:removing bugged onnx model")
    ]


def test_a_removed_copy_and_a_model_that_moved_are_no_withdrawals() -> None:
    one_, other = made("a"), made("b")
    history = Line().commit({"A/V00/net.onnx": one_, "B/V00/net.onnx": one_, "C/V00/net.onnx": other})
    history.commit({"D/V00/net.onnx": other}, "Add D")
    history.commit({"B/V00/net.onnx": None, "C/V00/net.onnx": None}, "remove duplicated and wrongly placed models")
    assert history.drafts().withdrawals == ()


def test_what_is_no_model_is_skipped_and_says_what_it_is() -> None:
    found = skipped(btag().drafts(BTAG))
    assert found == {
        "CSVv2.csv": "a table of numbers",
        "README.md": "about the package as a whole",
        "plots/roc.png": "a picture",
        "convert.py": "code",
        "ParticleNetAK4/CHS/V00/modelfile": "symbolic link to ../../../models/particlenet_AK4/1",
    }


def test_bins_in_eta_and_pt_and_folds_are_one_set() -> None:
    trainings = ("Fall17IsoV1", "Fall17IsoV2", "Fall17NoIsoV2")
    electrons = [f"MVAWeightFiles/{name}/{bin_}.weights.xml.gz" for name in trainings for bin_ in REGIONS]
    hzz = [f"Spring16_HZZ_V1/electronID_mva_Spring16_HZZ_V1_{bin_}.weights.xml.gz" for bin_ in REGIONS]
    photons = [f"MVA/Fall17/{region}_{v}.weights.root" for region in ("EB", "EE") for v in ("V1", "V2")]
    jets = [f"pileupJetId_{era}_{bin_}_chs_BDT.weights.xml.gz" for era in ("94X", "102X", "UL18") for bin_ in BINS]
    wide = [f"corr/reg_eta{a}to{a + 1}_pt{b}to{b + 10}.weights.xml" for a in range(6) for b in range(10, 60, 10)]
    muons = [
        f"MuonID/Run2022-20231030-1731-Event{n}.{end}" for n in range(3) for end in ("model", "features", "params")
    ]
    drafts = Line().commit(tree(*electrons, *hzz, *photons, *jets, *wide, *muons), tag="V01").drafts()
    assert {model: len(labels) for model, labels in short(drafts).items()} == {
        "MVAWeightFiles/Fall17Iso": 2, "MVAWeightFiles/Fall17NoIso": 1, "Spring16_HZZ/electronID_mva_Spring16_HZZ": 1,
        "MVA/Fall17": 2, "pileupJetId_chs_BDT": 2, "pileupJetId_UL18_chs_BDT": 1, "corr/reg": 1, "MuonID": 1,
    }  # fmt: skip
    assert len(one(drafts, "corr/reg").files) == 30
    assert one(drafts, "MuonID").labels == ("Run2022_20231030-1731",)
    assert len(one(drafts, "MuonID").files) == 9
    assert inside(one(drafts, "MVA/Fall17", "V2")) == ["EB_V2.weights.root", "EE_V2.weights.root"]


def test_a_configuration_goes_with_the_model_it_is_called_like_and_makes_no_versions_of_others() -> None:
    models = ["breg_training_2017.pb", "breg_training_2018.pb", "mu_BDTG_2022.weights.xml"]
    history = Line().commit(tree(*models), tag="V01-00-00")
    history.commit({"breg_training_2018_config.json": b'{"y_mean": 1}'}, tag="V01-01-00")
    history.commit({"breg_training_2017_config.json": b'{"y_mean": 2}', "NOTES.md": b"on all"}, tag="V01-02-00")
    found = history.drafts("cms-data/PhysicsTools-NanoAOD")
    assert {model: len(labels) for model, labels in short(found).items()} == {
        "breg_training_2017": 2, "breg_training_2018": 3, "mu_BDTG_2022": 2}  # fmt: skip
    assert inside(one(found, "mu_BDTG_2022", "V01-02-00")) == ["NOTES.md", "mu_BDTG_2022.weights.xml"]
    newest = one(found, "breg_training_2018", "V01-02-00")
    assert inside(newest) == ["NOTES.md", "breg_training_2018.pb", "breg_training_2018_config.json"]


def test_a_sidecar_goes_back_to_all_when_the_model_it_is_called_like_is_gone() -> None:
    history = Line().commit(tree("dnn/a.onnx", "dnn/b.onnx", "dnn/b_scaler.txt"), tag="V1")
    history.commit({"dnn/b.onnx": None}, tag="V2")
    history.commit(tree("dnn/b.onnx"), tag="V3")
    history.commit({"dnn/b_scaler.txt": None, "dnn/c.onnx": made("c")}, tag="V4")
    found = history.drafts()
    tags = {(version.model.rpartition("/")[2], version.first): inside(version) for version in found.versions}
    assert tags == {
        ("a", "V1"): ["a.onnx"], ("a", "V2"): ["a.onnx", "b_scaler.txt"], ("c", "V4"): ["c.onnx"],
        ("b", "V1"): ["b.onnx", "b_scaler.txt"], ("b", "V4"): ["b.onnx"],
    }  # fmt: skip


def test_integers_of_a_triton_repository_are_labels_when_there_are_several() -> None:
    paths = [f"models/deepmet/{n}/model.graphdef" for n in (1, 2, 3)]
    first = tree(*paths[:1], "models/deepmet/config.pbtxt", "models/alone/1/full_model_best.onnx")
    history = Line().commit(first, tag="V01-00-00").commit(tree(*paths[1:]), tag="V01-01-00")
    ensemble = b'name: "all"\nplatform: "ensemble"\nensemble_scheduling { step [] }\n'
    history.commit({"models/all/config.pbtxt": ensemble, "models/all/1/.keep": b"", **tree(*paths[:1], salt="2")})
    drafts = history.drafts("cms-data/RecoMET-METPUSubtraction")
    found = short(drafts)
    assert sorted(found["models/deepmet"]) == ["v1", "v1_V01-00-00", "v2", "v3"]
    assert (found["models/alone"], len(found["models/all"])) == (["V01-00-00"], 1)
    assert inside(one(drafts, "models/deepmet", "v3")) == ["3/model.graphdef", "config.pbtxt"]


def test_tables_corrections_and_trees_of_an_own_format_are_told_apart() -> None:
    luts = [f"emtf_luts/ph_lut_Run3_2022_data/ph_init_{n}.txt" for n in range(3)]
    trees = {f"emtf_luts/trees/{mode}/{n}.xml": b'<?xml version="1.0"?>\n<root splitVar="2" splitVal="%d">' % n
             for mode in (11, 15) for n in range(64)}  # fmt: skip
    files = tree(*luts, "zdc.lut", "wires.dat", "emtf_luts/model_graph.displ.16.pb") | trees
    files |= {"eg_IsoLUT_12.txt": b"<header> V1 13 9 </header>\n", "empty.txt": b"", "omtf.xml": b"<OMTF/>"}
    files |= {"sf.json": b'{"schema_version": 2, "corrections": []}', "maps.root": b"root\0\0TKey TH2F"}
    drafts = Line().commit(files, tag="V1").drafts("cms-data/L1Trigger-L1TMuon")
    assert short(drafts) == {
        "emtf_luts-trees/11": ["V1"], "emtf_luts-trees/15": ["V1"], "emtf_luts/model_graph-displ-16": ["V1"]
    }  # fmt: skip
    reasons = skipped(drafts)
    assert [reasons[path] for path in ("eg_IsoLUT_12.txt", "empty.txt", "omtf.xml", "zdc.lut", luts[0])] == [
        "a look-up table", "an empty file, or one that is broken", "an XML of something else than a known model",
        "a table of numbers", "a table of numbers",
    ]  # fmt: skip


def test_absent_content_is_judged_by_its_name_and_stays_absent() -> None:
    names = (
        "LowPtElectrons_ID_2020Nov28.root",
        "RunII_Fall17_unbiased.xml.gz",
        "MVAnalysis_BDT.weights_hzz.txt",
        "big.pt",
    )
    histograms = {"histos.root": Gone("h"), "table.txt": Gone("t")}
    drafts = Line().commit({name: Gone(name) for name in names} | histograms, tag="V1").drafts()
    assert short(drafts) == {
        "LowPtElectrons_ID": ["2020Nov28"], "MVAnalysis_BDT_hzz": ["V1"], "RunII_Fall17_unbiased": ["V1"], "big": ["V1"]
    }  # fmt: skip
    assert {(blob.paths[0], bool(blob.versions)) for blob in drafts.blobs if blob.fate == "absent"} == {
        *((name, True) for name in names), ("histos.root", False), ("table.txt", False)}  # fmt: skip


def test_a_pointer_of_git_lfs_is_no_model_but_tells_its_sha256_and_size() -> None:
    sha256 = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize 123456789\n".encode()
    prose = b"version https://git-lfs.github.com/spec/v1 is what a pointer begins with\n" + b"x" * 60
    files = {"nets/big.onnx": pointer, "nets/small.onnx": made("small"), "nets/README.md": prose}
    drafts = Line().commit(files, tag="V1").drafts()
    big = one(drafts, "nets/big")
    file = next(file for file in big.files if file.path == "big.onnx")
    assert (file.present, file.size) == (False, None)
    assert said(big, "note")[0].body["files"] == [{"file": "big.onnx", "sha256": f"sha256:{sha256}", "size": 123456789}]
    fate = next(blob for blob in drafts.blobs if blob.paths == ("nets/big.onnx",))
    assert (fate.fate, sha256 in fate.reason, "123456789" in fate.reason) == ("absent", True, True)
    assert codes(drafts) == ["lfs-pointer"]
    assert all(file.present for file in one(drafts, "nets/small").files)


def test_a_model_file_that_holds_nothing_is_kept_and_told() -> None:
    drafts = Line().commit({"nets/tau.onnx": b"", "nets/scaler.txt": b""}, tag="V1").drafts()
    assert [(each.code, each.where) for each in drafts.findings] == [("empty-file", "nets/tau.onnx")]


def test_wrong_copies_and_one_content_at_many_paths_stay_several_models() -> None:
    same = made("one")
    files = {
        f"{where}/V00/particle-net.onnx": same for where in ("ParticleNetAK4/CHS", "ParticleNetAK4/PUPPI", "Scouting")
    }
    readme = {"Scouting/V00/README.md": b"# ParticleNetAK4-CHS-V00\n"}
    drafts = Line().commit(files | readme, tag="V1").drafts()
    assert short(drafts) == {
        "ParticleNetAK4/CHS": ["V00"],
        "ParticleNetAK4/PUPPI": ["V00"],
        "Scouting/particle-net": ["V00"],
    }
    assert len(drafts.blobs) == 2


def test_strange_names_become_names_that_stay_apart() -> None:
    deep = "/".join(f"level{n}" for n in range(60))
    models = "models/models"
    paths = [
        "A B/net+x=1,y.onnx", "A+B/net x 1 y.onnx", "a b/NET+X=1,Y.onnx", "-leading/--net.onnx", "dots../n..et..onnx",
        "Größe/Zerfälle τ.onnx", "日本/模型.onnx", f"{'x' * 200}.onnx", f"{'x' * 199}y.onnx", f"{deep}/net.onnx",
        f"{deep}x/net.onnx", "nosuffix", "models.onnx", f"{models}.onnx", f"{models}/1/model.onnx", "V01/V02.onnx",
        "con.onnx", "net.onnx/net.onnx", "Core.pb", "core.pb", "EB.weights.root",
    ]  # fmt: skip
    drafts = Line().commit(tree(*paths), tag="V 1").drafts()
    assert skipped(drafts) == {"nosuffix": "a file of no known kind", **_colliding(drafts.findings)}
    # What only names a part or a version, at the top, is "model"; models/models is one, from a file and from a folder.
    assert len(drafts.models) == len(paths) - 5, short(drafts)


def _colliding(findings: object) -> dict[str, str]:
    where = [each.where for each in findings if each.code == "paths-collide"]  # type: ignore[attr-defined]  # findings
    return dict.fromkeys(where, "it cannot lie beside another file of its version")


def test_a_folder_of_many_models_with_sidecars_of_their_own_costs_what_it_holds() -> None:
    pairs = itertools.chain.from_iterable((f"flat/net{n:05}.onnx", f"flat/net{n:05}_config.json") for n in range(4000))
    files: dict[str, bytes] = {path: b"%d" % at for at, path in enumerate(pairs)}
    drafts = Line().commit(files, tag="V1").drafts()
    assert len(drafts.versions) == 4000
    assert {len(version.files) for version in drafts.versions} == {2}
