"""The code of a job, as its record says: a commit, a diff, and files that git did not know.

Nothing of the repository runs: no hooks, no filters, no configuration but ours, no remote but the one place named.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from herdbook.jobs.folders import JobFolder, inside
from herdbook.jobs.laying import bare, laid_file
from herdbook.kernel.errors import ConflictError, InvalidError, MissingError, UnavailableError
from herdbook.model.activities import Code
from herdbook.model.jobs import JobRequest

_SAFE = ("core.hooksPath=/dev/null", "protocol.allow=never", "protocol.file.allow=always", "core.fsmonitor=false")
_GIT_S = 3600.0


def checked_out(job: JobFolder, request: JobRequest) -> tuple[list[str], list[str]]:
    """Lay the code out in the work folder.

    Returns:
        what was verified (``code``, ``diff``), and problems.

    Raises:
        HerdbookError: when the code cannot be had exactly as it is recorded.
    """
    code = request.code
    if code is None:
        if request.diff or request.checkout:
            raise _bad("a checkout or a diff without code", "Say in `code` which commit it is.")
        return _untracked(job, request)
    verified: list[str] = []
    if code.commit is not None:
        _commit(job, request, code.commit)
        problems = _submodules(job, request, code)
        _unfiltered(job.work, problems)
        if code.diff is not None or request.diff is not None:
            _diff(job, request)
            verified.append("diff")
    elif request.diff or request.checkout:
        raise _bad("a checkout or a diff without a commit", "Say in `code.commit` which one it is.")
    else:
        problems = []
    placed, more = _untracked(job, request)
    problems += more
    if not problems and (code.commit is not None or placed):
        verified.append("code")
    return verified, problems


def snapshot(work: Path) -> dict[str, str]:
    """Return for every file below the work folder, git's own excepted, its sha256 or where it links to."""
    found: dict[str, str] = {}
    for folder, folders, files in os.walk(work):
        if ".git" in folders:
            folders.remove(".git")
        links = [name for name in folders if Path(folder, name).is_symlink()]
        for name in [*files, *links]:
            path = Path(folder, name)
            if name != ".git":
                found[path.relative_to(work).as_posix()] = state_of(path)
    return found


def state_of(path: Path) -> str:
    """Return a file's executable bit and sha256, or where a link leads; ``gone`` and ``special`` are states too."""
    if path.is_symlink():
        return f"link {os.readlink(path)}"  # noqa: PTH115 - the text as it is, not a Path of it
    if not path.exists():
        return "gone"
    if not path.is_file():
        return "special"
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return f"{'x' if os.access(path, os.X_OK) else '-'} {digest}"


def _commit(job: JobFolder, request: JobRequest, commit: str) -> None:
    if request.checkout is None:
        raise _bad("code with a commit, and no checkout to have it from", "Give a git bundle or a repository's path.")
    _fetched(job, _origin(job, request.checkout), commit, job.work)


def _origin(job: JobFolder, checkout: str) -> str:
    if not checkout.startswith("/"):
        return str(job.beside(checkout, "checkout"))
    if not Path(checkout).exists():
        raise MissingError(
            f"there is no repository at {checkout}",
            code="job-file-missing",
            hint="Give a git bundle beside request.json.",
        )
    return checkout


def _fetched(job: JobFolder, origin: str, commit: str, folder: Path) -> None:
    """Fetch a commit and check it out, then look that git finds the folder equal to it."""
    folder.mkdir(exist_ok=True, parents=True)
    _git(job, folder, "init", "--quiet", "--template=", *(["--object-format=sha256"] if len(commit) == 64 else []))
    if Path(origin).is_file():
        _git(job, folder, "bundle", "unbundle", origin)
    else:
        _git(job, folder, "fetch", "--quiet", "--no-tags", "--no-recurse-submodules", origin, commit)
    _git(job, folder, "checkout", "--quiet", "--detach", "--force", "--no-recurse-submodules", commit, "--")
    if _git(job, folder, "rev-parse", "HEAD").strip() != commit:
        raise ConflictError(f"what was checked out is not {commit}", code="code-differs", hint="Look at the bundle.")
    if _git(job, folder, "status", "--porcelain", "--untracked-files=no", "--ignore-submodules").strip():
        raise ConflictError(
            f"the files checked out are not those of {commit}",
            code="code-differs",
            hint="A file system that ignores case, or has no links, cannot hold this tree.",
        )


