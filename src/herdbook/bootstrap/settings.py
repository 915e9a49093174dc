"""Settings, each with its origin: argument, environment, configuration file, default. The only reader of all four."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import platformdirs

from herdbook.bootstrap import principals
from herdbook.kernel.errors import DeniedError, InvalidError
from herdbook.model.principals import Principal

Origin = Literal["argument", "environment", "file", "default"]
Scalar = str | int | None

CONFIG = "HERDBOOK_CONFIG"


@dataclass(frozen=True, slots=True)
class Known:
    """A setting that Herdbook knows: what it says, its variable, its default, and what it may be."""

    about: str
    variable: str = ""
    default: Scalar = None
    choices: tuple[str, ...] = ()
    number: bool = False


KNOWN: dict[str, Known] = {
    "registry": Known(
        "The registry: a folder, its file: URL, or a server's http: or https: URL.", variable="HERDBOOK_REGISTRY"
    ),
    "cache": Known("The folder for what can be had again: files and answers of servers.", variable="HERDBOOK_CACHE"),
    "spool": Known("The folder where captured runs wait to be pushed.", variable="HERDBOOK_SPOOL"),
    "capture.diff": Known(
        "When diffs and untracked files are uploaded: always, if a scanner finds no secret in them, or never.",
        default="clean",
        choices=("always", "clean", "never"),
    ),
    "capture.diff_mb": Known("How large a diff is kept, in MB.", default=5, number=True),
    "capture.dirty": Known(
        "Whether a run in a tree with uncommitted changes is recorded or refused.",
        default="store",
        choices=("store", "refuse"),
    ),
    "capture.store_mb": Known(
        "How large a confirmed input is stored in the registry itself, in MB.", default=10, number=True
    ),
    "client.cache_gb": Known("How large the files in the cache may be together, in GB.", default=20, number=True),
    "client.connect_seconds": Known("How long a connection to a server may take, in seconds.", default=10, number=True),
    "client.read_seconds": Known("How long a server may be silent, in seconds.", default=60, number=True),
    "client.retry_seconds": Known(
        "How long a server that does not answer is tried, in seconds.", default=30, number=True
    ),
    "actor.id": Known("Who acts: an id, made at first need and kept.", variable="HERDBOOK_ACTOR"),
    "actor.kind": Known("What acts.", default="person", choices=("person", "service", "group")),
    "actor.name": Known("What the actor is called; given to a registry by `herdbook whoami --name`."),
    "actor.email": Known("Where the actor is reached; given to a registry by `herdbook whoami --email`."),
    "readers.workers": Known("How many processes read formats.", default=2, number=True),
    "readers.memory_mb": Known("Memory that one of them may use, in MB.", default=512, number=True),
    "readers.seconds": Known("Time that one file may take, in seconds.", default=20, number=True),
    "server.hosts": Known("Further names by which a server on loopback may be asked, with commas between them."),
    "server.requests": Known("How many requests a server process answers at once.", default=512, number=True),
    "server.transfers": Known("How many bodies of files a server process moves at once.", default=64, number=True),
    "server.json_mb": Known("The largest body that is no file, in MB.", default=64, number=True),
    "server.idle_seconds": Known("How long a client may do nothing amid a request.", default=60, number=True),
    "server.stop_seconds": Known("How long a stop waits for what is at work.", default=30, number=True),
}
"""All settings, by the dotted name that `herdbook config set` takes."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A value and where it comes from; ``source`` names the variable or the file."""

    name: str
    value: Scalar
    origin: Origin
    source: str = ""

    @property
    def text(self) -> str:
        """The value as text, empty when there is none."""
        return "" if self.value is None else str(self.value)


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings as they are in force; ``unknown`` are keys of the file that this Herdbook does not know."""

    file: Path
    values: Mapping[str, Setting]
    unknown: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Setting:
        return self.values[name]

    def text(self, name: str) -> str:
        """Return a setting's value as text, empty when there is none."""
        return self.values[name].text

    def number(self, name: str) -> int:
        """Return a setting's value as a number."""
        return int(self.values[name].value or 0)

    def actor(self) -> Setting:
        """Return the actor's id; where none is set, the one in the identity file, made now if there is none.

        Raises:
            InvalidError: when the id is no actor's.
            DeniedError: when it cannot be written down.
        """
        given = self.values["actor.id"]
        if given.value is not None:
            return given
        path = principals.path_beside(self.file)
        return Setting("actor.id", principals.keep(path), "file", str(path))

    def principal(self) -> Principal:
        """Return who acts.

        The assurance is ``os`` when the id stands in a file that only this account of the operating system can write,
        else ``claimed``.

        Raises:
            InvalidError: when the id is no actor's.
        """
        actor = self.actor()
        guarded = actor.origin == "file" and principals.guarded(Path(actor.source))
        return Principal.read(
            {"id": actor.text, "kind": self.text("actor.kind"), "assurance": "os" if guarded else "claimed"}
        )


