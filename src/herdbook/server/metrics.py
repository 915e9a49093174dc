"""Counts for Prometheus at ``/metrics``: of this process, or, with several workers, of all of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from herdbook.kernel.errors import HerdbookError
from herdbook.ports.catalogue import Catalogue

SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that names the folder through which several processes add up; prometheus-client reads it."""
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
CONTENT_TYPE = CONTENT_TYPE_LATEST


def forget(pid: int) -> None:
    """Stop counting what a worker that died was at."""
    mark_process_dead(pid)  # type: ignore[no-untyped-call]  # prometheus-client has no types here


class Heads(Collector):
    """Where every journal stands, asked when somebody looks."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def describe(self) -> Iterable[Metric]:
        """Say nothing beforehand: the registry need not ask the catalogue to learn the names."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield one number a namespace; none when the catalogue does not answer, which ``/ready`` says."""
        family = GaugeMetricFamily(
            "herdbook_journal_head", "Sequence of a journal's newest event", labels=["namespace"]
        )
        try:
            with self._catalogue.read() as tx:
                for head in tx.heads():
                    family.add_metric([head.namespace], head.seq)
        except HerdbookError:
            return
        yield family


disable_created_metrics()  # type: ignore[no-untyped-call]  # else each number has its time of birth beside it


class Metrics:
    """The counts of one server process."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._heads = Heads(catalogue)
        self._own = CollectorRegistry()
        self._requests = Histogram(
            "herdbook_request_seconds",
            "Time from a request's headers to the end of its answer",
            ["route", "method", "status"],
            registry=self._own,
            buckets=BUCKETS,
        )
        self._received = Counter("herdbook_received_bytes", "Bytes of bodies that came", ["route"], registry=self._own)
        self._sent = Counter("herdbook_sent_bytes", "Bytes of bodies that went", ["route"], registry=self._own)
        self.uploading = Gauge(
            "herdbook_uploads_in_flight",
            "Bodies of files that are being received",
            registry=self._own,
            multiprocess_mode="livesum",
        )
        self.store_errors = Counter(
            "herdbook_blob_store_errors", "Errors of blob stores, by code", ["code"], registry=self._own
        )
        self.deliveries = Counter(
            "herdbook_webhook_deliveries",
            "Attempts to deliver, by webhook and outcome",
            ["webhook", "outcome"],
            registry=self._own,
        )

    def request(self, route: str, method: str, status: int, seconds: float, received: int, sent: int) -> None:
        """Count a request."""
        self._requests.labels(route, method if method in METHODS else "other", str(status)).observe(seconds)
        if received:
            self._received.labels(route).inc(received)
        if sent:
            self._sent.labels(route).inc(sent)

    def text(self) -> bytes:
        """Return all that is counted, as Prometheus reads it."""
        if SHARED not in os.environ:
            shown = self._own
            heads = CollectorRegistry()
            heads.register(self._heads)
            return generate_latest(shown) + generate_latest(heads)
        shared = CollectorRegistry()
        MultiProcessCollector(shared)  # type: ignore[no-untyped-call]  # prometheus-client has no types here
        shared.register(self._heads)
        return generate_latest(shared)


METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "DELETE", "PUT", "OPTIONS"})
