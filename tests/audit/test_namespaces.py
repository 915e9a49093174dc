"""What a namespace adds and demands, and what it says does not apply."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # tests are no package that is installed
from tests.audit.evidences import bare, data, said, trained, uses

from herdbook.kernel.errors import HerdbookWarning, InvalidError, MissingError
from herdbook.model.audits import Audit, Declared, Item
from herdbook.model.statements import Said, Subject
from herdbook.ports.registry import Registry
from herdbook.service import auditing, checklist
from herdbook.service.checks.declared import at, declared

POG = {
    "id": "demo.pog",
    "title": "The group that answers for it",
    "weight": 2,
    "category": "S",
    "gate": True,
    "check": {"kind": "herdbook/description/1", "field": "/ext/demo/pog", "one_of": ["TAU", "BTV"]},
    "supply": "herdbook statement add {reference} --kind description --body @FILE",
}


@pytest.fixture
def version(registry: Registry, tmp_path: Path) -> str:
    (tmp_path / "weights.txt").write_text("0.5 0.5\n")
    return registry.versions.register("demo/m:v1", tmp_path / "weights.txt").reference


def demand(registry: Registry, body: dict[str, Any], namespace: str = "demo", journal: str = "demo") -> str:
    told = Said(type="herdbook/checklist/1", subject=(Subject(namespace=namespace),), body={"version": "1", **body})
    return registry.statements.add(journal, [told])[0].digest


def say(registry: Registry, kind: str, body: dict[str, Any], journal: str = "demo") -> None:
    record = registry.versions.get("demo/m:v1").record
    registry.statements.add(journal, [Said(type=f"herdbook/{kind}/1", subject=(Subject(record=record),), body=body)])


def audit(registry: Registry) -> Audit:
    return auditing.audit(registry, "demo/m:v1").audit


def score(found: Audit, name: str) -> int | None:
    return next(item.score.score for item in found.items if item.item == name)


@pytest.mark.parametrize(
    ("about", "value", "wanted"),
    [
        ({"one_of": ["TAU"]}, None, 0),
        ({"one_of": ["TAU"]}, "MUO", 1),
        ({"one_of": ["TAU"]}, "TAU", 2),
        ({}, "any", 2),
        ({"minimum": 1.0}, 0, 1),
        ({"minimum": 1.0, "maximum": 2.0}, 2, 2),
        ({"minimum": 1.0}, "TAU", 1),
        ({"minimum": 0.0}, True, 1),
    ],
)
def test_a_declared_check_finds_nothing_something_or_what_will_do(about: Any, value: Any, wanted: int) -> None:
    check = Declared.read({"kind": "herdbook/description/1", "field": "/ext/demo/pog", **about})
    body = {"ext": {"demo": {"pog": value}}} if value is not None else {"title": "T"}
    assert declared(bare(said("description", body)), check).score == wanted


def test_a_declared_check_looks_into_the_training_and_into_every_dataset() -> None:
    release = Declared.read({"field": "/environment/stack/release"})
    assert declared(bare(), release).score == 0
    assert declared(trained(fields={"environment": {"stack": {"release": "R1"}}}), release).score == 2
    era = Declared.read({"kind": "herdbook/description/1", "field": "/ext/hep/era", "about": "datasets"})
    hep = data("a", statements=[("description", {"ext": {"hep": {"$v": "1.0", "era": "2018"}}})])
    assert declared(trained(inputs=uses(hep)), era).score == 2
    assert declared(trained(inputs=uses(hep, data("b"))), era).score == 0


def test_a_pointer_leads_into_objects_and_lists_as_the_standard_has_it() -> None:
    assert at({"a/b": [{"c~d": 3}]}, "/a~1b/0/c~0d") == 3
    assert at({"a": [1]}, "/a/1") is None
    assert at({"a": ""}, "/a") is None
    assert at(3, "/a") is None


def test_an_item_that_a_namespace_adds_counts_in_the_profile_and_names_the_rules(
    registry: Registry, version: str
) -> None:
    before = audit(registry)
    assert before.extended is None
    demand(registry, {"items": [POG]})
    found = audit(registry)
    assert score(found, "demo.pog") == 0
    assert found.extended is not None
    assert found.profile["S"] < before.profile["S"]
    added = next(item for item in found.items if item.item == "demo.pog")
    assert added.supply == f"herdbook statement add {version} --kind description --body @FILE"


def test_minima_are_held_against_scores_and_the_level(registry: Registry, version: str) -> None:
    assert version
    demand(registry, {"minima": {"R1": 2, "level": 1}})
    demand(registry, {"minima": {"R1": 3, "F2": 3}})
    assert audit(registry).below == ("R1 is 0, and 3 is demanded", "level is 0, and 1 is demanded")
    say(registry, "description", {"licence": "Apache-2.0"})
    assert audit(registry).below == ("level is 0, and 1 is demanded",)


def test_only_the_namespaces_own_journal_demands_adds_and_waives(registry: Registry, version: str) -> None:
    assert version
    registry.namespaces.create("other")
    demand(registry, {"minima": {"R1": 3}, "items": [POG], "waivers": {"R9": "no"}}, journal="other")
    say(registry, "checklist", {"version": "1", "waivers": {"R9": "no"}}, journal="other")
    found = audit(registry)
    assert (found.below, score(found, "R9"), len(found.items)) == ((), 0, 47)


def test_an_item_that_is_not_the_namespaces_own_does_not_count_and_is_told(registry: Registry, version: str) -> None:
    assert version
    for name, check in (("R1", POG["check"]), ("cms.pog", POG["check"]), ("demo.pog", "findable.digest")):
        digest = demand(registry, {"items": [{**POG, "id": name, "check": check}]})
        with pytest.warns(HerdbookWarning, match="does not count"):
            assert len(audit(registry).items) == 47
        about = (Subject(statement=digest),)
        registry.statements.add("demo", [Said(type="herdbook/withdrawal/1", subject=about, body={"reason": "a slip"})])
    with pytest.raises(InvalidError):
        Item.read({**POG, "id": "no id"})


def test_what_does_not_apply_is_waived_of_a_namespace_a_model_or_a_version(registry: Registry, version: str) -> None:
    assert version
    demand(registry, {"waivers": {"R9": "toys have no systematics", "R1": "nobody cares"}})
    say(registry, "checklist", {"version": "1", "waivers": {"S4": "it is valid without bound, being a toy"}})
    found = audit(registry)
    assert (score(found, "R9"), score(found, "S4"), score(found, "R1")) == (None, None, 0)


def test_an_item_is_found_by_its_name(registry: Registry) -> None:
    demand(registry, {"items": [POG]})
    assert checklist.find(registry, "t3").id == "T3"
    assert checklist.find(registry, "demo.pog", "demo").weight == 2
    with pytest.raises(MissingError, match="no item"):
        checklist.find(registry, "T99")
