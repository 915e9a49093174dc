# ruff: noqa: ANN401, BLE001, D101, D102, D103, E401, I001, INP001 - one script to copy; JSON of another shape raises anything
"""Verify a Herdbook bundle, a folder or a plain tar of it, as bundle.md says; a line on stderr for each problem."""

import argparse, json, sys, tarfile
from collections.abc import Iterator
from contextlib import nullcontext
from decimal import Decimal
from functools import partial
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any


def canonical(value: Any) -> str:
    if isinstance(value, (str, bool)):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return "{" + ",".join(canonical(key) + ":" + canonical(value[key]) for key in keys) + "}"
    number = Decimal(repr(value)).normalize()  # repr gives the shortest digits, as ECMAScript asks; null raises
    plain = Decimal("1e-6") <= abs(number) < Decimal("1e21")
    if plain and number % 1 == 0 and abs(number) >= 2**53:
        raise ValueError("an integer beyond 2^53 - 1")
    return format(number, "f" if plain else "e") if number else "0"


def parse(data: bytes) -> Any:
    value = json.loads(data.decode(), parse_constant=int)  # int refuses NaN and Infinity
    if not value["schema"] or canonical(value).encode() != data:
        raise ValueError("not canonical JSON with a schema")
    return value


class Journal:
    def __init__(self, entry: dict[str, Any]) -> None:
        self.id, self.name, self.whole = entry["journal"], entry["namespace"], entry["first"] == 1
        self.seq, self.head, self.time, self.end = entry["first"] - 1, "", "", (entry["last"], entry["head"])
        self.bodies, self.purged, self.ordinals, self.state = set[str](), set[str](), dict[str, int](), dict[str, str]()

    def take(self, line: bytes) -> Iterator[tuple[bool, str]]:
        data, prev, time, genesis = line.removesuffix(b"\n"), self.head, self.time, self.seq == 0
        self.head, self.seq = f"sha256:{sha256(data).hexdigest()}", self.seq + 1
        yield data != line, "the line is cut, or longer than 32 MiB"
        event = parse(data)
        ops, self.time, own = event["ops"], event["time"].removesuffix("Z"), f"{self.name}/"
        yield event["schema"] == "herdbook/event/1" and event["seq"] == self.seq, "not the next event"
        yield event.get("journal", self.head) == self.id and ("journal" in event) != genesis, "of another journal"
        yield ("prev" in event) != genesis and prev in ("", event.get("prev")), "prev is not the event before"
        yield self.time >= time, "the time goes back"
        yield [op["namespace"] for op in ops if op["op"] == "genesis"] == [self.name] * genesis, "no such genesis"
        for kind, op in ((op["op"], op) for op in ops):
            self.bodies.update(op[key] for key in ("to", "reason", "record") if key in op)
            if kind in ("record", "statement"):
                self.bodies.add(op["digest"])
                self.state[f"{kind} {op['digest']}"] = ""
            elif kind == "version":
                model, ordinal = op["model"], op["ordinal"]
                before, self.ordinals[model] = self.ordinals.get(model, 0 if self.whole else ordinal - 1), ordinal
                yield ordinal == before + 1, f"{model}@{ordinal} comes after @{before}"
                yield model.startswith(own), f"{model} lies in another namespace"
                self.state[f"version {model} {ordinal}"] = f" {op['record']}"
            elif kind == "point":
                pointer, was, to = f"point {op['pointer']}", op.get("from", "-"), op.get("to", "-")
                at = self.state.get(pointer, " -" if self.whole else f" {was}").split()[0]
                yield at == was and f":{own}" in pointer, f"{pointer} was at {at} and not at {was}, or lies elsewhere"
                yield "-" in (was, to) or not pointer.startswith("point label:"), f"{pointer} is set twice"
                self.state[pointer] = f" {to} {self.seq}"
            elif kind in ("purge", "unpurge"):
                (self.purged.add if kind == "purge" else self.purged.discard)(op["digest"])
            else:
                yield kind in ("genesis", "batch"), f"the operation {kind} is unknown"


