"""Hostile sources through the whole importer, at the prompt: survived with findings or refused; nothing is executed."""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys
import time
import unicodedata
import zlib
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

import herdbook
from herdbook.apps.cli.main import cli
from herdbook.bootstrap.open import open_admin
from herdbook.testing.repositories import FILE, FOLDER, LINK, Content, Link, Repository, Submodule

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # tests are no package that is installed
from tests.story.growing import bring, entries, rules, rules_file

PEAK = """
import sys
from pathlib import Path
from herdbook.apps.cli.main import run
try:
    run()
finally:
    status = Path("/proc/self/status")  # of this program; getrusage also counts what was before it in its process
    lines = status.read_text().splitlines() if status.exists() else []
    peak = [int(line.split()[1]) for line in lines if line.startswith("VmHWM")] or [0]
    print("peak", peak[0] // 1024, file=sys.stderr)
"""
"""Runs the command and tells how many MiB it had at most."""
NASTY = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp.\u2066\x7f\r"


@dataclass(frozen=True)
class Done:
    """What a run of the command gave."""

    status: int
    told: bytes


def herd(folder: Path, *words: str) -> Done:
    """Run the command in this process, on the registry in a folder."""
    result = CliRunner().invoke(cli, ["--registry", str(folder / "registry"), *words], prog_name="herdbook")
    return Done(result.exit_code, result.stdout_bytes + result.stderr_bytes)


def measured(folder: Path, *words: str) -> tuple[Done, int]:
    """Run the command as a process of its own; return its most memory in MiB, too."""
    argv = [sys.executable, "-c", PEAK, "--registry", str(folder / "registry"), *words]
    done = subprocess.run(argv, capture_output=True, check=False, timeout=120, stdin=subprocess.DEVNULL)
    told, _, peak = done.stderr.rpartition(b"peak ")
    return Done(done.returncode, done.stdout + told), int(peak)


