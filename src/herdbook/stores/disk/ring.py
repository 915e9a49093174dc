"""The ring of buffers, under the name that it had here."""

from __future__ import annotations

from herdbook.kernel.ring import Ring as Ring
