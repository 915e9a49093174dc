"""Names, labels and references, as architecture.md §3 has them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from herdbook.kernel.errors import InvalidError

MAX_NAME = 96
RESERVED_NAMESPACES = frozenset({"hep", "herdbook", "hls4ml", "conifer"})
"""Shipped extension and tool names, which are never a namespace."""

_SEGMENT = r"[A-Za-z0-9_]+(?:-[A-Za-z0-9_]+)*"
_NAME = re.compile(rf"{_SEGMENT}(?:/{_SEGMENT}){{1,5}}")
_NAMESPACE = re.compile(_SEGMENT)
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")
_ALIAS = re.compile(r"[a-z][a-z0-9_-]*")
_SHA_PREFIX = re.compile(r"sha256:[0-9a-f]{12,64}")
_BARE_PREFIX = re.compile(r"[0-9a-f]{12,64}")


def check_model(name: str) -> str:
    """Return the name when it can be a model's.

    Raises:
        InvalidError: when it cannot.
    """
    if _NAME.fullmatch(name) is None or len(name) > MAX_NAME:
        raise InvalidError(
            f"{name!r} is not the name of a model",
            code="bad-name",
            hint="Write namespace/…/name: two to six segments of letters, digits, _ and single - inside, "
            "at most 96 characters.",
        )
    check_namespace(name.partition("/")[0])
    return name


def check_namespace(name: str) -> str:
    """Return the name when it can be a namespace's.

    Raises:
        InvalidError: when it cannot, or it is reserved.
    """
    if _NAMESPACE.fullmatch(name) is None or len(name) > MAX_NAME:
        raise InvalidError(
            f"{name!r} is not the name of a namespace",
            code="bad-name",
            hint="Use letters, digits, _ and single - inside.",
        )
    if name.lower() in RESERVED_NAMESPACES:
        raise InvalidError(
            f"{name!r} is reserved and never a namespace", code="reserved-name", hint="Choose another name."
        )
    return name


def check_label(label: str) -> str:
    """Return the label when a version may carry it.

    Raises:
        InvalidError: when it may not.
    """
    if _LABEL.fullmatch(label) is None or label.isdigit():
        raise InvalidError(
            f"{label!r} is not a label",
            code="bad-label",
            hint="Begin with a letter or digit, then letters, digits, . _ + -, at most 128; not digits only.",
        )
    return label


def check_alias(alias: str) -> str:
    """Return the alias when a model may have it.

    Raises:
        InvalidError: when it may not; ``latest`` is reserved.
    """
    if _ALIAS.fullmatch(alias) is None or len(alias) > 128:
        raise InvalidError(
            f"{alias!r} is not an alias",
            code="bad-alias",
            hint="Begin with a lower-case letter, then a-z, 0-9, _ and -.",
        )
    if alias == "latest":
        raise InvalidError("the alias 'latest' is reserved", code="bad-alias", hint="Choose a name that says what for.")
    return alias


def namespace_of(name: str) -> str:
    """Return the first segment of a model's name."""
    return name.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Reference:
    """What a person writes to mean a version: a model and at most one of label, ordinal, digest prefix and alias.

    A bare digest has no ``model``. ``digest`` is ``sha256:`` and 12 to 64 hex digits.
    """

    model: str = ""
    label: str = ""
    ordinal: int = 0
    digest: str = ""
    alias: str = ""

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read ``MODEL``, ``MODEL:LABEL``, ``MODEL@ORDINAL``, ``MODEL@sha256:HEX``, ``MODEL@ALIAS`` or ``sha256:HEX``.

        Raises:
            InvalidError: when the text is none of these.
        """
        if _SHA_PREFIX.fullmatch(text):
            return cls(digest=text)
        if _BARE_PREFIX.fullmatch(text):
            return cls(digest="sha256:" + text)
        model, at, selector = text.partition("@")
        if not at:
            model, colon, label = text.partition(":")
            return cls(check_model(model), label=check_label(label)) if colon else cls(check_model(model))
        check_model(model)
        if selector.isascii() and selector.isdigit() and len(selector) < 16 and int(selector) > 0:
            return cls(model, ordinal=int(selector))
        if _SHA_PREFIX.fullmatch(selector):
            return cls(model, digest=selector)
        if ":" in selector:
            raise InvalidError(
                f"{text!r} is not a reference",
                code="bad-reference",
                hint="After @ write an ordinal, sha256: with at least 12 lower-case hex digits, or an alias.",
            )
        return cls(model, alias=check_alias(selector))

    def __str__(self) -> str:
        if not self.model:
            return self.digest
        if self.label:
            return f"{self.model}:{self.label}"
        selector = self.digest or self.alias or (str(self.ordinal) if self.ordinal else "")
        return f"{self.model}@{selector}" if selector else self.model
