"""Queries: a small language of filters and words. docs/reference/query.md documents it."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from herdbook.model.facts import Safety
from herdbook.model.models import Step

MAX_VALUE = 200


class Order(StrEnum):
    """In which order results come; ties cannot occur."""

    NEWEST = "newest"
    OLDEST = "oldest"
    NAME = "name"


class Compare(StrEnum):
    """How a field is compared."""

    EQUAL = "="
    LESS = "<"
    LESS_EQUAL = "<="
    GREATER = ">"
    GREATER_EQUAL = ">="


@dataclass(frozen=True, slots=True)
class All:
    """Every version."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word somewhere in the text that is known of the version."""

    word: str


@dataclass(frozen=True, slots=True)
class WordPrefix:
    """A word that begins so."""

    prefix: str


@dataclass(frozen=True, slots=True)
class Is:
    """A field has one of these values, folded by ``fold_value``."""

    field: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Begins:
    """A field has a value that begins so."""

    field: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Has:
    """A field has any value."""

    field: str


@dataclass(frozen=True, slots=True)
class Number:
    """A field has a number that compares so."""

    field: str
    compare: Compare
    value: float


@dataclass(frozen=True, slots=True)
class Text:
    """A field has a text that compares so, by code points of the folded text; never ``=``, which is ``Is``."""

    field: str
    compare: Compare
    value: str


@dataclass(frozen=True, slots=True)
class Hash:
    """The record, or one of the files, has a digest whose hex digits begin so.

    ``algorithm`` is empty when any may; ``scope`` is ``record`` or ``file`` when only one of them counts.
    """

    prefix: str
    algorithm: str = ""
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Not:
    """The contrary."""

    of: Expression


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    of: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of them."""

    of: tuple[Expression, ...]


Expression = All | Word | WordPrefix | Is | Begins | Has | Number | Text | Hash | Not | And | Or


class FieldType(StrEnum):
    """What a field holds, and so which comparisons it takes."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"
    FLAG = "flag"
    DIGEST = "digest"
    MIXED = "text or number"


@dataclass(frozen=True, slots=True)
class Field:
    """A field that queries may name. ``values`` lists all there are, where the vocabulary is closed."""

    name: str
    type: FieldType
    about: str
    example: str
    values: tuple[str, ...] = ()


_FLAG = ("yes", "no")

