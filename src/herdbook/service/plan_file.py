"""Plan files: YAML or JSON, by suffix. In YAML every scalar is text: ``no``, ``2018`` and ``1e5`` stay that."""

from __future__ import annotations

import errno
import json
import os
import stat
import tempfile
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from herdbook.kernel import canonical
from herdbook.kernel.errors import DeniedError, HerdbookError, InvalidError, MissingError, UnavailableError
from herdbook.model.plans import Plan
from herdbook.service import plan_text, plan_yaml

MAX_BYTES = 64 * 2**20
_HINT = "Correct it by hand, or plan again into another file."


def read(path: str | os.PathLike[str]) -> Plan:
    """Read a plan.

    Raises:
        MissingError: when there is no such file.
        InvalidError: when it is no plan, or longer than 64 MiB; names the line and the key.
        DeniedError: when it may not be read.
        UnavailableError: on YAML, when PyYAML is not installed.
    """
    path = Path(path)
    data = _bytes(path)
    lines: dict[tuple[str | int, ...], int] = {}
    given: Any = None
    try:
        given = canonical.loads(data) if path.suffix == ".json" else plan_yaml.load(data, lines)
        given = given if path.suffix == ".json" else plan_text.typed(given)
        return Plan.model_validate(given)
    except ValidationError as error:
        raise _misfit(path, error, lines) from error
    except UnavailableError:
        raise
    except HerdbookError as error:
        where = _where(error, given, lines)
        raise InvalidError(f"{path}{where}: {error.message}", code="bad-plan", hint=error.hint or _HINT) from error


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise MissingError(
            f"there is no plan {path}", code="no-plan", hint="`herdbook import KIND SOURCE --plan FILE` writes one."
        ) from error
    except OSError as error:
        raise DeniedError(f"the plan {path} cannot be read: {error.strerror}", code="plan-unreadable") from error
    if len(data) > MAX_BYTES:
        raise InvalidError(f"{path} is longer than {MAX_BYTES >> 20} MiB, which no plan is", code="bad-plan")
    return data


def _misfit(path: Path, error: ValidationError, lines: dict[tuple[str | int, ...], int]) -> InvalidError:
    first = error.errors(include_url=False, include_input=False)[0]
    where = "/" + "/".join(str(part) for part in first["loc"])
    line = next((lines[at] for at in _upwards(first["loc"]) if at in lines), 0)
    told = f"{path}, line {line}" if line else str(path)
    more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return InvalidError(
        f"{told}: {where!r} does not fit: {first['msg']}{more}", code="bad-plan", hint=_HINT, where=where, line=line
    )


def _where(error: HerdbookError, given: Any, lines: dict[tuple[str | int, ...], int]) -> str:  # noqa: ANN401 - JSON
    """Return the place of the first name, label or digest that the error complains of; it tells only the text."""
    for place, line in lines.items():
        value = _at(given, place)
        if isinstance(value, str) and error.message.startswith(repr(value)):
            return f", line {line}, /{'/'.join(map(str, place))}"
    return ""


def _at(value: Any, place: tuple[str | int, ...]) -> Any:  # noqa: ANN401 - JSON values
    for step in place:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _upwards(place: tuple[str | int, ...]) -> list[tuple[str | int, ...]]:
    return [place[:count] for count in range(len(place), -1, -1)]


def write(path: str | os.PathLike[str], plan: Plan) -> None:
    """Write a plan, all of it or nothing: what is there stays until the new one is on disk.

    Raises:
        DeniedError: when the folder or file may not be written.
        MissingError: when there is no such folder.
        UnavailableError: when the disk is full.
    """
    path = Path(path)
    if path.suffix == ".json":
        text = json.dumps(plan_text.shown(plan), indent=1, ensure_ascii=False) + "\n"
    else:
        text = plan_yaml.dump(plan_text.shown(plan), header=plan_text.HEADER)
    try:
        _replace(Path(os.path.realpath(path)), text.encode())
    except FileNotFoundError as error:
        raise MissingError(f"there is no folder {path.parent}", code="no-folder", hint="Make it first.") from error
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EIO}
        kind = UnavailableError if full else DeniedError
        raise kind(f"the plan {path} cannot be written: {error.strerror}", code="plan-unwritable") from error


def _replace(path: Path, data: bytes) -> None:
    mode = _mode(path)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name[:100]}-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        os.replace(temporary, path)  # noqa: PTH105 - one of the calls that must be these
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _mode(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        mask = os.umask(0o077)
        os.umask(mask)
        return 0o666 & ~mask
