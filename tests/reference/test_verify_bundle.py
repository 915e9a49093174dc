"""The stranger's script finds a sound bundle sound, and every tampering."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import rfc8785

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the tests are no package that is installed

from tests.reference.bundles import LABELS, MODEL, SCRIPT, Bundle, digest, genesis, place, refused, sound, story, verify

if TYPE_CHECKING:
    from collections.abc import Callable


NAME = "demo/tau/toy"


def test_the_script_is_short_and_stands_alone() -> None:
    text = SCRIPT.read_text("utf-8")
    assert len(text.splitlines()) <= 150
    imported = {
        (node.module or "").partition(".")[0] if isinstance(node, ast.ImportFrom) else node.names[0].name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert imported <= sys.stdlib_module_names


def test_a_sound_bundle_is_called_sound_and_named_by_checkpoint_and_state(tmp_path: Path) -> None:
    bundle = story()
    (label, alias), version = (f"label:{NAME}:v1.0", f"alias:{NAME}@production"), ""
    lines = [f"point label:{NAME}:v0.9 - 5"]
    for event in map(json.loads, bundle.events):
        for op in event["ops"]:
            if op["op"] in ("record", "statement"):
                lines.append(f"{op['op']} {op['digest']}")
            if op["op"] == "version":
                lines.append(f"version {NAME} {op['ordinal']} {op['record']}")
                version = version or op["record"]
    lines += [f"point {label} {version} 2", f"point {alias} {version} 3"]
    state = digest("".join(line + "\n" for line in sorted(lines)).encode())
    said = sound(bundle.write(tmp_path), "--expect", bundle.checkpoint)
    assert said == f"'demo' {bundle.checkpoint} state {state} whole\n"


def test_people_may_come_along_or_be_left_out(tmp_path: Path) -> None:
    bundle = story()
    said = sound(bundle.write(tmp_path))
    (tmp_path / "people.ndjson").write_text('{"id": "actor:0", "name": "somebody"}\n')
    assert sound(tmp_path) == said


def test_every_state_of_the_data_pack_s_vectors_is_reached(datapack: Path, tmp_path: Path) -> None:
    vectors = {row["name"]: row for row in json.loads((datapack / "expected" / "vectors.json").read_text())["vectors"]}
    bundle = Bundle()
    for row in vectors.values():
        if row["kind"] == "blob":
            assert bundle.blob(row["bytes"].encode()) == row["digest"]
        elif row["kind"] == "canonical" and not row["name"].startswith("event "):
            bundle.files[place("bodies", row["digest"])] = row["canonical"].encode()
    held = dict(bundle.files)
    for seq in range(1, 7):
        bundle.events.append(vectors[f"event {seq}"]["canonical"].encode())
        named = b"".join(bundle.events).decode()
        purged = {op["digest"] for line in bundle.events for op in json.loads(line)["ops"] if op["op"] == "purge"}
        bodies = {name: data for name, data in held.items() if name[10:] in named and digest(data) not in purged}
        texts = b"".join(bodies.values()).decode()
        blobs = {name: data for name, data in held.items() if name.startswith("blobs/") and name[9:] in texts}
        bundle.files = bodies | blobs
        folder = bundle.write(tmp_path / str(seq))
        said = sound(folder, "--expect", bundle.checkpoint)
        assert f"state {vectors[f'state after event {seq}']['digest']} whole" in said


# Each takes a sound bundle's folder and spoils it; the words must stand on stderr.


def _body(folder: Path, words: bytes) -> Path:
    return next(path for path in (folder / "bodies").rglob("*") if path.is_file() and words in path.read_bytes())


def _blob(folder: Path, data: bytes) -> Path:
    return folder / place("blobs", digest(data))


def _flip(path: Path, offset: int = 0) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)


def _journal(folder: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    path = folder / "journals" / "demo.ndjson"
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))


def _manifest(folder: Path, **change: Any) -> None:
    path = folder / "herdbook-bundle.json"
    manifest = json.loads(path.read_text())
    manifest["journals"][0] |= {key: value for key, value in change.items() if key in manifest["journals"][0]}
    manifest |= {key: value for key, value in change.items() if key in manifest}
    path.write_text(json.dumps(manifest))


def _swap(folder: Path) -> None:
    one, other = _body(folder, b"description"), _body(folder, b"note")
    kept = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(kept)


def _rename(folder: Path, kind: str, words: bytes, data: bytes) -> None:
    """Put other bytes in place, under the name that fits them: the journal still names the old."""
    _body(folder, words).unlink()
    path = folder / place(kind, digest(data))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


TAMPERED: dict[str, tuple[Callable[[Path], object], str]] = {
    "two bodies swapped": (_swap, "other bytes"),
    "a body flipped": (lambda at: _flip(_body(at, b"description"), 9), "other bytes"),
    "a body gone": (lambda at: _body(at, b"description").unlink(), "missing"),
    "a body cut": (lambda at: os.truncate(_body(at, b"version/1"), 10), "other bytes"),
    "a body replaced by another": (lambda at: _rename(at, "bodies", b"note", b"{}"), "does not belong here"),
    "a blob gone": (lambda at: _blob(at, MODEL).unlink(), "missing"),
    "a blob flipped": (lambda at: _flip(_blob(at, MODEL)), "other bytes"),
    "a blob longer": (lambda at: _blob(at, LABELS).write_bytes(LABELS + b"x"), "other bytes"),
    "the dataset's manifest gone": (lambda at: next(at.glob("blobs/*/*")).unlink(), "missing"),
    "a config gone": (lambda at: _blob(at, b"eta: 0.1\n").unlink(), "missing"),
    "a diff gone": (lambda at: _blob(at, b"--- a\n+++ b\n").unlink(), "missing"),
    "a lock gone": (lambda at: _blob(at, b"numpy==2.0\n").unlink(), "missing"),
    "a file that nothing names": (lambda at: (at / "notes.txt").write_text("x"), "does not belong here"),
    "a body that nothing names": (lambda at: (at / "bodies" / "x").write_text("x"), "does not belong here"),
    "a blob in the wrong folder": (lambda at: _blob(at, MODEL).rename(at / "blobs" / "x"), "does not belong here"),
    "a link": (lambda at: (at / "blobs" / "zz").symlink_to(at / "herdbook-bundle.json"), "no plain file"),
    "a link to a folder": (lambda at: (at / "more").symlink_to(at / "blobs"), "no plain file"),
    "a dangling link": (lambda at: (at / "more").symlink_to("nowhere"), "no plain file"),
    "a pipe": (lambda at: os.mkfifo(at / "blobs" / "pipe"), "no plain file"),
    "a byte of an event flipped": (lambda at: _flip(at / "journals" / "demo.ndjson", 300), "event"),
    "an event left out": (lambda at: _journal(at, lambda x: x[:1] + x[2:]), "prev is not the event before"),
    "two events exchanged": (lambda at: _journal(at, lambda x: [x[0], x[2], x[1], *x[3:]]), "not the next event"),
    "an event twice": (lambda at: _journal(at, lambda x: [*x, x[-1]]), "not the next event"),
    "an empty line": (lambda at: _journal(at, lambda x: [*x, b"\n"]), "event 6"),
    "the last line cut": (lambda at: _journal(at, lambda x: [*x[:-1], x[-1][:-9]]), "the line is cut"),
    "no line feed at the end": (lambda at: _journal(at, lambda x: [*x[:-1], x[-1][:-1]]), "the line is cut"),
    "the tail cut, the manifest not": (lambda at: _journal(at, lambda x: x[:-1]), "ends otherwise"),
    "spaces in an event": (lambda at: _journal(at, lambda x: [x[0].replace(b":", b": ", 1), *x[1:]]), "not canonical"),
    "another journal's name": (lambda at: _manifest(at, journal="sha256:" + "0" * 64), "of another journal"),
    "a part said to be whole": (lambda at: _journal(at, lambda x: x[2:]), "not the next event"),
    "another namespace": (lambda at: _manifest(at, namespace="other"), "cannot be verified"),
    "said to be absent, and here": (lambda at: _manifest(at, absent=[digest(MODEL)]), "does not belong here"),
    "a bundle of another schema": (lambda at: _manifest(at, schema="herdbook/bundle/2"), "another schema"),
    "no manifest": (lambda at: (at / "herdbook-bundle.json").unlink(), "cannot be verified"),
    "no journal": (lambda at: (at / "journals" / "demo.ndjson").unlink(), "cannot be verified"),
    "a manifest that is a list": (lambda at: (at / "herdbook-bundle.json").write_text("[]"), "cannot be verified"),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_tampering_shows(how: str, tmp_path: Path) -> None:
    spoil, words = TAMPERED[how]
    folder = story().write(tmp_path / "bundle")
    spoil(folder)
    refused(folder, words)


@pytest.mark.parametrize("seq", [1, 2, 3, 4, 5])
def test_a_tail_that_was_cut_cleanly_shows_against_a_checkpoint_alone(seq: int, tmp_path: Path) -> None:
    whole = story()
    assert "whole" in sound(whole.write(tmp_path / "whole"), "--expect", whole.checkpoint)
    cut = story()
    cut.events = cut.events[:seq]
    named = b"".join(cut.events).decode()
    cut.files = {name: data for name, data in cut.files.items() if name[10:] in named}
    texts = b"".join(cut.files.values()).decode()
    cut.files |= {name: data for name, data in whole.files.items() if name[:5] == "blobs" and name[9:] in texts}
    folder = cut.write(tmp_path / "cut")
    sound(folder)
    assert verify(folder, "--expect", whole.checkpoint).returncode == (0 if seq == 5 else 1)
    sound(tmp_path / "whole", "--expect", cut.checkpoint)  # a journal that went on since is no other history


@pytest.mark.parametrize("expect", ["x", "sha256:0:1:sha256:0", ""])
def test_a_checkpoint_that_is_none_is_not_met(expect: str, tmp_path: Path) -> None:
    done = verify(story().write(tmp_path), "--expect", expect)
    assert done.returncode == 1
    assert "no such event" in done.stderr


# Bundles whose bytes all fit, and whose author broke a rule of the journal.


def _said(*ops: dict[str, Any], **other: Any) -> Bundle:
    bundle = story()
    bundle.say(*ops, **other)
    return bundle


FIRST = json.loads(story().events[1])["ops"][4]["record"]
LABEL, ALIAS = {"pointer": f"label:{NAME}:v1.0"}, {"pointer": f"alias:{NAME}@production"}
MOVE, RANK = {"op": "point"}, {"op": "version", "model": NAME, "record": FIRST}
RULES: dict[str, tuple[Bundle, str]] = {
    "an ordinal is left out": (_said(RANK | {"ordinal": 4}), "@4 comes after @2"),
    "an ordinal is given twice": (_said(RANK | {"ordinal": 2}), "@2 comes after @2"),
    "a model begins at two": (_said(RANK | {"ordinal": 2, "model": "demo/other"}), "@2 comes after @0"),
    "a label moves": (_said(MOVE | LABEL | {"from": FIRST, "to": FIRST}), "set twice"),
    "a label is set again": (_said(MOVE | LABEL | {"to": FIRST}), "was at sha256:"),
    "an alias moves from where it was not": (
        _said(MOVE | ALIAS | {"from": digest(b""), "to": FIRST}),
        "was at sha256:",
    ),
    "a cleared pointer is cleared": (_said(MOVE | LABEL | {"from": FIRST}, MOVE | LABEL | {"from": FIRST}), "was at -"),
    "an operation is unknown": (_said({"op": "erase", "digest": FIRST}), "erase is unknown"),
    "an operation lacks a field": (_said({"op": "version", "model": NAME}), "KeyError"),
    "an operation is no object": (_said("genesis"), "event 6"),  # type: ignore[arg-type]  # that is the point
    "an event has a second genesis": (_said(genesis()), "no such genesis"),
    "the time goes back": (_said(MOVE | LABEL | {"from": FIRST}, time="2026-11-20T09:04:59.75Z"), "the time goes back"),
    "a model lies in another namespace": (
        _said({"op": "version", "model": "other/x/y", "ordinal": 1, "record": FIRST}),
        "lies in another namespace",
    ),
    "a label lies in another namespace": (_said(MOVE | {"pointer": "label:other/x/y:v1"}), "lies elsewhere"),
    "an event is of another schema": (_said(schema="herdbook/event/2"), "not the next event"),
    "an event is of another journal": (_said(journal=digest(b"")), "of another journal"),
    "what a pointer leads to is nowhere": (_said(MOVE | {"pointer": "profile:demo/x", "to": digest(b"")}), "missing"),
    "a body that an event names is nowhere": (_said({"op": "record", "digest": digest(b"")}), "missing"),
    "the note of a reason is nowhere": (_said(MOVE | LABEL | {"from": FIRST, "reason": digest(b"")}), "missing"),
}


@pytest.mark.parametrize("rule", RULES)
def test_a_broken_rule_of_the_journal_shows(rule: str, tmp_path: Path) -> None:
    bundle, words = RULES[rule]
    refused(bundle.write(tmp_path), words)


def test_times_are_compared_as_times_whatever_their_fraction(tmp_path: Path) -> None:
    bundle = story()
    for time in ("09:06:00Z", "09:06:00.25Z", "09:06:00.3Z", "09:06:01Z"):
        bundle.say({"op": "batch", "id": "0" * 32, "part": 1, "of": 1}, time="2026-11-20T" + time)
    sound(bundle.write(tmp_path))


def test_a_label_that_was_cleared_may_be_set_once_more(tmp_path: Path) -> None:
    sound(_said(MOVE | LABEL | {"from": FIRST}, MOVE | LABEL | {"to": FIRST}).write(tmp_path))


def test_a_size_that_contradicts_the_bytes_shows(tmp_path: Path) -> None:
    bundle = story()
    bundle.say({"op": "record", "digest": bundle.version(len(MODEL) + 1)})
    refused(bundle.write(tmp_path), "other bytes")


def test_the_genesis_decides_the_namespace(tmp_path: Path) -> None:
    bundle = Bundle()
    bundle.say(genesis("other"))
    refused(bundle.write(tmp_path), "no such genesis")


NOT_CANONICAL = [
    b'{"schema": "herdbook/note/1"}',
    b'{"schema":"x","a":1}',
    b'{"a":1.0,"schema":"x"}',
    b'{"a":1E3,"schema":"x"}',
    b'{"a":-0,"schema":"x"}',
    b'{"a":null,"schema":"x"}',
    b'{"a":NaN,"schema":"x"}',
    b'{"a":Infinity,"schema":"x"}',
    b'{"a":1e999,"schema":"x"}',
    b'{"a":9007199254740992,"schema":"x"}',
    b'{"a":100000000000000000000,"schema":"x"}',
    b'{"a":1e+20,"schema":"x"}',
    b'{"a":1,"a":1,"schema":"x"}',
    b'{"a":"\\u00e9","schema":"x"}',
    b'{"a":"\\ud800","schema":"x"}',
    b'{"a":"\xff","schema":"x"}',
    b'{"a":1}',
    b"[]",
    b"\xef\xbb\xbf{}",
    b'{"\xef\xac\xb3":2,"\xf0\x9f\x98\x80":1,"schema":"x"}',  # sorted by code points, not by UTF-16 units
    b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b',"schema":"x"}',
]


@pytest.mark.parametrize("data", NOT_CANONICAL, ids=[str(data[:40]) for data in NOT_CANONICAL])
def test_a_body_that_is_not_canonical_shows_though_its_digest_fits(data: bytes, tmp_path: Path) -> None:
    bundle = story()
    bundle.files[place("bodies", digest(data))] = data
    bundle.say({"op": "record", "digest": digest(data)})
    refused(bundle.write(tmp_path), "not canonical")


def test_a_name_in_a_bundle_cannot_write_lines_of_its_own_to_the_terminal(tmp_path: Path) -> None:
    folder = story().write(tmp_path)
    (folder / "x\nall is sound\x1b[2J").write_text("")
    said = refused(folder, "does not belong here")
    assert len(said.splitlines()) == 1
    assert "\x1b" not in said


CANONICAL = """
import json, runpy, sys
canonical = runpy.run_path(sys.argv[1])["canonical"]
print(json.dumps([canonical(value) for value in json.load(sys.stdin)]))
"""


def test_canonical_text_is_what_another_implementation_writes() -> None:
    values: list[Any] = [0.1, 1e21, 1e-6, 1e-7, 5e-324, 1.7976931348623157e308, -1.5, 123456789.125, 2**53 - 1]
    values += [4.35, 0.000001234, 333333333.3333332, 1e23, -(2**53) + 1, 0.0, 100, 1e15 + 0.3, [], {}, [True, False]]
    values += [
        "\u20ac$\u000f\nA'B\"\\/\x7f\u2028",
        {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "ö": 6},
    ]
    done = subprocess.run(
        [sys.executable, "-I", "-c", CANONICAL, str(SCRIPT)],
        input=json.dumps(values), capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == [rfc8785.dumps(value).decode() for value in values]
