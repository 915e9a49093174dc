"""Where a dataset came from: the conversion or production that made it, as an activity, so that the chain stands."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from herdbook.kernel.errors import InvalidError, MissingError
from herdbook.model import schemes
from herdbook.model.activities import Activity, ActivityEntry, Code, Part, Selector
from herdbook.model.base import Json
from herdbook.model.datasets import Dataset
from herdbook.model.identifiers import Identifier
from herdbook.ports.registry import Registry


@dataclass(frozen=True)
class Origin:
    """What is known of how a dataset was made.

    Attributes:
        inputs: datasets: ``scheme:value`` or record digests. One that is not known here becomes known by its name.
        kind: of the activity.
        activity: its JSON, as far as there is one; what is said beside it is added.
        command: as it was typed in a shell.
        code: where the code is.
        configs: files whose bytes are kept with the activity.
    """

    inputs: Sequence[str] = ()
    kind: str = ""
    activity: Json | None = None
    command: str = ""
    code: Code | None = None
    configs: Sequence[Path] = ()

    @property
    def told(self) -> bool:
        """Whether anything is."""
        return bool(self.inputs or self.activity or self.command or self.code or self.configs)


def read_code(text: str) -> Code:
    """Read ``REPOSITORY@COMMIT``.

    Raises:
        InvalidError: ``bad-code``, when the commit is not whole.
    """
    repository, _, commit = text.rpartition("@")
    if not repository or len(commit) not in {40, 64} or set(commit) - set("0123456789abcdef"):
        raise InvalidError(
            f"{text!r} is no code",
            code="bad-code",
            hint="Write REPOSITORY@COMMIT with the whole commit, as https://example.org/x.git@3f2a…, or a folder.",
        )
    return Code(repository=repository, commit=commit)


def record(registry: Registry, namespace: str, output: Dataset, origin: Origin) -> ActivityEntry:
    """Write down the activity that made a dataset. The same once more is answered with what is there.

    Raises:
        InvalidError: ``own-input``, when the dataset would be made of itself; when an identifier or the JSON is none.
        ConflictError: ``ambiguous``, when an identifier is that of several datasets.
    """
    given = dict(origin.activity or {})
    made = Part(record=output.digest, role="output")
    inputs = [_input(registry, namespace, text) for text in origin.inputs]
    if made.record in {part.record for part in inputs}:
        raise InvalidError("a dataset is not made of itself", code="own-input", hint="Say what it was made from.")
    for path in origin.configs:
        with path.open("rb") as stream:
            inputs.append(Part(blob=registry.files.put(stream).sha256, role="config", path=path.name))
    given.setdefault("kind", origin.kind or "dataset-conversion")
    given.setdefault("status", "finished")
    if origin.command:
        given["command"] = {"argv": _words(origin.command)}
    if origin.code is not None:
        given["code"] = origin.code.json_object()
    given["inputs"] = [*given.get("inputs", ()), *(part.json_object() for part in inputs)] or None
    outputs = list(given.get("outputs", ()))
    if output.digest not in [part.get("record") for part in outputs if isinstance(part, dict)]:
        outputs.append(made.json_object())
    activity = Activity.read({**given, "outputs": outputs})
    return registry.activities.register(namespace, activity)


def _input(registry: Registry, namespace: str, text: str) -> Part:
    if text.startswith("sha256:"):
        return Part(record=registry.datasets.get(text).record, role="input")
    name = Identifier.parse(text)
    if schemes.is_selector(name.scheme, name.value):
        return Part(selector=Selector(scheme=name.scheme, value=name.value), role="input")
    try:
        return Part(record=registry.datasets.get(text).record, role="input")
    except MissingError:
        return Part(record=registry.datasets.register(namespace, Dataset(id=name)).record, role="input")


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise InvalidError(f"the command cannot be read: {error}", code="bad-command", hint="Close quotes.") from error
    if not words:
        raise InvalidError("the command is empty", code="bad-command", hint="Write what was typed.")
    return words
