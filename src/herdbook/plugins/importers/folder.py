"""A folder of plain files, or one file, as a source: one state, no tags. Only what ``register`` would take is seen."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from herdbook.kernel import digests, paths
from herdbook.kernel.errors import ConflictError, DeniedError, MissingError
from herdbook.model.drafts import Drafts, SourceState
from herdbook.model.histories import Blob, Change, Commit, Tag, Trouble
from herdbook.model.rules import Rules
from herdbook.ports.importers import Source
from herdbook.service.intake import ignoring
from herdbook.service.putting import CHANGED

CHUNK = 1 << 18
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class Folder:
    """Opens folders of plain files, and single files."""

    kind = "folder"

    def open(self, place: str, *, name: str = "") -> Source:
        """Open a folder or a file; see ``ports.importers.Importer``."""
        top = Path(os.path.abspath(place))  # noqa: PTH100 - without following links
        if not place or not top.exists():
            raise MissingError(f"{place!r} is not there", code="no-path", hint="Check the path.")
        return FolderSource(top, name or _shown(top.name) or "source")


class Stamp(NamedTuple):
    """What a file has while nobody writes to it: size in bytes, and when it was changed."""

    size: int
    changed: int


class Listed(NamedTuple):
    """A file, or with ``link`` a symbolic link's text."""

    place: Path
    stamp: Stamp
    link: bytes | None = None


class FolderSource:
    """A folder that is open. What is in it is listed once, and read once when digests are first asked for."""

    kind = "folder"

    def __init__(self, top: Path, name: str) -> None:
        self.name = name
        self.history = FolderHistory(top)

    def state(self) -> SourceState:
        """Return a digest over all paths and what they hold; reads every file once."""
        lines = "".join(f"{path} {blob.digest}\n" for path, blob in sorted(self.history.tree.items()))
        return SourceState(kind=self.kind, name=self.name, state=digests.of(lines.encode()))

    def drafts(self, rules: Rules) -> Drafts:
        """Return all that the folder tells, by the rules."""
        from herdbook.service.mapping import draft  # noqa: PLC0415 - only an import needs it

        return draft(self.history, self.state(), rules)

    def open(self, digest: str) -> BinaryIO:
        """Open a file; see ``FolderHistory.open``."""
        return self.history.open(digest)

    def close(self) -> None:
        """Nothing is held."""


