"""The kinds of statements and what their bodies hold. A body is kept as it was written; these shapes check it."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from herdbook.kernel.errors import InvalidError
from herdbook.model.activities import Metric
from herdbook.model.audits import Audit, Checklist
from herdbook.model.base import Int, Json, Sha256, Text, Time, Value
from herdbook.model.cards import Card
from herdbook.model.checks import CheckPolicy
from herdbook.model.contracts import Contract
from herdbook.model.dataset_profiles import DatasetProfile
from herdbook.model.identifiers import Identifier, NonEmpty, Unit
from herdbook.model.models import Profile
from herdbook.model.places import Location
from herdbook.model.principals import Actor
from herdbook.model.retrainings import Golden, Retraining, Tolerance
from herdbook.model.splits import Split
from herdbook.model.versions import ModelName

_LICENCE_TOKEN = re.compile(r"\(|\)|[A-Za-z0-9.+:-]+|\s+|.")


def check_licence(expression: str) -> str:
    """Return the text when it has the form of an SPDX expression (SPDX 3.0.1, annex on licence expressions).

    Whether each identifier is on the SPDX list is checked where a statement is made, by ``service.licences``.

    Raises:
        InvalidError: when the form does not fit.
    """
    depth, operand = 0, True
    for part in filter(str.strip, _LICENCE_TOKEN.findall(expression)):
        if operand == (part in {"AND", "OR", "WITH", ")"}):
            break
        if part in "()":
            depth += 1 if part == "(" else -1
            continue
        if not re.fullmatch(r"[A-Za-z0-9.+:-]+", part):
            break
        operand = not operand
    else:
        if depth == 0 and not operand:
            return expression
    raise InvalidError(
        f"{expression!r} is not an SPDX licence expression",
        code="bad-licence",
        hint="Write an identifier of the SPDX list, as Apache-2.0 or CC-BY-4.0, or LicenseRef-… for another.",
    )


Licence = Annotated[NonEmpty, AfterValidator(check_licence)]


class Column(Value):
    """A column of a dataset; ``unit`` in UCUM."""

    name: NonEmpty
    dtype: NonEmpty | None = None
    shape: tuple[Int | Text, ...] | None = None
    unit: Unit | None = None
    description: NonEmpty | None = None


class Data(Value):
    """What is in a dataset."""

    kind: Literal["data", "mc", "embedded", "toy", "mixed"] | None = None
    events: Annotated[Int, Field(ge=0)] | None = None
    files: Annotated[Int, Field(ge=0)] | None = None
    size_bytes: Annotated[Int, Field(ge=0)] | None = None
    sum_weights: float | None = None
    columns: tuple[Column, ...] | None = None


class Description(Value):
    """What a person writes about a record: title, text, licence, links, use; who may have it, on which conditions."""

    title: NonEmpty | None = None
    summary: NonEmpty | None = None
    text: NonEmpty | None = None
    licence: Licence | None = None
    access: Literal["open", "restricted", "embargoed", "closed"] | None = None
    access_conditions: NonEmpty | None = None
    contact: NonEmpty | None = None
    authors: tuple[NonEmpty, ...] | None = None
    keywords: tuple[NonEmpty, ...] | None = None
    links: tuple[Json, ...] | None = None
    intended_use: NonEmpty | None = None
    out_of_scope: NonEmpty | None = None
    limitations: NonEmpty | None = None
    data: Data | None = None
    ext: Json | None = None


class Identity(Value):
    """These bytes, or this record, are what another system calls so; from which tag on, until before which."""

    id: Identifier
    source: NonEmpty | None = None
    path: NonEmpty | None = None
    first: NonEmpty | None = None
    last: NonEmpty | None = None


class Origin(Value):
    """Where another system holds it: the commit that brought it, by whom (an actor), and what was said then.

    ``path`` is the folder in the source that the record's paths begin in; ``first`` the first tag that has it.
    """

    source: NonEmpty
    path: NonEmpty | None = None
    commit: NonEmpty | None = None
    date: Time | None = None
    author: Actor | None = None
    message: NonEmpty | None = None
    pull_request: Int | None = None
    first: NonEmpty | None = None
    renamed_from: tuple[NonEmpty, ...] | None = None


class Source(Value):
    """A system that was imported: in which state, by which rules, and its tags in their recorded order."""

    kind: NonEmpty
    name: NonEmpty
    state: NonEmpty
    head: NonEmpty | None = None
    rules: NonEmpty | None = None
    package: NonEmpty | None = None
    tags: tuple[NonEmpty, ...] | None = None


class ReleasePackage(Value):
    """A package at a tag in a release, and where in the list that is written."""

    package: NonEmpty
    tag: NonEmpty
    section: NonEmpty | None = None
    line: Annotated[Int, Field(ge=1)] | None = None


class Release(Value):
    """A release, or a release cycle: which packages at which tags."""

    packages: tuple[ReleasePackage, ...]
    source: NonEmpty | None = None


class Evaluation(Value):
    """Metrics of a record on a dataset, with uncertainties."""

    metrics: Annotated[tuple[Metric, ...], Field(min_length=1)]
    dataset: Sha256 | None = None
    split: NonEmpty | None = None
    file: Sha256 | None = None
    kind: Literal["author", "third-party", "monitoring"] | None = None
    harness: Json | None = None
    environment: Json | None = None
    ext: Json | None = None


class KnownIssue(Value):
    """Something is wrong with it, and what to do."""

    title: NonEmpty
    text: NonEmpty | None = None
    severity: Literal["low", "medium", "high"] | None = None
    workaround: NonEmpty | None = None
    fixed_in: NonEmpty | None = None
    links: tuple[Json, ...] | None = None


class Withdrawal(Value):
    """It must not be used any more: resolves exactly, loudly.

    ``registrations`` (``MODEL@ORDINAL``) narrow a withdrawal of records to these registrations of them: an undo.
    """

    reason: NonEmpty
    replacement: NonEmpty | None = None
    registrations: tuple[NonEmpty, ...] | None = None


class Deprecation(Value):
    """It still serves, warns, and names a successor."""

    reason: NonEmpty
    successor: NonEmpty | None = None


class Resolves(Value):
    """The full record, or file, that the old one was."""

    by: Sha256


class Moved(Value):
    """The model goes on under another name."""

    to: ModelName


class ExtSchema(Value):
    """A namespace's JSON Schema for ``ext.<namespace>`` of an entity."""

    entity: Literal["model", "version", "dataset", "activity", "evaluation", "contract"]
    version: Annotated[Text, Field(pattern=r"^[0-9]+\.[0-9]+$")]
    blob: Sha256


