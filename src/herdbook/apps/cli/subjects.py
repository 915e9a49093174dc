"""What a statement is to be about, as a person writes it."""

from __future__ import annotations

from herdbook.kernel import names
from herdbook.kernel.errors import HerdbookError, InvalidError, MissingError
from herdbook.kernel.names import Reference
from herdbook.model.identifiers import Identifier
from herdbook.model.statements import Subject
from herdbook.ports.registry import Registry


def find(registry: Registry, text: str) -> tuple[str, Subject]:
    """Return the namespace in whose journal to speak (empty: not clear) and the subject.

    ``MODEL`` is the name, with versions to come; ``MODEL:LABEL`` and the like the version; ``sha256:…`` a version,
    dataset, activity or statement; ``NAMESPACE`` the namespace; ``scheme:value`` the foreign identity.

    Raises:
        MissingError: when nothing is called so.
    """
    if "/" not in text and ":" not in text and not _is_hex(text):
        return text, Subject(namespace=names.check_namespace(text))
    try:
        reference = Reference.parse(text)
    except InvalidError as error:
        if error.code in {"bad-label", "bad-alias", "bad-reference"} or ":" not in text:
            raise
        return "", Subject(id=Identifier.parse(text))
    if not reference.model:
        return _by_digest(registry, reference.digest)
    namespace = names.namespace_of(reference.model)
    if str(reference) == reference.model:
        return namespace, Subject(name=registry.models.get(reference.model).name)
    return namespace, Subject(record=registry.versions.get(text).record)


def _is_hex(text: str) -> bool:
    return len(text) >= 12 and not set(text) - set("0123456789abcdef")


def _by_digest(registry: Registry, digest: str) -> tuple[str, Subject]:
    missing: HerdbookError | None = None
    try:
        entry = registry.versions.get(digest)
        return names.namespace_of(entry.model), Subject(record=entry.record)
    except MissingError as error:
        missing = error
    try:
        dataset = registry.datasets.get(digest)
        return next(iter(dataset.namespaces), ""), Subject(record=dataset.record)
    except MissingError:
        pass
    try:
        activity = registry.activities.get(digest)
        return next(iter(activity.namespaces), ""), Subject(record=activity.record)
    except MissingError:
        pass
    try:
        statement = registry.statements.get(digest)
        return statement.namespace, Subject(statement=statement.digest)
    except MissingError:
        raise missing from None


def namespace_for(given: str | None, found: str) -> str:
    """Return the namespace in whose journal to speak: the one that was given, else the subject's own.

    Raises:
        InvalidError: when neither is known.
    """
    if namespace := given or found:
        return namespace
    raise InvalidError(
        "it is not clear in which namespace to say this", code="no-namespace", hint="Say which with --in NAMESPACE."
    )
