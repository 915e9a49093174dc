"""An audit says the same embedded and over HTTP, and thousands of versions are audited in a reasonable time."""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # tests are no package that is installed
from tests.client.connected import Connect, connect, options, readers, served, serving
from tests.registry.opened import Open, empty, folder, lent, open_as

from herdbook.kernel import digests
from herdbook.model.activities import Activity, Part
from herdbook.model.audits import AuditLine
from herdbook.model.datasets import Dataset
from herdbook.model.files import File
from herdbook.model.identifiers import Identifier
from herdbook.model.places import Location
from herdbook.model.registrations import Registration
from herdbook.model.statements import Said, Subject
from herdbook.model.versions import Version
from herdbook.ports.registry import Registry
from herdbook.service.auditing import Auditor

__all__ = ["connect", "empty", "folder", "lent", "open_as", "options", "readers", "served", "serving"]
AT = "2026-11-21T00:00:00Z"


def fill(registry: Registry, count: int) -> None:
    """Register so many models with a training each, on a few datasets that they share."""
    datasets = [Dataset(id=Identifier(scheme="local", value=f"toy-{number}")) for number in range(5)]
    registrations = []
    for number in range(count):
        digest = digests.of(f"weights {number}".encode())
        version = Version.of([File(path="weights.bin", digest=digest, size=9)])
        data = datasets[number % len(datasets)]
        activity = Activity.read(
            {
                "kind": "training",
                "status": "finished",
                "inputs": [Part(record=data.digest, role="train").json_object()],
                "outputs": [Part(record=version.digest, role="model").json_object()],
                "code": {"repository": "https://example.org/r.git", "commit": f"{number:040x}"},
                "ids": [{"scheme": "herdbook-run", "value": f"{number:032x}"}],
            }
        )
        said = Said(
            type="herdbook/location/1",
            subject=(Subject(record=data.digest),),
            body=Location(uri=f"rucio:a:{number % 5}", state="exists", asked=AT, closed=True).json_object(),
        )
        registrations.append(
            Registration(
                model=f"demo/group/m{number:05}",
                label="v1",
                version=version,
                datasets=(data,),
                activities=(activity,),
                statements=(said,) if number < len(datasets) else (),
                absent=(digest,),
            )
        )
    registry.versions.record(registrations, batch=True)


def lines(registry: Registry) -> list[AuditLine]:
    return list(map(AuditLine.of, Auditor(registry, clock=lambda: AT).newest("demo")))


def test_the_audit_over_http_is_the_one_of_the_registry(open_as: Open, connect: Connect) -> None:
    registry = open_as()
    registry.namespaces.create("demo")
    fill(registry, 7)
    remote = connect()
    assert lines(remote) == lines(registry)
    auditors = [Auditor(each, clock=lambda: AT) for each in (registry, remote)]
    here, there = (each.audit("demo/group/m00001:v1") for each in auditors)
    assert here == there
    assert auditors[1].freeze(there).statement in {
        entry.digest for entry in registry.statements.list("demo/group/m00001:v1", kind="audit").items
    }


def test_a_table_takes_milliseconds_a_version_and_comes_line_by_line(open_as: Open) -> None:
    registry = open_as()
    registry.namespaces.create("demo")
    fill(registry, 500)
    began = time.perf_counter()
    table = Auditor(registry, clock=lambda: AT).newest("demo")
    first = next(table)
    until_first = time.perf_counter() - began
    count = 1 + sum(1 for _ in table)
    each = (time.perf_counter() - began) / count
    print(f"\n{count} versions, {1000 * each:.1f} ms each, the first after {1000 * until_first:.0f} ms")
    assert (first.reference, count) == ("demo/group/m00000:v1", 500)
    assert each < 0.1, "a registry of thousands must be audited in minutes, also where others work"
    assert until_first < 100 * each + 2, "lines come as they are found"
