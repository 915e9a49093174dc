"""Webhooks, and how far each is."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from herdbook.apps.cli.answers import WebhookEntry
from herdbook.apps.cli.views import text as t


def webhooks(entries: Sequence[WebhookEntry]) -> Table:
    """Return webhooks, a line for each journal that they hear of."""
    table = t.table("webhook", "namespace", "event", "behind", "failed", "address", right=[2, 3, 4])
    for entry in entries:
        for standing in entry.standings:
            table.add_row(
                Text(entry.name),
                Text(standing.namespace),
                Text(str(standing.seq), style=t.DIM),
                Text(str(standing.behind), style=t.WARM if standing.behind else t.DIM),
                t.line((str(standing.failures), t.LOUD if standing.failures else t.DIM), standing.trouble or ""),
                Text(entry.url, style=t.DIM),
            )
        if not entry.standings:
            table.add_row(Text(entry.name), "", "", "", "", Text(entry.url, style=t.DIM))
    return table
