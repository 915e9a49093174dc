"""Places are asked again: levels fall when something is gone, and nothing happens that cannot happen twice."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # tests are no package that is installed
from tests.audit.conftest import Retrain, pinned
from tests.retrain.trainings import MODEL, Training

from herdbook.kernel import digests, times
from herdbook.model.datasets import ManifestLine
from herdbook.model.places import Location, Standing
from herdbook.model.rechecks import Looked, RecheckReport
from herdbook.ports.places import Place, Places
from herdbook.ports.registry import Registry
from herdbook.service import auditing, placing
from herdbook.service.rechecking import Rechecker, Settings

REFERENCE = f"{MODEL}:v1"
NOW = Settings(older_than=timedelta(0))
pytestmark = pytest.mark.usefixtures("training")


@pytest.fixture
def training(registry: Registry, tmp_path: Path, lock: bytes) -> Training:
    """Return a training whose data and code lie outside of the registry, at places that are on record."""
    made = pinned(registry, tmp_path / "author", lock, store_data=False)
    told = {**made.told, "inputs": [part for part in made.told["inputs"] if part["role"] != "code-bundle"]}
    told["code"] = {**told["code"], "repository": f"file://{made.code}"}
    told["ended"] = "2026-11-20T09:04:00Z"
    made.told = told
    made.tell()
    found = Location(uri=f"file://{made.data}", state="exists", asked=times.now(), files=1)
    assert placing.say(registry, "demo", made.dataset, found)
    return made


def recheck(
    registry: Registry, places: Places, settings: Settings = NOW, reference: str = REFERENCE
) -> tuple[list[Looked], RecheckReport]:
    work = Rechecker(registry, places, settings)
    return list(work.run([reference])), work.report


def level(registry: Registry) -> int:
    return auditing.audit(registry, REFERENCE).audit.level


def events(registry: Registry) -> int:
    return registry.journal.checkpoint("demo").seq


def test_all_places_that_a_version_rests_on_are_asked_and_said(registry: Registry, open_places: Places) -> None:
    looked, report = recheck(registry, open_places)
    assert {(each.of, each.after) for each in looked} == {("dataset", "exists"), ("code", "exists")}
    assert (report.asked, report.written, report.sound) == (2, 2, True)
    found = auditing.audit(registry, REFERENCE).audit
    scores = {item.item: item.score.score for item in found.items}
    assert (scores["T1"], scores["T3"]) == (3, 2), "a look at a folder compares sizes, which verifies no data"


@pytest.mark.parametrize("lost", ["data", "code"])
def test_a_level_falls_by_itself_when_data_or_a_commit_disappear(
    registry: Registry, training: Training, open_places: Places, retrain: Retrain, lost: str
) -> None:
    recheck(registry, open_places)
    assert retrain().retraining.outcome == "bytes"
    assert level(registry) == 5
    shutil.rmtree(training.data if lost == "data" else training.code)
    looked, report = recheck(registry, open_places)
    assert [each.of for each in looked if each.lost] == ["dataset" if lost == "data" else "code"]
    assert [(each.reference, each.before, each.after) for each in report.dropped] == [(REFERENCE, 5, 2)]
    word = "local:points" if lost == "data" else f"the commit {training.told['code']['commit'][:12]}"
    assert f"{word} is gone since" in report.dropped[0].why[0]
    assert not report.sound
    assert level(registry) == 2


def test_a_file_that_is_missing_from_a_dataset_counts_as_lost(
    registry: Registry, training: Training, open_places: Places, retrain: Retrain
) -> None:
    recheck(registry, open_places)
    retrain()
    points = training.data / "points.csv"
    points.write_text(points.read_text() + "0,0\n")
    _, report = recheck(registry, open_places)
    assert [(each.before, each.after) for each in report.dropped] == [(5, 2)]


def test_what_was_asked_lately_is_left_alone_so_a_killed_run_goes_on_where_it_was(
    registry: Registry, open_places: Places
) -> None:
    recheck(registry, open_places)
    before = events(registry)
    looked, report = recheck(registry, open_places, Settings(older_than=timedelta(days=30)))
    assert (looked, report.asked, report.fresh, report.sound) == ([], 0, 2, True)
    assert events(registry) == before
    work = Rechecker(registry, open_places, NOW)
    next(iter(work.run([REFERENCE])))
    assert events(registry) == before + 1
    left = Settings(older_than=timedelta(seconds=20))
    assert recheck(registry, open_places, left)[1].fresh == 2


def test_a_look_takes_the_place_of_ones_own_earlier_one(
    registry: Registry, training: Training, open_places: Places
) -> None:
    for _ in range(3):
        recheck(registry, open_places)
    assert len(placing.known(registry, training.dataset)) == 1


class Down:
    """A place that cannot be reached, in a hundred ways, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def look(self, uri: str) -> Standing:
        self.asked.append(uri)
        return Standing(state="unknown", detail="the token expired")

    def listing(self, uri: str) -> Iterator[ManifestLine]:
        raise AssertionError(uri)

    def absent(self, uri: str) -> Iterator[str]:
        raise AssertionError(uri)

    def copies(self, uri: str, path: str = "") -> Iterator[str]:
        raise AssertionError(uri, path)

    def open(self, uri: str, path: str = "") -> BinaryIO:
        raise AssertionError(uri, path)

    def close(self) -> None:
        """Nothing is held."""


def test_a_place_that_cannot_be_asked_changes_nothing(
    registry: Registry, open_places: Places, retrain: Retrain
) -> None:
    recheck(registry, open_places)
    retrain()
    before, down = events(registry), Down()
    as_place: Place = down
    looked, report = recheck(registry, lambda _: as_place)
    assert {each.after for each in looked} == {"unknown"}
    assert (report.unreachable, report.written, report.sound) == (2, 0, True)
    assert events(registry) == before
    assert level(registry) == 5
    assert len(down.asked) == 2


def test_a_limit_leaves_the_rest_for_the_next_time_and_a_rate_waits(registry: Registry, open_places: Places) -> None:
    _, report = recheck(registry, open_places, Settings(older_than=timedelta(0), limit=1))
    assert (report.asked, report.left) == (1, 1)
    naps: list[float] = []
    work = Rechecker(registry, open_places, Settings(older_than=timedelta(0), rate=4.0), sleep=naps.append)
    list(work.run([REFERENCE]))
    assert naps == [0.25]


def test_versions_that_share_a_dataset_all_show_as_fallen(
    registry: Registry, training: Training, open_places: Places, retrain: Retrain
) -> None:
    recheck(registry, open_places)
    retrain()
    assert training.version is not None
    registry.pointers.label(REFERENCE, "again")
    shutil.rmtree(training.data)
    work = Rechecker(registry, open_places, NOW)
    list(work.run([REFERENCE, f"{MODEL}:again"]))
    assert [each.after for each in work.report.dropped] == [2, 2]
    assert len(work.report.lost) == 1


def test_a_container_is_asked_for_only_where_something_serves_such_places(
    registry: Registry, training: Training, open_places: Places
) -> None:
    container = {"image": "registry.example/x:1", "digest": digests.of(b"image")}
    training.tell(environment={**training.told["environment"], "container": container}, ended="2026-11-20T09:06:00Z")
    looked, report = recheck(registry, open_places)
    assert "container" not in {each.of for each in looked}
    assert report.unserved == 1
