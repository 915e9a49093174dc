"""From the history of a source to drafts: rules, groups, versions, and what is said about them."""

from __future__ import annotations

from herdbook.service.mapping.drafts import draft

__all__ = ["draft"]
