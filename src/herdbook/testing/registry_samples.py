"""What the contract of a registry works with: small versions, what is said of them, and a look at everything.

Needs pytest (``pip install herdbook[testing]``).
"""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import pytest

from herdbook.model.files import Content, File
from herdbook.model.journal import Event, State
from herdbook.model.registrations import Registration
from herdbook.model.statements import Said, Subject
from herdbook.model.versions import Registered, Version
from herdbook.ports.registry import Registry
from herdbook.service.references import registration_target

PATH: Final = "model.bin"
WITHDRAWAL: Final = "herdbook/withdrawal/1"
DEPRECATION: Final = "herdbook/deprecation/1"
NOBODY: Final = "sha256:" + "0" * 64
"""A digest that no bytes here have."""


class Given:
    """The fixtures of the contract: a subclass gives ``registry``, and ``other`` if it can."""

    @pytest.fixture
    def registry(self) -> Registry:
        """Return an open, empty registry."""
        raise NotImplementedError

    @pytest.fixture
    def other(self, registry: Registry) -> Registry:
        """Return the same registry as another principal sees it."""
        assert registry.url
        pytest.skip("this registry shows itself to one principal only")


def binary(text: str) -> bytes:
    """Return bytes that no reader takes for a format, the same for the same text."""
    return b"\0\xfe\x00" + text.encode()


def content_of(data: bytes) -> Content:
    """Return what one pass over bytes must tell, computed the plain way."""
    git = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
    return Content(
        size=len(data),
        sha256="sha256:" + hashlib.sha256(data).hexdigest(),
        md5="md5:" + hashlib.md5(data, usedforsecurity=False).hexdigest(),
        adler32=f"adler32:{zlib.adler32(data):08x}",
        git_sha1="git-sha1:" + git,
    )


def put(registry: Registry, data: bytes) -> Content:
    """Store bytes."""
    return registry.files.put(io.BytesIO(data))


def resolved(files: Mapping[str, bytes]) -> Version:
    """Return the version of files by path."""
    contents = {path: content_of(data) for path, data in files.items()}
    return Version.of(File(path=path, digest=c.sha256, size=c.size) for path, c in contents.items())


def unresolved(data: bytes, by: str = "git_sha1", *, path: str = PATH, sized: bool = False) -> Version:
    """Return a version of one file that is known by a weaker digest, with its size or without."""
    content = content_of(data)
    return Version.of([File(path=path, digest=getattr(content, by), size=content.size if sized else None)])


def prepared(
    registry: Registry, reference: str, given: str | Mapping[str, bytes] | Version = "one", **more: object
) -> Registration:
    """Return a registration whose bytes were put: of a text as one binary file, of files by path, or of a version."""
    model, label = registration_target(reference)
    if isinstance(given, str):
        given = {PATH: binary(given)}
    if not isinstance(given, Version):
        for data in given.values():
            put(registry, data)
        given = resolved(given)
    return Registration.read({"model": model, "label": label, "version": given, **more})


def register(
    registry: Registry, reference: str, given: str | Mapping[str, bytes] | Version = "one", **more: object
) -> Registered:
    """Put the bytes and register; see ``prepared``."""
    return registry.versions.record([prepared(registry, reference, given, **more)])[0]


def say(kind: str, body: Mapping[str, object] | None = None, **subject: object) -> Said:
    """Return a statement of a kind (``note``) about one thing (``record=…``, ``name=…``)."""
    return Said(type=f"herdbook/{kind}/1", subject=(Subject.read(subject),), body=dict(body or {}))


@dataclass(frozen=True)
class Look:
    """Everything of a registry that a write may change."""

    heads: tuple[tuple[str, str, int, str], ...]
    states: tuple[str, ...]
    found: tuple[tuple[object, ...], ...]
    pointers: tuple[str, ...]


def look(registry: Registry) -> Look:
    """Return a look at everything: heads, state digests, what search finds with all that it shows, and pointers."""
    heads = registry.namespaces.list()
    found = [
        (entry.model, entry.ordinal, entry.record, entry.labels, entry.aliases, entry.state, entry.resolved_by)
        for entry in registry.versions.search("", limit=1000).items
    ]
    models = registry.models.list(limit=1000).items
    return Look(
        tuple((head.namespace, head.journal, head.seq, head.head) for head in heads),
        tuple(registry.journal.state_digest(head.namespace) for head in heads),
        tuple(found),
        tuple(str(pointer.json_object()) for model in models for pointer in registry.pointers.list(model.name)),
    )


@contextmanager
def untouched(registry: Registry) -> Iterator[None]:
    """Check that nothing changes while the block runs."""
    before = look(registry)
    yield
    assert look(registry) == before


@contextmanager
def events_made(registry: Registry, namespace: str, count: int) -> Iterator[list[Event]]:
    """Check that the block makes so many events, all by this registry's principal; the list is filled with them."""
    before = next((head.seq for head in registry.namespaces.list() if head.namespace == namespace), 0)
    made: list[Event] = []
    yield made
    page = registry.journal.events(namespace, after=before, limit=1000) if count else None
    now = next((head.seq for head in registry.namespaces.list() if head.namespace == namespace), 0)
    assert now - before == count
    made.extend(entry.event for entry in (page.items if page else ()))
    assert all(event.principal == registry.principal for event in made)


def replayed(registry: Registry, namespace: str) -> State:
    """Return the state that a journal's events give when they are read one after the other."""
    state, after = State(), 0
    while items := registry.journal.events(namespace, after=after, limit=100).items:
        for entry in items:
            state.apply(entry.event.seq, entry.event.ops)
        after = items[-1].event.seq
    return state


def references(registry: Registry, query: str) -> list[str]:
    """Return what a query finds, as ``MODEL@ORDINAL``, sorted."""
    return sorted(f"{entry.model}@{entry.ordinal}" for entry in registry.versions.search(query, limit=1000).items)
