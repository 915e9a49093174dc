"""A file of a version, and what one pass over its bytes tells."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from herdbook.kernel import digests, paths
from herdbook.kernel.errors import InvalidError
from herdbook.model.base import Digest, Int, Text, Value

Path = Annotated[Text, AfterValidator(paths.check)]


class File(Value):
    """One file of a version: where it lies, its strongest known digest, its size in bytes where that is known."""

    path: Path
    digest: Digest
    size: Annotated[Int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _sized(self) -> Self:
        if self.size is None and digests.is_sha256(self.digest):
            raise InvalidError(
                f"{self.path!r} has a sha256 but no size", code="bad-file", hint="Give its size in bytes."
            )
        return self

    @property
    def resolved(self) -> bool:
        """Whether the file is named by sha256, the only digest by which bytes are kept."""
        return digests.is_sha256(self.digest)


class Content(Value):
    """What one pass over a file's bytes tells: its size in bytes and four digests."""

    size: Int
    sha256: Digest
    md5: Digest
    adler32: Digest
    git_sha1: Digest

    @property
    def digests(self) -> tuple[str, str, str, str]:
        """All digests, strongest first."""
        return (self.sha256, self.git_sha1, self.md5, self.adler32)
