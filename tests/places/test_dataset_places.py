"""`dataset resolve` and `recheck` against a real Rucio: what is registered, what is said, what a silence changes."""

from __future__ import annotations

import io
import zlib
from pathlib import Path

import pytest
from tests.cli.conftest import run_here
from tests.servers.rucio import RSE, Rucio

from herdbook.kernel.errors import ConflictError, InvalidError, MissingError, UnavailableError
from herdbook.model.datasets import Dataset
from herdbook.model.identifiers import Identifier
from herdbook.model.places import Resolved
from herdbook.ports.places import Places
from herdbook.ports.registry import Registry
from herdbook.service import manifests, placing, resolving

FILES = {"a.root": b"alpha", "b.root": b"beta and more"}


def test_a_did_that_is_not_known_yet_is_registered_with_its_files(
    rucio: Rucio, registry: Registry, places: Places
) -> None:
    did = rucio.dataset("taus.1", FILES)
    found = resolving.resolve(registry, places, f"rucio:{did}", "demo")
    assert (found.files, found.size_bytes, found.new, found.location.closed) == (2, 18, True, True)
    with registry.files.blob("demo", found.manifest) as stream:
        lines = {line.path: (line.size, line.adler32) for line in manifests.read(stream)}
    assert lines == {name: (len(data), f"{zlib.adler32(data):08x}") for name, data in FILES.items()}
    assert registry.datasets.get(f"rucio:{did}").record == found.record
    said = registry.statements.list(found.old, kind="resolves").items
    assert [each.statement.body["by"] for each in said] == [found.record]
    for record in (found.old, found.record):
        assert [each.location.state for each in placing.known(registry, record)] == ["exists"]


def test_resolving_again_changes_nothing_but_the_date(rucio: Rucio, registry: Registry, places: Places) -> None:
    uri = f"rucio:{rucio.dataset('taus.2', FILES)}"
    first = resolving.resolve(registry, places, uri, "demo", clock=lambda: "2026-11-01T00:00:00Z")
    again = resolving.resolve(registry, places, uri, clock=lambda: "2026-11-21T00:00:00Z")
    assert (again.record, again.new) == (first.record, False)
    assert len(registry.statements.list(first.old, kind="resolves").items) == 1
    known = placing.known(registry, first.record)
    assert [each.location.asked for each in known] == ["2026-11-21T00:00:00Z"]


def test_a_dataset_that_grows_has_several_manifests_and_its_name_means_the_last(
    rucio: Rucio, registry: Registry, places: Places
) -> None:
    uri = f"rucio:{rucio.dataset('growing', {'a.root': b'alpha'}, close=False)}"
    first = resolving.resolve(registry, places, uri, "demo")
    rucio.store({"b.root": b"beta"}, RSE)
    rucio.client.attach_dids(rucio.scope, "growing", [{"scope": rucio.scope, "name": "b.root"}])
    second = resolving.resolve(registry, places, uri)
    assert second.record != first.record
    assert second.old == first.old
    assert registry.datasets.get(uri).record == second.record
    assert registry.datasets.get(first.record).record == first.record
    assert len(registry.statements.list(first.old, kind="resolves").items) == 2


def test_a_dataset_known_by_its_dbs_name_alone_is_asked_for_in_the_scope_cms(
    rucio: Rucio, registry: Registry, places: Places
) -> None:
    if "cms" not in rucio.client.list_scopes():
        rucio.client.add_scope("root", "cms")
    name = f"/Prim/{rucio.scope.replace('.', '_')}-v1/MINIAODSIM"
    rucio.dataset(name, {f"/store/mc/{rucio.scope}/a.root": b"alpha"}, scope="cms")
    old = registry.datasets.register("demo", Dataset(id=Identifier(scheme="cms-dbs", value=name)))
    found = resolving.resolve(registry, places, f"cms-dbs:{name}")
    assert found.location.uri == f"rucio:cms:{name}"
    assert found.old == old.record
    assert registry.datasets.get(f"cms-dbs:{name}").record == found.record


