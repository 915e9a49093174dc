"""From a folder to a registration: what is taken, what is refused, and that a refusal leaves nothing half-done."""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from herdbook.kernel.errors import ConflictError, DeniedError, HerdbookError, InvalidError, MissingError
from herdbook.model.files import File
from herdbook.model.versions import Version
from herdbook.ports.registry import Registry
from herdbook.service import batches, intake
from herdbook.stores.disk.blobs import DiskBlobs
from herdbook.testing.registry_samples import binary, look, references

Make = Callable[[Path], object]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "1").mkdir(parents=True)
    (folder / "1" / "model.bin").write_bytes(binary("weights"))
    (folder / "labels.txt").write_text("tau\njet\n")
    return folder


@pytest.fixture
def blobs(folder: Path) -> Callable[[], list[str]]:
    return lambda: [sha256 for sha256, _ in DiskBlobs(folder / "blobs").list()]


def test_every_file_keeps_its_relative_path(registry: Registry, model: Path) -> None:
    registry.versions.register("demo/tau/toy:V1", model)
    paths = [file.path for file in registry.versions.get("demo/tau/toy:V1").version.files]
    assert paths == ["1/model.bin", "labels.txt"]


def test_several_files_and_folders_keep_their_own_names(registry: Registry, model: Path, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# Toy\n")
    registry.versions.register("demo/tau/toy:V1", model, tmp_path / "README.md")
    paths = [file.path for file in registry.versions.get("demo/tau/toy:V1").version.files]
    assert paths == ["README.md", "model/1/model.bin", "model/labels.txt"]


def test_one_file_alone_has_its_name(registry: Registry, model: Path) -> None:
    registry.versions.register("demo/tau/toy:V1", model / "labels.txt")
    assert [file.path for file in registry.versions.get("demo/tau/toy:V1").version.files] == ["labels.txt"]


def test_what_no_model_is_made_of_is_left_out_with_the_reason(registry: Registry, model: Path) -> None:
    for name in (".git/HEAD", "__pycache__/x.pyc", "notes.txt~", ".DS_Store", "scratch/big.root", "1/old.bin"):
        (model / name).parent.mkdir(exist_ok=True)
        (model / name).write_bytes(b"\0")
    (model / ".herdbookignore").write_text("scratch/\n*.bin\n!1/model.bin\n")
    found = {item.path: item.left_out for item in intake.plan([model])}
    assert [path for path, why in found.items() if why is None] == ["1/model.bin", "labels.txt"]
    assert ".herdbookignore" in str(found["scratch"])
    assert "version control" in str(found[".git"])
    registry.versions.register("demo/tau/toy:V1", model)
    assert len(registry.versions.get("demo/tau/toy:V1").version.files) == 2


def test_a_name_that_is_not_utf8_or_holds_a_percent_comes_back_as_it_was(
    registry: Registry, model: Path, tmp_path: Path
) -> None:
    from herdbook.service.fetch import fetch

    odd = [b"caf\xe9.txt", b"100%.txt", "données.txt".encode()]
    for name in odd:
        (model / os.fsdecode(name)).write_bytes(name)
    registry.versions.register("demo/tau/toy:V1", model)
    fetch(registry, "demo/tau/toy:V1", tmp_path / "out")
    assert {os.fsencode(path.name) for path in (tmp_path / "out").glob("*.txt")} >= set(odd)
    assert (tmp_path / "out" / "100%.txt").read_bytes() == b"100%.txt"


def test_a_link_inside_becomes_its_content_and_is_told(registry: Registry, model: Path) -> None:
    (model / "current.bin").symlink_to("1/model.bin")
    registry.versions.register("demo/tau/toy:V1", model)
    entry = registry.versions.get("demo/tau/toy:V1")
    digests = {file.path: file.digest for file in entry.version.files}
    assert digests["current.bin"] == digests["1/model.bin"]
    told = registry.versions.dossier("demo/tau/toy:V1").said("identity")
    assert told == [{"id": {"scheme": "symlink", "value": "1/model.bin"}, "path": "current.bin"}]


def _loop(model: Path) -> None:
    (model / "a").symlink_to("b")
    (model / "b").symlink_to("a")


BAD: dict[str, tuple[Make, str]] = {
    "a link that leaves the folder": (lambda m: (m / "out").symlink_to("/etc/hostname"), "link-out"),
    "a relative link that leaves the folder": (lambda m: (m / "out").symlink_to("../elsewhere"), "link-out"),
    "a link to a folder": (lambda m: (m / "link").symlink_to("1"), "bad-link"),
    "a link to nothing": (lambda m: (m / "link").symlink_to("none"), "bad-link"),
    "links in a circle": (_loop, "bad-link"),
    "a pipe": (lambda m: os.mkfifo(m / "pipe"), "special-file"),
    "two files that differ in case only": (lambda m: (m / "LABELS.txt").write_bytes(b"x"), "paths-collide"),
    "two files that differ in Unicode form only": (
        lambda m: ((m / "e\u0301.txt").write_bytes(b"x"), (m / "\u00e9.txt").write_bytes(b"y")),
        "paths-collide",
    ),
    "a control character": (lambda m: (m / "a\nb").write_bytes(b"x"), "bad-path"),
    "an ignore file that is no text": (lambda m: (m / ".herdbookignore").write_bytes(b"\xff\xfe"), "bad-ignore-file"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_folder_that_cannot_be_taken_leaves_nothing(
    registry: Registry, model: Path, blobs: Callable[[], list[str]], what: str
) -> None:
    make, code = BAD[what]
    make(model)
    before = look(registry)
    with pytest.raises(InvalidError) as caught:
        registry.versions.register("demo/tau/toy:V1", model)
    assert caught.value.code == code
    assert look(registry) == before
    assert blobs() == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
@pytest.mark.parametrize("what", ["labels.txt", "1"])
def test_what_cannot_be_read_is_refused_with_its_name(registry: Registry, model: Path, what: str) -> None:
    (model / what).chmod(0)
    before = look(registry)
    try:
        with pytest.raises(DeniedError) as caught:
            registry.versions.register("demo/tau/toy:V1", model)
    finally:
        (model / what).chmod(0o700)
    assert what in caught.value.message
    assert look(registry) == before


@pytest.mark.parametrize(
    ("reference", "more", "error"),
    [
        ("demo/tau/toy:V1", {"datasets": ["toys"]}, InvalidError),
        ("demo/tau/toy:V1", {"datasets": ["sha256:" + "0" * 64]}, MissingError),
        ("demo/tau/toy:V1", {"parent": "demo/tau/none:V1"}, MissingError),
        ("demo/tau/toy:V1", {"activity": {"kind": "Training", "status": "finished"}}, InvalidError),
        ("demo/tau/toy:V1", {"activity": {"kind": "training", "status": "finished", "started": "today"}}, InvalidError),
        ("demo/tau/toy:V1", {"description": {"licence": "none of your business"}}, InvalidError),
        ("demo/tau/toy:V1", {"profile": {"step": "lunch"}}, InvalidError),
        ("demo/tau/toy@3", {}, InvalidError),
        ("demo/tau/toy@production", {}, InvalidError),
        ("sha256:" + "0" * 64, {}, InvalidError),
        ("toy", {}, InvalidError),
    ],
)
def test_what_is_wrong_with_the_words_is_said_before_any_byte_is_stored(
    registry: Registry,
    model: Path,
    blobs: Callable[[], list[str]],
    reference: str,
    more: dict[str, object],
    error: type[HerdbookError],
) -> None:
    before = look(registry)
    with pytest.raises(error):
        registry.versions.register(reference, model, **more)  # type: ignore[arg-type]  # that is the mistake
    assert look(registry) == before
    assert blobs() == []


def test_a_missing_path_and_an_empty_folder_say_so(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "ignored").mkdir()
    (tmp_path / "ignored" / ".DS_Store").write_bytes(b"\0")
    before = look(registry)
    with pytest.raises(MissingError):
        registry.versions.register("demo/tau/toy:V1", tmp_path / "none")
    for name in ("empty", "ignored"):
        with pytest.raises(InvalidError) as caught:
            registry.versions.register("demo/tau/toy:V1", tmp_path / name)
        assert caught.value.code == "no-files"
    assert look(registry) == before


@pytest.mark.parametrize("path", ["../a", "a/../../b", "/etc/passwd", "a//b", "a/./b", "", "a\0b"])
def test_a_version_built_by_hand_has_no_path_that_leaves(path: str) -> None:
    with pytest.raises(InvalidError):
        Version.of([File(path=path, digest="md5:" + "0" * 32)])


@pytest.fixture
def changing(model: Path) -> Iterator[Path]:
    """Yield a file that somebody keeps writing to."""
    path = model / "1" / "model.bin"
    path.write_bytes(binary("weights") * 200_000)
    stop = threading.Event()

    def write() -> None:
        with path.open("r+b") as file:
            while not stop.is_set():
                file.seek(0)
                file.write(os.urandom(16))
                file.flush()
                time.sleep(0.0005)

    thread = threading.Thread(target=write)
    thread.start()
    yield path
    stop.set()
    thread.join()


def test_a_file_that_changes_while_it_is_read_is_refused(
    registry: Registry, model: Path, changing: Path, blobs: Callable[[], list[str]]
) -> None:
    before = look(registry)
    with pytest.raises(ConflictError) as caught:
        registry.versions.register("demo/tau/toy:V1", model)
    assert caught.value.code == "changed-while-read"
    assert changing.name in caught.value.message
    assert look(registry) == before
    assert blobs() == []


def test_datasets_parent_and_activity_become_one_lineage(registry: Registry, model: Path) -> None:
    registry.versions.register("demo/tau/toy:V1", model, datasets=["local:toys", "cms-dbs:/QCD*/X/MINIAODSIM"])
    (model / "labels.txt").write_text("other\n")
    registry.versions.register(
        "demo/tau/toy:V2",
        model,
        parent="demo/tau/toy:V1",
        datasets=["local:toys"],
        activity={"kind": "fine-tuning", "status": "finished", "seeds": [{"name": "numpy", "text": "1"}]},
    )
    made = registry.versions.dossier("demo/tau/toy:V2").made_by
    assert [entry.activity.kind for entry in made] == ["fine-tuning"]
    assert [part.role for part in made[0].activity.inputs or ()] == ["train", "parent"]
    assert references(registry, "dataset = toys") == ["demo/tau/toy@1", "demo/tau/toy@2"]
    first = registry.versions.dossier("demo/tau/toy:V1").made_by[0].activity
    assert (first.kind, first.status) == ("training", "unknown")
    assert {part.selector is not None for part in first.inputs or ()} == {True, False}


def test_registering_a_folder_again_changes_nothing(registry: Registry, model: Path) -> None:
    more = {"datasets": ["local:toys"], "description": {"title": "T"}, "profile": {"title": "P"}}
    registry.versions.register("demo/tau/toy:V1", model, **more)  # type: ignore[arg-type]  # as its names say
    before = look(registry)
    answer = registry.versions.register("demo/tau/toy:V1", model, **more)  # type: ignore[arg-type]
    assert answer.outcome == "unchanged"
    assert look(registry) == before


def test_a_batch_manifest_registers_its_lines_or_names_the_bad_one(
    registry: Registry, model: Path, blobs: Callable[[], list[str]]
) -> None:
    good = [
        '{"reference": "demo/bins/one:V1", "path": "1", "datasets": ["local:toys"], "description": {"title": "One"}}',
        "",
        '{"reference": "demo/bins/two:V1", "paths": ["labels.txt", "1"], "profile": {"step": "control"}}',
    ]
    before = look(registry)
    for bad, told in (
        ("{", "not JSON"),
        ('{"reference": "demo/x/y:V1"}', "`path`"),
        ('{"reference": "demo/x/y:V1", "path": "none"}', "not there"),
        ('{"reference": "demo/x/y:V1", "path": "1", "colour": 1}', "colour"),
        ('{"reference": "demo/x/y@1", "path": "1"}', "registered under"),
        ('{"reference": "demo/x/y:V1", "path": "1", "parent": "demo/x/none:V1"}', "demo/x/none"),
        ('{"reference": 5, "path": "1"}', "reference"),
        ('{"reference": "demo/x/y:V1", "path": 5}', "path"),
        ('{"reference": "demo/x/y:V1", "path": "1", "datasets": "local:toys"}', "datasets"),
    ):
        with pytest.raises(HerdbookError) as caught:
            batches.register(registry, [*good, bad], base=str(model))
        assert "line 4" in caught.value.message, bad
        assert told in caught.value.message, bad
        assert look(registry) == before
        assert blobs() == []
    answers = batches.register(registry, good, base=str(model))
    assert [answer.reference for answer in answers] == ["demo/bins/one:V1", "demo/bins/two:V1"]
    assert len({answer.event for answer in answers}) == 1
    with pytest.raises(InvalidError):
        batches.register(registry, ["", " "])


def test_a_stream_that_fails_leaves_no_bytes(registry: Registry, blobs: Callable[[], list[str]]) -> None:
    class Failing(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, _: object, /) -> int:
            raise OSError(5, "Input/output error")

    with pytest.raises((OSError, HerdbookError)):
        registry.files.put(io.BufferedReader(Failing()))
    assert blobs() == []