class Empty(Value):
    """Nothing: the statement speaks through its evidence."""


KINDS: dict[str, type[Value] | None] = {
    "herdbook/audit/1": Audit,
    "herdbook/card/1": Card,
    "herdbook/check-policy/1": CheckPolicy,
    "herdbook/checklist/1": Checklist,
    "herdbook/contract/1": Contract,
    "herdbook/dataset-profile/1": DatasetProfile,
    "herdbook/deprecation/1": Deprecation,
    "herdbook/description/1": Description,
    "herdbook/evaluation/1": Evaluation,
    "herdbook/evidence/1": Empty,
    "herdbook/ext-schema/1": ExtSchema,
    "herdbook/golden/1": Golden,
    "herdbook/identity/1": Identity,
    "herdbook/known-issue/1": KnownIssue,
    "herdbook/location/1": Location,
    "herdbook/moved/1": Moved,
    "herdbook/note/1": None,  # any object: what fits nowhere else
    "herdbook/origin/1": Origin,
    "herdbook/profile/1": Profile,
    "herdbook/release/1": Release,
    "herdbook/resolves/1": Resolves,
    "herdbook/retraining/1": Retraining,
    "herdbook/source/1": Source,
    "herdbook/split/1": Split,
    "herdbook/tolerance/1": Tolerance,
    "herdbook/withdrawal/1": Withdrawal,
}


def check(type_: str, body: Json) -> None:
    """Check a body against its kind; kinds of namespaces other than ``herdbook`` are any object.

    Raises:
        InvalidError: when the kind is unknown to this Herdbook, or the body does not fit.
    """
    if not type_.startswith("herdbook/"):
        return
    if type_ not in KINDS:
        raise InvalidError(
            f"this Herdbook knows no statements of type {type_!r}",
            code="unknown-kind",
            hint="Known are: " + ", ".join(KINDS) + ". A newer Herdbook may know more.",
        )
    shape = KINDS[type_]
    if shape is not None:
        shape.read(body)
