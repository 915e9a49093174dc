"""Unresolved versions: when the bytes arrive, a statement ties the full record to the old one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from herdbook.kernel import digests
from herdbook.model.files import Content, File
from herdbook.model.statements import Evidence, Said, Subject
from herdbook.model.versions import Version


def same_file(old: File, new: File, content: Content | None) -> bool | None:
    """Say whether ``new`` can be the bytes of ``old``; ``None`` when only a person can say (adler32)."""
    if old.path != new.path or (old.size is not None and new.size is not None and old.size != new.size):
        return False
    if old.digest == new.digest:
        return True
    if old.resolved or content is None:
        return False
    if digests.algorithm(old.digest) == "adler32":
        return None if content.adler32 == old.digest else False
    if digests.algorithm(old.digest) == "md5" and old.size is None:
        return None if content.md5 == old.digest else False
    return old.digest in content.digests


def resolves(old: Version, new: Version, contents: Mapping[str, Content]) -> bool | None:
    """Say whether ``new`` resolves ``old``: the same paths and bytes; ``None`` when only a person can say."""
    if old.resolved or len(old.files) != len(new.files) or not new.resolved:
        return False
    pairs = zip(old.files, new.files, strict=True)
    same = [same_file(before, after, contents.get(after.digest)) for before, after in pairs]
    return False if False in same else None if None in same else True


def completed(old: Version, by_digest: Mapping[str, Content]) -> Version | None:
    """Return the full record when every file of ``old`` is known now: by sha256, git-sha1, or md5 with a known size."""
    files: list[File] = []
    for file in old.files:
        content = found(file, by_digest)
        if not file.resolved and content is None:
            return None
        files.append(file if content is None else File(path=file.path, digest=content.sha256, size=content.size))
    return Version.of(files)


def found(file: File, by_digest: Mapping[str, Content]) -> Content | None:
    """Return the content that resolves a file."""
    content = by_digest.get(file.digest)
    if content is None or file.resolved:
        return None
    weak = digests.algorithm(file.digest) == "adler32" or (
        digests.algorithm(file.digest) == "md5" and file.size is None
    )
    return None if weak or (file.size is not None and file.size != content.size) else content


def index(contents: Iterable[Content]) -> dict[str, Content]:
    """Return contents by each of their digests."""
    return {digest: content for content in contents for digest in content.digests}


def statement(old: str, new: Version, before: Version, *, confirmed: bool = False) -> Said:
    """Return what ties a full record to an old one, with a warning in the evidence where a weak digest said so."""
    weak = ", ".join(file.path for file in before.files if file.digest.startswith(("md5:", "adler32:")))
    note = None
    if confirmed:
        note = {"/by": Evidence(how="asserted", where=weak, rule="a person confirmed a weak digest")}
    elif weak:
        note = {"/by": Evidence(how="inferred", where=weak, rule="md5-and-size: a weak digest")}
    return Said(type="herdbook/resolves/1", subject=(Subject(record=old),), body={"by": new.digest}, evidence=note)


def file_statement(old: str, content: Content) -> Said:
    """Return what ties one file to its bytes while others of its version are still unknown."""
    return Said(type="herdbook/resolves/1", subject=(Subject(file=old),), body={"by": content.sha256})
