"""A bundle proves itself to a stranger, and comes in as it went out."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.admin.bundle_edits import stranger
from tests.admin.registries import ANNA, BERT, NAME, Place, rules, story

from herdbook.kernel import canonical
from herdbook.kernel.errors import ConflictError, MissingError
from herdbook.model.principals import Person

if TYPE_CHECKING:
    from tests.admin.conftest import Open


def test_a_stranger_and_we_say_the_same_of_what_was_exported(told: Place, bundle: Path) -> None:
    marks = [str(told.registry.journal.checkpoint(name)) for name in ("demo", "other")]
    said = stranger(bundle, "--expect", marks[0], "--expect", marks[1])
    assert (said.returncode, said.stderr) == (0, "")
    report = told.admin.verify_bundle(str(bundle), expect=marks)
    assert report.sound
    assert not report.complete  # a file that nobody brought is absent
    assert len(report.absent) == 1
    for name, mark in zip(("demo", "other"), marks, strict=True):
        assert f"'{name}' {mark} state {report.states[name]} part" in said.stdout
        assert report.states[name] == told.registry.journal.state_digest(name)


def test_one_namespace_alone_is_whole(told: Place, tmp_path: Path) -> None:
    report = told.admin.export_bundle(str(tmp_path / "b"), ["demo"])
    assert report.complete
    assert stranger(tmp_path / "b").stdout.endswith(" whole\n")
    assert told.admin.verify_bundle(str(tmp_path / "b")).complete


def test_people_come_along_or_are_left_out(told: Place, tmp_path: Path) -> None:
    told.admin.rename_actor(Person(id=ANNA, name="Anna", email="anna@example.org"))
    told.admin.rename_actor(Person(id=BERT, name="Bert, who is nowhere in it"))
    told.admin.export_bundle(str(tmp_path / "with"), [])
    lines = (tmp_path / "with" / "people.ndjson").read_text().splitlines()
    assert [json.loads(line)["name"] for line in lines] == ["Anna"]
    told.admin.export_bundle(str(tmp_path / "without"), [], people=False)
    assert not (tmp_path / "without" / "people.ndjson").exists()
    assert stranger(tmp_path / "with").returncode == 0
    with Place(tmp_path / "other") as other:
        other.admin.import_bundle(str(tmp_path / "with"))
        assert other.registry.people.list() == [Person(id=ANNA, name="Anna", email="anna@example.org")]


def test_a_bundle_comes_into_an_empty_registry_as_it_went_out(told: Place, bundle: Path, place: Open) -> None:
    other = place("other")
    report = other.admin.import_bundle(str(bundle))
    assert report.sound
    for name in ("demo", "other"):
        assert other.registry.journal.state_digest(name) == told.registry.journal.state_digest(name)
        assert other.registry.journal.checkpoint(name) == told.registry.journal.checkpoint(name)
    assert rules(other.admin.doctor()) == set()
    assert rules(other.admin.doctor(), "warning") == set()
    for query in (
        "toy identification",
        f'name = "{NAME}"',
        "state = withdrawn",
        "dataset = toy",
        "issue = yes",
        "alias = production",
    ):
        ours = [entry.json_object() for entry in told.registry.versions.search(query).items]
        assert [entry.json_object() for entry in other.registry.versions.search(query).items] == ours, query
        assert ours, query
    assert (
        other.registry.versions.dossier(f"{NAME}:v1").json_object()
        == told.registry.versions.dossier(f"{NAME}:v1").json_object()
    )
    with other.registry.files.open("demo/tau/old:v0", "1/model.graphdef") as stream:
        assert stream.read() == b"graph\n"
    # And it goes out again, byte for byte.
    again = bundle.with_name("again")
    other.admin.export_bundle(str(again), [])
    assert {p.relative_to(again): p.read_bytes() for p in again.rglob("*") if p.is_file()} == {
        p.relative_to(bundle): p.read_bytes() for p in bundle.rglob("*") if p.is_file()
    }


def test_a_tar_is_as_good_as_a_folder(bundle: Path, told: Place, place: Open) -> None:
    tar = bundle.with_suffix(".tar")
    subprocess.run(["tar", "-C", str(bundle), "-cf", str(tar), "."], check=True)
    assert told.admin.verify_bundle(str(tar)).sound
    other = place("other")
    assert other.admin.import_bundle(str(tar)).sound
    assert other.registry.journal.checkpoint("demo") == told.registry.journal.checkpoint("demo")


def test_a_folder_that_is_not_empty_is_never_written_into(told: Place, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(ConflictError) as caught:
        told.admin.export_bundle(str(tmp_path / "full"), [])
    assert caught.value.code == "not-empty"
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ConflictError):
        told.admin.export_bundle(str(tmp_path / "link"), [])
    (tmp_path / "empty").mkdir()
    told.admin.export_bundle(str(tmp_path / "empty"), [])
    assert {path.name for path in tmp_path.iterdir()} >= {"full", "empty", "registry"}
    assert not list(tmp_path.glob(".*.part"))


def test_a_namespace_that_is_not_here_is_refused_before_anything_is_written(told: Place, tmp_path: Path) -> None:
    with pytest.raises(MissingError):
        told.admin.export_bundle(str(tmp_path / "b"), ["demo", "nobody"])
    assert not (tmp_path / "b").exists()
    assert not list(tmp_path.glob(".*.part"))


def test_a_corrupt_file_is_left_out_and_told(told: Place, tmp_path: Path) -> None:
    file = told.registry.versions.get(f"{NAME}:v1").version.file("labels.txt")
    assert file is not None
    path = told.blob(file.digest)
    path.chmod(0o644)
    path.write_bytes(b"tau\njat\n")
    report = told.admin.export_bundle(str(tmp_path / "b"), ["demo"])
    assert not report.sound
    assert report.absent == (file.digest,)
    assert stranger(tmp_path / "b").returncode == 0
    assert told.admin.verify_bundle(str(tmp_path / "b")).sound


def test_what_a_newer_herdbook_wrote_comes_in_and_goes_out_as_it_is(place: Open, tmp_path: Path) -> None:
    bundle = tmp_path / "b"
    version = canonical.dumps(
        {"schema": "herdbook/version/1", "colour": "blue", "files": [{"path": "m", "digest": "git-sha1:" + "1" * 40}]}
    )
    record = canonical.dumps({"schema": "herdbook/recipe/7", "steps": [1, 2]})
    named = {"sha256:" + hashlib.sha256(data).hexdigest(): data for data in (version, record)}
    first, second = named
    base = {"schema": "herdbook/event/1", "principal": {"id": ANNA, "kind": "person", "assurance": "os"}}
    genesis = {"op": "genesis", "namespace": "future", "home": "registry:" + "f" * 32, "salt": "00"}
    lines = [canonical.dumps(base | {"seq": 1, "time": "2030-01-01T00:00:00Z", "ops": [genesis]})]
    journal = "sha256:" + hashlib.sha256(lines[0]).hexdigest()
    ops = [{"op": "record", "digest": first}, {"op": "record", "digest": second},
           {"op": "version", "model": "future/a/b", "ordinal": 1, "record": first}]  # fmt: skip
    lines.append(
        canonical.dumps(
            base | {"seq": 2, "journal": journal, "prev": journal, "time": "2030-01-01T00:00:00Z", "ops": ops}
        )
    )
    head = "sha256:" + hashlib.sha256(lines[1]).hexdigest()
    for digest, data in named.items():
        path = bundle / "bodies" / digest[7:9] / digest[7:]
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
    (bundle / "journals").mkdir()
    (bundle / "journals" / "future.ndjson").write_bytes(b"".join(line + b"\n" for line in lines))
    entry = {"namespace": "future", "journal": journal, "first": 1, "last": 2, "head": head}
    (bundle / "herdbook-bundle.json").write_text(
        json.dumps({"schema": "herdbook/bundle/1", "journals": [entry], "absent": []})
    )
    assert stranger(bundle).returncode == 0
    ours = place()
    assert ours.admin.import_bundle(str(bundle)).sound
    report = ours.admin.doctor()
    assert report.sound
    assert rules(report, "note") == {"body-unknown"}
    ours.admin.export_bundle(str(tmp_path / "out"), [])
    for digest, data in named.items():
        assert (tmp_path / "out" / "bodies" / digest[7:9] / digest[7:]).read_bytes() == data


def test_export_and_import_while_others_write(place: Open, tmp_path: Path) -> None:
    ours = place()
    story(ours)
    writer = place(actor=BERT)
    count = 0

    def step(what: str, done: int, of: int) -> None:
        nonlocal count
        del what, done, of
        count += 1
        writer.register("demo/busy/m", f"v{count}", {"m": b"%d" % count})

    ours.admin.export_bundle(str(tmp_path / "b"), [], step=step)
    assert count > 3
    assert ours.admin.verify_bundle(str(tmp_path / "b")).sound
    assert stranger(tmp_path / "b").returncode == 0


def test_a_bundle_is_a_copy_that_can_be_carried_away(told: Place, bundle: Path) -> None:
    assert all(path.stat().st_nlink == 1 for path in bundle.glob("blobs/*/*"))
    assert {path.name for path in bundle.iterdir()} == {"herdbook-bundle.json", "journals", "bodies", "blobs"}
    del told
