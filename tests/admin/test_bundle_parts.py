"""Bundles that travel: parts that follow one another, as folders and as single files."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.admin.bundle_edits import stranger
from tests.admin.registries import NAME, Place, rules

from herdbook.kernel.errors import ConflictError, InvalidError, MissingError

if TYPE_CHECKING:
    from tests.admin.conftest import Open


def _more(told: Place) -> None:
    """Tell more: a new version that shares a file, a move back to an old one, an undo."""
    told.register(NAME, "v8", {"model.bin": b"not a model\n", "labels.txt": b"tau\njet\nmu\n"})
    told.registry.pointers.alias(NAME, "production", "v1", reason="back")
    told.registry.versions.undo(f"{NAME}:v2", reason="not good")


@pytest.mark.parametrize("form", ["", ".tar"])
def test_parts_in_sequence_catch_up_and_carry_only_what_is_new(
    told: Place, place: Open, tmp_path: Path, form: str
) -> None:
    site = place("site")
    first, second, third = (str(tmp_path / f"{name}{form}") for name in ("first", "second", "third"))
    told.admin.export_bundle(first, [])
    _more(told)
    report = told.admin.export_bundle(second, [], after=first)
    assert (report.events, report.blobs) == (3, 1)  # of the two files of v8 one was carried before
    assert [entry.namespace for entry in report.checkpoints] == ["demo"]
    assert not report.complete
    told.register("other/a/d", "v1", {"m": b"d"})
    told.admin.export_bundle(third, [], since=[str(entry) for entry in told.registry.namespaces.list()][:1])
    for bundle in (first, second, third):
        said = stranger(Path(bundle))
        assert (said.returncode, said.stderr) == (0, "")
        assert told.admin.verify_bundle(bundle).sound
        report = site.admin.import_bundle(bundle)
        assert report.sound
    assert " part\n" in stranger(Path(second)).stdout
    for name in ("demo", "other"):
        assert site.registry.journal.checkpoint(name) == told.registry.journal.checkpoint(name)
        assert site.registry.journal.state_digest(name) == told.registry.journal.state_digest(name)
    assert len(report.absent) == 1  # what nobody ever brought
    assert rules(site.admin.doctor()) == set()
    assert set(site.context.blobs.list()) == set(told.context.blobs.list())
    assert site.admin.import_bundle(second).events == 0  # once more: nothing


def test_a_gap_is_refused_with_what_is_needed_and_where_to_get_it(told: Place, place: Open, tmp_path: Path) -> None:
    site = place("site")
    told.admin.export_bundle(str(tmp_path / "first"), ["demo"])
    site.admin.import_bundle(str(tmp_path / "first"))
    seq = told.registry.journal.checkpoint("demo").seq
    _more(told)
    told.admin.export_bundle(str(tmp_path / "late"), ["demo"], since=[str(seq + 2)])
    with pytest.raises(InvalidError) as caught:
        site.admin.import_bundle(str(tmp_path / "late"))
    assert caught.value.code == "bundle-part"
    assert caught.value.details == {"first": seq + 3, "needed": seq + 1}
    mark = str(site.registry.journal.checkpoint("demo"))
    assert mark in caught.value.hint
    told.admin.export_bundle(str(tmp_path / "between.tar"), ["demo"], since=[mark])
    site.admin.import_bundle(str(tmp_path / "between.tar"))
    assert site.registry.journal.state_digest("demo") == told.registry.journal.state_digest("demo")


def test_a_part_that_overlaps_is_taken_and_one_of_another_history_is_not(
    told: Place, place: Open, tmp_path: Path
) -> None:
    site = place("site")
    told.admin.backup(str(tmp_path / "twin"))
    seq = told.registry.journal.checkpoint("demo").seq
    _more(told)
    told.admin.export_bundle(str(tmp_path / "whole"), ["demo"])
    site.admin.import_bundle(str(tmp_path / "whole"))
    told.register(NAME, "v9", {"m": b"nine"})
    told.admin.export_bundle(str(tmp_path / "overlap"), ["demo"], since=[str(seq)])
    assert site.admin.import_bundle(str(tmp_path / "overlap")).events == 1
    with Place(tmp_path / "twin") as twin:
        for number in range(6):
            twin.register(NAME, f"t{number}", {"m": b"t%d" % number})
        twin.admin.export_bundle(str(tmp_path / "fork"), ["demo"], since=[str(seq + 2)])
        with pytest.raises(ConflictError) as caught:
            site.admin.import_bundle(str(tmp_path / "fork"))
        assert caught.value.code == "diverged"
        mark = str(site.registry.journal.checkpoint("demo"))
        with pytest.raises(ConflictError) as caught:
            twin.admin.export_bundle(str(tmp_path / "none"), ["demo"], since=[mark])
        assert caught.value.code == "diverged"


def test_what_cannot_be_carried_on_from_is_refused_and_leaves_nothing(told: Place, tmp_path: Path) -> None:
    heads = told.registry.namespaces.list()
    seq = heads[0].seq
    for namespaces, since, code in (
        ([], ["3"], "bad-checkpoint"),
        (["demo"], ["x:1:y"], "bad-checkpoint"),
        (["other"], [str(heads[0])], "bad-checkpoint"),
        (["demo"], [str(seq + 1)], "no-event"),
        (["demo"], [str(seq)], "nothing-new"),
        ([], [str(head) for head in heads], "nothing-new"),
    ):
        for name in ("b", "b.tar"):
            with pytest.raises((InvalidError, MissingError)) as caught:
                told.admin.export_bundle(str(tmp_path / name), namespaces, since=since)
            assert caught.value.code == code
    with pytest.raises(MissingError):
        told.admin.export_bundle(str(tmp_path / "b"), [], after=str(tmp_path / "nowhere"))
    assert {path.name for path in tmp_path.iterdir()} == {"registry"}


def test_a_tar_is_the_same_for_the_same_state_and_never_written_over(told: Place, tmp_path: Path) -> None:
    one, other = tmp_path / "one.tar", tmp_path / "other.tar"
    told.admin.export_bundle(str(one), [])
    told.admin.export_bundle(str(other), [])
    assert one.read_bytes() == other.read_bytes()
    with tarfile.open(one) as tar:
        assert {(member.uid, member.mtime, member.mode) for member in tar} == {(0, 0, 0o644)}
    told.admin.export_bundle(str(tmp_path / "folder"), [])
    with tarfile.open(one) as tar:
        tar.extractall(tmp_path / "unpacked", filter="data")
    listed = [
        {path.relative_to(top): path.read_bytes() for path in top.rglob("*") if path.is_file()}
        for top in (tmp_path / "folder", tmp_path / "unpacked")
    ]
    assert listed[0] == listed[1]
    for there in ("one.tar", "folder"):
        with pytest.raises(ConflictError) as caught:
            told.admin.export_bundle(str(tmp_path / there), [])
        assert caught.value.code == "not-empty"
    assert not list(tmp_path.glob(".*.part"))


def test_a_corrupt_file_leaves_no_trace_in_a_tar(told: Place, tmp_path: Path) -> None:
    file = told.registry.versions.get(f"{NAME}:v1").version.file("labels.txt")
    assert file is not None
    path = told.blob(file.digest)
    path.chmod(0o644)
    path.write_bytes(b"tau\njat\n")
    report = told.admin.export_bundle(str(tmp_path / "b.tar"), ["demo"])
    assert report.absent == (file.digest,)
    assert stranger(tmp_path / "b.tar").returncode == 0
    assert told.admin.verify_bundle(str(tmp_path / "b.tar")).sound
