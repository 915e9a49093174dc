"""Datasets on the wire."""

from __future__ import annotations

from herdbook.model.base import Text
from herdbook.model.datasets import Dataset, DatasetEntry
from herdbook.model.pages import Page
from herdbook.model.statements import Said
from herdbook.wire.routes import Asked, Route

REGISTER: Route[DatasetEntry] = Route("datasets.register", "POST", "/datasets", DatasetEntry)
LIST: Route[Page[DatasetEntry]] = Route("datasets.list", "GET", "/datasets", Page[DatasetEntry])
GET: Route[DatasetEntry] = Route("datasets.get", "GET", "/dataset", DatasetEntry)


class Register(Asked):
    """A dataset to make known."""

    namespace: Text
    dataset: Dataset
    statements: tuple[Said, ...] = ()
