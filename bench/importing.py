"""Importing git repositories with all their history, beside `git cat-file --batch | openssl dgst -sha256`."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import herdbook

PACK = Path(os.environ.get("HERDBOOK_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")) / "systems"
AIM = 5.0
ROUNDS = 3


def run(quick: bool) -> list[dict[str, Any]]:
    """Return the rows of the table."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        rows = _real(work) if PACK.is_dir() else []
        rows += _ten_times(work, 70 if quick else 700)
        rows += _linear(work, 500 if quick else 5_000)
        return rows + _memory(work, 40 if quick else 400)


def _real(work: Path) -> list[dict[str, Any]]:
    with tarfile.open(PACK / "RecoTauTag-TrainingFiles.git.tar") as tar:
        tar.extractall(work, filter="data")
    bundle = PACK / "L1Trigger-Phase2L1ParticleFlow.bundle"
    bare = work / "l1.git"
    subprocess.run(["git", "clone", "-q", "--bare", bundle, bare], check=True, capture_output=True)
    places = [work / "RecoTauTag-TrainingFiles.git", bundle]
    peer = min(sum(_peer([work / "RecoTauTag-TrainingFiles.git", bare])) for _ in range(ROUNDS))
    once, again = _ours(work, places)
    rows = [_row("both systems, all history, warm process", once, peer)]
    rows.append(
        {
            "what": "both systems again, nothing new, warm process",
            "ours": f"{again:.3f} s",
            "aim": "< 1 s",
            "met": again < 1,
        }
    )
    return rows + _cold(work, places, peer)


def _row(what: str, ours: float, peer: float, note: str = "") -> dict[str, Any]:
    note = note or "ours: written, synced, four digests, registered with what is said; theirs: read, one digest"
    return {
        "what": what,
        "ours": f"{ours:.2f} s",
        "peer": f"git cat-file, openssl: {peer:.2f} s",
        "ratio": ours / peer,
        "aim": f"≤ {AIM:.0f} ×",
        "met": ours / peer <= AIM,
        "note": note,
    }


