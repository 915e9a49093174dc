"""Checks: rules that look for traps in a model's files and contract, and the report of what they found."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from herdbook.kernel.errors import InvalidError
from herdbook.model.base import Bool, Text, Value
from herdbook.model.facts import Finding, Severity
from herdbook.model.identifiers import NonEmpty

CONSUMERS = ("athena", "cmssw", "hls4ml", "o2", "triton")
"""Frameworks that run models, for which one can ask."""
RELEASED = ("athena", "cmssw", "o2", "triton")
"""Those of which one can ask for a release, which has its libraries."""


def check_consumer(name: str) -> str:
    """Return the name when it is one of ``CONSUMERS``.

    Raises:
        InvalidError: ``no-consumer``, when it is not.
    """
    if name not in CONSUMERS:
        raise InvalidError(
            f"no consumer is called {name!r}", code="no-consumer", hint=f"There are: {', '.join(CONSUMERS)}."
        )
    return name


Consumer = Annotated[Text, AfterValidator(check_consumer)]
RuleId = Annotated[Text, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]


class Rule(Value):
    """A rule: docs/reference/rules/ID.md says why it is there. ``consumers``: asked only for these; none: always.

    ``by_reader``: readers of files yield its findings, and the check that has the rule yields none.
    """

    id: RuleId
    title: NonEmpty
    severity: Severity
    consumers: tuple[Consumer, ...] = ()
    by_reader: Bool = False

    def found(self, message: str, *, path: str = "", where: str = "") -> Finding:
        """Return a finding of this rule: of which file, and where in its facts or in the contract (JSON pointer)."""
        return Finding(rule=self.id, severity=self.severity, message=message, path=path, where=where)


class Runtime(Value):
    """With what a consumer runs models: a library, as ``onnxruntime`` 1.17.3, or a release, as ``CMSSW_14_1_X``."""

    library: Literal["onnxruntime"] | None = None
    version: Annotated[Text, Field(pattern=r"^[0-9]+\.[0-9]+(\.[0-9]+)?$")] | None = None
    release: Annotated[Text, Field(pattern=r"[0-9]+[._][0-9]+")] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.library is None) != (self.version is None) or (self.library is None) == (self.release is None):
            raise InvalidError(
                "needs `release`, or `library` and `version`",
                code="no-runtime",
                hint='As {"release": "CMSSW_14_1_X"} or {"library": "onnxruntime", "version": "1.17.1"}.',
            )
        return self


class CheckPolicy(Value):
    """What a namespace wants of checks: severity by rule, consumers always asked for, ``strict``: warnings fail."""

    severities: dict[RuleId, Literal["off", "note", "warning", "error"]] | None = None
    consumers: tuple[Consumer, ...] | None = None
    runtimes: dict[Consumer, Runtime] | None = None
    strict: Bool | None = None


class Report(Value):
    """What the rules say of one version, or of one folder: findings with their files. ``files``: how many there are.

    ``rules`` are those that were asked; findings of readers stand among ``findings``, too.
    """

    of: NonEmpty
    files: int
    rules: tuple[NonEmpty, ...]
    consumers: tuple[Consumer, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def worst(self) -> Severity | None:
        """The gravest severity of all findings, ``None`` when there is none."""
        order = list(Severity)
        return max((each.severity for each in self.findings), key=order.index, default=None)
