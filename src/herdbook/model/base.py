"""What all values share: frozen, closed, and for records their canonical bytes and digest."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
)

from herdbook.kernel import canonical, digests, times
from herdbook.kernel.errors import InvalidError

Text = StrictStr
Int = StrictInt
Float = StrictFloat
Bool = StrictBool
Digest = Annotated[StrictStr, AfterValidator(digests.check)]
Sha256 = Annotated[StrictStr, AfterValidator(digests.check_sha256)]
Time = Annotated[StrictStr, AfterValidator(times.check)]
Json = dict[str, Any]

V = TypeVar("V", bound="Value")


class Value(BaseModel):
    """A frozen value that refuses fields it does not know; absent fields are ``None`` or empty and are not written."""

    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,), defer_build=True)

    @classmethod
    def read(cls, value: object) -> Self:
        """Build the value from parsed JSON.

        Raises:
            InvalidError: naming the field that does not fit.
        """
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            raise invalid(error, cls.__name__.lower()) from error

    @classmethod
    def read_json(cls, data: bytes | str) -> Self:
        """Build the value from JSON text, strictly parsed.

        Raises:
            InvalidError: when the text is not JSON, holds what canonical bytes cannot, or a field does not fit.
        """
        value = canonical.loads(data)
        canonical.dumps(value)
        return cls.read(value)

    def __str__(self) -> str:
        return repr(self)

    def json_object(self) -> Json:
        """Return the JSON object, absent fields left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class Record(Value):
    """A value whose canonical bytes name it."""

    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,), defer_build=True)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy, with some fields changed; its bytes are its own."""
        copied = super().model_copy(update=update, deep=deep)
        for cached in ("canonical", "digest"):
            copied.__dict__.pop(cached, None)
        return copied

    @cached_property
    def canonical(self) -> bytes:
        """The canonical bytes, as written by this version of Herdbook."""
        return canonical.dumps(self.json_object())

    @cached_property
    def digest(self) -> str:
        """``sha256:…`` of the canonical bytes."""
        return digests.of(self.canonical)


def invalid(error: ValidationError, what: str) -> InvalidError:
    """Return our error for pydantic's: the first field that does not fit, and how many more."""
    problems = error.errors(include_url=False, include_input=False)
    first = problems[0]
    where = "/" + "/".join(str(part) for part in first["loc"])
    more = f" ({len(problems) - 1} more)" if len(problems) > 1 else ""
    return InvalidError(f"this {what} does not fit at {where}: {first['msg']}{more}", code="bad-field", where=where)
