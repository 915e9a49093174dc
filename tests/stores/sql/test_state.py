"""Whatever a journal says, the tables' state is the one that replaying its operations gives."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from herdbook.model.journal import PointOp, PurgeOp, RecordOp, State, StatementOp, UnpurgeOp, VersionOp, digest_lines
from herdbook.model.rows import Projection
from herdbook.stores.sql.catalogue import SqlCatalogue
from herdbook.testing.events import named, tell

# Names that begin alike, so that ":" and "@" sort among "-", "/", digits and letters; labels with blanks, which a
# mirrored journal may have.
MODELS = ["cms/a", "cms/a-b", "cms/a/b", "cms/a0", "cms/aB", "cms/b", "cms/a_"]
LABELS = ["v1", "V1", "v1-x", "v1 x", "v1+", "ü", "\U0001f600", "\uffee"]
DIGESTS = st.sampled_from([named(f"{number}") for number in range(6)])


def _point(pointer: str, to: str | None) -> PointOp:
    return PointOp(pointer=pointer, from_=None, to=to)


_POINTERS = st.one_of(
    st.tuples(st.sampled_from(MODELS), st.sampled_from(LABELS)).map(lambda pair: f"label:{pair[0]}:{pair[1]}"),
    st.tuples(st.sampled_from(MODELS), st.sampled_from(LABELS)).map(lambda pair: f"alias:{pair[0]}@{pair[1]}"),
    st.sampled_from(MODELS).map("profile:{}".format),
)
_OPS = st.one_of(
    DIGESTS.map(lambda digest: RecordOp(digest=digest)),
    DIGESTS.map(lambda digest: StatementOp(digest=digest)),
    st.builds(_point, _POINTERS, st.none() | DIGESTS),
    DIGESTS.map(lambda digest: PurgeOp(digest=digest)),
    DIGESTS.map(lambda digest: UnpurgeOp(digest=digest)),
    st.tuples(st.sampled_from(MODELS), DIGESTS),
)


def _projection(ops: list[object], ordinals: dict[str, int], told: set[str]) -> tuple[Projection, list[object]]:
    """Return what operations mean, and those that a journal can hold: a digest is told as one kind only."""
    projection, kept = Projection(), list[object]()
    for op in ops:
        match op:
            case RecordOp() | StatementOp() if op.digest not in told:
                told.add(op.digest)
                projection.known.append((op.op, op.digest))
            case (str(model), str(record)):
                ordinals[model] = ordinals.get(model, 0) + 1
                projection.versions.append((model, ordinals[model], record))
                kept.append(VersionOp(model=model, ordinal=ordinals[model], record=record))
                continue
            case PointOp():
                projection.moves.append((op.pointer, "", op.to or "", ""))
            case PurgeOp() | UnpurgeOp():
                projection.purges.append((op.digest, op.op == "purge"))
            case _:
                continue
        kept.append(op)
    return projection, kept


@settings(max_examples=60)
@given(st.lists(st.lists(_OPS, min_size=1, max_size=30), min_size=1, max_size=4))
def test_the_state_digest_of_the_tables_is_that_of_the_replayed_journal(events: list[list[object]]) -> None:
    state, ordinals, told = State(), dict[str, int](), set[str]()
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(SqlCatalogue.open(Path(folder) / "c.sqlite", create=True)) as catalogue,
    ):
        with catalogue.write() as tx:
            for seq, ops in enumerate(events, 2):
                projection, kept = _projection(ops, ordinals, told)
                tell(tx, "cms", projection)
                state.apply(seq, kept)
            assert list(tx.state_lines("cms")) == state.lines()
            assert tx.last_ordinals(MODELS) == ordinals
            assert {row.name: row.versions for row in tx.models() if row.versions} == ordinals
        with catalogue.read() as look:
            assert digest_lines(look.state_lines("cms")) == state.digest()
