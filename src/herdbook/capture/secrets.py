"""Whether bytes that are about to be uploaded hold a secret, as the library detect-secrets sees it."""

from __future__ import annotations

from collections.abc import Sequence


def findings(data: bytes, names: Sequence[str] = ()) -> list[str]:
    """Return what speaks against an upload, a sentence each; empty when nothing was found.

    Args:
        data: a diff, or the bytes of a text file.
        names: names of files that would go along, judged by their names (``.env``, ``id_rsa``, ``x509up_u1000``).
    """
    del data, names
    return ["it was not scanned for secrets"]
