"""A session with a Rucio server, as ``rucio.cfg`` and the environment describe it; its errors in our words.

Rucio is imported when it is first asked: its modules read the configuration when they are imported. Credentials are
Rucio's own affair: nothing of them is taken, kept or told here.
"""

from __future__ import annotations

import configparser
import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from herdbook.kernel.errors import ConflictError, DeniedError, HerdbookError, MissingError, UnavailableError

TIMEOUT_S = 60
"""Seconds that the server may take to begin an answer."""
_GONE = ("DataIdentifierNotFound", "ReplicaNotFound", "ScopeNotFound", "SourceNotFound", "FileNotFoundError")
_DENIED = (
    *("AccessDenied", "CannotAuthenticate", "CannotAuthorize", "NoAuthInformation", "MissingClientParameter"),
    *("AccountNotFound", "IdentityError"),
)
_CONFLICT = ("DataIdentifierAlreadyExists", "FileConsistencyMismatch", "UnsupportedOperation", "Duplicate")


class Quiet(logging.Logger):
    """A logger that nobody hears. Rucio calls it as an object here, and as a function there."""

    def __init__(self) -> None:
        super().__init__("herdbook-rucio", logging.CRITICAL + 1)
        self.addHandler(logging.NullHandler())

    def __call__(self, level: int, message: str, *rest: object, **more: Any) -> None:  # noqa: ANN401 - as ``log`` has it
        """Say it to nobody."""


def connect() -> Any:  # noqa: ANN401 - rucio has no types
    """Return a client of the server that the configuration of now names.

    Raises:
        UnavailableError: ``no-extra``, ``no-rucio-config``, ``unreachable`` or ``not-let-in``.
    """
    word = sys.argv[0]  # which the client cuts
    try:
        with asked("Rucio"), contextlib.redirect_stdout(sys.stderr):  # a log-in by browser is told there
            from rucio.client.client import Client  # noqa: PLC0415 - see above
            from rucio.common.config import clean_cached_config  # noqa: PLC0415 - see above

            clean_cached_config()
            return Client(timeout=TIMEOUT_S, logger=Quiet(), user_agent="herdbook")
    finally:
        sys.argv[0] = word


@contextlib.contextmanager
def asked(what: str) -> Iterator[None]:
    """Turn what Rucio, or the way there, raises in a block into our errors; ``what`` was asked for."""
    try:
        yield
    except HerdbookError:
        raise
    except ModuleNotFoundError as error:
        raise UnavailableError(
            f"Rucio's client is not installed: {error}", code="no-extra", hint="Install herdbook[rucio]."
        ) from error
    except (configparser.Error, EOFError) as error:
        raise _not_let_in(f"{what}: Rucio's configuration or log-in is not complete ({error})") from error
    except Exception as error:
        names = {each.__name__ for each in type(error).__mro__}
        if "RucioException" not in names and not isinstance(error, OSError):
            raise
        raise translated(what, error, names) from error


def translated(what: str, error: Exception, names: set[str]) -> HerdbookError:
    """Return our error for one of Rucio's, whose classes are called ``names``."""
    if names & {"ConfigNotFound", "ConfigLoadingError"}:
        return UnavailableError(
            "no configuration of Rucio was found",
            code="no-rucio-config",
            hint="Set RUCIO_CONFIG to a rucio.cfg, or RUCIO_HOME to the folder that has etc/rucio.cfg.",
        )
    if names & set(_GONE):
        return MissingError(
            f"Rucio does not have {what}", code="gone", hint="`herdbook dataset recheck` writes down what is left."
        )
    if names & {"CannotAuthenticate", "MissingClientParameter", "NoAuthInformation"}:
        # What it says itself may hold what one logs in with.
        return _not_let_in(f"{what}: Rucio does not know who asks ({type(error).__name__})")
    if names & set(_DENIED):
        return DeniedError(
            f"{what}: {first_line(error)}", code="not-let-in", hint="Ask who runs Rucio, or name another."
        )
    if names & {"InvalidRSEExpression", "RSENotFound"}:
        return MissingError(
            f"{what}: {first_line(error)}", code="no-rse", hint="`rucio rse list` shows the storage elements."
        )
    if names & set(_CONFLICT):
        return ConflictError(f"{what}: {first_line(error)}", code="other-content", hint="Choose another --name.")
    if isinstance(error, OSError) or "ServerConnectionException" in names:
        return UnavailableError(
            f"{what}: Rucio's server cannot be reached ({type(error).__name__})",
            code="unreachable",
            hint="Is it up, and is rucio_host in rucio.cfg right?",
        )
    return UnavailableError(
        f"{what}: {type(error).__name__}: {first_line(error)}",
        code="rucio-failed",
        hint="Try again, or ask who runs it.",
    )


def _not_let_in(message: str) -> UnavailableError:
    return UnavailableError(
        message,
        code="not-let-in",
        hint="`rucio whoami` shows whether the account and its password, proxy or token in rucio.cfg still hold.",
    )


def first_line(error: Exception) -> str:
    """Return what an error says that fits in a sentence."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    details = next((line.removeprefix("Details: ") for line in lines if line.startswith("Details: ")), "")
    return (details or (lines[0] if lines else type(error).__name__))[:300]


def host() -> str:
    """Return the name of the server that the configuration names, without whatever else its address holds."""
    with contextlib.suppress(Exception):
        from rucio.common.config import config_get  # noqa: PLC0415 - see above

        return urlsplit(str(config_get("client", "rucio_host", False, ""))).hostname or ""
    return ""


def configured() -> str:
    """Return where the configuration is looked for: what a session was made with holds as long as this is the same."""
    return "\0".join(f"{name}={os.environ.get(name, '')}" for name in sorted(os.environ) if name.startswith("RUCIO_"))
