"""Dossiers: a version with all that is currently said about it, gathered from every journal that is here."""

from __future__ import annotations

from collections.abc import Iterable

from herdbook.kernel.names import namespace_of
from herdbook.model.dossiers import Dossier, FileView
from herdbook.model.facts import Facts
from herdbook.model.models import Profile
from herdbook.model.rows import StatementRow, VersionRow
from herdbook.model.statements import StatementEntry
from herdbook.model.versions import Entry, Version
from herdbook.ports.blobs import BlobStore
from herdbook.ports.catalogue import Reader
from herdbook.service import activities, links, statements
from herdbook.service.entries import known_files

MAX_SISTERS = 20
_DOCUMENTS = frozenset({"readme", "labels"})
"""Formats of files that say something and compute nothing: versions that differ in them alone have the same payload.

So is text of no format, which has words and nothing else that a reader knew."""


def dossier(tx: Reader, blobs: BlobStore, entry: Entry) -> Dossier:
    """Return the dossier of a version."""
    records = [record for record in (entry.record, entry.resolved_by) if record]
    files = _files(tx, blobs, entry.version, namespace_of(entry.model))
    makers = links.heads(tx, (edge.activity for edge in tx.edges_at(records, "out")))
    content, payload = _sisters(tx, entry, files)
    said = _statements(tx, entry, records, content)
    profile = next((item for item in said if item.statement.kind == "profile"), None)
    return Dossier(
        entry=entry,
        profile=Profile.read(profile.statement.body) if profile else None,
        files=files,
        statements=tuple(said),
        made_by=tuple(activities.entries(tx, makers)),
        used_by=len(links.heads(tx, (edge.activity for edge in tx.edges_at(records, "in", limit=10_000)))),
        same_content=tuple(_name(row) for row in content),
        same_payload=tuple(_name(row) for row in payload),
        warnings=tuple(_warnings(entry, said, files)),
    )


def _name(row: VersionRow) -> str:
    return f"{row.model}@{row.ordinal}"


def _files(tx: Reader, blobs: BlobStore, version: Version, namespace: str) -> tuple[FileView, ...]:
    known = known_files(tx, version, namespace) if not version.resolved else {}
    digests = {
        file.digest: known[file.digest].sha256 if file.digest in known else file.digest for file in version.files
    }
    contents = tx.contents(digest for digest in digests.values() if digest.startswith("sha256:"))
    facts = tx.facts(contents)
    views = []
    for file in version.files:
        digest = digests[file.digest]
        content = contents.get(digest)
        here = digest.startswith("sha256:") and blobs.size(digest) is not None
        size = content.size if content else file.size
        views.append(
            FileView(path=file.path, digest=file.digest, size=size, here=here, content=content, facts=facts.get(digest))
        )
    return tuple(views)


def _sisters(tx: Reader, entry: Entry, files: tuple[FileView, ...]) -> tuple[list[VersionRow], list[VersionRow]]:
    """Return versions with equal digests at other paths, and versions equal but for documents."""
    mine = sorted(file.digest for file in entry.version.files)
    core = sorted(view.digest for view in files if not _is_document(view.facts))
    if not core:
        return [], []
    sharing = {row.record for row in tx.files_named(core[:1])} - {entry.record, entry.resolved_by or ""}
    by_record = tx.files(sorted(sharing)[:500])
    named = {row.digest for rows in by_record.values() for row in rows if row.digest.startswith("sha256:")}
    facts = tx.facts(named)
    content, payload = [], []
    for record, rows in by_record.items():
        digests = sorted(row.digest for row in rows)
        if digests == mine:
            content.append(record)
        elif sorted(digest for digest in digests if not _is_document(facts.get(digest))) == core:
            payload.append(record)
    return tx.versions_with(content)[:MAX_SISTERS], tx.versions_with(payload)[:MAX_SISTERS]


def _is_document(facts: Facts | None) -> bool:
    if facts is None:
        return False
    return facts.format in _DOCUMENTS or (facts.format == "other" and set(facts.values) == {"words", "lines"})


def _statements(tx: Reader, entry: Entry, records: list[str], sisters: list[VersionRow]) -> list[StatementEntry]:
    subjects = {("record", record) for record in records} | {("name", entry.model)}
    subjects |= {("file", file.digest) for file in entry.version.files}
    found = _current(tx, tx.statements(subjects), "this")
    found = [item for item in found if _means(item, entry)]
    about_sisters = tx.statements({("record", row.record) for row in sisters})
    seen = {item.digest for item in found}
    return found + [item for item in _current(tx, about_sisters, "sister") if item.digest not in seen]


def _current(tx: Reader, rows: Iterable[StatementRow], about: str) -> list[StatementEntry]:
    unique = list({row.digest: row for row in rows}.values())
    return [item for item in statements.entries(tx, unique, about=about) if item.current]


def _means(item: StatementEntry, entry: Entry) -> bool:
    """Say whether a statement about names means this version too, and not other labels or registrations only."""
    registrations = item.statement.body.get("registrations")
    if registrations is not None and f"{entry.model}@{entry.ordinal}" not in registrations:
        return False
    named = [subject for subject in item.statement.subject if subject.name == entry.model]
    return not named or any(subject.labels is None or set(subject.labels) & set(entry.labels) for subject in named)


def _warnings(entry: Entry, said: list[StatementEntry], files: tuple[FileView, ...]) -> list[str]:
    warnings = [entry.chosen] if entry.chosen else []
    for item in said:
        if item.about != "this" or item.statement.kind not in {"withdrawal", "deprecation", "known-issue"}:
            continue
        body = item.statement.body
        if item.statement.kind == "known-issue":
            warnings.append(f"Known issue: {body['title']}")
            continue
        where = (
            ""
            if item.namespace == entry.model.partition("/")[0]
            else f" (told in {item.namespace}, which does not count)"
        )
        word = "WITHDRAWN" if item.statement.kind == "withdrawal" else "Deprecated"
        then = body.get("replacement") or body.get("successor")
        warnings.append(f"{word}: {body['reason']}{where}" + (f" Use {then}." if then else ""))
    lost = [view.path for view in files if not view.here]
    if lost:
        warnings.append(f"The bytes of {', '.join(lost[:3])}{' …' if len(lost) > 3 else ''} are not kept here.")
    warnings += [
        f"{view.path}: {finding.message}"
        for view in files
        if view.facts
        for finding in view.facts.findings
        if finding.severity != "note"
    ]
    return warnings
