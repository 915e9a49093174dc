"""A dataset of 10^5 files in a real Rucio: listed, stored, held against; memory stays flat."""

from __future__ import annotations

import resource
import time

import pytest
from tests.servers.rucio import Rucio

from herdbook.ports.places import Places
from herdbook.ports.registry import Registry
from herdbook.service import resolving

FILES = 100_000
# What a client would do in a quarter of an hour; contents and copies as Rucio itself writes them.
_FILL = """
from sqlalchemy import text
from rucio.common.types import InternalAccount, InternalScope
from rucio.core.rse import get_rse_id
from rucio.db.sqla import models
from rucio.db.sqla.constants import DIDType, ReplicaState
from rucio.db.sqla.session import get_session
scope, name, count = InternalScope({scope!r}), {name!r}, {count}
with get_session()() as session, session.begin():
    # Rucio's index begins with the storage element, with which SQLite looks through all copies for each file.
    session.execute(text("create index if not exists replicas_by_name on replicas (scope, name)"))
    rse = get_rse_id("DISK", session=session)
    for begin in range(0, count, 10000):
        files = [dict(scope=scope, name=f"taus.{{at:06}}.root", bytes=at, adler32=f"{{at:08x}}")
                 for at in range(begin, begin + 10000)]
        session.bulk_insert_mappings(models.DataIdentifier, [
            dict(each, did_type=DIDType.FILE, account=InternalAccount("root"), is_open=None) for each in files])
        session.bulk_insert_mappings(models.RSEFileAssociation, [
            dict(each, rse_id=rse, state=ReplicaState.AVAILABLE, lock_cnt=0) for each in files])
        session.bulk_insert_mappings(models.DataIdentifierAssociation, [
            dict(scope=scope, name=name, child_scope=scope, child_name=each["name"], did_type=DIDType.DATASET,
                 child_type=DIDType.FILE, bytes=each["bytes"], adler32=each["adler32"]) for each in files])
"""


@pytest.mark.slow
def test_a_hundred_thousand_files_are_resolved_and_rechecked_in_flat_memory(
    rucio: Rucio, registry: Registry, places: Places
) -> None:
    rucio.client.add_dataset(rucio.scope, "large")
    rucio.inside(_FILL.format(scope=rucio.scope, name="large", count=FILES))
    rucio.client.close(rucio.scope, "large")
    uri = f"rucio:{rucio.scope}:large"
    places(uri).look(uri)
    before, begin = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    found = resolving.resolve(registry, places, uri, "demo")
    resolved = time.monotonic() - begin
    print(f"resolved in {resolved:.1f} s")
    assert (found.files, found.size_bytes) == (FILES, sum(range(FILES)))
    rucio.client.set_status(rucio.scope, "large", open=True)
    rucio.client.detach_dids(rucio.scope, "large", [{"scope": rucio.scope, "name": "taus.000007.root"}])
    (looked,) = resolving.recheck(registry, places, uri)
    assert looked.location.lacking == ("taus.000007.root",)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"resolve {resolved:.1f} s, with recheck {time.monotonic() - begin:.1f} s, {grown:.0f} MiB more")
    assert grown < 150  # of which 50,000 lines that are sorted at once take the most
