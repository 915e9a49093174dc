"""The stranger's script on what is rightly not all there, and on tars."""

from __future__ import annotations

import hashlib
import io
import json
import os
import resource
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the tests are no package that is installed

from tests.reference.bundles import MODEL, SCRIPT, Bundle, digest, genesis, place, refused, sound, story

if TYPE_CHECKING:
    from collections.abc import Callable


def test_purged_bodies_and_blobs_are_not_missed_and_must_not_be_there(tmp_path: Path) -> None:
    bundle = story()
    description = next(op["digest"] for op in json.loads(bundle.events[1])["ops"] if op["op"] == "statement")
    bundle.say({"op": "purge", "digest": description}, {"op": "purge", "digest": digest(MODEL)})
    refused(bundle.write(tmp_path / "kept"), place("bodies", description), place("blobs", digest(MODEL)))
    kept = {name: bundle.files.pop(name) for name in (place("bodies", description), place("blobs", digest(MODEL)))}
    assert "whole" in sound(bundle.write(tmp_path / "purged"))
    bundle.say({"op": "unpurge", "digest": description}, {"op": "unpurge", "digest": digest(MODEL)})
    refused(bundle.write(tmp_path / "unpurged"), "missing")
    bundle.files |= kept
    sound(bundle.write(tmp_path / "again"))


def test_what_is_said_to_be_absent_makes_it_a_part(tmp_path: Path) -> None:
    bundle = story()
    del bundle.files[place("blobs", digest(MODEL))]
    refused(bundle.write(tmp_path / "silent"), "missing")
    bundle.absent = [digest(MODEL)]
    assert sound(bundle.write(tmp_path / "said")).endswith(" part\n")


@pytest.mark.parametrize("first", [2, 4, 5])
def test_a_part_that_begins_later_proves_its_content_and_says_so(first: int, tmp_path: Path) -> None:
    bundle = story()
    bundle.first = first
    ops = [op for event in bundle.events[first - 1 :] for op in json.loads(event)["ops"]]
    named = json.dumps([op | {"from": "where it was need not be here"} for op in ops])
    bundle.files = {name: data for name, data in bundle.files.items() if first == 2 or name[10:] in named}
    said = sound(bundle.write(tmp_path), "--expect", bundle.checkpoint)
    assert said == f"'demo' {bundle.checkpoint} state unknown part\n"
    next(path for path in tmp_path.rglob("bodies/*/*") if b"note" in path.read_bytes()).write_text("{}")
    refused(tmp_path, "other bytes")


def test_two_namespaces_in_one_bundle_share_blobs_and_not_purges(tmp_path: Path) -> None:
    demo, other = story(), Bundle(namespace="other")
    record = other.version(len(MODEL))
    other.blob(MODEL)
    other.say(genesis("other"))
    other.say({"op": "record", "digest": record})
    demo.say({"op": "purge", "digest": digest(MODEL)})
    files = other.all_files() | demo.all_files()
    manifest = {"schema": "herdbook/bundle/1", "journals": [demo.entry, other.entry], "absent": []}
    files["herdbook-bundle.json"] = json.dumps(manifest).encode()
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    assert [line.split()[0] for line in sound(tmp_path).splitlines()] == ["'demo'", "'other'"]
    (tmp_path / place("blobs", digest(MODEL))).unlink()
    refused(tmp_path, "missing")


def test_the_blob_of_an_extension_schema_is_asked_for(tmp_path: Path) -> None:
    bundle = story()
    body = {"entity": "model", "version": "1.0", "blob": bundle.blob(b"{}")}
    bundle.say({"op": "statement", "digest": bundle.statement("ext-schema", {"namespace": "demo"}, body)})
    sound(bundle.write(tmp_path))
    (tmp_path / place("blobs", digest(b"{}"))).unlink()
    refused(tmp_path, "missing")


def _tar(bundle: Bundle, path: Path, change: Callable[[tarfile.TarInfo], None] = lambda _: None) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, data in bundle.all_files().items():
            member = tarfile.TarInfo("./" + name)
            member.size = len(data)
            change(member)
            tar.addfile(member, io.BytesIO(data) if member.isreg() else None)
    return path


