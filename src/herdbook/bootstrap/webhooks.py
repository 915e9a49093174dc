"""Webhooks of ``registry.toml``, with the secrets that the environment holds."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from pathlib import Path

from herdbook.bootstrap import registry_file
from herdbook.kernel.errors import InvalidError, MissingError
from herdbook.service.webhooks import Hook

_PREFIX = "whsec_"


def hooks(folder: str, environment: Mapping[str, str] = os.environ) -> list[Hook]:
    """Return the webhooks of a registry's folder.

    Raises:
        InvalidError: ``bad-secret``, naming the variable; ``bad-settings`` on a file or an address that is none.
        MissingError: ``no-secret``, when the variable is not set.
    """
    found = []
    for webhook in registry_file.read(Path(folder)).webhooks:
        if not webhook.url.startswith(("https://", "http://")):
            raise InvalidError(
                f"the webhook {webhook.name} goes to {webhook.url!r}", code="bad-settings", hint="Write https://…."
            )
        secret = _secret(webhook, environment)
        found.append(Hook(webhook.name, webhook.url, secret, webhook.namespaces, webhook.kinds))
    return found


def _secret(webhook: registry_file.Webhook, environment: Mapping[str, str]) -> bytes:
    text = environment.get(webhook.secret)
    if not text:
        raise MissingError(
            f"the secret of the webhook {webhook.name} is not set",
            code="no-secret",
            hint=f"Set the variable {webhook.secret} to whsec_ and the base64 of 24 to 64 random bytes.",
        )
    try:
        secret = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        secret = b""
    if not text.startswith(_PREFIX) or not 24 <= len(secret) <= 64:
        raise InvalidError(
            f"the variable {webhook.secret} holds no secret of a webhook",
            code="bad-secret",
            hint="It is whsec_ and the base64 of 24 to 64 random bytes.",
        )
    return secret
