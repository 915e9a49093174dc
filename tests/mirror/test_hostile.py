"""A source that lies or is broken gets a clear refusal, and nothing wrong is written."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

import pytest
from tests.admin.registries import ANNA, NAME, Place
from tests.mirror.sources import Change, Seen, rewritten

from herdbook.kernel import canonical, digests
from herdbook.kernel.errors import ConflictError, CorruptError, HerdbookError
from herdbook.model.journal import Checkpoint

if TYPE_CHECKING:
    from tests.admin.conftest import Open

Lines = list[bytes]


class Nobody:
    """Knows no names."""

    def list(self) -> list[Any]:
        return []


class Forger:
    """A registry that offers one journal, made by hand: whatever events, over bodies and blobs that it has."""

    def __init__(self, namespace: str = "evil", home: str = "registry:" + "e" * 32) -> None:
        self.url = "http://evil.example.org"
        self.namespace = namespace
        self.events: Lines = []
        self.told: dict[str, bytes] = {}
        self.blobs: dict[str, bytes] = {}
        self.say({"op": "genesis", "namespace": namespace, "home": home, "salt": "00"})
        self.namespaces = self.journal = self.files = self
        self.people = Nobody()

    def say(self, *ops: dict[str, Any], **other: Any) -> None:
        """Append an event that is canonical and has its place in the chain."""
        event: dict[str, Any] = {
            "schema": "herdbook/event/1", "seq": len(self.events) + 1, "time": "2030-01-01T00:00:00Z",
            "principal": {"id": ANNA, "kind": "person", "assurance": "os"}, "ops": list(ops),
        }  # fmt: skip
        if self.events:
            event |= {"journal": digests.of(self.events[0]), "prev": digests.of(self.events[-1])}
        self.events.append(canonical.dumps(event | other))

    def version(self, size: int = 4) -> str:
        """Make a version of one file of four bytes; return its digest."""
        blob = digests.of(b"data")
        self.blobs[blob] = b"data"
        body = {"schema": "herdbook/version/1", "files": [{"path": "m", "digest": blob, "size": size}]}
        data = canonical.dumps(body)
        self.told[digests.of(data)] = data
        return digests.of(data)

    def list(self) -> list[Any]:
        return [self.checkpoint(self.namespace)]

    def checkpoint(self, namespace: str) -> Checkpoint:
        first, last = digests.of(self.events[0]), digests.of(self.events[-1])
        return Checkpoint(namespace=namespace, journal=first, seq=len(self.events), head=last)

    def lines(self, namespace: str, *, after: int = 0, limit: int = 1000) -> Lines:
        del namespace
        return self.events[after : after + limit]

    def bodies(self, wanted: Sequence[str]) -> dict[str, bytes]:
        return {digest: self.told[digest] for digest in wanted if digest in self.told}

    def blob(self, namespace: str, sha256: str) -> BinaryIO:
        del namespace
        return io.BytesIO(self.blobs[sha256])

    def state_digest(self, namespace: str) -> str:
        del namespace
        return digests.of(b"")


def _record(evil: Forger) -> str:
    record = evil.version()
    evil.say({"op": "record", "digest": record})
    return record


def _version(evil: Forger, model: str, ordinal: int = 1) -> None:
    evil.say({"op": "version", "model": model, "ordinal": ordinal, "record": _record(evil)})


def _label(evil: Forger, pointer: str, **more: str) -> None:
    evil.say({"op": "point", "pointer": pointer, "to": _record(evil), **more})


def _twice(evil: Forger) -> None:
    _label(evil, "label:evil/m/a:V1")
    _label(evil, "label:evil/m/a:v1")


def _beside(evil: Forger) -> None:
    _version(evil, "evil/m/a")
    _version(evil, "evil/m/a/b")


def _lying_size(evil: Forger) -> None:
    evil.say({"op": "record", "digest": evil.version(size=400)})


def _not_canonical(evil: Forger) -> None:
    data = b'{"schema": "x"}'
    evil.told[digests.of(data)] = data
    evil.say({"op": "record", "digest": digests.of(data)})


def _too_many(evil: Forger) -> None:
    record = _record(evil)
    evil.say(*[{"op": "record", "digest": record}] * (10**5 + 1))


FORGED: dict[str, tuple[Callable[[Forger], object], str]] = {
    "a model of another namespace": (lambda evil: _version(evil, "demo/new/one"), "other-namespace"),
    "a label of another namespace": (lambda evil: _label(evil, "label:demo/tau/toy:v9"), "other-namespace"),
    "an ordinal that jumps": (lambda evil: _version(evil, "evil/m/a", 7), "ordinal-jumps"),
    "a version of nothing": (
        lambda evil: evil.say({"op": "version", "model": "evil/m/a", "ordinal": 1, "record": evil.version()}),
        "version-of-nothing",
    ),
    "a pointer that jumps": (
        lambda evil: _label(evil, "alias:evil/m/a@next", **{"from": "sha256:" + "1" * 64}), "pointer-jumps",
    ),
    "a label set twice, in other letters": (_twice, "label-set-twice"),
    "a name that is none": (lambda evil: _label(evil, "label:evil/m/a:../../x"), "bad-name"),
    "an alias that is reserved": (lambda evil: _label(evil, "alias:evil/m/a@latest"), "bad-name"),
    "a model below another": (_beside, "name-clash"),
    "a second genesis": (
        lambda evil: evil.say({"op": "genesis", "namespace": "evil", "home": "registry:" + "e" * 32, "salt": "1"}),
        "bad-genesis",
    ),
    "a gap in the count": (lambda evil: evil.say({"op": "purge", "digest": digests.of(b"")}, seq=9), "broken-chain"),
    "another journal": (
        lambda evil: evil.say({"op": "purge", "digest": digests.of(b"")}, journal="sha256:" + "0" * 64),
        "other-journal",
    ),
    "a time that goes back": (
        lambda evil: evil.say({"op": "purge", "digest": digests.of(b"")}, time="2001-01-01T00:00:00Z"),
        "time-goes-back",
    ),
    "spaces in an event": (lambda evil: evil.events.append(b" " + evil.events.pop()), "event-not-canonical"),
    "an operation of tomorrow": (lambda evil: evil.say({"op": "dance"}), "event-unreadable"),
    "no JSON": (lambda evil: evil.events.append(b"\xff{"), "event-unreadable"),
    "a body that is not there": (
        lambda evil: evil.say({"op": "record", "digest": "sha256:" + "7" * 64}), "body-missing",
    ),
    "a body with other bytes": (
        lambda evil: (_record(evil), evil.told.update(dict.fromkeys(evil.told, b'{"schema":"x"}'))), "body-corrupt",
    ),
    "a body that is not canonical": (_not_canonical, "body-not-canonical"),
    "a size that is not the file's": (_lying_size, "blob-size"),
    "an event of too many operations": (_too_many, "event-too-large"),
    "a batch that begins in the middle": (
        lambda evil: evil.say({"op": "batch", "id": "0" * 32, "part": 2, "of": 3}), "bad-batch",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", FORGED)
def test_what_does_not_hold_is_refused_and_nothing_wrong_is_written(told: Place, place: Open, what: str) -> None:
    forge, rule = FORGED[what]
    evil, site = Forger(), place("site")
    site.admin.mirror(told.registry, ["demo"])
    state = site.registry.journal.state_digest("demo")
    forge(evil)
    with pytest.raises(CorruptError) as caught:
        site.admin.mirror(evil)  # type: ignore[arg-type]  # as much of a registry as it shows
    assert (caught.value.code, caught.value.details["rule"]) == ("source-unsound", rule)
    assert evil.url in caught.value.message
    assert site.registry.journal.state_digest("demo") == state
    with site.context.catalogue.read() as tx:
        assert {model.namespace for model in tx.models("demo/")} == {"demo"}
    assert [entry.name for entry in site.registry.models.list("demo/").items] == ["demo/tau/old", NAME]
    assert site.admin.doctor().sound


def test_what_was_sound_before_stays_and_the_next_run_refuses_again(place: Open) -> None:
    evil, site = Forger(), place("site")
    _version(evil, "evil/m/a")
    site.admin.mirror(evil)  # type: ignore[arg-type]
    seq = site.registry.journal.checkpoint("evil").seq
    _version(evil, "evil/m/a", 2)
    _version(evil, "evil/m/a", 2)  # this ordinal was given already: only the tables here know it
    for _ in range(2):
        with pytest.raises(CorruptError) as caught:
            site.admin.mirror(evil)  # type: ignore[arg-type]
        assert caught.value.details["rule"] == "ordinal-jumps"
    assert site.registry.journal.checkpoint("evil").seq == seq
    assert site.admin.doctor().sound


def test_a_journal_that_claims_its_home_is_here_is_refused(place: Open) -> None:
    site = place("site")
    evil = Forger("cms", home=site.context.catalogue.registry)
    with pytest.raises(ConflictError) as caught:
        site.admin.mirror(evil)  # type: ignore[arg-type]
    assert caught.value.code == "home-here"
    assert site.registry.namespaces.list() == []


def test_another_state_at_the_same_event_is_told(place: Open) -> None:
    evil, site = Forger(), place("site")
    _version(evil, "evil/m/a")
    report = site.admin.mirror(evil)  # type: ignore[arg-type]
    assert not report.sound
    assert [finding.rule for finding in report.findings] == ["state-differs"]


def test_bytes_that_are_others_or_without_end_are_not_kept(told: Place, place: Open) -> None:
    changes: list[Callable[[bytes], bytes]] = [
        lambda data: data + b"more" * 10**6,
        lambda data: data[:-1],
        lambda data: data[:-1] + b"?",
    ]
    for number, change in enumerate(changes):
        site = place(f"site{number}")
        source = Seen(told.registry, {"files.blob": rewritten(change)})
        report = site.admin.mirror(source, ["demo"])
        assert list(site.context.blobs.list()) == []
        assert {finding.rule for finding in report.findings if finding.severity == "error"} == {"blob-lacking"}
        report = site.admin.mirror(told.registry, ["demo"])
        assert (report.absent, report.sound) == ((), True)


@pytest.mark.parametrize(
    ("call", "change"),
    [
        ("journal.lines", lambda _: []),
        ("journal.lines", lambda lines: lines[::-1]),
        ("journal.lines", lambda lines: [*lines, *lines]),
        ("journal.lines", lambda lines: [line[:-9] for line in lines]),
        ("journal.lines", lambda _: [b"x" * (33 * 2**20)]),
        ("journal.checkpoint", lambda cp: cp.model_copy(update={"seq": cp.seq + 5})),
        ("journal.checkpoint", lambda cp: cp.model_copy(update={"seq": 0})),
        ("journal.checkpoint", lambda cp: cp.model_copy(update={"journal": "sha256:" + "0" * 64})),
        ("journal.bodies", lambda _: {}),
    ],
)
def test_answers_that_contradict_one_another_are_refused(told: Place, place: Open, call: str, change: Change) -> None:
    site = place("site")
    source = Seen(told.registry, {call: change})
    with pytest.raises(HerdbookError) as caught:
        site.admin.mirror(source, ["demo"])
    assert caught.value.code in {"source-unsound", "diverged"}
    for head in site.registry.namespaces.list():
        assert site.registry.journal.lines(head.namespace) == told.registry.journal.lines("demo")[: head.seq]
    assert site.admin.doctor().sound
    site.admin.mirror(told.registry, ["demo"])
    assert site.registry.journal.state_digest("demo") == told.registry.journal.state_digest("demo")
    assert json.loads(site.registry.journal.lines("demo")[0])["seq"] == 1
