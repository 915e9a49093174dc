"""What a statement is to be about, as a person writes it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from herdbook.kernel import digests, names
from herdbook.kernel.errors import ConflictError, InvalidError, MissingError
from herdbook.kernel.names import Reference
from herdbook.model.identifiers import Identifier
from herdbook.model.pages import MAX_LIMIT
from herdbook.model.statements import Subject
from herdbook.ports.registry import Registry

_WEAKER = tuple(f"{name}:" for name in digests.HEX_DIGITS if name != "sha256")
"""How digests begin that name files only."""


def find(registry: Registry, text: str, labels: Sequence[str] = ()) -> tuple[str, Subject]:
    """Return the namespace in whose journal to speak (empty: not clear) and the subject.

    ``MODEL`` is the name, with versions to come, or with ``labels`` what these lead to; ``MODEL:LABEL`` and the like
    the version; ``sha256:…`` a version, dataset, activity or statement, and where there is none a file of a version;
    ``md5:…``, ``git-sha1:…``, ``adler32:…`` a file; ``NAMESPACE`` the namespace; ``scheme:value`` the dataset that is
    registered so, else the foreign identity.

    Raises:
        MissingError: when nothing is called so.
        ConflictError: when several are.
        InvalidError: when it is no name of anything, or there are ``labels`` without a model.
    """
    reference = _reference(text)
    if labels and (reference is None or not reference.model or str(reference) != reference.model):
        raise InvalidError(
            f"{text!r} has no labels", code="bad-subject", hint="--label goes with the name of a MODEL alone."
        )
    if reference is None:
        return _foreign(registry, text)
    if not reference.model:
        return _by_digest(registry, reference.digest)
    namespace = names.namespace_of(reference.model)
    if str(reference) != reference.model:
        return namespace, Subject(record=registry.versions.get(text).record)
    name = registry.models.get(reference.model).name
    for label in labels:
        registry.versions.get(f"{name}:{label}")
    return namespace, Subject(name=name, labels=tuple(labels)) if labels else Subject(name=name)


def _reference(text: str) -> Reference | None:
    """Return the text as a reference to a version or a model, or ``None`` when it can only be another name."""
    if "/" not in text and ":" not in text and not _is_hex(text):
        return None
    try:
        return Reference.parse(text)
    except InvalidError as error:
        if error.code in {"bad-label", "bad-alias", "bad-reference"} or ":" not in text:
            raise
        return None


def _is_hex(text: str) -> bool:
    return len(text) >= 12 and not set(text) - set("0123456789abcdef")


def _foreign(registry: Registry, text: str) -> tuple[str, Subject]:
    if ":" not in text:
        return text, Subject(namespace=names.check_namespace(text))
    if text.startswith(_WEAKER):
        digest = digests.check(text)
        return _holders(registry, digest)[1], Subject(file=digest)
    name = Identifier.parse(text)
    try:
        dataset = registry.datasets.get(text)
    except MissingError:
        return "", Subject(id=name)
    return _only(dataset.namespaces), Subject(record=dataset.record)


def _by_digest(registry: Registry, digest: str) -> tuple[str, Subject]:
    try:
        entry = registry.versions.get(digest)
        return names.namespace_of(entry.model), Subject(record=entry.record)
    except MissingError as error:
        missing = error
    try:
        dataset = registry.datasets.get(digest)
        return _only(dataset.namespaces), Subject(record=dataset.record)
    except MissingError:
        pass
    try:
        activity = registry.activities.get(digest)
        return _only(activity.namespaces), Subject(record=activity.record)
    except (MissingError, InvalidError):
        pass
    try:
        statement = registry.statements.get(digest)
        return statement.namespace, Subject(statement=statement.digest)
    except (MissingError, InvalidError):  # the beginning of a digest that fits none
        pass
    files, namespace = _holders(registry, digest)
    if not files:
        raise missing
    if len(files) > 1:
        raise ConflictError(
            f"{digest!r} fits {len(files)} files", code="ambiguous", hint=f"Write one of: {', '.join(files[:5])}."
        )
    return namespace, Subject(file=files[0])


def _holders(registry: Registry, digest: str) -> tuple[list[str], str]:
    """Return the files of versions whose digest begins so, and the namespace of those versions if there is but one."""
    page = registry.versions.search(f"file = {digest}", limit=MAX_LIMIT)
    files = {file.digest for entry in page.items for file in entry.version.files if file.digest.startswith(digest)}
    namespaces = {names.namespace_of(entry.model) for entry in page.items}
    return sorted(files), "" if page.cursor else _only(namespaces)


def _only(namespaces: Iterable[str]) -> str:
    found = list(namespaces)
    return found[0] if len(found) == 1 else ""


def whole(registry: Registry, text: str) -> str:
    """Return the text with the beginning of a digest, of a file too, made whole.

    Raises:
        MissingError: when no digest begins so.
        ConflictError: when several do.
    """
    begin = text.removeprefix("sha256:")
    return find(registry, text)[1].key[1] if _is_hex(begin) and len(begin) < digests.HEX_DIGITS["sha256"] else text


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


def check_known(registry: Registry, text: str) -> None:
    """Check that something is called so here, though nothing may be said about it.

    Raises:
        MissingError: when nothing is.
    """
    if registry.statements.list(text, every=True, limit=1).items:
        return
    _, subject = find(registry, text)
    kind, what = subject.key
    if kind == "namespace":
        here = what in {entry.namespace for entry in registry.namespaces.list()}
    elif kind == "file":
        here = bool(registry.versions.search(f"file = {what}", limit=1).items)
    elif subject.id is not None:
        here = _met(registry, subject.id)
    else:
        here = True
    if not here:
        raise MissingError(
            f"nothing is called {text!r} here", code="no-subject", hint="`herdbook search` finds by words and digests."
        )


def _met(registry: Registry, name: Identifier) -> bool:
    """Say whether a foreign identity is that of an activity, or of something that a version was made from."""
    quoted = name.value.replace("\\", "\\\\").replace('"', '\\"')
    if registry.versions.search(f'dataset = "{quoted}" scheme = "{name.scheme}"', limit=1).items:
        return True
    try:
        return bool(registry.activities.get(str(name)).record)
    except MissingError:
        return False
