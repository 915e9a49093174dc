"""The service itself on the wire: what answers at this address, and whether it is well."""

from __future__ import annotations

from importlib.metadata import version

from herdbook.model.base import Bool, Text, Value
from herdbook.model.principals import RegistryId
from herdbook.wire.routes import PREFIX, Route

RELEASE = version("herdbook")
"""Herdbook's version, as it is installed."""
HEALTH = "/health"
"""Answers 200 while the process lives."""
READY = "/ready"
"""Answers 200 when catalogue and blob stores answer, else 503 with what does not."""
METRICS = "/metrics"


class Service(Value):
    """What answers: Herdbook's version, the interface's major version, the registry, whether it may be written."""

    herdbook: Text
    api: Text
    registry: RegistryId
    read_only: Bool = False


SERVICE: Route[Service] = Route("service.get", "GET", "", Service)
ROOT = PREFIX
