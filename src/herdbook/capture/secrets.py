"""Whether bytes that are about to be uploaded hold a secret, as the library detect-secrets sees it."""

from __future__ import annotations

import fnmatch
import time
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

MOST = 20
TIME_LIMIT_S = 20.0
"""Seconds of the processor, so that a busy machine does not withhold what an idle one lets through."""
LONGEST_LINE = 5000
"""Longer lines (data, minified code) are cut into pieces that overlap."""
_OVERLAP = 300
_KEY_FILES = (
    *(".env", ".env.*", ".netrc", "_netrc", ".pgpass", ".my.cnf", ".htpasswd", ".git-credentials", ".npmrc", ".pypirc"),
    *("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keytab", "*.kdbx"),
    *("x509up_u*", "usercert.*", "userkey.*", "krb5cc_*", "bt_u*", "credentials", "kubeconfig", "token", "*.token"),
)
_HEURISTICS = (
    *("is_sequential_string", "is_potential_uuid", "is_templated_secret", "is_prefixed_with_dollar_sign"),
    "is_not_alphanumeric_string",
)


def findings(data: bytes, names: Sequence[str] = ()) -> list[str]:
    """Return what speaks against an upload, a sentence each; empty when nothing was found.

    Nothing is asked of any network: whether a key is still valid is not looked up. Lines that are taken away, and
    those around a change, are looked at too, since they are uploaded with it.

    Args:
        data: a diff, or the bytes of a text file.
        names: names of files that would go along, judged by their names (``.env``, ``id_rsa``, ``x509up_u1000``).
    """
    found = [f"{name} looks by its name like a file of keys" for name in names if _is_key_file(name)]
    try:
        from detect_secrets.core.plugins import initialize  # noqa: PLC0415 — an extra's
        from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class  # noqa: PLC0415 — the same
        from detect_secrets.filters import heuristic  # noqa: PLC0415 — the same
    except ImportError:
        return [*found, "it was not scanned for secrets: detect-secrets is not installed (extra capture)"]
    plugins = [
        initialize.from_plugin_classname(each.__name__)
        for each in get_mapping_from_secret_type_to_class().values()
        if each.__name__ != "IPPublicDetector"  # an address is no secret
    ]
    return [*found, *_scan(data, plugins, heuristic)]


def _is_key_file(name: str) -> bool:
    last = name.rpartition("/")[2].lower()
    return any(fnmatch.fnmatchcase(last, pattern) for pattern in _KEY_FILES)


def _scan(data: bytes, plugins: Sequence[Any], heuristic: ModuleType) -> list[str]:
    until = time.thread_time() + TIME_LIMIT_S
    found: dict[str, None] = {}
    for name, number, line in _lines(data):
        if time.thread_time() > until:
            return [*found, f"it was scanned for secrets only up to line {number}: it is too large"]
        for plugin in plugins:
            for secret in plugin.analyze_line(filename=name, line=line, line_number=number):
                if not _is_harmless(heuristic, str(secret.secret_value), line, secret.type):
                    where = f" of {name}" if name else ""
                    found[f"line {number}{where} looks like a secret: {secret.type}"] = None
        if len(found) >= MOST:
            break
    return list(found)[:MOST]


def _is_harmless(heuristic: ModuleType, secret: str, line: str, kind: str) -> bool:
    """Apply the library's heuristics; what a call returns is no secret only where it was a guess by a name."""
    if kind == "Secret Keyword" and heuristic.is_indirect_reference(line):
        return True
    return any(getattr(heuristic, name)(secret) for name in _HEURISTICS)


def _lines(data: bytes) -> Iterator[tuple[str, int, str]]:
    """Yield file, line of the data, and text; in a diff without the sign, and without packed binary bytes."""
    diff = data.startswith(b"diff --git ")
    name, binary = "", False
    for number, raw in enumerate(data.splitlines(), 1):
        if diff and raw.startswith(b"diff --git "):
            binary = False
            name = raw.rpartition(b" b/")[2].decode("utf-8", "replace")
            continue
        binary = binary or (diff and raw == b"GIT binary patch")
        if binary or (diff and raw.startswith((b"index ", b"@@ ", b"--- ", b"+++ "))):
            continue
        line = (raw[1:] if diff and raw[:1] in {b"+", b"-", b" "} else raw).decode("utf-8", "replace")
        for start in range(0, max(len(line), 1), LONGEST_LINE - _OVERLAP):
            yield name, number, line[start : start + LONGEST_LINE]
