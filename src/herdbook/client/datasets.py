"""The noun ``datasets`` over HTTP."""

from __future__ import annotations

from collections.abc import Sequence

from herdbook.client.calls import Calls, asked
from herdbook.model.datasets import Dataset, DatasetEntry
from herdbook.model.pages import Page
from herdbook.model.statements import Said
from herdbook.wire import datasets as wire


class Datasets:
    """Datasets, as the façade gives them."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def register(self, namespace: str, dataset: Dataset, statements: Sequence[Said] = ()) -> DatasetEntry:
        """Make a dataset known in a namespace."""
        said = {"statements": tuple(statements)} if statements else {}
        return self._calls.post(wire.REGISTER, asked(wire.Register, namespace=namespace, dataset=dataset, **said))

    def get(self, reference: str) -> DatasetEntry:
        """Return a dataset by record digest (prefix) or ``scheme:value``."""
        return self._calls.get(wire.GET, reference=reference)

    def list(self, prefix: str = "", *, cursor: str | None = None, limit: int = 50) -> Page[DatasetEntry]:
        """Return datasets; ``prefix`` is ``scheme:begin``."""
        return self._calls.get(wire.LIST, prefix=prefix or None, cursor=cursor, limit=limit)
