"""Each item of the checklist reaches 0, and the highest score that it says can be had."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # tests are no package that is installed
from tests.audit.evidences import (
    COMMIT,
    activity,
    bare,
    data,
    dry_run,
    graph,
    look,
    rerun,
    said,
    sha,
    trained,
    uses,
    view,
)

from herdbook.kernel import canonical
from herdbook.model.activities import Part
from herdbook.model.audits import Absent, Checked, Item, Waived
from herdbook.model.registrations import FileCheck
from herdbook.service import auditing_levels, checklist
from herdbook.service.auditing_evidence import Evidence, Input, Parent

ITEMS = {item.id: item for item in checklist.core().items}
CONTRACT = {
    "inputs": [{"name": "x", "dtype": "float32", "shape": ["batch", 2], "meaning": "momentum", "unit": "GeV"}],
    "outputs": [{"name": "y", "shape": ["batch", 2], "meaning": "probability", "labels": ["tau", "jet"]}],
}
GRAPH = graph(
    inputs=[{"name": "x", "dtype": "float32", "shape": ["n", 2]}],
    outputs=[{"name": "y", "dtype": "float32", "shape": ["n", 2]}],
    parameters=12,
)
FEATURES = {"inputs": [{"name": "x", "features": [{"name": "pt", "offset": 0, "computable_at": "reco"}]}]}
HEP = {"ext": {"hep": {"$v": "1.0", "era": "2018", "generator": "g", "release": "r"}}}
OTHER = {"ext": {"hep": {"$v": "1.0", "era": "2022", "generator": "g", "release": "r"}}}
PROFILE = {
    "formats": ["csv"],
    "files": 2,
    "size_bytes": 9,
    "readers": ["csv 1"],
    "tables": [
        {"name": "", "entries": 5, "columns": [{"name": "x", "dtype": "float32", "unit": "GeV", "minimum": 0.0}]}
    ],
}
SPLIT = {
    "parts": [{"role": "train", "rule": {"kind": "entries", "until": 5}}],
    "checked": "2026-11-01T00:00:00Z",
    "entries": 10,
    "overlap": 0,
}
LOCK = b"tiny==1.0 --hash=sha256:" + b"0" * 64 + b"\n"
CODE = {"repository": "https://example.org/r.git", "commit": COMMIT, "dirty": False}
METRIC = {"name": "auc", "value": 0.9, "stat": 0.1}
DOI = "https://doi.org/10.1/x"


def described(**fields: Any) -> Evidence:
    return bare(said("description", fields))


def described_latency() -> Evidence:
    return bare(said("evaluation", {"metrics": [{"name": "latency", "value": 1}], "environment": {"device": "x"}}))


def evaluated(**fields: Any) -> Evidence:
    train, test = data("train", statements=[("description", HEP)]), data("test", files=("c",))
    test = replace(test, said=data("test", files=("c",), statements=[("description", OTHER)]).said)
    body = {"metrics": [METRIC], "dataset": test.record, "split": "test", **fields}
    return trained(said("evaluation", body), inputs=uses(train), evaluated={test.record: test})


def searched(chosen: int = 1, text: str = "0.1") -> Evidence:
    table = canonical.dumps({"number": 1, "state": "complete", "parameters": {"rate": 0.1}}) + b"\n"
    search = activity(
        kind="hyper-parameter-search",
        search={"chosen": chosen},
        outputs=[{"blob": sha("trials"), "role": "trials"}],
    )
    fields = {"parameters": [{"name": "rate", "text": text}]}
    return trained(fields=fields, searches=(search,), read=lambda sha256: table if sha256 == sha("trials") else None)


def locked() -> Evidence:
    fields = {"environment": {"kind": "requirements", "blob": sha("lock")}}
    return trained(fields=fields, kept=frozenset({sha("lock")}), read=lambda _: LOCK)


def runnable() -> Evidence:
    fields = {"code": CODE, "command": {"argv": ["python", "train.py"]}, "environment": {"python": "3.12"}}
    return trained(fields=fields, inputs=uses(data()))


def checks_of(status: str) -> tuple[FileCheck, ...]:
    return (FileCheck.read({"path": "model.bin", "digest": sha("model.bin"), "status": status}),)


def config_kept() -> Evidence:
    inputs = (Input(Part(blob=sha("cfg"), role="config")),)
    return trained(fields={"command": {"argv": ["t"]}}, inputs=inputs, kept=frozenset({sha("cfg")}))


Case = tuple[Callable[[], Evidence], Callable[[], Evidence]]
"""Evidence that gives 0, and evidence that gives the highest score."""
CASES: dict[str, Case] = {
    "F1": (bare, lambda: bare(files=(view("m"),), verified=checks_of("ok"))),
    "F2": (lambda: bare(moves=0), lambda: bare(moves=1)),
    "F3": (
        bare,
        lambda: bare(said("identity", {"id": {"scheme": "doi", "value": "10.1/x"}}), looks=(look(DOI),)),
    ),
    "F4": (
        bare,
        lambda: bare(
            said("description", {"title": "T", "summary": "S", "authors": ["A (https://orcid.org/0000-0002-1825-0097)"]}),
            profile={"step": "trigger"},
        ),
    ),
    "F5": (bare, lambda: bare(files=(GRAPH,))),
    "F6": (bare, lambda: bare(files=(view("codemeta.json"),))),
    "A1": (bare, lambda: bare(said("description", {"access": "open"}), looks=(look("https://x.org/m"),))),
    "A2": (bare, lambda: bare(looks=(look("https://x.org/m"), look("root://y.org//m")))),
    "A3": (lambda: bare(named=False), lambda: bare(named=True)),
    "I1": (bare, lambda: bare(files=(GRAPH,))),
    "I2": (bare, lambda: bare(said("contract", CONTRACT), files=(GRAPH,))),
    "I3": (
        bare,
        lambda: trained(
            said("contract", CONTRACT), inputs=uses(data(statements=[("dataset-profile", PROFILE)])), files=(GRAPH,)
        ),
    ),
    "I4": (bare, lambda: bare(said("contract", FEATURES))),
    "I5": (bare, lambda: bare(said("contract", {"selection": "jets"}))),
    "I6": (bare, lambda: bare(said("contract", CONTRACT), files=(GRAPH,))),
    "I7": (bare, lambda: bare(said("contract", FEATURES))),
    "I8": (bare, lambda: bare(profile={"step": "trigger", "links": [{"url": DOI, "relation": "IsDescribedBy"}]})),
    "R1": (bare, lambda: described(licence="Apache-2.0")),
    "R2": (bare, lambda: described(intended_use="a", out_of_scope="b", limitations="c")),
    "R3": (
        bare,
        lambda: trained(inputs=uses(data(statements=[("description", HEP), ("dataset-profile", PROFILE)]))),
    ),
    "R4": (bare, lambda: trained(fields={"parameters": [{"name": "n_params", "text": "12"}]}, files=(GRAPH,))),
    "R5": (bare, evaluated),
    "R6": (bare, evaluated),
    "R7": (
        bare,
        lambda: bare(said("evaluation", {"metrics": [{**METRIC, "slice": {"lo": low}} for low in (0, 1)]})),
    ),
    "R8": (bare, lambda: bare(said("golden", {"inputs": sha("i"), "outputs": sha("o")}))),
    "R9": (bare, lambda: bare(said("evaluation", {"metrics": [{**METRIC, "syst": 0.1}]}))),
    "R10": (bare, lambda: bare(said("description", {"links": [{"url": DOI}]}), looks=(look(DOI),))),
    "R11": (bare, lambda: bare(said("golden", {"inputs": sha("i"), "outputs": sha("o"), "argv": ["a"]}))),
    "T1": (bare, lambda: trained(fields={"code": CODE}, code_looks=(look(f"git+https://example.org/r.git@{COMMIT}"),))),
    "T2": (trained, config_kept),
    "T3": (
        trained,
        lambda: trained(inputs=uses(data(looks=(look("rucio:a:b", closed=True, files=2),)))),
    ),
    "T4": (
        trained,
        lambda: trained(
            inputs=uses(data(statements=[("description", HEP)], sources=(sha("s"),), source_looks=(look("rucio:s:r"),)))
        ),
    ),
    "T5": (trained, lambda: trained(inputs=uses(data(statements=[("split", SPLIT)])))),
    "T6": (trained, locked),
    "T7": (trained, lambda: rerun(trained(), equal=True)),
    "T8": (trained, searched),
    "T9": (trained, lambda: trained(fields={"hardware": {"cpu": "x"}, "usage": {"wall_s": 3}})),
    "T10": (trained, lambda: dry_run(runnable())),
    "T11": (bare, lambda: trained(parents=(Parent("demo/p:v1", "demo/p@1", 2),))),
    "T12": (trained, lambda: rerun(trained(), within=True)),
    "S1": (lambda: bare(files=(view("m.pkl", safety="unsafe"),)), lambda: bare(files=(GRAPH,))),
    "S2": (bare, lambda: bare(files=(view("m.sigstore"),))),
    "S3": (bare, lambda: bare(files=(view("m.intoto.jsonl"),))),
    "S4": (bare, lambda: described(ext={"hep": {"$v": "1.0", "eras": ["2018"]}})),
    "S5": (bare, described_latency),
    "S6": (lambda: trained(hops=(activity(kind="conversion"),)), lambda: trained(hops=(activity(kind="conversion"),))),
    "S7": (bare, lambda: bare(profile={"maintainers": ["me"], "lifecycle": "production"})),
}  # fmt: skip


def scored(item: Item, evidence: Evidence, waivers: dict[str, str] | None = None) -> Any:
    return checklist.score(item, evidence, waivers or {})


def test_every_item_of_the_study_is_there_and_has_its_cases() -> None:
    wanted = [
        f"{room}{number}"
        for room, last in zip("FAIRTS", (6, 3, 8, 11, 12, 7), strict=True)
        for number in range(1, last + 1)
    ]
    assert list(ITEMS) == wanted
    assert CASES.keys() == ITEMS.keys()
    assert {item.check for item in ITEMS.values()} <= checklist.checks().keys()


@pytest.mark.parametrize("name", ITEMS)
def test_an_item_reaches_nothing_and_what_it_says_can_be_had(name: str) -> None:
    nothing, best = CASES[name]
    assert isinstance(scored(ITEMS[name], nothing()), Absent)
    found = scored(ITEMS[name], best())
    assert found.score == ITEMS[name].highest, found
    if found.score == 3:
        assert isinstance(found, Checked)
        assert found.ran.on


@pytest.mark.parametrize("name", ITEMS)
def test_unknown_scores_zero(name: str) -> None:
    found = scored(ITEMS[name], bare(named=False, moves=0))
    assert isinstance(found, Absent), found
    assert found.why


@pytest.mark.parametrize("name", [name for name in ITEMS if name not in {"F1", "F2", "A3", "S1"}])
def test_what_a_person_says_is_never_checked(name: str) -> None:
    """Whatever prose a card or a description holds, a check that did not run is not there."""
    names = (
        "inputs preprocessing selection limitations usage validation citation architecture requirements training-data"
    )
    sections = dict.fromkeys(names.split(), "words")
    words = said("card", {"kind": "model-card", "sections": sections})
    links = said(
        "description", {"access_conditions": "ask", "contact": "me", "links": [{"url": DOI, "rel": "calibration"}]}
    )
    found = scored(
        ITEMS[name], bare(words, links, profile={"task": "tagging", "domain": "2018", "maintainers": ["me"]})
    )
    assert found.score in {0, 1, 2}, found


def test_a_waiver_takes_an_item_out_unless_it_is_fixed() -> None:
    assert isinstance(scored(ITEMS["R9"], bare(), {"R9": "no calibration applies"}), Waived)
    assert isinstance(scored(ITEMS["R1"], bare(), {"R1": "we do not care"}), Absent)
    fixed = {item.id for item in ITEMS.values() if item.fixed}
    assert {item.id for item in ITEMS.values() if item.gate} <= fixed
    assert {"T2", "T10", "T11", "T12"} <= fixed


def test_a_profile_counts_what_can_be_had_and_leaves_waived_items_out() -> None:
    items = [ITEMS["R1"], ITEMS["R9"]]
    scores = {item.id: scored(item, described(licence="Apache-2.0")) for item in items}
    assert auditing_levels.profile(items, scores) == {"R": round(9 / 11, 4)}
    scores["R9"] = Waived(reason="no")
    assert auditing_levels.profile(items, scores) == {"R": 1.0}


def test_a_shape_that_nobody_expected_costs_its_item_and_not_the_audit() -> None:
    links = said("description", {"links": [{"url": ["a", "list"], "relation": {"a": 1}}]})
    features = said("contract", {"inputs": [{"name": "x", "features": [{"name": "pt", "unit": "GeV", "offset": 0.5}]}]})
    search = searched()
    odd = replace(search, searches=(activity(kind="hyper-parameter-search", search={"chosen": "last"},
                                             outputs=[{"blob": sha("trials"), "role": "trials"}]),))  # fmt: skip
    for item in ITEMS.values():
        for evidence in (bare(links, features), odd, replace(search, read=lambda _: b"not json")):
            assert scored(item, evidence).score in {None, 0, 1, 2, 3}