FIELDS: dict[str, Field] = {
    field.name: field
    for field in (
        Field("name", FieldType.TEXT, "the model's name", "name = cms/btv/particlenet-ak4"),
        Field("namespace", FieldType.TEXT, "the first segment of the model's name", "namespace = cms"),
        Field("label", FieldType.TEXT, "a label of the version", "label = CHS-V0*"),
        Field("alias", FieldType.TEXT, "an alias that leads to the version now", "alias = production"),
        Field("ordinal", FieldType.NUMBER, "the version's number within its model", "ordinal >= 3"),
        Field("digest", FieldType.DIGEST, "the digest of the version's record", "digest = sha256:4f2a91c0"),
        Field("file", FieldType.DIGEST, "a digest, of any algorithm, of one of its files", "file = md5:9e107d9d"),
        Field("path", FieldType.TEXT, "the relative path of a file", "path = model.onnx"),
        Field("size", FieldType.NUMBER, "bytes of all files together", "size > 1000000"),
        Field("files", FieldType.NUMBER, "how many files it has", "files = 1"),
        Field("format", FieldType.TEXT, "the format of a file, as a reader found it", "format = onnx"),
        Field(
            "safety",
            FieldType.TEXT,
            "whether loading a file can run code",
            "safety != unsafe",
            tuple(str(value) for value in Safety),
        ),
        Field("input", FieldType.TEXT, "the name of an input of the network", "input = pf_points"),
        Field("output", FieldType.TEXT, "the name of an output of the network", "output = softmax"),
        Field("operator", FieldType.TEXT, "an operator of the graph", "operator IN (Conv, Gemm)"),
        Field("opset", FieldType.NUMBER, "the operator set's version, default domain", "opset >= 13"),
        Field("producer", FieldType.TEXT, "the program that wrote a file", "producer = pytorch"),
        Field("parameters", FieldType.NUMBER, "how many trainable numbers it holds", "parameters < 1e6"),
        Field(
            "dataset",
            FieldType.TEXT,
            "the identifier of a dataset it was made from, without the scheme",
            "dataset = /TTTo2L2Nu*",
        ),
        Field("scheme", FieldType.TEXT, "the scheme of such an identifier", "scheme = cms-dbs"),
        Field("parent", FieldType.DIGEST, "the record's digest of a version it was made from", "parent = 4f2a91c0"),
        Field("activity", FieldType.TEXT, "the kind of an activity that made it", "activity = fine-tuning"),
        Field("code", FieldType.DIGEST, "the commit of the code that made it", "code = 3b18e512"),
        Field("title", FieldType.TEXT, "a title that was given", 'title = "Jet flavour"*'),
        Field("licence", FieldType.TEXT, "an SPDX licence expression", "licence = Apache-2.0"),
        Field(
            "step",
            FieldType.TEXT,
            "the processing step it runs in",
            "step = reconstruction",
            tuple(str(value) for value in Step),
        ),
        Field("task", FieldType.TEXT, "what it does, in the profile's words", 'task = "jet flavour tagging"'),
        Field("keyword", FieldType.TEXT, "a keyword of profile or description", "keyword = b-tagging"),
        Field("maintainer", FieldType.TEXT, "a maintainer of the model", "has(maintainer)"),
        Field("domain", FieldType.TEXT, "the field of science or technology", 'domain = "high-energy physics"'),
        Field(
            "state",
            FieldType.TEXT,
            "whether it was deprecated or withdrawn",
            "state = current",
            ("current", "deprecated", "withdrawn"),
        ),
        Field("resolved", FieldType.FLAG, "whether all its files are known by sha256", "resolved = no", _FLAG),
        Field("issue", FieldType.FLAG, "whether it has a known issue", "issue = yes", _FLAG),
        Field("id", FieldType.TEXT, "what another system calls it, without the scheme", "id = 10.5281/zenodo.1234"),
        Field("source", FieldType.TEXT, "a system that holds it too, as imports name it", "source = cms-data/*"),
        Field("commit", FieldType.DIGEST, "the commit that brought it into such a system", "commit = 3b18e512"),
        Field("says", FieldType.TEXT, "the kind of a statement about it", "says = evaluation"),
        Field("registered", FieldType.TIME, "when it entered the registry", "registered >= 2026-11"),
        Field("by", FieldType.TEXT, "the actor who registered it", "by = actor:7f3c*"),
    )
}
"""The closed table of fields, by name."""

FAMILIES: dict[str, Field] = {
    field.name: field
    for field in (
        Field("metric", FieldType.NUMBER, "a metric of an evaluation or of the training", "metric.auc > 0.9"),
        Field("parameter", FieldType.MIXED, "a parameter of the training", "parameter.optimizer = adam"),
        Field("ext", FieldType.MIXED, "a field of an extension, by its namespace", "ext.hep.era = Run2018A"),
    )
}
"""Open families of fields, by what stands before the first dot."""


def find_field(name: str) -> Field | None:
    """Return the field of this name, compared without case; those of a family get their full, folded name."""
    folded = fold_value(name)
    if folded in FIELDS:
        return FIELDS[folded]
    head, _, rest = folded.partition(".")
    family = FAMILIES.get(head)
    if family is None or not rest or (head == "ext" and "." not in rest.strip(".")):
        return None
    return Field(folded, family.type, family.about, family.example)


def family_field(family: str, name: str) -> str:
    """Return the field under which a document keeps a metric, a parameter, or ``NAMESPACE.FIELD`` of an extension."""
    return fold_value(f"{family}.{name}")


def fold_value(text: str) -> str:
    """Return a field's value as documents keep it: NFKC, case folded, NFKC again, at most 200 characters.

    The second NFKC makes folding what was folded change nothing (Unicode 15, section 3.13, NFKC_Casefold). NUL, which
    PostgreSQL does not store, becomes a space.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).casefold()
    return unicodedata.normalize("NFKC", folded)[:MAX_VALUE].replace("\0", " ")
