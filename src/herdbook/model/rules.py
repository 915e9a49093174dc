"""Mapping rules: which paths of a source are which model, under which label, with which sidecars. They are data."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from herdbook.kernel.errors import InvalidError
from herdbook.model.base import Bool, Json, Text, Value
from herdbook.model.identifiers import NonEmpty
from herdbook.model.models import Profile
from herdbook.model.statements import JsonPointer


def check_pattern(text: str) -> str:
    """Return the text when it is a regular expression of Python.

    Raises:
        InvalidError: saying where it is wrong.
    """
    try:
        re.compile(text)
    except re.error as error:
        raise InvalidError(
            f"{text!r} is no regular expression: {error}", code="bad-rules", hint="Patterns match the whole path."
        ) from error
    return text


Pattern = Annotated[NonEmpty, AfterValidator(check_pattern)]
Template = NonEmpty
"""Text in which ``{name}`` stands for a named group of the pattern or of the source's, ``{path}``, ``{source}`` (its
name) or ``{namespace}``."""


class ModelRule(Value):
    """Paths that are files of a model.

    What stands together, by the text of ``model`` and ``label`` once groups are filled in, is one version: a set.
    ``folder`` is where the version's paths begin (a template; by default the path's own folder). Without ``label``
    versions are labelled by tag. ``member`` names the group whose values a whole set has (``expects``); a set that
    has none of them, of another rule for the same model, is whole all the same.
    """

    id: NonEmpty
    paths: Annotated[tuple[Pattern, ...], Field(min_length=1)]
    model: Template
    label: Template | None = None
    folder: Template | None = None
    role: Template | None = None
    member: NonEmpty | None = None
    expects: tuple[NonEmpty, ...] = ()
    profile: Profile | None = None
    ext: Json | None = None
    """``ext`` of the description of each version, with templates."""


class SidecarRule(Value):
    """Paths that lie beside models: files of every version that the rules ``of`` make in the same folder.

    ``of`` are ids of model rules, ``*`` any. A sidecar whose template ``model`` and ``label`` are given goes only with
    these. ``folder`` is the folder of the version where that is not the path's own.
    """

    id: NonEmpty
    paths: Annotated[tuple[Pattern, ...], Field(min_length=1)]
    of: Annotated[tuple[NonEmpty, ...], Field(min_length=1)]
    model: Template | None = None
    label: Template | None = None
    folder: Template | None = None
    role: Template | None = None


class ListRule(Value):
    """Paths that are lists and configurations rather than models.

    ``release-list``: ``PACKAGE=TAG`` lines in sections; ``name`` is the release cycle.
    ``dataset-list``: lines of options, or of a short name and a dataset; ``name`` is the list's.
    ``training-config``: YAML; ``activity`` (JSON, with templates) is what it configures, ``pointers`` maps JSON
    pointers of the configuration to what they mean there.
    """

    id: NonEmpty
    paths: Annotated[tuple[Pattern, ...], Field(min_length=1)]
    what: Literal["release-list", "dataset-list", "training-config"]
    name: Template
    scheme: NonEmpty | None = None
    activity: Json | None = None
    because: dict[JsonPointer, NonEmpty] = Field(default_factory=dict)
    """Where a value of ``activity`` is known from, as evidence has it: ``commit:…``; else the rule alone says it."""
    pointers: dict[Text, Json] = Field(default_factory=dict)


class SkipRule(Value):
    """Paths that are no models, and why."""

    paths: Annotated[tuple[Pattern, ...], Field(min_length=1)]
    reason: NonEmpty


class MessageRule(Value):
    """What a commit's message may tell: a regular expression, searched, whose group ``id`` is a training's id."""

    pattern: Pattern
    scheme: NonEmpty
    kind: NonEmpty = "training"


class IdentityRule(Value):
    """What another system calls a file: ``cms-fileinpath`` and ``RecoTauTag/TrainingFiles/data/{path}``."""

    scheme: NonEmpty
    value: Template


class RuleTest(Value):
    """A path and what the rules must make of it; with ``skip`` the reason, with ``sidecar`` or ``list`` the rule's id.

    ``source`` is the source's name, for rules that take groups from it, and left out the one of the first test that has
    one; ``content`` is how the file begins, for the fallback.
    """

    path: NonEmpty
    source: Text = ""
    content: Text | None = None
    model: Text | None = None
    label: Text | None = None
    inside: Text | None = None
    sidecar: Text | None = None
    member: Text | None = None
    list: Text | None = None
    skip: Text | None = None
    identity: Text | None = None
    """``scheme:value``."""


class Rules(Value):
    """The rules of one source. The first rule that fits a path decides: skip, then models, sidecars, lists.

    ``fallback`` says that what no rule names is looked at by ``service.mapping.fallback``; else it is skipped.
    """

    schema_: Literal["herdbook/import-rules/1"] = Field("herdbook/import-rules/1", alias="schema")
    name: NonEmpty
    source: Pattern
    namespace: Text = ""
    """Empty when the user says it."""
    package: Template | None = None
    identity: IdentityRule | None = None
    skip: tuple[SkipRule, ...] = ()
    models: tuple[ModelRule, ...] = ()
    sidecars: tuple[SidecarRule, ...] = ()
    lists: tuple[ListRule, ...] = ()
    messages: tuple[MessageRule, ...] = ()
    fallback: Bool = True
    prefix: Template | None = None
    """Under which name the fallback puts models: ``cms/recotautag``; by default namespace and the source's name."""
    tests: tuple[RuleTest, ...] = ()