def test_a_silent_server_changes_nothing_of_what_was_known(
    rucio: Rucio, registry: Registry, places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = f"rucio:{rucio.dataset('silent', FILES)}"
    found = resolving.resolve(registry, places, uri, "demo", clock=lambda: "2026-11-01T00:00:00Z")
    rucio.configure(tmp_path / "away", monkeypatch, port=1)
    with pytest.raises(UnavailableError) as caught:
        resolving.resolve(registry, places, uri)
    assert caught.value.code == "not-asked"
    looked = next(iter(resolving.recheck(registry, places, uri)))
    assert (looked.location.state, looked.before, looked.said) == ("unknown", "exists", None)
    assert "cannot be reached" in (looked.location.detail or "")
    known = placing.known(registry, found.record)
    assert [(each.location.state, each.location.asked) for each in known] == [("exists", "2026-11-01T00:00:00Z")]


def test_what_disappears_later_is_named(rucio: Rucio, registry: Registry, places: Places) -> None:
    uri = f"rucio:{rucio.dataset('later', {**FILES, 'c.root': b'gamma'}, close=False)}"
    found = resolving.resolve(registry, places, uri, "demo")
    fine = next(iter(resolving.recheck(registry, places, uri)))
    assert (fine.missing, fine.lost, fine.changed, fine.location.lacking) == (0, 0, 0, None)
    assert fine.location.checked == "checksum"
    rucio.client.detach_dids(rucio.scope, "later", [{"scope": rucio.scope, "name": "a.root"}])
    rucio.client.declare_bad_file_replicas([{"scope": rucio.scope, "name": "b.root", "rse": RSE}], "disk died")
    worse = next(iter(resolving.recheck(registry, places, found.record)))
    assert (worse.missing, worse.lost, worse.location.state) == (1, 1, "exists")
    assert worse.location.lacking == ("a.root", "b.root")
    rucio.erase("later")
    gone = next(iter(resolving.recheck(registry, places, uri)))
    assert (gone.location.state, gone.before) == ("gone", "exists")
    (known,) = placing.known(registry, found.record)
    assert known.location.state == "gone"
    assert "seen there on" in (known.location.detail or "")


def test_what_is_not_there_is_refused_and_said_only_of_what_was_known(
    rucio: Rucio, registry: Registry, places: Places
) -> None:
    with pytest.raises(MissingError) as caught:
        resolving.resolve(registry, places, f"rucio:{rucio.scope}:never", "demo")
    assert caught.value.code == "gone"
    assert registry.datasets.list().items == ()
    entry = registry.datasets.register("demo", Dataset(id=Identifier(scheme="rucio", value=f"{rucio.scope}:never")))
    with pytest.raises(MissingError):
        resolving.resolve(registry, places, entry.record)
    assert [each.location.state for each in placing.known(registry, entry.record)] == ["gone"]


@pytest.mark.parametrize(
    ("reference", "code"),
    [("rucio:cms:/A*/b/RAW", "selector"), ("doi:10.5281/x", "no-uri"), ("rucio:user.jane:x y", "bad-uri")],
)
def test_names_that_no_place_can_be_asked_for_are_refused(
    registry: Registry, places: Places, reference: str, code: str
) -> None:
    with pytest.raises(InvalidError) as caught:
        resolving.resolve(registry, places, reference, "demo")
    assert caught.value.code == code


def test_a_resolution_cannot_be_said_of_another_dataset(registry: Registry) -> None:
    other = Dataset(id=Identifier(scheme="rucio", value="user.x:other"))
    registry.datasets.register("demo", other)
    mine = Dataset(id=Identifier(scheme="rucio", value="user.x:mine"), manifest="sha256:" + "0" * 64)
    with pytest.raises((InvalidError, MissingError)) as caught:
        registry.datasets.register("demo", mine, [resolving.resolution(other, mine, "rucio:user.x:mine")])
    assert caught.value.code in {"reserved-kind", "no-bytes"}


def test_two_full_records_that_resolve_nothing_stay_ambiguous(registry: Registry) -> None:
    name = Identifier(scheme="rucio", value="user.x:two")
    for data in (b'{"path":"a"}\n', b'{"path":"b"}\n'):
        sha256 = registry.files.put(io.BytesIO(data)).sha256
        registry.datasets.register("demo", Dataset(id=name, manifest=sha256))
    with pytest.raises(ConflictError):
        registry.datasets.get(str(name))


def test_the_command_resolves_and_rechecks_and_keeps_no_credential(
    rucio: Rucio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "book"
    monkeypatch.setenv("HERDBOOK_REGISTRY", str(folder))
    run_here("init", "--namespace", "demo")
    did = rucio.dataset("command", FILES, close=False)
    said = run_here("dataset", "resolve", f"rucio:{did}", "--in", "demo")
    assert "resolved" in said.out
    assert "not closed" in said.err
    assert Resolved.read(run_here("dataset", "resolve", f"rucio:{did}", "--json").json).new is False
    assert run_here("dataset", "recheck", "--all", "--json").lines[0]["location"]["state"] == "exists"
    rucio.client.detach_dids(rucio.scope, "command", [{"scope": rucio.scope, "name": "a.root"}])
    worse = run_here("dataset", "recheck", f"rucio:{did}", status=3)
    assert "a.root" in worse.out
    shown = run_here("data", "where", f"rucio:{did}", "--json").lines
    assert [each["statement"]["body"]["state"] for each in shown] == ["exists"]
    assert "exists" in run_here("data", "where", f"rucio:{did}", "--now").out
    kept = b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())
    assert b"ddmlab" not in kept
    token = (tmp_path / "rucio-client" / "token").read_bytes()
    assert token
    assert token not in kept
