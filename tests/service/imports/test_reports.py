"""Reports and surveys: everything is listed, and nothing that a source says steers the page that shows it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from herdbook.model.drafts import DraftActivity, DraftBlob, DraftFile, DraftSaid, Finding
from herdbook.model.imports import Coverage
from herdbook.ports.registry import Registry
from herdbook.service import importing, plans, reports, surveys

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))  # tests are no package that is installed
from tests.service.imports.applied import ONE, TWO, history
from tests.service.imports.drafted import drafts, git, identity, key_of, origin, version

HOSTILE = (
    "\x1b[31m | a | <script>alert(1)</script> [x](http://evil) ![i](y) `c` **b** \u202e\n# head @jane www.evil.org"
)


def test_a_report_lists_every_file_with_its_fate_and_reason(registry: Registry) -> None:
    told = importing.preview(registry, history(), plans.make(history()))
    page = reports.markdown(told)
    assert "5 distinct = 3 taken + 0 duplicate + 0 absent + 2 skipped" in page
    assert "| no model | README.md | git-sha1:" in page
    assert r"| demo/tau/deep:v1\_V1 " not in page
    assert "| demo/tau/deep:v1 | 2 | 0 | 14 |" in page
    assert "| tag | 2 | 2 |" in page
    assert page == reports.markdown(told)


def test_an_account_that_does_not_add_up_says_so(registry: Registry) -> None:
    told = importing.preview(registry, history(), plans.make(history()))
    lost = drafts(*history().versions).model_copy(update={"blobs": ()})
    unsound = importing.preview(registry, lost, plans.make(lost))
    assert told.sound
    assert not unsound.sound
    assert "IS NOT" in reports.markdown(unsound)


def test_hostile_texts_steer_neither_page_nor_terminal(registry: Registry) -> None:
    blob = DraftBlob(digest=git(b"x"), paths=(HOSTILE,), fate="skipped", reason=HOSTILE)
    found = history(blobs=(blob,), findings=(Finding(code="odd", message=HOSTILE, where=HOSTILE),))
    page = reports.markdown(importing.preview(registry, found, plans.make(found)))
    assert all(char.isprintable() or char == "\n" for char in page)
    assert "<script" not in page
    assert "http://" not in page
    assert not re.search(r"(?<!\\)\]\(", page)
    (line,) = [line for line in page.split("\n") if line.startswith("| odd |")]
    assert len(re.findall(r"(?<!\\)\|", line)) == 4


@given(st.text())
def test_whatever_is_escaped_stays_on_its_line_in_its_cell(text: str) -> None:
    shown = reports.escaped(text)
    assert "\n" not in shown
    assert "<" not in shown
    assert not re.search(r"(?<!\\)(?:\\\\)*[|`*_\[]", shown)


def test_a_survey_counts_versions_of_which_a_source_knows_a_field() -> None:
    files = (
        DraftFile(path="core.pb", source_path="core.pb", digest=git(b"1"), size=1),
        DraftFile(path="preprocess.json", source_path="p", digest=git(b"2"), size=1, role="preprocessing"),
        DraftFile(path="README.md", source_path="README.md", digest=git(b"3"), size=1),
    )
    md5 = {
        "title": "MD5 declared in config.pbtxt",
        "declared": [{"file": "core.pb", "md5": "0" * 32, "status": "match"}],
    }
    said = (
        identity("core.pb", "V1"),
        origin(message="Add it", pull_request=3, first="V1"),
        DraftSaid(type="herdbook/note/1", body=md5),
        DraftSaid(type="herdbook/description/1", body={"title": "t", "licence": "MIT"}),
    )
    one = version("demo/tau/deep", ONE, "v1", said=said).model_copy(update={"files": files})
    two = version("demo/tau/deep", TWO, "v1_g0123456789", absent=["core.pb"], first=None)
    training = DraftActivity(
        activity={
            "kind": "training",
            "status": "unknown",
            "ids": [{"scheme": "mlflow-run", "value": "1"}],
            "inputs": [{"role": "train", "selector": {"scheme": "cms-dbs", "value": "/A*/B/C"}}],
        },
        outputs=(key_of("demo/tau/deep", ONE),),
    )
    told = surveys.coverage(drafts(one, two, activities=(training,)))
    assert all(entry.of == 2 for entry in told)
    known = {entry.field: entry.known for entry in told}
    expected = dict.fromkeys(known, 1) | dict.fromkeys(
        ("training code", "training parameters", "contract", "evaluation", "labels", "date"), 0
    )
    assert known == expected | {"configuration": 1}


def test_surveys_of_sources_stand_side_by_side() -> None:
    one = (Coverage(field="tag", known=1, of=2), Coverage(field="date", known=2, of=2))
    two = (Coverage(field="tag", known=3, of=3),)
    rows = surveys.compare({"git": one, "mlflow": two})
    assert [(row.field, {name: entry.known for name, entry in row.sources.items()}) for row in rows] == [
        ("tag", {"git": 1, "mlflow": 3}),
        ("date", {"git": 2}),
    ]
