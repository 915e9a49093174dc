"""The verified stream, under the name that it had here."""

from __future__ import annotations

from herdbook.kernel.verified import RawVerified, VerifiedStream, wrong

__all__ = ["RawVerified", "VerifiedStream", "wrong"]