def test_a_tar_of_the_folder_is_as_good_as_the_folder(tmp_path: Path) -> None:
    bundle = story()
    assert sound(_tar(bundle, tmp_path / "b.tar")) == sound(bundle.write(tmp_path / "b"))
    subprocess.run(["tar", "-C", str(tmp_path / "b"), "-cf", str(tmp_path / "c.tar"), "."], check=True)
    assert sound(tmp_path / "c.tar") == sound(tmp_path / "b")


def _evil(change: Callable[[tarfile.TarInfo], None], path: Path) -> Path:
    """Add a member to a sound tar."""
    _tar(story(), path)
    with tarfile.open(path, "a") as tar:
        member = tarfile.TarInfo("more")
        change(member)
        tar.addfile(member, io.BytesIO(b"x" * member.size))
    return path


@pytest.mark.parametrize(
    ("name", "kind", "link"),
    [
        ("../outside", tarfile.REGTYPE, ""),
        ("blobs/../../outside", tarfile.REGTYPE, ""),
        ("/outside", tarfile.REGTYPE, ""),
        ("..", tarfile.DIRTYPE, ""),
        ("blobs/link", tarfile.SYMTYPE, "../../outside"),
        ("blobs/link", tarfile.LNKTYPE, "herdbook-bundle.json"),
        ("blobs/device", tarfile.CHRTYPE, ""),
        ("blobs/pipe", tarfile.FIFOTYPE, ""),
        ("./herdbook-bundle.json", tarfile.REGTYPE, ""),
        ("herdbook-bundle.json", tarfile.REGTYPE, ""),
    ],
)
def test_a_tar_that_escapes_links_or_says_a_thing_twice_isrefused(
    name: str, kind: bytes, link: str, tmp_path: Path
) -> None:
    def change(member: tarfile.TarInfo) -> None:
        member.name, member.type, member.linkname = name, kind, link
        member.size = 1 if kind == tarfile.REGTYPE else 0

    refused(_evil(change, tmp_path / "b.tar"), "twice, no plain file, or outside the bundle")
    assert [path.name for path in tmp_path.iterdir()] == ["b.tar"]


def test_a_tar_that_ends_early_isrefused(tmp_path: Path) -> None:
    path = _tar(story(), tmp_path / "b.tar")
    size = path.stat().st_size
    for left in (0, 100, size // 3, size // 2):
        os.truncate(_tar(story(), path), left)
        refused(path)


def test_a_compressed_tar_is_refused_in_a_sentence_since_it_cannot_be_read_at_random(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "b.tar.gz", "w:gz") as tar:
        tar.add(story().write(tmp_path / "b"), ".")
    refused(tmp_path / "b.tar.gz", "cannot be verified")


@pytest.mark.parametrize("form", ["folder", "tar"])
def test_memory_stays_flat_when_a_blob_is_large(form: str, tmp_path: Path) -> None:
    size, chunk = 300 * 2**20, bytes(2**20)
    total = hashlib.sha256()
    for _ in range(size // len(chunk)):
        total.update(chunk)
    bundle = Bundle()
    file = {"path": "weights.bin", "digest": f"sha256:{total.hexdigest()}", "size": size}
    record = bundle.body(schema="herdbook/version/1", files=[file])
    bundle.say(genesis())
    bundle.say({"op": "record", "digest": record})
    folder = bundle.write(tmp_path / "b")
    blob = folder / place("blobs", file["digest"])  # type: ignore[arg-type]  # it is a text
    blob.parent.mkdir(parents=True)
    with blob.open("wb") as stream:
        stream.truncate(size)  # a hole: no bytes on the disk
    if form == "tar":
        with tarfile.open(tmp_path / "b.tar", "w") as tar:
            tar.add(folder, ".")
        folder = tmp_path / "b.tar"
    limit = 256 * 2**20
    done = subprocess.run(
        [sys.executable, "-I", str(SCRIPT), str(folder)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    (tmp_path / "b.tar").unlink(missing_ok=True)  # pytest would keep it
    assert (done.returncode, done.stderr) == (0, "")
