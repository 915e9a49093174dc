"""The hybrid cloud: a laptop, a centre with a server, a site that is cut off for a while, and a second cloud."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.admin.registries import NAME, Place, rules, story
from tests.servers.localstack import localstack, s3_place
from tests.servers.postgres import postgres_server, postgres_url
from tests.servers.served import thread_server

import herdbook
from herdbook.bootstrap.open import init_registry, open_admin, open_registry
from herdbook.kernel.errors import ConflictError, DeniedError, UnavailableError
from herdbook.model.statements import Said, Subject
from herdbook.ports.admin import Admin
from herdbook.ports.registry import Registry
from herdbook.service.adopt_select import Wish
from herdbook.service.adopting import adopt

__all__ = ["localstack", "postgres_server", "postgres_url", "s3_place"]

CENTRE = "cms/tau/toy"


@pytest.fixture(params=["sqlite-disk", "postgres-s3"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return the folder of the centre: in itself, or naming PostgreSQL and S3."""
    made = tmp_path / "centre"
    made.mkdir()
    if request.param == "postgres-s3":
        url, place = request.getfixturevalue("postgres_url"), request.getfixturevalue("s3_place")
        (made / "registry.toml").write_text(
            f'catalogue = "{url}"\n[[blobs]]\nname = "s3"\nurl = "s3://{place.bucket}/{place.prefix}"\n'
            f'endpoint = "{place.endpoint}"\nregion = "us-east-1"\n'
        )
    return made


@contextmanager
def owner(place: Path) -> Iterator[tuple[Admin, Registry]]:
    """Open a registry's folder as its owner; one is made when there is none."""
    where = init_registry(str(place))
    with closing(open_admin(where)) as admin, herdbook.open(where) as registry:
        yield admin, registry


def _states(*registries: Registry) -> set[tuple[str, str]]:
    return {(str(registry.journal.checkpoint("cms")), registry.journal.state_digest("cms")) for registry in registries}


def _use(centre: Registry) -> None:
    """Work at the centre: a note, a move, a withdrawal, and a few hundred events."""
    record = centre.versions.get(f"{CENTRE}:v1").record
    for number in range(40):
        said = Said(type="herdbook/note/1", subject=(Subject(record=record),), body={"text": f"note {number}"})
        centre.statements.add("cms", [said])
        centre.pointers.alias(CENTRE, "production", ("v1", "v2")[number % 2])
    said = Said(type="herdbook/withdrawal/1", subject=(Subject(record=record),), body={"reason": "wrong scale"})
    centre.statements.add("cms", [said])


def test_laptop_to_centre_to_site_by_network_and_by_stick_and_on_to_another_cloud(folder: Path, tmp_path: Path) -> None:
    with Place(tmp_path / "laptop") as laptop:
        story(laptop)
        laptop.register(NAME, "v5", {"model.bin": b"five\n" * 100_000})
    with thread_server(folder) as served, owner(tmp_path / "site") as (site, at_site):
        with herdbook.open(served.url) as centre, open_registry(str(tmp_path / "laptop"), read_only=True) as mine:
            report = adopt(mine, centre, Wish([NAME, "demo/tau/old"], into="cms"))
            assert [item.outcome for item in report.versions] == ["new"] * 4
            assert adopt(mine, centre, Wish([NAME, "demo/tau/old"], into="cms")).batches == ()
            with centre.files.open(f"{CENTRE}:v5", "model.bin") as stream:
                assert stream.read() == b"five\n" * 100_000
            assert site.mirror(centre, ["cms"]).namespaces[0].state
            assert len(_states(centre, at_site)) == 1
            assert {check.status for check in at_site.files.verify(f"{CENTRE}:v1")} == {"ok"}
            with pytest.raises(UnavailableError) as caught:
                at_site.pointers.alias(CENTRE, "production", "v1")
            assert caught.value.code == "not-home"
            _use(centre)
            # the site is cut off: a stick brings what happened since
            with closing(open_admin(str(folder))) as there:
                stick = str(tmp_path / "stick.tar")
                mark = str(at_site.journal.checkpoint("cms"))
                assert not there.export_bundle(stick, ["cms"], since=[mark]).complete
            assert site.import_bundle(stick).events >= 81
            assert len(_states(centre, at_site)) == 1
            assert at_site.versions.get(f"{CENTRE}:v1").withdrawn
            # and by the network again
            centre.pointers.label(f"{CENTRE}:v2", "Summer18")
            report_ = site.mirror(centre)
            assert (report_.events, report_.blobs) == (1, 0)
            last = _states(centre, at_site)
            assert len(last) == 1
            for admin in (site,):
                assert rules(admin.doctor()) == set()
        _second_cloud(tmp_path, at_site, last)
    with closing(open_admin(str(folder))) as there:
        assert rules(there.doctor()) == set()


def _second_cloud(tmp_path: Path, at_site: Registry, last: set[tuple[str, str]]) -> None:
    """The centre may be away: a copy of the copy is as good."""
    with thread_server(tmp_path / "site") as from_site, owner(tmp_path / "cloud") as (cloud, at_cloud):
        with herdbook.open(from_site.url) as remote:
            assert cloud.mirror(remote).sound
        assert _states(at_site, at_cloud) == last
        assert rules(cloud.doctor()) == set()


def test_what_cannot_be_is_refused_in_the_same_words_over_http(folder: Path, tmp_path: Path) -> None:
    with thread_server(folder) as served, herdbook.open(served.url) as centre:
        with Place(tmp_path / "laptop") as laptop:
            laptop.register("cms/tau/toy", "v1", {"m": b"mine"})
            centre.namespaces.create("cms")
            with pytest.raises(ConflictError) as caught:
                laptop.admin.mirror(centre, ["cms"])
            assert caught.value.code == "home-here"
            adopt(laptop.registry, centre, Wish(["cms/tau/toy"]))
            laptop.register("cms/tau/toy", "v2", {"m": b"two"})
            told: Any = _registered(centre, b"other")
            assert told.label == "v2"
            with pytest.raises(ConflictError) as caught:
                adopt(laptop.registry, centre, Wish(["cms/tau/toy"]))
            assert caught.value.code == "adopt-conflict"
        with pytest.raises(DeniedError) as denied:
            init_registry(served.url)
        assert denied.value.code == "not-here"


def _registered(registry: Registry, data: bytes) -> Any:
    import io

    from herdbook.kernel import digests
    from herdbook.model.files import File
    from herdbook.model.registrations import Registration
    from herdbook.model.versions import Version

    registry.files.put(io.BytesIO(data))
    version = Version.of([File(path="m", digest=digests.of(data), size=len(data))])
    return registry.versions.record([Registration(model="cms/tau/toy", label="v2", version=version)])[0]