class FolderHistory:
    """The one state of a folder: a commit without id, parents, author or date."""

    commits: Sequence[Commit] = (Commit(id=""),)
    tags: Sequence[Tag] = ()
    heads: Sequence[tuple[str, str]] = (("HEAD", ""),)

    def __init__(self, top: Path) -> None:
        self.troubles: Sequence[Trouble] = []
        self._troubles: list[Trouble] = self.troubles
        self._files: dict[str, Listed] = {}
        self._by_digest: dict[str, Listed] = {}
        if top.is_dir():
            self._list(top)
        else:
            self._file(_shown(top.name), top.resolve())

    def _list(self, top: Path) -> None:
        ignored = ignoring(os.fsencode(top))
        waiting = [""]
        while waiting:
            inside = waiting.pop()
            try:
                with os.scandir(top / inside) as listing:
                    found = sorted(listing, key=lambda item: item.name)
            except OSError as error:
                raise _unreadable(top / inside, error) from error
            for item in found:
                path = f"{inside}{item.name}"
                shown = _shown(path)
                folder = item.is_dir(follow_symlinks=False)
                if ignored(shown + "/" * folder):
                    continue
                if folder:
                    waiting.append(path + "/")
                elif item.is_symlink():
                    self._link(top, shown, Path(item.path))
                else:
                    self._file(shown, Path(item.path))

    def _file(self, shown: str, place: Path) -> None:
        info = place.lstat()
        if stat.S_ISREG(info.st_mode):
            self._files[shown] = Listed(place, _stamp(info))
        else:
            self._tell("special-file", f"{shown!r} is neither a file nor a folder", shown)

    def _link(self, top: Path, shown: str, place: Path) -> None:
        """Take a link as git has it, as text; one that does not lead to something inside is told and left out."""
        target = Path(os.path.realpath(place))  # Path.resolve raises where links lead in circles
        if not target.is_relative_to(top.resolve()):
            self._tell("link-out", f"the link {shown!r} leads out of the folder", shown)
        elif not os.path.lexists(target) or target.is_symlink():
            self._tell("link-dangling", f"the link {shown!r} leads to nothing", shown)
        else:
            text = os.fsdecode(place.readlink())
            if text.startswith("/"):
                text = os.path.relpath(target, place.parent.resolve())
            self._files[shown] = Listed(place, _stamp(place.lstat()), link=os.fsencode(text))

    def _tell(self, code: str, message: str, where: str) -> None:
        self._troubles.append(Trouble(code=code, message=message, where=where))

    @cached_property
    def tree(self) -> dict[str, Blob]:
        """What stands at each path.

        Raises:
            ConflictError: when a file changes while it is read.
            DeniedError: when one cannot be read.
        """
        found = {}
        for path, listed in self._files.items():
            hasher = hashlib.sha256(listed.link or b"")
            if listed.link is None:
                with _Checked(listed) as stream:
                    while chunk := stream.read(CHUNK):
                        hasher.update(chunk)
            found[path] = Blob(digest=f"sha256:{hasher.hexdigest()}", link=listed.link is not None)
            self._by_digest.setdefault(found[path].digest, listed)
        return found

    def changes(self, old: str | None, new: str | None) -> list[Change]:
        """Return all paths when one side is nothing, and none when both are the folder."""
        if old == new:
            return []
        there = sorted(self.tree.items())
        return [Change(path, blob, None) if new is None else Change(path, None, blob) for path, blob in there]

    def size(self, digest: str) -> int | None:
        """Return the size of a file in bytes, ``None`` when none here has the digest."""
        listed = self._listed(digest)
        if listed is None:
            return None
        return listed.stamp.size if listed.link is None else len(listed.link)

    def open(self, digest: str) -> BinaryIO:
        """Open a file by its sha256.

        Raises:
            MissingError: when none here has it.
            ConflictError: here or while reading, when the file is not as it was when the digest was made.
        """
        listed = self._listed(digest)
        if listed is None:
            raise MissingError(
                f"no file of the folder has the digest {digest}", code="content-absent", hint="Plan the import again."
            )
        if listed.link is not None:
            return io.BytesIO(listed.link)
        return cast("BinaryIO", io.BufferedReader(_Checked(listed), CHUNK))  # typing's BinaryIO is no base class

    def _listed(self, digest: str) -> Listed | None:
        return self._by_digest.get(digest) if self.tree else None


class _Checked(io.RawIOBase):
    """A file that must stay as it was listed while it is read."""

    def __init__(self, listed: Listed) -> None:
        super().__init__()
        self._listed = listed
        self._read = 0
        try:
            self._handle = os.open(listed.place, _READ)
        except OSError as error:
            self._handle = -1
            raise _unreadable(listed.place, error) from error
        self._check()

    def _check(self) -> None:
        info = os.fstat(self._handle)
        if not stat.S_ISREG(info.st_mode) or _stamp(info) != self._listed.stamp:
            raise _changed(self._listed.place)

    def readable(self) -> bool:
        return True

    def readinto(self, target: object) -> int:
        room = memoryview(cast("bytearray", target)).cast("B")  # any writable buffer
        try:
            count = os.readv(self._handle, [room])
        except OSError as error:
            raise _unreadable(self._listed.place, error) from error
        self._read += count
        if not count or self._read >= self._listed.stamp.size:
            self._check()
            if self._read != self._listed.stamp.size:
                raise _changed(self._listed.place)
        return count

    def close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
        super().close()


def _stamp(info: os.stat_result) -> Stamp:
    return Stamp(info.st_size, info.st_mtime_ns)


def _shown(name: str) -> str:
    return paths.escape(os.fsencode(name))


def _changed(place: Path) -> ConflictError:
    return ConflictError(
        f"{_shown(str(place))!r} changed while it was read",
        code=CHANGED,
        hint="Wait until nothing writes to it any more, then plan the import again.",
    )


def _unreadable(place: Path, error: OSError) -> ConflictError | DeniedError:
    if isinstance(error, FileNotFoundError):
        return _changed(place)
    return DeniedError(
        f"{_shown(str(place))!r} cannot be read: {error.strerror}", code="unreadable", hint="Check its permissions."
    )