def _submodules(job: JobFolder, request: JobRequest, code: Code) -> list[str]:
    """Check out what is recorded of submodules: from ``submodules/PATH.bundle``, else out of the checkout's own."""
    problems = []
    for each in code.submodules or ():
        path, commit = str(each.get("path", "")), str(each.get("commit", ""))
        folder = inside(job.work, path, "submodule")
        bundle = inside(job.root, f"submodules/{path}.bundle", "submodule's bundle")
        beside = Path(request.checkout or "", path)
        origin = bundle if bundle.is_file() else beside if beside.is_absolute() and (beside / ".git").exists() else None
        if origin is None or len(commit) not in {40, 64} or set(commit) - set("0123456789abcdef"):
            problems.append(f"missing-submodule:{path}")
            continue
        _fetched(job, str(origin), commit, folder)
    return problems


def _unfiltered(work: Path, problems: list[str]) -> None:
    """Note that files which git would have put through a filter (LFS) are as git keeps them."""
    attributes = [path for path in work.rglob(".gitattributes") if path.is_file() and not path.is_symlink()]
    if any(b"filter=" in path.read_bytes() for path in attributes):
        problems.append("filtered-files: files with a git filter (LFS) are as git keeps them; name them as inputs")


def _diff(job: JobFolder, request: JobRequest) -> None:
    recorded = request.code.diff if request.code else None
    if request.diff is None:
        raise _bad(f"the tree was not clean ({recorded}), and there is no diff", "Put the diff beside request.json.")
    if recorded is None:
        raise _bad("there is a diff, and the record knows of none", "Say its sha256 in `code.diff`.")
    file = job.beside(request.diff, "diff")
    with file.open("rb") as stream:
        found = "sha256:" + hashlib.file_digest(stream, "sha256").hexdigest()
    if found != recorded:
        raise ConflictError(f"the diff is {found}, not {recorded}", code="code-differs", hint="Get the recorded diff.")
    if file.stat().st_size:
        # git refuses paths that leave the folder, lie in .git, or lead through a symbolic link.
        _git(job, job.work, "apply", "--whitespace=nowarn", str(file), code="bad-diff")


def _untracked(job: JobFolder, request: JobRequest) -> tuple[list[str], list[str]]:
    """Write the files that git did not know, but for those that are to come out of the run."""
    fresh = {output.path for output in request.outputs}
    placed = []
    given = {(each.path, bare(each.sha256)) for each in request.untracked}
    problems = [
        f"untracked-missing: {each.get('path')}"
        for each in (request.code.untracked if request.code else None) or ()
        if (each.get("path"), bare(str(each.get("sha256", "")))) not in given and not _under(each.get("path"), fresh)
    ]
    for item in request.untracked:
        if _under(item.path, fresh):
            continue
        laid_file(job, item, "untracked file", replace=False)
        placed.append(item.path)
    return placed, problems


def _under(path: object, folders: set[str]) -> bool:
    return any(str(path) == folder or str(path).startswith(folder + "/") for folder in folders)


def _bad(what: str, hint: str) -> InvalidError:
    return InvalidError(f"the request has {what}", code="bad-job", hint=hint)


def _git(job: JobFolder, folder: Path, *args: str, code: str = "no-code") -> str:
    program = shutil.which("git")
    if program is None:
        raise UnavailableError("git is not installed here", code="no-git", hint="Install git where the job runs.")
    options = [part for setting in _SAFE for part in ("-c", setting)]
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(job.home),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "file",
        "GIT_CEILING_DIRECTORIES": str(folder.parent),
    }
    done = subprocess.run(  # noqa: S603 - git itself, arguments as a list, options before anything foreign
        [program, *options, *args],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_GIT_S,
        check=False,
    )
    if done.returncode:
        kind = UnavailableError if code == "no-code" else ConflictError
        raise kind(
            f"git {args[0]} failed: {done.stderr.strip()[-500:]}",
            code=code,
            hint="The commit must be in the bundle or repository, and the diff must fit it.",
        )
    return done.stdout
