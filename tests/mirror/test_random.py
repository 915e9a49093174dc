"""Random histories, mirrored at random moments through a source that breaks off anywhere: the copies end equal."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.admin.registries import Place, rules
from tests.mirror.sources import BreaksOff, Seen

from herdbook.kernel.errors import HerdbookError, MissingError, UnavailableError
from herdbook.model.journal import PurgeOp, UnpurgeOp
from herdbook.model.statements import Said, Subject
from herdbook.service import journal, replay_effects

MODELS = ("demo/m/a", "demo/m/b", "other/m/a")
CALLS = ("journal.checkpoint", "journal.lines", "journal.bodies", "files.blob", "journal.state_digest", "people.list")

models = st.sampled_from(MODELS)
contents = st.integers(0, 6)
steps = st.one_of(
    st.tuples(st.just("register"), models, contents, st.integers(0, 3)),
    st.tuples(st.just("alias"), models, contents, st.booleans()),
    st.tuples(st.just("undo"), models, contents, st.none()),
    st.tuples(st.just("say"), models, contents, st.sampled_from(("note", "withdrawal"))),
    st.tuples(st.just("purge"), models, contents, st.booleans()),
    st.tuples(st.just("mirror"), st.sampled_from(CALLS), st.integers(0, 12), st.integers(1, 6)),
    st.tuples(st.just("lose"), models, contents, st.none()),
)


class World:
    """A home, a mirror, and a mirror of the mirror."""

    def __init__(self, folder: Path) -> None:
        self.home, self.site, self.cloud = (Place(folder / name) for name in ("home", "site", "cloud"))
        self.home.register(MODELS[0], "first", {"m": b"first"})
        self.lost: dict[str, bytes] = {}

    def do(self, what: str, *given: Any) -> None:
        try:
            getattr(self, what)(*given)
        except MissingError:
            pass
        except HerdbookError as error:
            if error.code not in {"label-taken", "already-withdrawn", "purged", "already-undone", "undone"}:
                raise

    def register(self, model: str, content: int, label: int) -> None:
        self.home.register(model, f"L{label}" if label else None, {"m": b"%d" % content, "n": b"n%d" % (content // 2)})

    def alias(self, model: str, content: int, clear: bool) -> None:
        if clear:
            self.home.registry.pointers.clear(model, "next")
        else:
            self.home.registry.pointers.alias(model, "next", f"{model}@{content + 1}")

    def undo(self, model: str, content: int, _: None) -> None:
        entry = self.home.registry.versions.get(f"{model}@{content + 1}")
        if entry.state == "current":
            self.home.registry.versions.undo(entry.reference, reason="a slip")

    def say(self, model: str, content: int, kind: str) -> None:
        record = self.home.registry.versions.get(f"{model}@{content + 1}").record
        body = {"text": "x"} if kind == "note" else {"reason": "x"}
        subject = (Subject(record=record), Subject(name=model))
        said = Said(type=f"herdbook/{kind}/1", subject=subject, body=body)
        self.home.registry.statements.add(model.partition("/")[0], [said])

    def purge(self, model: str, content: int, again: bool) -> None:
        """Do what a purge of a statement does: its bytes go, its digest stays with a tombstone."""
        namespace, context = model.partition("/")[0], self.home.context
        told = self.home.registry.statements.list(f"{model}@{content + 1}", kind="note", every=True).items
        digests = [entry.digest for entry in told if entry.namespace == namespace]
        for digest in digests[:1]:
            kept = self.home.registry.journal.bodies([digest])
            with context.catalogue.write() as tx:
                draft = journal.Draft(context, tx, namespace)
                draft.ops.append(PurgeOp(digest=digest))
                draft.commit()
                replay_effects.drop_purged(tx, namespace, [digest])
            if again and kept:
                with context.catalogue.write() as tx:
                    draft = journal.Draft(context, tx, namespace)
                    draft.ops.append(UnpurgeOp(digest=digest))
                    draft.commit()
                    tx.put_bodies(kept)

    def lose(self, model: str, content: int, _: None) -> None:
        """Lose a file at the home, until it is found again at the end."""
        file = self.home.registry.versions.get(f"{model}@{content + 1}").version.files[0]
        path = self.home.blob(file.digest)
        if path.exists():
            self.lost[file.digest] = path.read_bytes()
            path.unlink()

    def mirror(self, call: str, calls: int, chunk: int) -> None:
        from herdbook.service import replay

        kept, replay.CHUNK_OPS = replay.CHUNK_OPS, chunk
        try:
            source = Seen(self.home.registry, {call: BreaksOff(calls)})
            self.site.admin.mirror(source)
        except UnavailableError:
            for head in self.site.registry.namespaces.list():
                events = self.home.registry.journal.lines(head.namespace)
                assert self.site.registry.journal.lines(head.namespace) == events[: head.seq]
            assert rules(self.site.admin.doctor()) == set()
        finally:
            replay.CHUNK_OPS = kept

    def found_again(self) -> None:
        for digest, data in self.lost.items():
            self.home.blob(digest).write_bytes(data)

    def same(self) -> None:
        for copy in (self.site, self.cloud):
            assert rules(copy.admin.doctor()) == set()
            for head in self.home.registry.namespaces.list():
                name = head.namespace
                assert copy.registry.journal.checkpoint(name) == head
                assert copy.registry.journal.state_digest(name) == self.home.registry.journal.state_digest(name)
            for query in ("state = withdrawn", "says = note", "alias = next", ""):
                ours = self.home.registry.versions.search(query, limit=500).items
                theirs = copy.registry.versions.search(query, limit=500).items
                assert {e.reference for e in ours} == {e.reference for e in theirs}, query

    def close(self) -> None:
        for each in (self.home, self.site, self.cloud):
            each.close()


@settings(max_examples=15 if settings.get_current_profile_name() != "long" else 300)
@given(st.lists(steps, min_size=3, max_size=25), st.booleans())
def test_whatever_happened_and_wherever_it_broke_off_the_copies_are_equal(
    history: list[tuple[Any, ...]], through: bool
) -> None:
    folder = Path(tempfile.mkdtemp(prefix="herdbook-mirror-"))
    world = World(folder)
    try:
        for number, (what, *given_) in enumerate(history):
            world.do(what, *given_)
            if through and number == len(history) // 2:  # half of the history comes through the second copy
                world.site.admin.mirror(world.home.registry)
                world.cloud.admin.mirror(world.site.registry)
        world.found_again()
        report = world.site.admin.mirror(world.home.registry)
        assert report.absent == ()
        world.cloud.admin.mirror(world.site.registry)
        world.same()
        assert set(world.cloud.context.blobs.list()) == set(world.site.context.blobs.list())
    finally:
        world.close()
        shutil.rmtree(folder)
