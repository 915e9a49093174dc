"""Intake: from a folder to a registration. Runs at the client; what it sends is one value."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from herdbook.kernel import paths
from herdbook.kernel.errors import DeniedError, InvalidError, MissingError
from herdbook.model import kinds, schemes
from herdbook.model.activities import Activity, Part, Selector
from herdbook.model.datasets import Dataset, ManifestLine
from herdbook.model.files import File
from herdbook.model.identifiers import Identifier
from herdbook.model.registrations import Intake, Registration
from herdbook.model.statements import Said, Subject
from herdbook.model.versions import Registered, Version
from herdbook.ports.blobs import Progress
from herdbook.ports.registry import Registry
from herdbook.service import licences, putting
from herdbook.service.hashing import OpenFile, content
from herdbook.service.references import registration_target

_STAND_IN = Version.of([File(path="-", digest="git-sha1:" + "0" * 40)])
"""Takes the place of a version while its bytes are not read yet."""

IGNORE_FILE = ".herdbookignore"
CONTRACT = "contract.yaml"
"""The file at the top of a folder that declares its contract, which is then said of the version."""
LEFT_OUT = (
    ".git", ".hg", ".svn", ".herdbookignore", "__pycache__", ".ipynb_checkpoints", ".DS_Store", "Thumbs.db",
    "*~", "*.swp", "*.swo", ".#*", "#*#", "*.pyc", "._*",
)  # fmt: skip
"""What a folder holds beside its files: version control, editors, caches; patterns of gitignore."""


def plan(given: Sequence[str | os.PathLike[str]]) -> list[Intake]:
    """Return which files folders or files yield, and which are left out and why.

    One folder yields its content. Several files or folders yield each under its own name. Patterns of a
    ``.herdbookignore`` at the top of a folder (as in gitignore) leave out.

    Raises:
        MissingError: when a path is not there.
        InvalidError: on a link that leaves the folder, a special file, names that collide, or nothing to take.
        DeniedError: when a file or folder cannot be read.
    """
    alone = len(given) == 1
    found: list[Intake] = []
    for path in given:
        top = os.path.abspath(os.fsencode(path))
        name = b"" if alone else os.path.basename(top)
        if os.path.isdir(top):
            found.extend(_Walk(top, name).run())
        else:
            found.append(_single(top))
    taken = [item for item in found if item.left_out is None]
    if not taken:
        raise InvalidError(
            "there is no file to register",
            code="no-files",
            hint=f"{len(found)} were left out; see them with --dry-run." if found else "The folder is empty.",
        )
    for item in taken:
        paths.check(item.path)
    paths.check_together(item.path for item in taken)
    return sorted(found, key=lambda item: item.path.encode())


def _single(path: bytes) -> Intake:
    info = _stat(path)
    if not stat.S_ISREG(info.st_mode):
        raise InvalidError(f"{_show(path)} is not a file", code="special-file", hint="Only files are registered.")
    return Intake(path=paths.escape(os.path.basename(path)), size=info.st_size, source=paths.escape(path))


def _stat(path: bytes) -> os.stat_result:
    try:
        return os.stat(path)
    except FileNotFoundError as error:
        raise MissingError(f"{_show(path)} is not there", code="no-path", hint="Check the path.") from error
    except OSError as error:
        raise DeniedError(f"{_show(path)} cannot be read: {error.strerror}", code="unreadable") from error


def _show(path: bytes) -> str:
    return paths.escape(path)


def ignoring(top: bytes) -> Callable[[str], bool]:
    """Return what says whether a path inside a folder is left out, a folder's with ``/`` at its end.

    Raises:
        InvalidError: when the folder's ``.herdbookignore`` cannot be read.
    """
    import pathspec  # noqa: PLC0415 - only a folder needs it

    lines: list[str] = []
    try:
        with open(os.path.join(top, IGNORE_FILE.encode()), encoding="utf-8") as stream:
            lines = stream.read().splitlines()
    except FileNotFoundError:
        pass
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidError(f"{IGNORE_FILE} cannot be read: {error}", code="bad-ignore-file") from error
    builtin = pathspec.GitIgnoreSpec.from_lines(LEFT_OUT)
    own = pathspec.GitIgnoreSpec.from_lines(lines)
    return lambda path: builtin.match_file(path) or own.match_file(path)


class _Walk:
    """Walks one folder."""

    def __init__(self, top: bytes, name: bytes) -> None:
        self.top = top
        self.real = os.path.realpath(top)
        self.name = name
        self.found: list[Intake] = []
        self.ignored = ignoring(top)

    def run(self) -> list[Intake]:
        self._folder(b"")
        return self.found

    def _folder(self, inside: bytes) -> None:
        folder = os.path.join(self.top, inside) if inside else self.top
        try:
            with os.scandir(folder) as listing:
                items = sorted(listing, key=lambda item: item.name)
        except OSError as error:
            raise DeniedError(
                f"{_show(folder)} cannot be read: {error.strerror}", code="unreadable", hint="Check its permissions."
            ) from error
        for item in items:
            self._item(item, os.path.join(inside, item.name) if inside else item.name)

    def _item(self, item: os.DirEntry[bytes], inside: bytes) -> None:
        shown = paths.escape(inside)
        folder = item.is_dir(follow_symlinks=False)
        if self.ignored(shown + "/" if folder else shown):
            size = 0 if folder else item.stat(follow_symlinks=False).st_size
            reason = "version control, editor or cache" if self._builtin(shown) else f"matches {IGNORE_FILE}"
            self._add(inside, size, item.path, left_out=reason)
        elif folder:
            self._folder(inside)
        elif item.is_symlink():
            self._link(item, inside)
        elif item.is_file(follow_symlinks=False):
            self._add(inside, item.stat(follow_symlinks=False).st_size, item.path)
        else:
            raise InvalidError(
                f"{shown!r} is neither a file nor a folder", code="special-file", hint=f"Name it in {IGNORE_FILE}."
            )

    def _builtin(self, shown: str) -> bool:
        return any(PurePosixPath(part).match(pattern) for part in shown.split("/") for pattern in LEFT_OUT)

    def _link(self, item: os.DirEntry[bytes], inside: bytes) -> None:
        target = os.path.realpath(item.path)
        shown = paths.escape(inside)
        if os.path.commonpath([self.real, target]) != self.real:
            raise InvalidError(
                f"the link {shown!r} leads out of the folder",
                code="link-out",
                hint=f"Put the file there instead, or name the link in {IGNORE_FILE}.",
            )
        if not os.path.isfile(target):
            what = "a folder" if os.path.isdir(target) else "nothing"
            raise InvalidError(
                f"the link {shown!r} leads to {what}", code="bad-link", hint=f"Name it in {IGNORE_FILE}."
            )
        link = paths.escape(os.path.relpath(target, self.real))
        self._add(inside, os.stat(target).st_size, target, link=link)

    def _add(self, inside: bytes, size: int, source: bytes, **told: str) -> None:
        path = os.path.join(self.name, inside) if self.name else inside
        self.found.append(Intake(path=paths.escape(path), size=size, source=paths.escape(source), **told))


@dataclass
class Wanted:
    """What is to be registered beside the files.

    ``datasets`` are ``scheme:value`` (a selector, as ``model.schemes`` has it, is never taken for a dataset) or record
    digests.
    ``activity`` is the JSON object of an activity; what it lacks of inputs and outputs is filled in.
    """

    datasets: Sequence[str] = ()
    parent: str | None = None
    activity: Mapping[str, object] | None = None
    statements: Sequence[Said] = ()
    description: Mapping[str, object] | None = None
    profile: Mapping[str, object] | None = None
    role: str = "train"
    confirm: bool = False
    links: dict[str, str] = field(default_factory=dict)


def register(
    registry: Registry,
    reference: str,
    given: Sequence[str | os.PathLike[str]],
    wanted: Wanted | None = None,
    *,
    progress: Progress | None = None,
) -> Registered:
    """Register a folder, or files, under ``MODEL:LABEL`` (or ``MODEL``), with what is known of it.

    Where the folder's contract and its files differ, a ``HerdbookWarning`` names both.

    Raises:
        HerdbookError: as ``plan``, ``ports.registry.Versions.record`` and ``Files.put`` say.
    """
    item = prepare(registry, reference, given, wanted or Wanted())
    done = registry.versions.record([deliver(registry, item, progress)])[0]
    warn(registry, item, done)
    return done


def warn(registry: Registry, item: Prepared, done: Registered) -> None:
    """Warn where the contract that was registered and the files differ."""
    if any(each.path == CONTRACT for each in item.taken):
        from herdbook.service.contracts import stating  # noqa: PLC0415 - few folders have one

        stating.warn(registry, done.reference)


@dataclass(frozen=True)
class Prepared:
    """A registration whose words were checked, and whose bytes were not put yet."""

    model: str
    label: str | None
    taken: list[Intake]
    datasets: list[Dataset]
    inputs: list[Part]
    wanted: Wanted


def prepare(registry: Registry, reference: str, given: Sequence[str | os.PathLike[str]], wanted: Wanted) -> Prepared:
    """Check all that can be checked before a byte is stored.

    Raises:
        HerdbookError: as ``plan`` says, and when a reference, a dataset, the parent or a body does not fit.
    """
    model, label = registration_target(reference)
    taken = [item for item in plan(given) if item.left_out is None]
    datasets, inputs = _inputs(registry, wanted)
    _activity(_STAND_IN, inputs, wanted)
    for said in _said(model, _STAND_IN, taken, wanted):
        kinds.check(said.type, said.body)
        if "licence" in said.body and said.type == "herdbook/description/1":
            licences.check(str(said.body["licence"]))
    return Prepared(model, label, taken, datasets, inputs, wanted)


def deliver(registry: Registry, item: Prepared, progress: Progress | None = None) -> Registration:
    """Put the bytes and return the registration.

    Raises:
        HerdbookError: as ``putting.put`` says.
    """
    version = Version.of(
        File(path=each.path, digest=stored.sha256, size=stored.size)
        for each, stored in putting.put(registry, item.taken, progress)
    )
    activity = _activity(version, item.inputs, item.wanted)
    return Registration(
        model=item.model,
        label=item.label,
        version=version,
        datasets=tuple(item.datasets),
        activities=(activity,) if activity else (),
        statements=tuple(_said(item.model, version, item.taken, item.wanted)),
        confirm=item.wanted.confirm,
    )


def _inputs(registry: Registry, wanted: Wanted) -> tuple[list[Dataset], list[Part]]:
    datasets: list[Dataset] = []
    parts: list[Part] = []
    for text in wanted.datasets:
        if text.startswith("sha256:"):
            parts.append(Part(record=registry.datasets.get(text).record, role=wanted.role))
            continue
        name = Identifier.parse(text)
        if schemes.is_selector(name.scheme, name.value):
            parts.append(Part(selector=Selector(scheme=name.scheme, value=name.value), role=wanted.role))
            continue
        dataset = known_dataset(registry, text) or Dataset(id=name)
        datasets.append(dataset)
        parts.append(Part(record=dataset.digest, role=wanted.role))
    if wanted.parent:
        parts.append(Part(record=registry.versions.get(wanted.parent).record, role="parent"))
    return datasets, parts


def known_dataset(registry: Registry, text: str) -> Dataset | None:
    """Return the one dataset that is registered under an identifier; none when there are several with manifests."""
    try:
        return registry.datasets.get(text).dataset
    except MissingError:
        return None


def _activity(version: Version, inputs: list[Part], wanted: Wanted) -> Activity | None:
    output = Part(record=version.digest, role="model")
    if wanted.activity is None:
        if not inputs:
            return None
        kind = "fine-tuning" if wanted.parent else "training"
        return Activity(kind=kind, status="unknown", inputs=tuple(inputs), outputs=(output,))
    told = dict(wanted.activity)
    given = Activity.read({**told, "outputs": told.get("outputs") or [output.json_object()]})
    old = tuple(given.inputs or ())
    merged = old + tuple(part for part in inputs if part not in old)
    return given.model_copy(update={"inputs": merged or None})


def _said(model: str, version: Version, taken: Sequence[Intake], wanted: Wanted) -> list[Said]:
    subject = (Subject(record=version.digest),)
    said = list(wanted.statements)
    if wanted.profile:
        said.append(Said(type="herdbook/profile/1", subject=(Subject(name=model),), body=dict(wanted.profile)))
    if wanted.description:
        said.append(Said(type="herdbook/description/1", subject=subject, body=dict(wanted.description)))
    if any(item.path == CONTRACT for item in taken):
        from herdbook.service.contracts import saying  # noqa: PLC0415 - few folders have one

        said += saying.beside(taken, version.digest)
    for item in taken:
        if item.link is not None:
            body = {"id": {"scheme": "symlink", "value": item.link}, "path": item.path}
            said.append(Said(type="herdbook/identity/1", subject=subject, body=body))
    return said


def manifest(given: Sequence[str | os.PathLike[str]]) -> Iterator[ManifestLine]:
    """Yield the manifest's lines of a dataset's local files, which are read and not stored.

    Raises:
        HerdbookError: as ``plan`` says.
    """
    for item in plan(given):
        if item.left_out is None:
            try:
                file = OpenFile(paths.unescape(item.source))
            except OSError as error:
                raise DeniedError(f"{item.path!r} cannot be read: {error.strerror}", code="unreadable") from error
            with closing(file):
                read = content(file)
            hexes = [digest.partition(":")[2] for digest in (read.sha256, read.adler32, read.md5)]
            yield ManifestLine(path=item.path, size=read.size, sha256=hexes[0], adler32=hexes[1], md5=hexes[2])
