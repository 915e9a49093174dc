"""Which versions are adopted, under which names, and what stands against it at the target."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from herdbook.kernel.errors import InvalidError, MissingError
from herdbook.kernel.names import Reference, check_label, check_model, check_namespace, namespace_of
from herdbook.model.versions import Entry
from herdbook.ports.registry import Registry

PAGE = 500


@dataclass(frozen=True)
class Wish:
    """What is asked for: references at the source, and names that differ at the target."""

    references: Sequence[str]
    as_model: str = ""
    label: str = ""
    into: str = ""

    def check(self) -> None:
        """Check what can be checked without a look.

        Raises:
            InvalidError: when names cannot be names, or do not go together.
        """
        if not self.references:
            raise InvalidError("nothing is named", code="no-reference", hint="Name versions, or a whole model.")
        if self.as_model and self.into:
            raise InvalidError("a model and a namespace are both given", code="two-names", hint="Give --as or --into.")
        if self.as_model:
            check_model(self.as_model)
        if self.into:
            check_namespace(self.into)
        if self.label:
            check_label(self.label)

    def model(self, there: str) -> str:
        """Return what a model of the source is called at the target."""
        return self.as_model or (check_model("/".join([self.into, *there.split("/")[1:]])) if self.into else there)


@dataclass
class Choice:
    """A version that is to be adopted. ``record`` is the full one where an unresolved version was resolved.

    ``here`` and ``new_labels`` are as of the last look at the target, ``outcome`` as of the first.
    """

    entry: Entry
    model: str
    labels: tuple[str, ...]
    here: Entry | None = None
    new_labels: tuple[str, ...] = ()
    outcome: str = ""

    @property
    def record(self) -> str:
        """The record that is registered."""
        return self.entry.version.digest

    @property
    def namespace(self) -> str:
        """Where it comes from."""
        return namespace_of(self.entry.model)

    @property
    def origin(self) -> str:
        """The exact reference there."""
        return f"{self.entry.model}@{self.entry.ordinal}"


@dataclass
class Target:
    """What is at the target of the models that versions go to."""

    entries: dict[str, list[Entry]] = field(default_factory=dict)
    conflicts: list[str] = field(default_factory=list)


def choose(source: Registry, wish: Wish) -> list[Choice]:
    """Return the versions that are meant, in the order in which they were registered there.

    A model's bare name means all its versions. One that was taken back (undone) is left out.

    Raises:
        MissingError: when there is no such version.
        InvalidError: when one name is to be given to several models, or one label to several versions.
    """
    wish.check()
    found: dict[tuple[str, str], Choice] = {}
    for text in wish.references:
        for entry in _meant(source, text):
            key = (wish.model(entry.model), entry.version.digest)
            labels = (wish.label,) if wish.label else entry.labels
            found.setdefault(key, Choice(entry, key[0], labels))
    choices = sorted(found.values(), key=lambda choice: (choice.entry.model, choice.entry.ordinal))
    if wish.as_model and len({choice.entry.model for choice in choices}) > 1:
        raise InvalidError("several models cannot become one", code="several-models", hint="Adopt one at a time.")
    if wish.label and len(choices) > 1:
        raise InvalidError("one label is for one version", code="several-versions", hint="Adopt one at a time.")
    return choices


def _meant(source: Registry, text: str) -> Iterator[Entry]:
    reference = Reference.parse(text)
    if reference.label or reference.ordinal or reference.digest or reference.alias:
        yield source.versions.get(text)
    else:
        yield from listed(source, source.models.get(reference.model).name)


def listed(registry: Registry, model: str) -> Iterator[Entry]:
    """Yield all versions of a model, newest first; none when there is no such model."""
    cursor = None
    while True:
        try:
            page = registry.versions.list(model, cursor=cursor, limit=PAGE)
        except MissingError:
            return
        yield from page.items
        if (cursor := page.cursor) is None:
            return


def compare(target: Registry, choices: Iterable[Choice]) -> Target:
    """Look what is at the target: what is there of the choices already, and what stands against them."""
    found = Target()
    for choice in choices:
        if choice.model not in found.entries:
            found.entries[choice.model] = list(listed(target, choice.model))
            found.conflicts += _name_conflicts(target, choice.model)
        entries = found.entries[choice.model]
        choice.here = next((e for e in entries if choice.record in {e.record, e.version.digest}), None)
        labels = {label.casefold(): (label, entry) for entry in entries for label in entry.labels}
        new = []
        for label in choice.labels:
            there, entry = labels.get(label.casefold(), ("", None))
            if entry is None:
                new.append(label)
            elif there != label:
                found.conflicts.append(f"the label {label!r} of {choice.model} differs only in case from {there!r}")
            elif entry is not choice.here and not _awaits(entry):
                found.conflicts.append(
                    f"the label {label!r} of {choice.model} is there with other content ({entry.version.digest})"
                )
            elif entry is not choice.here:
                new.append(label)
        choice.new_labels = tuple(new)
        choice.outcome = choice.outcome or ("new" if choice.here is None else "labelled" if new else "known")
    return found


def _awaits(entry: Entry) -> bool:
    """Say whether a version waits for its bytes: whether these are they, the registration will say."""
    return not entry.version.resolved


def _name_conflicts(target: Registry, model: str) -> list[str]:
    """Return why a model of this name cannot be at the target."""
    parts = model.split("/")
    above = ["/".join(parts[:count]) for count in range(2, len(parts))]
    found = [name for name in (_called(target, each) for each in above) if name]
    same = _called(target, model)
    found += [same] if same not in {"", model} else []
    found += [entry.name for entry in target.models.list(model + "/", limit=1).items]
    return [f"the model {model!r} cannot stand beside {name!r}" for name in found]


def _called(target: Registry, name: str) -> str:
    try:
        return target.models.get(name).name
    except MissingError:
        return ""