def raw(text: bytes) -> list[str]:
    """Return what steers a terminal or reverses its writing, and what is no UTF-8."""
    told = text.decode("utf-8", "surrogateescape")
    return [char for char in told if char not in "\n\t" and unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co"}]


def clean(done: Done, status: int = 0) -> bytes:
    assert done.status == status, done.told.decode(errors="replace")
    assert raw(done.told) == []
    assert b"Traceback" not in done.told
    return done.told


@pytest.fixture
def zoo(tmp_path: Path) -> Repository:
    """Return a repository whose every name and text is meant to hurt, with a good network among them."""
    repository = Repository(tmp_path / "zoo.git")
    blob = repository.put("blob", b"weights")
    link = repository.put("blob", b"../../../../etc/passwd")
    self_link = repository.put("blob", b"loop.onnx")
    inner = repository.tree([(FILE, b"..", blob), (FILE, b"net.onnx", blob), (LINK, b"out.onnx", link)])
    names = [b"..", b".", b".git", b"a/../../b.onnx", b"/etc/passwd", b"", b"\xff\xfe.onnx", b"C:\\x.onnx"]
    names += [NASTY.encode() + b".onnx", b"new\nline.onnx", b"\xc3\x28.pb", b"x" * 300 + b".onnx", b"CON", b"-rf.onnx"]
    files = [(FILE, name, repository.put("blob", b"weights of %d" % number)) for number, name in enumerate(names)]
    tree = repository.tree(
        [
            *files,
            (FILE, b"good.onnx", repository.put("blob", b"good")),
            (FOLDER, b"deep", inner),
            (FOLDER, NASTY.encode(), inner),
            (LINK, b"loop.onnx", self_link),
            (LINK, b"to-deep", repository.put("blob", b"deep")),
            (0o160000, b"module", "1" * 40),
            (0o100666, b"odd-mode.onnx", blob),
        ]
    )
    message = f"{NASTY}\0 Remove the bug, training hash {'ab' * 16}".encode() + b"\xff"
    first = repository.commit({}, message, tree=tree, author=f"{NASTY} <{NASTY}@x>".encode().replace(b"\r", b""))
    repository.tag("V1\u202e\u2066", first)
    readme = f"# {NASTY}\n\n| dataset |\n|---|\n| /A{NASTY}/B/C |\n".encode()
    repository.commit(
        {"good.onnx": b"better", "README.md": readme, "cycle": Link("cycle/x"), "sub": Submodule("2" * 40)}, tree=tree
    )
    repository.pack_refs([(f"refs/tags/{NASTY}".replace("\r", ""), first), ("refs/heads/../../x", first)])
    repository.write("info/grafts", f"{first}\n".encode())
    repository.write(f"refs/replace/{first}", first.encode())
    return repository


def test_nothing_that_a_source_says_steers_a_terminal_or_leaves_its_folder(zoo: Repository, tmp_path: Path) -> None:
    before = {path for path in tmp_path.rglob("*") if "registry" not in path.parts}
    source = [str(zoo.folder), "--name", f"toy/zoo{NASTY}"]
    by = ["--namespace", "toy"]
    clean(herd(tmp_path, "init", "--namespace", "toy"))
    plan, report = str(tmp_path / "plan.yaml"), str(tmp_path / "report.md")
    clean(herd(tmp_path, "import", "git", *source, *by))
    clean(herd(tmp_path, "import", "git", *source, *by, "--plan", plan))
    told = clean(herd(tmp_path, "import", "git", *source, *by, "--plan", plan, "--apply", "--report", report))
    assert b"good" in clean(herd(tmp_path, "list")) + told
    assert raw(Path(plan).read_bytes()) + raw(Path(report).read_bytes()) == []
    for words in (["status"], ["verify"], ["survey"]):
        given = [str(zoo.folder)] if words == ["survey"] else [*source, *by]
        clean(herd(tmp_path, "import", *words, *given))
    for words in (
        ["list"],
        ["import", "list"],
        ["--json", "import", "list"],
        ["--quiet", "list"],
        ["journal", "log", "toy"],
    ):
        clean(herd(tmp_path, *words))
    with herdbook.open(str(tmp_path / "registry"), read_only=True) as registry:
        found = entries(registry)
        batch = registry.imports.list("toy")[0].batch
    assert any(entry.version.files[0].path == "good.onnx" for entry in found)
    assert {part for entry in found for file in entry.version.files for part in file.path.split("/")} & {
        "..",
        ".git",
        "",
    } == set()
    clean(herd(tmp_path, "import", "show", batch))
    for entry in found:
        assert raw(entry.reference.encode()) == []
    for entry in found[:3]:
        clean(herd(tmp_path, "show", entry.reference))
    clean(herd(tmp_path, "import", "undo", batch, "--reason", "hostile", "--yes"))
    after = {path for path in tmp_path.rglob("*") if "registry" not in path.parts}
    assert after - before == {Path(plan), Path(report)}
    admin = open_admin(str(tmp_path / "registry"))
    assert admin.doctor().sound
    admin.close()


def gigantic(repository: Repository, size: int) -> str:
    """Put a loose blob of zeros, of megabytes that compress to nothing; return its id."""
    packer, head = zlib.compressobj(1), b"blob %d\0" % (size * 2**20)
    digest, body = hashlib.sha1(head, usedforsecurity=False), [packer.compress(head)]
    for _ in range(size):
        digest.update(bytes(2**20))
        body.append(packer.compress(bytes(2**20)))
    name = digest.hexdigest()
    repository.write(f"objects/{name[:2]}/{name[2:]}", b"".join(body) + packer.flush())
    return name


def nested(repository: Repository, path: str, blob: str) -> str:
    """Return a tree with one file at a path."""
    *folders, name = path.encode().split(b"/")
    tree = repository.tree([(FILE, name, blob)])
    for folder in reversed(folders):
        tree = repository.tree([(FOLDER, folder, tree)])
    return tree


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "path",
    [
        "served/fat/README.md",
        *(pytest.param(path, marks=SLOW) for path in ("README.md", "nets/a_v1.pb", "x/config.pbtxt")),
    ],
)
def test_a_file_of_hundreds_of_megabytes_needs_no_memory(tmp_path: Path, path: str) -> None:
    repository = Repository(tmp_path / "nets.git")
    tree = nested(repository, path, gigantic(repository, 300))
    repository.tag("T1", repository.commit({"served/fat/1/small.onnx": b"small"}, tree=tree))
    by = ["--name", "toy/Nets", "--rules", str(rules_file(tmp_path))]
    done, peak = measured(tmp_path, "import", "git", str(repository.folder), *by, "--apply")
    clean(done)
    assert peak < 150
    done, peak = measured(tmp_path, "import", "verify", str(repository.folder), *by)
    clean(done)
    assert peak < 150


@pytest.mark.parametrize("claimed", [b"blob 6\0", b"blob 99999999999999\0", b"blob 0\0"])
def test_a_bomb_with_a_lying_head_is_refused_before_it_is_unpacked(tmp_path: Path, claimed: bytes) -> None:
    repository = Repository(tmp_path / "nets.git")
    bomb = zlib.compress(claimed + bytes(200 * 2**20), 9)
    name = hashlib.sha1(claimed, usedforsecurity=False).hexdigest()
    repository.write(f"objects/{name[:2]}/{name[2:]}", bomb)
    repository.tag("T1", repository.commit({"nets/b_v1.pb": b"good"}, tree=nested(repository, "nets/a_v1.pb", name)))
    by = ["--name", "toy/Nets", "--rules", str(rules_file(tmp_path))]
    done, peak = measured(tmp_path, "--json", "import", "git", str(repository.folder), *by, "--apply")
    clean(done, 7)
    assert peak < 150
    with herdbook.open(str(tmp_path / "registry")) as registry:
        assert registry.namespaces.list() == []


