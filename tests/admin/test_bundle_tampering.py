"""Each takes a sound bundle and spoils it: it is found, refused, and nothing of it comes in."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.admin.bundle_edits import edit_events, edit_manifest, stranger
from tests.admin.registries import Place, rules

from herdbook.kernel import canonical
from herdbook.kernel.errors import CorruptError, InvalidError, MissingError

if TYPE_CHECKING:
    from tests.admin.conftest import Open


_ZERO = "sha256:" + "0" * 64


def _find(folder: Path, kind: str, words: bytes) -> Path:
    return next(path for path in sorted((folder / kind).glob("*/*")) if words in path.read_bytes())


def _edit(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))


def _swap(folder: Path) -> None:
    one, other = _find(folder, "bodies", b"description"), _find(folder, "bodies", b"withdrawal")
    data = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(data)


def _cut(folder: Path) -> None:
    def end(value: dict[str, Any]) -> None:
        lines = (folder / "journals" / "demo.ndjson").read_bytes().splitlines()
        value["journals"][0] |= {"last": len(lines), "head": "sha256:" + hashlib.sha256(lines[-1]).hexdigest()}

    edit_events(folder, lambda lines: lines[:-1])
    edit_manifest(folder, end)


def _resay(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Rewrite the last event, so that the chain holds."""
    lines = (folder / "journals" / "demo.ndjson").read_bytes().splitlines()
    event = json.loads(lines[-1])
    change(event)
    lines[-1] = canonical.dumps(event)
    (folder / "journals" / "demo.ndjson").write_bytes(b"".join(line + b"\n" for line in lines))
    head = "sha256:" + hashlib.sha256(lines[-1]).hexdigest()
    edit_manifest(folder, lambda value: value["journals"][0].update(head=head))


def _again(event: dict[str, Any]) -> None:
    event["ops"] += [{"op": "version", "model": "demo/x/y", "ordinal": 2, "record": "sha256:" + "1" * 64}]


def _rename(value: dict[str, Any]) -> None:
    value["journals"][0].update(journal="sha256:" + "0" * 64)


def _space(lines: list[bytes]) -> list[bytes]:
    return [lines[0].replace(b":", b": ", 1), *lines[1:]]


TAMPERED: dict[str, tuple[Callable[[Path], object], set[str]]] = {
    "a swapped body": (_swap, {"body-corrupt"}),
    "an edited body": (lambda f: _edit(_find(f, "bodies", b"Toy"), b"Toy", b"Tay"), {"body-corrupt"}),
    "a body that is gone": (lambda f: _find(f, "bodies", b"Toy").unlink(), {"body-missing"}),
    "an edited file": (lambda f: _edit(_find(f, "blobs", b"tau"), b"tau", b"tao"), {"blob-corrupt"}),
    "a file that is gone": (lambda f: _find(f, "blobs", b"tau").unlink(), {"bundle-file-missing"}),
    "an edited event": (lambda f: _edit(f / "journals" / "demo.ndjson", b':v2"', b':v7"'), {"broken-chain"}),
    "an event left out": (lambda f: edit_events(f, lambda lines: lines[:2] + lines[3:]), {"broken-chain"}),
    "two events exchanged": (lambda f: edit_events(f, lambda x: [x[0], x[2], x[1], *x[3:]]), {"broken-chain"}),
    "a tail that was cut": (lambda f: edit_events(f, lambda lines: lines[:-1]), {"head-differs"}),
    "a line that was cut": (lambda f: edit_events(f, lambda x: [*x[:-1], x[-1][:-9]]), {"line-cut"}),
    "another journal's name": (lambda f: edit_manifest(f, _rename), {"other-journal"}),
    "spaces in an event": (lambda f: edit_events(f, _space), {"event-not-canonical"}),
    "an ordinal that jumps": (lambda f: _resay(f, _again), {"ordinal-jumps", "version-of-nothing", "body-missing"}),
    "a time that goes back": (lambda f: _resay(f, lambda e: e.update(time="2001-01-01T00:00:00Z")), {"time-goes-back"}),
    "an operation of tomorrow": (lambda f: _resay(f, lambda e: e["ops"].append({"op": "dance"})), {"event-unreadable"}),
    "a file that does not belong": (lambda f: (f / "x\x1b[2J").write_text("stray"), {"stray-file"}),
    "a link": (lambda f: (f / "blobs" / "aa").symlink_to("/etc"), {"not-plain"}),
    "a link for a body": (lambda f: _link(_find(f, "bodies", b"Toy")), {"not-plain", "body-missing"}),
    "people of another shape": (lambda f: (f / "people.ndjson").write_text('{"id":"me"}\n'), {"people"}),
}  # fmt: skip


def _link(path: Path) -> None:
    path.rename(path.parents[3] / "elsewhere")
    path.symlink_to(path.parents[3] / "elsewhere")


@pytest.mark.parametrize("what", TAMPERED)
def test_a_bundle_that_was_tampered_with_is_refused_and_nothing_of_it_comes_in(
    bundle: Path, place: Open, what: str
) -> None:
    spoil, expected = TAMPERED[what]
    spoil(bundle)
    other = place("other")
    report = other.admin.verify_bundle(str(bundle))
    assert not report.sound
    assert rules(report) >= expected, report.findings
    if what != "people of another shape":  # outside all digests: the script does not look
        assert stranger(bundle).returncode == 1
    with pytest.raises(CorruptError) as caught:
        other.admin.import_bundle(str(bundle))
    assert caught.value.code == "bundle-corrupt"
    assert other.registry.namespaces.list() == []
    assert list(other.context.blobs.list()) == []


def test_a_cut_tail_that_the_manifest_was_made_to_fit_shows_against_a_checkpoint(told: Place, bundle: Path) -> None:
    mark = str(told.registry.journal.checkpoint("demo"))
    _cut(bundle)
    assert "cut-tail" in rules(told.admin.verify_bundle(str(bundle), expect=[mark]))


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "journals/../../x", "herdbook-bundle.json"])
def test_members_of_a_tar_that_lead_outside_or_stand_twice_are_refused(told: Place, bundle: Path, name: str) -> None:
    tar = bundle.with_suffix(".tar")
    with tarfile.open(tar, "w") as archive:
        archive.add(bundle, ".")
        member = tarfile.TarInfo(name)
        member.size = 4
        archive.addfile(member, io.BytesIO(b"evil"))
    assert rules(told.admin.verify_bundle(str(tar))) == {"not-plain"}


@pytest.mark.parametrize("data", [b"", b"\x1f\x8b compressed", b"x" * 2000])
def test_what_is_no_bundle_says_so(told: Place, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(InvalidError) as caught:
        told.admin.verify_bundle(str(tmp_path / "file"))
    assert caught.value.code == "not-a-bundle"
    (tmp_path / "folder").mkdir()
    with pytest.raises(InvalidError):
        told.admin.verify_bundle(str(tmp_path / "folder"))
    with pytest.raises(MissingError):
        told.admin.verify_bundle(str(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "herdbook/bundle/2"}, {"journals": []}, {"absent": ["x"]}, {"more": 1},
        {"journals": [{"namespace": "../x", "journal": _ZERO, "first": 1, "last": 1, "head": _ZERO}]},
    ],
)  # fmt: skip
def test_a_manifest_that_does_not_fit_is_refused(told: Place, bundle: Path, change: dict[str, Any]) -> None:
    edit_manifest(bundle, lambda value: value.update(change))
    with pytest.raises(InvalidError) as caught:
        told.admin.verify_bundle(str(bundle))
    assert caught.value.code == "not-a-bundle"
