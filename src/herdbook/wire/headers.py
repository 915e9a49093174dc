"""Headers that Herdbook gives a meaning."""

from __future__ import annotations

from typing import get_args

from herdbook.kernel.errors import InvalidError
from herdbook.model.principals import Principal

PRINCIPAL = "Herdbook-Principal"
"""``actor:…``, or ``actor:…;kind=service``: who says to act. Without access control it is a claim, and so recorded."""
IDEMPOTENCY_KEY = "Idempotency-Key"
"""On POST: a random text of the client's; the same request with the same key is done once and answered alike."""
REQUEST_ID = "X-Request-Id"
"""On every answer, and in the log; a client may give its own."""
CLIENT = "Herdbook-Client"
"""The client's version, ``herdbook/0.1.0``."""
SERVER = "Herdbook-Server"
"""The server's version."""
OFFSET = "Upload-Offset"
"""On uploads: how many bytes the server has, or where those in the body begin."""
LENGTH = "Upload-Length"
"""On beginning an upload: how many bytes it will have, where that is known."""
SHA256 = "Repr-Digest"
"""RFC 9530: ``sha-256=:BASE64:`` of the whole file."""


def write_principal(principal: Principal) -> str:
    """Return the header's value."""
    return principal.id if principal.kind == "person" else f"{principal.id};kind={principal.kind}"


def read_principal(text: str) -> Principal:
    """Return who is claimed to act.

    Raises:
        InvalidError: when the header is no principal.
    """
    actor, _, rest = text.partition(";")
    kind = rest.strip().removeprefix("kind=") or "person"
    if kind not in get_args(Principal.model_fields["kind"].annotation):
        raise InvalidError(
            f"{PRINCIPAL} says {text[:80]!r}",
            code="bad-principal",
            hint="Write actor:32 hex digits, and for a service ;kind=service.",
        )
    return Principal.read({"id": actor.strip(), "kind": kind, "assurance": "claimed"})
