"""The noun ``namespaces``: journals begin here, and schemas of extensions are registered."""

from __future__ import annotations

import io
from collections.abc import Mapping

from herdbook.kernel import names
from herdbook.kernel.errors import ConflictError
from herdbook.model.journal import Checkpoint
from herdbook.model.statements import Said, Statement, StatementEntry, Subject
from herdbook.service import bodies, currency, extensions, journal, statements
from herdbook.service.context import Context
from herdbook.service.files import Files


class Namespaces:
    """Namespaces, as the façade gives them."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def create(self, name: str) -> Checkpoint:
        """Begin a journal here."""
        names.check_namespace(name)
        with self._context.catalogue.write() as tx:
            head = tx.head(name)
            if head is not None and head.namespace != name:
                raise journal.same_name(name, head)
            return journal.checkpoint(head or journal.begin(self._context, tx, name))

    def list(self) -> list[Checkpoint]:
        """Return every namespace and where its journal stands."""
        with self._context.catalogue.read() as tx:
            return [journal.checkpoint(head) for head in tx.heads()]

    def schema(self, name: str, entity: str, version: str, schema: Mapping[str, object]) -> StatementEntry:
        """Register a JSON Schema for ``ext.NAME`` of an entity."""
        data = extensions.check_schema(schema)
        content = Files(self._context).put(io.BytesIO(data))
        body = {"entity": entity, "version": version, "blob": content.sha256}
        said = Said(type="herdbook/ext-schema/1", subject=(Subject(namespace=name),), body=body)
        with self._context.catalogue.write() as tx:
            draft = journal.draft_for(self._context, tx, name)
            rows = currency.current(tx, tx.statements([("namespace", name)], said.type))
            for old in bodies.load(tx, (row.digest for row in rows)).values():
                if (
                    isinstance(old, Statement)
                    and old.body != body
                    and (old.body["entity"], old.body["version"])
                    == (
                        entity,
                        version,
                    )
                ):
                    raise ConflictError(
                        f"schema {version} of ext.{name} for a {entity} is there with other content",
                        code="schema-taken",
                        hint="A schema never changes; register the next version.",
                    )
            made = statements.make(self._context, tx, draft, [said])[0]
            draft.commit()
            return statements.read(tx, made.digest)