def members(top: Path, tar: Any) -> Iterator[tuple[str, Any]]:
    for item in tar or ():
        inside = not item.name.startswith("/") and ".." not in item.name.split("/")
        if not inside or not item.isdir():
            yield item.name.removeprefix("./"), partial(tar.extractfile, item) if inside and item.isreg() else None
    for item in () if tar else top.rglob("*"):
        plain = item.is_file() and not item.is_symlink()
        if plain or not item.is_dir() or item.is_symlink():
            yield item.relative_to(top).as_posix(), partial(item.open, "rb") if plain else None


def blobs_of(body: dict[str, Any]) -> set[tuple[str, int | None]]:
    parts = [body, *body.get("inputs", ()), *body.get("outputs", ()), body.get("environment", {}), body.get("code", {})]
    kind = (body.get("type"), "file" in body.get("subject", [{}])[0])
    parts += [body["body"]] if kind in {("herdbook/ext-schema/1", False), ("herdbook/resolves/1", True)} else []
    keys = ("blob", "by", "diff", "history", "manifest")
    found = {(part[key], None) for part in parts for key in keys if key in part}
    return found | {(file["digest"], file["size"]) for file in body.get("files", ()) if file["digest"][:7] == "sha256:"}


def verify(path: Path, tar: Any, expected: set[str]) -> Iterator[str]:
    files, blobs = dict[str, Any](), set[tuple[str, int | None]]()
    for name, opened in members(path, tar):
        if not opened or files.setdefault(name, opened) is not opened:
            yield f"{name}: there twice, no plain file, or outside the bundle"
    with files["herdbook-bundle.json"]() as stream:
        manifest = json.load(stream)
    yield from ["herdbook-bundle.json has another schema"] * (manifest["schema"] != "herdbook/bundle/1")
    journals, needed = [Journal(entry) for entry in manifest["journals"]], {"herdbook-bundle.json", "people.ndjson"}
    for journal in journals:
        needed.add(name := f"journals/{journal.name}.ndjson")
        with files[name]() as stream:
            while line := stream.readline(32 * 2**20 + 1):
                try:
                    yield from (f"{name}, event {journal.seq}: {text}" for good, text in journal.take(line) if not good)
                except Exception as error:
                    yield f"{name}, event {journal.seq}: {error!r}"
                expected.discard(f"{journal.id}:{journal.seq}:{journal.head}")
        yield from [f"{name} ends otherwise than the manifest says"] * ((journal.seq, journal.head) != journal.end)
        gone = journal.purged.union(manifest.setdefault("absent", []))
        for digest in sorted(journal.bodies - gone):
            needed.add(name := f"bodies/{digest[7:9]}/{digest[7:]}")
            try:
                with files[name]() as stream:
                    data = stream.read()
                yield from [f"{name}: other bytes"] * (sha256(data).hexdigest() != digest[7:])
                blobs |= {pair for pair in blobs_of(parse(data)) if pair[0] not in gone}
            except Exception as error:
                yield f"{name}: missing, or not canonical: {error!r}"
    for digest, size in sorted(blobs, key=str):
        needed.add(name := f"blobs/{digest[7:9]}/{digest[7:]}")
        with files.get(name, nullcontext)() as blob:
            if not blob or file_digest(blob, "sha256").hexdigest() != digest[7:] or size not in (None, blob.tell()):
                yield f"{name}: missing, or other bytes"
    yield from (f"{name}: does not belong here" for name in sorted(files.keys() - needed))
    yield from (f"checkpoint {text}: no such event; a cut tail, or another history" for text in sorted(expected))
    for journal in journals:
        lines = sorted([start + end for start, end in journal.state.items()] + [f"purge {x}" for x in journal.purged])
        state = "sha256:" + sha256("\n".join([*lines, ""]).encode()).hexdigest() if journal.whole else "unknown"
        part = "whole" if journal.whole and not manifest["absent"] else "part"
        sys.stdout.write(f"{journal.name!a} {journal.id}:{journal.seq}:{journal.head} state {state} {part}\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--expect", action="append", default=[], metavar="JOURNAL:SEQ:HEAD")
    options, problems = parser.parse_args(), 0
    try:
        with tarfile.open(options.path, "r:") if options.path.is_file() else nullcontext() as archive:
            for problem in verify(options.path, archive, set(options.expect)):
                problems += sys.stderr.write(f"{problem!a}\n")
    except Exception as error:
        sys.exit(f"cannot be verified: {error!r}")
    sys.exit(1 if problems else 0)
