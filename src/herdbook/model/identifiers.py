"""Foreign identities: a scheme and a value, as the other system writes it."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from herdbook.kernel import units
from herdbook.kernel.errors import InvalidError
from herdbook.model.base import Text, Value

_SCHEME = re.compile(r"[a-z0-9][a-z0-9.+-]{0,63}")
NonEmpty = Annotated[Text, Field(min_length=1)]
Unit = Annotated[Text, AfterValidator(units.check)]


def check_scheme(scheme: str) -> str:
    """Return the scheme when it can be one.

    Raises:
        InvalidError: when it cannot.
    """
    if _SCHEME.fullmatch(scheme) is None:
        raise InvalidError(
            f"{scheme!r} is not a scheme of identifiers",
            code="bad-identifier",
            hint="Use lower-case letters, digits, . + -, as in cms-dbs, rucio, doi, local.",
        )
    return scheme


class Identifier(Value):
    """What another system calls it: ``{"scheme": "cms-dbs", "value": "/TTTo2L2Nu…/…/MINIAODSIM"}``."""

    scheme: Annotated[Text, AfterValidator(check_scheme)]
    value: NonEmpty

    @classmethod
    def parse(cls, text: str) -> Identifier:
        """Read ``scheme:value``; the first colon parts them.

        Raises:
            InvalidError: when there is no scheme, or no value.
        """
        scheme, colon, value = text.partition(":")
        if not colon or not value:
            raise InvalidError(
                f"{text!r} is not an identifier",
                code="bad-identifier",
                hint="Write SCHEME:VALUE, as in local:toy-taus.",
            )
        return cls(scheme=scheme, value=value)

    def __str__(self) -> str:
        return f"{self.scheme}:{self.value}"
