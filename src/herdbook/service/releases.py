"""The noun ``releases``: releases of software, and which versions were in them: package × tag × identity."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable

from herdbook.kernel.errors import MissingError
from herdbook.model.kinds import Release
from herdbook.model.query import Is, fold_value
from herdbook.model.releases import Released, ReleaseEntry
from herdbook.model.statements import Statement
from herdbook.ports.catalogue import Reader
from herdbook.service import bodies, currency, identities
from herdbook.service.context import Context

RELEASE = "herdbook/release/1"


class Releases:
    """Releases, as the façade gives them."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def get(self, name: str) -> ReleaseEntry:
        """Return a release, by its name or ``scheme:name``."""
        with self._context.catalogue.read() as tx:
            return _get(tx, name)

    def versions(self, name: str, *, package: str = "") -> list[Released]:
        """Return which versions were in a release, under which identities, by package, version and identity."""
        with self._context.catalogue.read() as tx:
            release = _get(tx, name)
            wanted = {(item.package, item.tag) for item in release.packages if package in {"", item.package}}
            found = [
                Released(release=release.name, package=source, tag=tag, identity=each.entry)
                for source, tag in sorted(wanted)
                for each in _of_package(tx, source)
                if each.holds(tag)
            ]
        return sorted(found, key=lambda item: (item.package, item.identity.reference, item.identity.id))

    def of(self, reference: str) -> list[Released]:
        """Return in which releases a version was, by release, package and identity."""
        with self._context.catalogue.read() as tx:
            called = identities.of_version(tx, reference)
            releases = _entries(tx, tx.subjects("id", RELEASE)) if called else []
        found = [
            Released(release=release.name, package=item.package, tag=item.tag, identity=each.entry)
            for release in releases
            for item in release.packages
            for each in called
            if each.entry.source == item.package and each.holds(item.tag)
        ]
        found.sort(key=lambda item: (item.release, item.package, item.identity.id, item.identity.first or ""))
        return list(dict.fromkeys(found))

    def list(self, prefix: str = "") -> list[ReleaseEntry]:
        """Return releases by name."""
        with self._context.catalogue.read() as tx:
            return _entries(tx, [key for key in tx.subjects("id", RELEASE) if _name(key).startswith(prefix)])


def _of_package(tx: Reader, package: str) -> Iterable[identities.Found]:
    return identities.named(tx, Is("source", (fold_value(package),)), lambda body: bool(body.get("source") == package))


def holding(tx: Reader, records: Collection[str]) -> list[str]:
    """Return, by name, the releases in which one of these versions was."""
    known = _entries(tx, tx.subjects("id", RELEASE)) if records else []
    packages = {item.package for release in known for item in release.packages}
    inside = {name: [each for each in _of_package(tx, name) if each.entry.record in records] for name in packages}
    return [
        release.name
        for release in known
        if any(each.holds(item.tag) for item in release.packages for each in inside[item.package])
    ]


def _get(tx: Reader, name: str) -> ReleaseEntry:
    keys = tx.subjects("id", RELEASE)
    found = _entries(tx, [key for key in keys if name in {key, _name(key)}])
    if not found:
        near = difflib.get_close_matches(name, [_name(key) for key in keys], n=3, cutoff=0.4)
        raise MissingError(
            f"no release {name!r} is known here",
            code="no-release",
            hint="Did you mean " + " or ".join(near) + "?" if near else "`herdbook release list` shows them.",
        )
    return found[0]


def _name(key: str) -> str:
    return key.partition(":")[2]


def _entries(tx: Reader, keys: Iterable[str]) -> list[ReleaseEntry]:
    """Return releases by name; of several current lists of one release the newest counts."""
    rows = currency.current(tx, tx.statements({("id", key) for key in keys}, RELEASE))
    values = bodies.load(tx, {row.digest for row in rows})
    newest: dict[str, tuple[tuple[str, int], ReleaseEntry]] = {}
    for row in rows:
        value = values.get(row.digest)
        if not isinstance(value, Statement):
            continue
        age = (value.issued, row.seq)
        if row.subject not in newest or newest[row.subject][0] < age:
            release = ReleaseEntry(
                name=_name(row.subject),
                packages=Release.read(value.body).packages,
                statement=row.digest,
                namespace=row.namespace,
                where=identities.where(value),
            )
            newest[row.subject] = age, release
    return [release for _, (_, release) in sorted(newest.items(), key=lambda item: (item[1][1].name, item[0]))]
