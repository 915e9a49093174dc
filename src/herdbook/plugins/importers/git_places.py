"""Which git directory or bundle a place means. Pointers to other folders are followed only when these point back."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from herdbook.kernel import paths
from herdbook.kernel.errors import InvalidError, MissingError
from herdbook.plugins.importers.git_files import Directory
from herdbook.plugins.importers.git_troubles import Troubles

MAY_BE = (
    "A git source is a git directory (bare, or the .git of a work tree), a folder that has one, or a bundle; "
    "plain files are of the kind folder."
)
_BUNDLE = re.compile(rb"# v(\d+) git bundle\n")
_SETTING = rb"(?im)^[ \t]*%s[ \t]*=[ \t]*\"?[ \t]*(\w+)"
_SETTINGS_READ = 1 << 20


@dataclass(frozen=True)
class Place:
    """A bundle, or a git directory: ``private`` has HEAD, ``shared`` the rest (another for a further work tree)."""

    name: str
    bundle: Path | None = None
    private: Path = Path()
    shared: Path = Path()


def find(place: str, troubles: Troubles) -> Place:
    """Return what a place means.

    Raises:
        MissingError: when there is nothing.
        InvalidError: when it is no git repository or bundle, or one that cannot be read.
    """
    path = Path(os.path.abspath(place))  # noqa: PTH100 - without following links
    if not place or not path.exists():
        remote = re.match(r"\w+://|[\w.-]+@[\w.-]+:", place) is not None
        hint = "Clone it first: `git clone --mirror ADDRESS FOLDER`." if remote else "Check the path."
        raise MissingError(f"{_show(path) if place else 'the place'} is not there", code="no-path", hint=hint)
    if path.is_file() and path.name != ".git":
        return _bundle(path)
    if path.is_dir() and _is_git(path):
        inside = path.parent.name if path.name == ".git" else path.name.removesuffix(".git")
        return _checked(inside or "source", path, troubles)
    inner = path if path.name == ".git" else path / ".git"
    if inner.is_symlink():
        hint = f"If you trust it, name the git directory itself: {_show(inner.resolve())}."
        raise InvalidError(f"{_show(inner)} is a symbolic link", code="link-out", hint=hint)
    if inner.is_dir() and _is_git(inner):
        return _checked(inner.parent.name or "source", inner, troubles)
    if inner.is_file():
        return _checked(inner.parent.name or "source", _pointed(inner, troubles), troubles)
    raise InvalidError(f"{_show(path)} is no git repository", code="no-source", hint=MAY_BE)


def _show(path: Path) -> str:
    return paths.escape(os.fsencode(path))


def _is_git(folder: Path) -> bool:
    has_objects = (folder / "objects").is_dir() or (folder / "commondir").is_file()
    return has_objects and (folder / "HEAD").is_file()


def _bundle(path: Path) -> Place:
    with path.open("rb") as stream:
        start = stream.read(512)
    found = _BUNDLE.match(start)
    if found is None:
        tar = start[257:262] == b"ustar"
        hint = "Unpack the archive, and name the git directory in it." if tar else MAY_BE
        raise InvalidError(f"{_show(path)} is no git bundle", code="no-source", hint=hint)
    if found[1] not in {b"2", b"3"}:
        raise InvalidError(
            f"{_show(path)} is a bundle of version {found[1].decode()[:9]}",
            code="no-source",
            hint="Versions 2 and 3 are read: `git bundle create --version=3 FILE --all`.",
        )
    return Place(paths.escape(os.fsencode(path.name.removesuffix(".bundle"))) or "source", bundle=path)


def _pointed(file: Path, troubles: Troubles) -> Path:
    """Return the git directory that a ``.git`` file names, when that names the file in turn."""
    text = Directory(file.parent, troubles).read(file.name, 4096) or b""
    key, _, value = text.strip().partition(b": ")
    folder = Path(os.path.normpath(file.parent / os.fsdecode(value))) if key == b"gitdir" and value else None
    if folder is None or not _is_git(folder):
        raise InvalidError(f"{_show(file)} leads to no git repository", code="no-source", hint=MAY_BE)
    back = (Directory(folder, troubles).read("gitdir", 4096) or b"").strip()
    if not back or (folder / os.fsdecode(back)).resolve() != file.resolve():
        raise InvalidError(
            f"{_show(file)} leads to {_show(folder)}, which does not know of it",
            code="link-out",
            hint="If you trust it, name that git directory itself.",
        )
    return folder


def _checked(name: str, private: Path, troubles: Troubles) -> Place:
    shared = private
    common = Directory(private, troubles).read("commondir", 4096)
    if common is not None:
        shared = Path(os.path.normpath(private / os.fsdecode(common.strip())))
        if private.resolve().parent != shared.resolve() / "worktrees":
            raise InvalidError(
                f"{_show(private)} leads to {_show(shared)}, of which it is no work tree",
                code="link-out",
                hint="If you trust it, name that git directory itself.",
            )
    directory = Directory(shared, troubles)
    settings = directory.read("config", _SETTINGS_READ) or b""
    if _setting(settings, b"objectformat") not in {"", "sha1"}:
        raise sha256(_show(private))
    if _setting(settings, b"refstorage") not in {"", "files"} or directory.is_folder("reftable"):
        raise InvalidError(
            f"{_show(private)} keeps its references in a reftable, which is not read",
            code="reftable-repository",
            hint="Make a bundle, and import that: `git bundle create FILE --all`.",
        )
    if not directory.is_folder("objects"):
        raise InvalidError(
            f"{_show(shared / 'objects')} is no folder of its own, and links are not followed",
            code="link-out",
            hint="If you trust it, clone the repository (`git clone --mirror`) and import the clone.",
        )
    return Place(paths.escape(os.fsencode(name)), private=private, shared=shared)


def _setting(settings: bytes, name: bytes) -> str:
    """Return the last value that a setting's name has in any section; nothing else of the file is understood."""
    found = re.findall(_SETTING % name, settings)
    return found[-1].decode().lower() if found else ""


def sha256(what: str) -> InvalidError:
    """Return the error for a repository whose objects have SHA-256 ids."""
    return InvalidError(
        f"{what} is a SHA-256 repository, which is not read yet",
        code="sha256-repository",
        hint="Import a SHA-1 repository of the same files, or their folder (kind folder).",
    )