def _peer(places: list[Path]) -> Iterator[float]:
    for place in places:
        listed = [
            "git",
            "-C",
            str(place),
            "cat-file",
            "--batch-all-objects",
            "--batch-check=%(objecttype) %(objectname)",
        ]
        told = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.splitlines()
        wanted = "".join(line.split()[1] + "\n" for line in told if line.startswith("blob"))
        begun = time.perf_counter()
        read = subprocess.Popen(
            ["git", "-C", str(place), "cat-file", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        dgst = subprocess.Popen(["openssl", "dgst", "-sha256"], stdin=read.stdout, stdout=subprocess.DEVNULL)
        assert read.stdin is not None
        read.stdin.write(wanted.encode())
        read.stdin.close()
        assert dgst.wait() == 0
        assert read.wait() == 0
        yield time.perf_counter() - begun


def _import(registry: herdbook.Registry, place: Path) -> None:
    from herdbook.bootstrap.importers import load_rules, open_source
    from herdbook.service import importing, plans

    source = open_source(str(place), kind="git")
    try:
        rules = load_rules(None, source.name, "git", namespace="cms")
        if importing.unchanged(registry, source, rules) is not None:
            return
        drafts = source.drafts(rules)
        importing.apply(registry, source, drafts, plans.make(drafts))
    finally:
        source.close()


def _ours(work: Path, places: list[Path]) -> tuple[float, float]:
    """Return seconds of a first and of a second run, in a process that did it once already."""
    once: list[float] = []
    again: list[float] = []
    for turn in range(ROUNDS + 1):
        with herdbook.open(str(work / f"registry-{places[0].name}-{turn}")) as registry:
            registry.versions.register("warm/up", __file__)  # from then on its readers run, too
            for spent in (once, again):
                spent.append(sum(_timed(partial(_import, registry, place)) for place in places))
    return min(once[1:]), min(again[1:])


def _timed(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def _cold(work: Path, places: list[Path], peer: float) -> list[dict[str, Any]]:
    env = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    env["HERDBOOK_REGISTRY"] = str(work / "cold")
    rows = []
    for what in ("both systems, two commands, cold start", "both systems again, two commands, cold start"):
        spent = 0.0
        for place in places:
            argv = [str(Path(sys.executable).parent / "herdbook"), "import", "git", str(place), "--apply"]
            spent += _timed(lambda: subprocess.run(argv, env=env, check=True, capture_output=True))  # noqa: B023 - at once
        rows.append({"what": what, "ours": f"{spent:.2f} s", "ratio": spent / peer, "note": "no aim: told apart"})
    return rows


def _ten_times(work: Path, files: int) -> list[dict[str, Any]]:
    """Ten times the real systems: blobs of 0.4 MB, ten a commit, a tag every five commits."""
    place = work / "ten.git"
    draw = random.Random(1)
    _fast_import(
        place, (([(f"m{n % 350}/net_v{n // 350}.onnx", draw.randbytes(400_000))], n % 50 == 0) for n in range(files))
    )
    peer = min(sum(_peer([place])) for _ in range(2))
    once, again = _ours(work, [place])
    what = f"generated: {files} blobs of 0.4 MB, {files} commits, warm process"
    return [
        _row(what, once, peer),
        {"what": "the same again, nothing new", "ours": f"{again:.3f} s", "aim": "< 1 s", "met": again < 1},
    ]


def _linear(work: Path, models: int) -> list[dict[str, Any]]:
    """N and 2 N models of 1 kB, a tenth as many commits and tags."""
    spent = []
    for size in (models, 2 * models):
        place = work / f"linear-{size}.git"
        draw = random.Random(2)
        step = 10
        batches = (
            ([(f"d{n // 100}/m{n}/net_v1.onnx", draw.randbytes(1000)) for n in range(at, at + step)], True)
            for at in range(0, size, step)
        )
        _fast_import(place, batches)
        with herdbook.open(str(work / f"linear-{size}")) as registry:
            spent.append(_timed(lambda: _import(registry, place)))  # noqa: B023 - called at once
    ratio = spent[1] / spent[0]
    return [
        {
            "what": f"generated: {2 * models} models, {2 * models // 10} tags",
            "ours": f"{spent[1]:.1f} s",
            "peer": f"half as many: {spent[0]:.1f} s",
            "ratio": ratio,
            "aim": "linear: ≤ 2.4 ×",
            "met": ratio <= 2.4,
        }
    ]


def _memory(work: Path, megabytes: int) -> list[dict[str, Any]]:
    """Peak memory of an import with one large blob, less that of one with a blob of 1 MB."""
    peaks = []
    for size in (1, megabytes):
        place = work / f"large-{size}.git"
        _fast_import(place, [([("net_v1.onnx", random.Random(3).randbytes(10**6) * size)], True)])
        code = (
            "import sys, herdbook\nfrom pathlib import Path\nfrom bench.importing import _import\n"
            "with herdbook.open(sys.argv[2]) as registry: _import(registry, Path(sys.argv[1]))\n"
            # Not ru_maxrss, which counts what the parent had when it forked.
            "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
        )
        argv = [sys.executable, "-c", code, str(place), str(work / f"large-{size}")]
        peaks.append(int(subprocess.run(argv, check=True, capture_output=True, text=True).stdout) / 1024)
    more = peaks[1] - peaks[0]
    return [
        {
            "what": f"peak memory, one blob of {megabytes} MB",
            "ours": f"{peaks[1]:.0f} MB",
            "peer": f"blob of 1 MB: {peaks[0]:.0f} MB",
            "aim": "flat: < 50 MB more",
            "met": more < 50,
        }
    ]


def _fast_import(place: Path, commits: Any) -> None:  # noqa: ANN401 - any iterable of (files, tagged)
    subprocess.run(["git", "init", "-q", "--bare", str(place)], check=True)
    feed = subprocess.Popen(["git", "-C", str(place), "fast-import", "--quiet"], stdin=subprocess.PIPE)
    assert feed.stdin is not None
    out = feed.stdin
    for count, (files, tagged) in enumerate(commits, 1):
        said = f"change {count}".encode()
        out.write(
            b"commit refs/heads/master\nmark :%d\ncommitter A <a@example.org> %d +0000\n" % (count, 10**9 + count)
        )
        out.write(b"data %d\n%s\n" % (len(said), said))
        out.write(b"from :%d\n" % (count - 1) if count > 1 else b"")
        for path, data in files:
            out.write(b"M 100644 inline %s\ndata %d\n" % (path.encode(), len(data)))
            out.write(data)
            out.write(b"\n")
        if tagged:
            out.write(b"reset refs/tags/V%05d\nfrom :%d\n\n" % (count, count))
    out.close()
    assert feed.wait() == 0
