"""A split of a registered dataset: run over its own files, verified, and stated. Runs at the client."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing

from herdbook.kernel import times
from herdbook.kernel.errors import ConflictError, InvalidError, MissingError
from herdbook.model.datasets import DatasetEntry, ManifestLine
from herdbook.model.splits import Split
from herdbook.model.statements import Said, StatementEntry
from herdbook.ports.blobs import Progress
from herdbook.ports.dataset_readers import DataFiles
from herdbook.ports.registry import Registry
from herdbook.service import dataset_files, splitting
from herdbook.service.dataset_files import DataPath


def wanted(
    registry: Registry, entry: DatasetEntry, rules: Sequence[str], table: str | None, selection: str | None
) -> Split:
    """Return the split that rules make; without rules the one that is stated of the dataset, without its counts.

    Raises:
        InvalidError: ``bad-split``, when a rule is none, or there are several splits.
        MissingError: ``no-split``, when there is none.
    """
    if rules:
        parts = tuple(splitting.read_rule(text) for text in rules)
        return Split(parts=parts, table=table, selection=selection)
    stated = {str(_bare(each)): _bare(each) for each in map(_body, current(registry, entry.record))}
    if not stated:
        raise MissingError(
            "no split of this dataset is stated", code="no-split", hint="Say one: --rule train:modulo:event:10:0-7."
        )
    if len(stated) > 1:
        raise InvalidError(
            f"{len(stated)} splits of this dataset are stated", code="bad-split", hint="Say which with --rule."
        )
    value = next(iter(stated.values()))
    said = {"table": table or value.table, "selection": selection or value.selection}
    return value.model_copy(update=said)


def current(registry: Registry, record: str) -> list[StatementEntry]:
    """Return the splits of a dataset that are stated now."""
    told = registry.statements.about([record]).get(record, [])
    return [entry for entry in told if entry.current and entry.statement.kind == "split"]


def _body(entry: StatementEntry) -> Split:
    return Split.read(entry.statement.body)


def _bare(value: Split) -> Split:
    """Return a split without what a run found."""
    parts = tuple(part.model_copy(update={"entries": None}) for part in value.parts)
    run = dict.fromkeys(("checked", "entries", "overlap", "left_over"))
    return value.model_copy(update={"parts": parts, **run})


def checked(
    registry: Registry,
    entry: DatasetEntry,
    split: Split,
    files: DataFiles,
    given: Sequence[str],
    *,
    into: splitting.Takes | None = None,
    progress: Progress | None = None,
) -> Split:
    """Run a split over all files of a dataset, each of which is verified first, in the manifest's order.

    Args:
        registry: keeps the manifest.
        entry: the dataset.
        split: the rules.
        files: opens files of data.
        given: where the files are: paths, folders.
        into: gets the numbers of entries.
        progress: told of bytes; each file is read twice.

    Raises:
        InvalidError: ``no-manifest``, when nobody knows which files the dataset has; and what ``splitting.run`` raises.
        ConflictError: ``not-the-dataset``, when a file is lacking, is too many, or has other bytes.
    """
    there = {file.path: file for file in dataset_files.found(given)}
    ordered = _verified(list(manifest(registry, entry)), there, progress)
    return splitting.run(files, ordered, split, into=into, progress=progress).model_copy(
        update={"checked": times.now()}
    )


def manifest(registry: Registry, entry: DatasetEntry) -> Iterator[ManifestLine]:
    """Yield the lines of a dataset's manifest.

    Raises:
        InvalidError: ``no-manifest``, when it is known by its name alone.
    """
    if entry.dataset.manifest is None:
        raise InvalidError(
            f"nobody knows which files {entry.dataset.title} has",
            code="no-manifest",
            hint="Register it with its files: herdbook dataset register NAMESPACE ID --file PATH.",
        )
    with closing(registry.files.blob(entry.namespaces[0], entry.dataset.manifest)) as stream:
        for line in stream:
            yield ManifestLine.read_json(line)


def _verified(lines: Sequence[ManifestLine], there: dict[str, DataPath], progress: Progress | None) -> list[DataPath]:
    """Return the files in the manifest's order, read once to compare their bytes."""
    if len(lines) == len(there) == 1:  # the one file, whatever it is called here
        only = next(iter(there.values()))
        there = {lines[0].path: DataPath(lines[0].path, only.source, only.size)}
    lacking = [line.path for line in lines if line.path not in there]
    beside = sorted(set(there) - {line.path for line in lines})
    if lacking or beside:
        path, what = (lacking[0], "is not among the files") if lacking else (beside[0], "is not in its manifest")
        raise _other(f"{path!r} {what}", len(lacking) + len(beside))
    ordered = [there[line.path] for line in lines]
    for line, read in zip(lines, dataset_files.lines(ordered, progress), strict=True):
        known = {name: getattr(line, name) for name in ("sha256", "md5", "adler32") if getattr(line, name)}
        if not known:
            raise _other(f"{line.path!r} has no checksum in its manifest", 1)
        if any(getattr(read, name) != value for name, value in known.items()):
            raise _other(f"{line.path!r} has other bytes", 1)
    return ordered


def _other(what: str, count: int) -> ConflictError:
    more = f" (and {count - 1} more)" if count > 1 else ""
    return ConflictError(
        f"these are not the dataset's files: {what}{more}",
        code="not-the-dataset",
        hint="A split is checked over all files of the dataset, and no others.",
    )


def check_overlap(split: Split, *, allowed: bool) -> None:
    """Refuse a split some of whose entries are in several parts.

    Raises:
        ConflictError: ``split-overlap``.
    """
    if split.overlap and not allowed:
        raise ConflictError(
            f"{split.overlap} of {split.entries} entries are in several parts",
            code="split-overlap",
            hint="Correct the rules, or state it so with --allow-overlap.",
        )


def state(registry: Registry, namespace: str, entry: DatasetEntry, split: Split) -> StatementEntry:
    """State a split; it supersedes what was stated of the same rules in the same journal or by the same issuer.

    A split that was not run does not take the place of one that was.
    """
    same = [each for each in current(registry, entry.record) if _bare(_body(each)) == _bare(split)]
    if split.checked is None and same:
        return same[-1]
    old = [
        each.digest for each in same if each.namespace == namespace or each.statement.issuer == registry.principal.id
    ]
    said = {"type": "herdbook/split/1", "subject": [{"record": entry.record}], "body": split.json_object()}
    return registry.statements.add(namespace, [Said.read({**said, **({"supersedes": old} if old else {})})])[0]
