"""A dossier gives the member of a set, over whatever registry it came, and never by a guess."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # tests are no package that is installed
from tests.audit.evidences import bare, said

from herdbook.kernel.errors import ConflictError, InvalidError, MissingError
from herdbook.model.dossiers import Dossier
from herdbook.model.statements import Evidence, StatementEntry

FOLDS = {
    "members": [
        {"name": name, "files": [f"model_{name}.json"], "when": [{"of": "event_number", "modulo": 2, "remainder": r}]}
        for r, name in enumerate(("even", "odd"))
    ]
}


def dossier(*statements: StatementEntry) -> Dossier:
    return bare(*statements).dossier


def inferred(body: dict[str, Any], where: str) -> StatementEntry:
    entry = said("contract", body)
    told = entry.statement.model_copy(update={"evidence": {where: Evidence(how="inferred", rule="even and odd")}})
    return entry.model_copy(update={"statement": told})


def test_the_member_of_an_event_is_returned_with_its_files() -> None:
    assert dossier(said("contract", FOLDS)).select(event_number=12).files == ("model_even.json",)


def test_a_version_that_nobody_calls_a_set_has_no_members() -> None:
    for one in (dossier(), dossier(said("contract", {"selection": "jets"}))):
        with pytest.raises(MissingError, match="is a set"):
            one.select(event_number=1)


def test_contracts_that_differ_give_no_member_until_one_is_withdrawn() -> None:
    with pytest.raises(ConflictError, match="2 contracts"):
        dossier(said("contract", FOLDS), said("contract", {"selection": "jets"})).select(event_number=1)


def test_conditions_that_were_only_inferred_from_file_names_choose_nothing() -> None:
    """Whether a file called even serves even events, or was trained on them, its name does not say."""
    with pytest.raises(InvalidError, match="nobody confirmed"):
        dossier(inferred(FOLDS, "/members/0/when")).select(event_number=1)
    assert dossier(inferred(FOLDS, "/outputs/0/name")).select(event_number=1).name == "odd"