class Bomb:
    """Unpickled, it makes a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.marker,)


def test_models_and_settings_that_would_run_something_are_files_like_others(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    repository = Repository(tmp_path / "work", bare=False)
    touch = f"touch {marker}"
    bomb = pickle.dumps(Bomb(marker))
    lines = b"".join(
        b"a%d: &a%d [%s]\n" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 9 if n else [b"lol"] * 9)) for n in range(12)
    )
    entity = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd"><!ENTITY b "&a;">]><MethodSetup>&b;</MethodSetup>'
    billion = (
        b"<!DOCTYPE x ["
        + b"".join(b'<!ENTITY e%d "%s">' % (n, b"&e%d;" % (n - 1) * 10) for n in range(1, 12))
        + b"]><MethodSetup>&e11;</MethodSetup>"
    )
    files = {
        "nets/a_v1.pkl": bomb, "nets/b_v1.pt": bomb, "nets/c_v1.joblib": bomb, "nets/d_v1.h5": bomb,
        "nets/e_v1.pb": bomb, "nets/f_v1/weights.xml": entity, "nets/g_v1/weights.xml": billion, "nets/h_v1.npy": bomb,
        "conf/training.yaml": lines + b"x: !!python/object/apply:os.system ['" + touch.encode() + b"']\n",
        ".gitattributes": b"* filter=evil\n", "nets/config.pbtxt": b"x {" * 10_000,
    }  # fmt: skip
    repository.write(
        "config",
        f'[core]\n\tfsmonitor = {touch}\n\tsshCommand = {touch}\n[filter "evil"]\n\tsmudge = {touch}\n'.encode(),
    )
    for hook in ("post-checkout", "reference-transaction"):
        repository.write(f"hooks/{hook}", f"#!/bin/sh\n{touch}\n".encode())
        (repository.folder / "hooks" / hook).chmod(0o755)
    repository.tag("T1", repository.commit(files))
    extra = {
        "lists": [
            {
                "id": "conf",
                "paths": [r"conf/.*\.yaml"],
                "what": "training-config",
                "name": "{path}",
                "activity": {"kind": "training", "status": "unknown"},
            }
        ]
    }
    for by in (["--namespace", "toy"], ["--rules", str(rules_file(tmp_path, fallback=True, **extra))]):
        done, peak = measured(
            tmp_path, "--json", "import", "git", str(tmp_path / "work"), "--name", "toy/Nets", *by, "--apply"
        )
        clean(done)
        assert peak < 150
        assert b"root:" not in done.told
        assert not marker.exists()
    with herdbook.open(str(tmp_path / "registry")) as registry:
        assert len(entries(registry)) >= 8


@pytest.mark.parametrize(
    "settings", ["[extensions]\n\tobjectformat = sha256\n", "[extensions]\n\trefStorage = reftable\n"]
)
def test_a_repository_that_is_not_read_says_so_at_the_prompt(tmp_path: Path, settings: str) -> None:
    repository = Repository(tmp_path / "nets.git")
    repository.commit({"nets/a_v1.pb": b"1"})
    repository.write("config", b"[core]\n\trepositoryformatversion = 1\n" + settings.encode())
    done = herd(tmp_path, "import", "git", str(repository.folder), "--namespace", "toy", "--apply")
    assert done.status not in {0, 70}
    assert settings.partition("= ")[2].strip() in done.told.decode().lower().replace("-", "")
    assert not (tmp_path / "registry" / "catalogue.sqlite").exists() or b"toy" not in herd(tmp_path, "list").told


def test_links_in_circles_and_a_cut_history_are_told(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "nets.git")
    first = repository.commit({"nets/a_v1.pb": b"0"})
    tree: dict[str, Content | None] = {
        "nets/a_v1.pb": b"1",
        "a": Link("b"),
        "b": Link("a"),
        "nets/up": Link("../.."),
        "me": Link("me/me"),
        "gone": Link("nowhere"),
    }
    second = repository.commit(tree, parents=[first])
    repository.tag("T1", second)
    repository.drop(first)
    repository.write("shallow", second.encode() + b"\n")
    with herdbook.open(str(tmp_path / "registry")) as registry:
        report = bring(registry, repository, rules())
        assert (report.outcome, report.new) == ("applied", 1)
        assert {finding.code for finding in report.findings} >= {"link-cycle", "link-dangling", "link-out", "shallow"}


@pytest.mark.parametrize("count", [10_000, pytest.param(100_000, marks=SLOW)])
def test_very_many_tags_are_imported_in_seconds_and_asked_for(tmp_path: Path, count: int) -> None:
    repository = Repository(tmp_path / "nets.git")
    commits = [repository.commit({"nets/a_v1.pb": b"%d" % number}) for number in range(4)]
    repository.pack_refs((f"refs/tags/T{number:06}", commits[number * 4 // count]) for number in range(count))
    began = time.process_time()
    with herdbook.open(str(tmp_path / "registry")) as registry:
        assert bring(registry, repository, rules()).new == 4
        found = registry.identities.find("cms-fileinpath:Reco/Nets/data/nets/a_v1.pb", tag=f"T{count * 3 // 8:06}")
        assert [(each.reference, len(each.tags)) for each in found] == [(f"toy/nets/a:v1_T{count // 4:06}", count // 4)]
    assert time.process_time() - began < 5 + count / 5000
