"""Dataset identifiers: what each scheme takes and refuses, and that a selector is never taken for a dataset."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdbook.kernel.errors import InvalidError
from herdbook.model import schemes
from herdbook.model.schemes import Parsed, parse, recognise

PACK = Path(os.environ.get("HERDBOOK_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
NAMES = PACK / "expected" / "systems" / "TauMLTools-datasets.json"
DBS = "/TTTo2L2Nu_TuneCP5/RunIISummer20UL18-106X_upgrade2018_realistic_v11_L1v1-v2/MINIAODSIM"
USER = "/QCD_Pt/rgerosa-JetTag_v2-d6f3ed9457165e59911360db4166f28a/USER"
MC = "mc16_13TeV.410470.PhPy8EG_A14_ttbar.deriv.DAOD_FTAG1.e6337_s3126_p3870"
LHCB = "evt+std://MC/2018/27163003/Beam6500GeV-2018-MagDown/Sim09f/Trig0x617d18a4/Reco18/ALLSTREAMS.DST"
LFN = "/store/mc/RunIISummer20UL18MiniAODv2/TTTo2L2Nu/MINIAODSIM/106X_v16-v1/2430000/0A1B.root"

# scheme, name, kind, some of its fields
NAMED = [
    ("cms-dbs", DBS, "dataset", {"primary": "TTTo2L2Nu_TuneCP5", "acquisition": "RunIISummer20UL18", "version": "2"}),
    ("cms-dbs", DBS, "dataset", {"tier": "MINIAODSIM", "processing": "106X_upgrade2018_realistic_v11_L1v1"}),
    ("cms-dbs", USER, "dataset", {"group": "rgerosa", "name": "JetTag_v2", "hash": "d6f3ed9457165e59911360db4166f28a"}),
    ("cms-dbs", DBS + "#0a1b2c3d-22", "block", {"block": "0a1b2c3d-22", "tier": "MINIAODSIM"}),
    ("lfn", LFN, "file", {"area": "mc", "primary": "TTTo2L2Nu", "processing": "106X_v16-v1"}),
    ("lfn", "/store/user/somebody/ntuples", "files", {"area": "user"}),
    ("rucio", "cms:" + DBS, "container", {"scope": "cms", "name": DBS, "tier": "MINIAODSIM"}),
    ("rucio", f"cms:{DBS}#0a1b", "block", {"scope": "cms", "block": "0a1b"}),
    ("rucio", f"mc16_13TeV:{MC}", "dataset", {"scope": "mc16_13TeV", "name": MC, "dsid": "410470"}),
    ("rucio", "user.somebody:user.somebody.410470.tau.v1", "dataset", {"scope": "user.somebody"}),
    ("rucio", "user.somebody.410470.tau.v1/", "container", {"scope": "user.somebody"}),
    ("atlas", MC, "dataset", {"dsid": "410470", "type": "DAOD_FTAG1", "tags": "e6337_s3126_p3870"}),
    ("atlas", MC + "_tid01234567_00", "dataset", {"tags": "e6337_s3126_p3870", "task": "01234567"}),
    ("atlas", MC + "/", "container", {"scope": "mc16_13TeV"}),
    ("atlas", "mc16.999031.Toy.deriv.DAOD_PHYS.e1_p3712_pUM999999", "dataset", {"tags": "e1_p3712_pUM999999"}),
    ("atlas", "data22_13p6TeV.00440499.physics_Main.deriv.DAOD_PHYS.f1322_p5631", "dataset", {"run": "00440499"}),
    ("atlas", "data22_13p6TeV.periodB.physics_Main.deriv.DAOD_PHYS.p5631", "dataset", {"period": "periodB"}),
    ("lhcb-bk", LHCB, "dataset", {"configuration": "MC/2018", "event_type": "27163003", "file_type": "ALLSTREAMS.DST"}),
    ("alice", "LHC24g4", "dataset", {"period": "LHC24g4", "year": "2024"}),
    ("alice", "LHC22o_pass7", "dataset", {"period": "LHC22o", "pass": "pass7"}),
    ("alice", "LHC23zz_apass4_small", "dataset", {"pass": "apass4", "suffix": "small"}),
    ("belle2-lpn", "/belle/MC/release-06-00-08/DB00002100/MC15ri_b/mixed/mdst", "dataset", {"release": "06-00-08"}),
    ("belle2-lpn", "/belle/collection/MC/mixed_1", "container", {"area": "collection"}),
    ("cod", "https://opendata.cern.ch/record/12350", "record", {"recid": "12350"}),
    ("doi", "https://doi.org/10.7483/OPENDATA.CMS.JGJX", "record", {"doi": "10.7483/opendata.cms.jgjx"}),
    ("file-list", "a/one.root, a/two.root", "files", {"files": "2", "first": "a/one.root"}),
]

SELECTORS = [
    ("cms-dbs", "/BulkGraviton_MX-600to6000_part*_TuneCP5/RunIISummer19UL18MiniAOD-x-v1/MINIAODSIM"),
    ("cms-dbs", "/BulkGraviton…/…/MINIAODSIM"),
    ("cms-dbs", "/QCD_Pt_{30to50,50to80}_TuneCP5/Run-x-v1/MINIAODSIM"),
    ("cms-dbs", "/QCD_Pt_XtoY_TuneCP5_13TeV_pythia8/RunIISummer19UL18MiniAOD-x-v3/MINIAODSIM"),
    ("lfn", "/store/mc/Run/TTTo2L2Nu/*/*.root"),
    ("rucio", "mc16_13TeV:mc16_13TeV.41047?.*.DAOD_PHYS.*"),
    ("atlas", "mc16_13TeV.*.DAOD_PHYS.*"),
    ("alice", "LHC22*"),
    ("belle2-lpn", "/belle/MC/release-06*/mixed"),
    ("lhcb-bk", "evt+std://MC/2018/*/ALLSTREAMS.DST"),
    ("file-list", "/eos/cms/some/Shuffle*.root"),
]

NOT_ITS = [
    ("cms-dbs", "TTTo2L2Nu/x-v1/AOD"),
    ("cms-dbs", "/A/B"),
    ("cms-dbs", "/A/B-v1/aod"),
    ("cms-dbs", DBS + "\n"),
    ("cms-dbs", "/" + "A" * 100 + "/B-v1/AOD"),
    ("cms-dbs", "/A/" + "B" * 200 + "/AOD"),
    ("cms-dbs", "QCD*"),
    ("rucio", "s" * 26 + ":name"),
    ("rucio", "cms:" + "n" * 251),
    ("rucio", "word"),
    ("atlas", "mc16_13TeV.41.Toy.deriv.DAOD_PHYS.e1"),
    ("alice", "LHC"),
    ("cod", "0"),
    ("doi", "11.1/x"),
    ("lfn", "/store"),
    ("lhcb-bk", "evt+std://MC"),
    ("belle2-lpn", "/belle/MC"),
    ("file-list", "words of a text"),
]

HOSTILE = [
    "/" + "a" * 100_000, "/a" * 50_000, "/A/" + "a-" * 50_000, "mc16." * 20_000, "mc16" + ".a" * 2_000 + "\n",
    "{" * 100_000, "{a," * 33_000, "{," * 50_000, "X=to" * 25_000, "A_" * 50_000, "10.1234/" + "?" * 100_000,
    "a.root," * 15_000, "user." * 20_000, "evt+std://" + "a " * 50_000, "/store" + "/a" * 50_000,
    "LHC22" + "a_" * 50_000, "/belle" + "/x" * 50_000, "https://" * 12_000, "min_" * 25_000, "." * 100_000,
]  # fmt: skip


@pytest.mark.parametrize(("scheme", "name", "kind", "fields"), NAMED)
def test_a_name_is_parsed_into_the_parts_that_its_scheme_has(
    scheme: str, name: str, kind: str, fields: dict[str, str]
) -> None:
    found = parse(scheme, name)
    assert (found.scheme, found.value, found.kind) == (scheme, name, kind)
    assert fields.items() <= found.fields.items()
    assert all(found.fields.values())


@pytest.mark.parametrize(("scheme", "name"), [(scheme, name) for scheme, name, _, _ in NAMED])
def test_a_name_without_its_scheme_is_recognised(scheme: str, name: str) -> None:
    assert recognise(name) == parse(scheme, name)


@pytest.mark.parametrize(("scheme", "name"), SELECTORS)
def test_a_selector_is_kept_and_never_taken_for_a_dataset(scheme: str, name: str) -> None:
    assert parse(scheme, name) == recognise(name) == Parsed(scheme, name, "selector")


@pytest.mark.parametrize(("scheme", "name"), NOT_ITS)
def test_what_cannot_be_of_a_scheme_is_refused_with_a_way_on(scheme: str, name: str) -> None:
    with pytest.raises(InvalidError) as refused:
        parse(scheme, name)
    assert refused.value.code == "bad-identifier"
    assert refused.value.hint


@pytest.mark.parametrize(
    "text",
    ["", "words", "/etc/passwd/RAW", "/eos/a-b/RAW", "pt/eta/PHI", "/models/net_*/1", "/path/to/*", "12345", "2018v2p5",
     "note:this", "https://example.org/a.root?b=1", "user.name", "a.root", "/A/B/C", "{{name}}", "what?"],
)  # fmt: skip
def test_what_fits_nowhere_is_kept_as_it_is(text: str) -> None:
    assert recognise(text) == Parsed("freeform", text, "freeform")


def test_a_lone_capital_is_a_placeholder_only_when_the_text_beside_explains_it() -> None:
    name = "/Signal_M-X_Tune/Run-x-v1/AODSIM"
    assert recognise(name).kind == "dataset"
    assert recognise(name, " (with another production)").kind == "dataset"
    for beside in ("(X=100, 200)", "where X is the mass", "X from 100 to 900", "(min_X = 3)"):
        assert recognise(name, beside).kind == "selector"
    assert recognise("/Signal_MX-600/Run-x-v1/AODSIM", "X=600").kind == "dataset"


def test_a_scheme_that_is_not_known_is_taken_by_its_word() -> None:
    assert parse("local", "toy taus?").kind == "dataset"
    assert parse("local", "toys*").kind == "selector"
    assert parse("freeform", "whatever").kind == "freeform"
    with pytest.raises(InvalidError, match="not a scheme"):
        parse("Not A Scheme", "x")


@given(st.text(max_size=60), st.text(max_size=20))
def test_any_text_is_recognised_as_something_and_kept_raw(text: str, beside: str) -> None:
    found = recognise(text, beside)
    assert found.value == text
    if found.kind not in {"freeform", "selector"}:
        assert parse(found.scheme, text) == found


def test_hostile_names_take_no_time() -> None:
    start = time.process_time()
    for text in HOSTILE:
        recognise(text, text)
        for scheme in schemes.SCHEMES:
            schemes.is_selector(scheme, text, text)
            with suppress(InvalidError):
                parse(scheme, text)
    assert time.process_time() - start < 5


@pytest.mark.datapack
def test_every_dataset_of_the_tau_group_parses_into_primary_processing_and_tier() -> None:
    if not NAMES.exists():
        pytest.skip("there is no data pack (HERDBOOK_DATA)")
    names = [entry["dataset"] for item in json.loads(NAMES.read_text("utf-8")) for entry in item["datasets"]]
    found = [recognise(name) for name in names]
    assert len(found) == len(set(names)) == 116
    assert found == [parse("cms-dbs", name) for name in names]
    assert {one.kind for one in found} == {"dataset"}
    assert all(
        {"primary", "processed", "tier", "acquisition", "processing", "version"} <= one.fields.keys() for one in found
    )
    assert all(f"/{one.fields['primary']}/{one.fields['processed']}/{one.fields['tier']}" == one.value for one in found)
    tiers = [one.fields["tier"] for one in found]
    assert {tier: tiers.count(tier) for tier in tiers} == {"MINIAODSIM": 108, "USER": 4, "MINIAOD": 4}
