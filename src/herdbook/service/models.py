"""The noun ``models``."""

from __future__ import annotations

from typing import Literal

from herdbook.kernel import names
from herdbook.kernel.errors import ConflictError
from herdbook.model import pointers
from herdbook.model.models import ModelEntry, Profile
from herdbook.model.pages import Page
from herdbook.model.rows import ModelRow
from herdbook.model.statements import Statement, StatementEntry
from herdbook.ports.catalogue import Reader
from herdbook.service import bodies, currency, journal, profiles, references, statements
from herdbook.service.context import Context
from herdbook.service.paging import check_limit

State = Literal["current", "deprecated", "withdrawn", "moved"]
_STATES: dict[str, State] = {
    "herdbook/deprecation/1": "deprecated",
    "herdbook/withdrawal/1": "withdrawn",
    "herdbook/moved/1": "moved",
}


class Models:
    """Models, as the façade gives them."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def get(self, name: str) -> ModelEntry:
        """Return a model."""
        with self._context.catalogue.read() as tx:
            exact, _ = references.follow(tx, names.check_model(name))
            row = tx.model(exact)
            assert row is not None
            return entries(tx, [row])[0]

    def list(self, prefix: str = "", *, cursor: str | None = None, limit: int = 50) -> Page[ModelEntry]:
        """Return models by name."""
        check_limit(limit)
        with self._context.catalogue.read() as tx:
            rows = tx.models(prefix, cursor or "", limit + 1)
            items = entries(tx, rows[:limit])
        return Page(items=tuple(items), cursor=rows[limit - 1].name if len(rows) > limit else None)

    def profile(self, name: str, profile: Profile) -> StatementEntry:
        """Say what a model is for, in place of what its profile said before."""
        names.check_model(name)
        with self._context.catalogue.write() as tx:
            clashes = tx.clashes(name)
            if clashes:
                raise ConflictError(
                    f"the model {name!r} cannot stand beside {clashes[0]!r}",
                    code="name-clash",
                    hint="Choose another name.",
                )
            draft = journal.draft_for(self._context, tx, names.namespace_of(name))
            now = profiles.current(tx, name)
            said = profiles.said(name, profile.json_object(), now)
            if said is None:
                assert now is not None
                return statements.read(tx, now.digest)
            made = statements.make(self._context, tx, draft, [said])[0]
            draft.point(pointers.profile_pointer(name), frm=now.digest if now else "", to=made.digest)
            draft.commit()
            return statements.read(tx, made.digest)

    def usage(self, prefix: str = "") -> dict[str, tuple[int, int]]:
        """Return, by model, bytes of its files that are here and of these the bytes that no other model shares."""
        owners: dict[str, set[str]] = {}
        sizes: dict[str, int] = {}
        with self._context.catalogue.read() as tx:
            after = ""
            while rows := tx.models(prefix, after, 200):
                for row in rows:
                    _count(tx, row.name, owners, sizes)
                after = rows[-1].name
        here = {digest: size for digest, size in sizes.items() if self._context.blobs.size(digest) is not None}
        used: dict[str, tuple[int, int]] = {}
        for digest, models in owners.items():
            for model in models:
                total, alone = used.get(model, (0, 0))
                size = here.get(digest, 0)
                used[model] = (total + size, alone + (size if len(models) == 1 else 0))
        return dict(sorted(used.items()))


def _count(tx: Reader, model: str, owners: dict[str, set[str]], sizes: dict[str, int]) -> None:
    after = 0
    while rows := tx.versions(model, after=after, limit=500):
        for files in tx.files({row.record for row in rows}).values():
            for file in files:
                if file.digest.startswith("sha256:"):
                    owners.setdefault(file.digest, set()).add(model)
                    sizes[file.digest] = file.size or 0
        after = rows[-1].ordinal


def entries(tx: Reader, rows: list[ModelRow]) -> list[ModelEntry]:
    """Return the entries of models, in their order."""
    named = tx.pointers({row.name for row in rows})
    told = currency.current(tx, tx.statements({("name", row.name) for row in rows}))
    values = bodies.load(tx, {row.digest for row in told} | {row.profile for row in rows if row.profile})
    homes = {row.name: row.namespace for row in rows}
    states: dict[str, State] = {}
    targets: dict[str, str] = {}
    for statement in told:
        value = values.get(statement.digest)
        own = homes.get(statement.subject) == statement.namespace  # another namespace's does not count
        if own and statement.type in _STATES and isinstance(value, Statement) and not value.subject[0].labels:
            states[statement.subject] = _STATES[statement.type]
            targets[statement.subject] = str(value.body.get("to", ""))
    found = []
    for row in rows:
        profile = values.get(row.profile)
        labels = [p for p in named.get(row.name, []) if p.pointer.startswith("label:") and p.to]
        found.append(
            ModelEntry(
                name=row.name,
                versions=row.versions,
                profile=Profile.read(profile.body) if isinstance(profile, Statement) else None,
                profile_digest=row.profile or None,
                newest=pointers.split(labels[0].pointer)[2] if labels else None,
                state=states.get(row.name, "current"),
                moved_to=targets.get(row.name) or None,
            )
        )
    return found