def config_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where the configuration file is, or would be."""
    given = environment.get(CONFIG)
    return Path(given).expanduser().absolute() if given else platformdirs.user_config_path("herdbook") / "config.toml"


def default_registry() -> Path:
    """Return the folder of the embedded registry that is used when nothing else is said."""
    return platformdirs.user_data_path("herdbook") / "registry"


def load(*, registry: str | None = None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Gather all settings: an argument wins over the environment, it over the file, it over the default.

    Raises:
        InvalidError: when the file is not TOML (naming the line) or a value does not fit (naming the key).
        DeniedError: when the file may not be read.
    """
    path = config_file(environment)
    filed = flatten(read_file(path))
    values: dict[str, Setting] = {}
    for name, known in KNOWN.items():
        if name == "registry" and registry is not None:
            values[name] = Setting(name, registry, "argument", "--registry")
        elif known.variable and environment.get(known.variable):
            text = environment[known.variable]
            values[name] = Setting(name, check(name, text, known.variable), "environment", known.variable)
        elif name in filed:
            values[name] = Setting(name, check(name, filed[name], str(path)), "file", str(path))
        else:
            values[name] = Setting(name, _default(name), "default")
    return Settings(path, values, tuple(sorted(filed.keys() - KNOWN.keys())))


def _default(name: str) -> Scalar:
    if name == "registry":
        return str(default_registry())
    if name == "cache":
        return str(platformdirs.user_cache_path("herdbook"))
    if name == "spool":
        return str(platformdirs.user_state_path("herdbook") / "spool")
    return KNOWN[name].default


def read_file(path: Path) -> dict[str, Any]:
    """Return what the configuration file holds, nothing when there is none.

    Raises:
        InvalidError: when it is not TOML, naming the line.
        DeniedError: when it may not be read.
    """
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except UnicodeDecodeError as error:
        raise InvalidError(f"the configuration file {path} is not UTF-8", code="bad-config") from error
    except tomllib.TOMLDecodeError as error:
        raise InvalidError(
            f"the configuration file {path} is not TOML: {error}",
            code="bad-config",
            hint="Correct that line, or move the file away to begin afresh.",
        ) from error
    except OSError as error:
        raise DeniedError(
            f"the configuration file {path} cannot be read: {error.strerror}",
            code="config-unreadable",
            hint=f"Make it readable, or name another with {CONFIG}.",
        ) from error


def flatten(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return a TOML table's values by dotted key."""
    result: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            result.update(flatten(value, f"{prefix}{key}."))
        else:
            result[prefix + key] = value
    return result


def check(name: str, value: object, source: str) -> str | int:
    """Return a setting's value when it can be one.

    Raises:
        InvalidError: when the setting is unknown, or the value does not fit.
    """
    known = KNOWN.get(name)
    if known is None:
        raise InvalidError(
            f"there is no setting {name!r}", code="unknown-setting", hint="Settings are: " + ", ".join(KNOWN) + "."
        )
    if known.number:
        if isinstance(value, str) and value.isascii() and value.isdigit():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
        raise InvalidError(
            f"{name} in {source} is {value!r}, which is no number",
            code="bad-setting",
            hint="Write a whole number above 0.",
        )
    if not isinstance(value, str) or not value.strip():
        raise InvalidError(f"{name} in {source} is {value!r}, which is no text", code="bad-setting")
    if known.choices and value not in known.choices:
        raise InvalidError(
            f"{name} in {source} is {value!r}", code="bad-setting", hint="It can be " + ", ".join(known.choices) + "."
        )
    return principals.check(value, source) if name == "actor.id" else value
