"""The contract of foreign identities and of releases: what a path led to in which tag, and what ran where."""

from __future__ import annotations

import pytest

from herdbook.kernel.errors import InvalidError, MissingError
from herdbook.model.imports import Delivery
from herdbook.model.statements import Said
from herdbook.ports.registry import Registry
from herdbook.testing.registry_imports import TOY, identity, source
from herdbook.testing.registry_samples import Given, binary, content_of, prepared, register, say, unresolved

TAGS = ("V00-01-00", "V00-02-00", "V00-10-00", "V00-03-00")
"""In their recorded order, which is not that of their names."""
PATH = "Pkg/data/deep.bin"


def release(name: str, *packages: tuple[str, str], scheme: str = "cms-release-cycle") -> Said:
    """Return what is said of a release: its packages and tags."""
    listed = [{"package": package, "tag": tag, "line": line} for line, (package, tag) in enumerate(packages, 1)]
    return Said.read(
        {
            "type": "herdbook/release/1",
            "subject": [{"id": {"scheme": scheme, "value": name}}],
            "body": {"packages": listed},
            "evidence": {"": {"how": "extracted", "where": f"sha256:{'1' * 64}:{name}.list"}},
        }
    )


def filled(registry: Registry) -> list[str]:
    """Import two versions that one path led to, one after the other, and a release of each time."""
    items = [prepared(registry, f"{TOY}:{text}", text) for text in ("old", "new")]
    old, new = (item.version.digest for item in items)
    said = [
        identity(old, PATH, path="model.bin", first=TAGS[0], last=TAGS[2]),
        identity(new, PATH, path="model.bin", first=TAGS[2]),
        identity(new, "Pkg/data/link.bin", path="model.bin", first=TAGS[3]),
        source(TAGS),
        release("CMSSW_14_0_X", ("Pkg", TAGS[1]), ("Other", "V9")),
        release("CMSSW_14_1_X", ("Pkg", TAGS[3])),
    ]
    registry.imports.record("demo", Delivery(registrations=tuple(items), statements=tuple(said)))
    return [old, new]


class IdentityContract(Given):
    """What another system called what."""

    def test_a_path_leads_to_what_it_led_to_oldest_tag_first(self, registry: Registry) -> None:
        old, new = filled(registry)
        first, second = registry.identities.find(f"cms-fileinpath:{PATH}")
        assert [first.record, second.record] == [old, new]
        assert (first.reference, first.path, first.source) == (f"{TOY}:old", "model.bin", "Pkg")
        assert (first.digest, first.size) == (content_of(binary("old")).sha256, len(binary("old")))
        assert (first.tags, second.tags) == (TAGS[:2], TAGS[2:])
        assert first.where == f"tag:{TAGS[0]}"
        assert registry.statements.get(first.statement).statement.kind == "identity"
        assert registry.identities.find("cms-fileinpath:Pkg/none") == []
        assert registry.identities.find(f"other:{PATH}") == []

    @pytest.mark.parametrize(("tag", "label"), [*zip(TAGS, ["old", "old", "new", "new"], strict=True)])
    def test_in_a_tag_a_path_led_to_one_thing(self, registry: Registry, tag: str, label: str) -> None:
        filled(registry)
        (found,) = registry.identities.find(f"cms-fileinpath:{PATH}", tag=tag)
        assert found.reference == f"{TOY}:{label}"

    def test_a_tag_that_no_source_has_is_missing_and_near_ones_are_named(self, registry: Registry) -> None:
        filled(registry)
        with pytest.raises(MissingError) as caught:
            registry.identities.find(f"cms-fileinpath:{PATH}", tag="V00-02-01")
        assert caught.value.code == "no-tag"
        assert TAGS[1] in caught.value.hint
        assert registry.identities.find("cms-fileinpath:Pkg/data/link.bin", tag=TAGS[0]) == []
        with pytest.raises(InvalidError):
            registry.identities.find(PATH)

    def test_without_the_order_of_tags_only_the_first_is_known(self, registry: Registry) -> None:
        record = register(registry, f"{TOY}:V1").record
        registry.statements.add("demo", [identity(record, PATH, first="a", last="c")])
        (found,) = registry.identities.find(f"cms-fileinpath:{PATH}")
        assert (found.first, found.last, found.tags) == ("a", "c", ())
        assert registry.identities.find(f"cms-fileinpath:{PATH}", tag="a") == [found]
        assert registry.identities.find(f"cms-fileinpath:{PATH}", tag="c") == []
        with pytest.raises(MissingError):
            registry.identities.find(f"cms-fileinpath:{PATH}", tag="b")

    def test_the_newest_order_of_tags_counts(self, registry: Registry) -> None:
        filled(registry)
        (old,) = registry.statements.list("source:Pkg").items
        later = source([*TAGS, "V00-11-00"]).model_copy(update={"supersedes": (old.digest,)})
        registry.imports.record("demo", Delivery(statements=(later,)))
        found = registry.identities.find(f"cms-fileinpath:{PATH}", tag="V00-11-00")
        assert [item.reference for item in found] == [f"{TOY}:new"]
        assert found[0].tags == (*TAGS[2:], "V00-11-00")

    def test_a_version_tells_what_it_is_called_and_so_do_its_files(self, registry: Registry) -> None:
        filled(registry)
        ids = [item.id for item in registry.identities.of(f"{TOY}:new")]
        assert ids == [f"cms-fileinpath:{PATH}", "cms-fileinpath:Pkg/data/link.bin"]
        content = content_of(binary("old"))
        body = {"id": {"scheme": "doi", "value": "10.1/x"}}
        registry.statements.add("demo", [say("identity", body, file=content.sha256)])
        assert registry.identities.of(f"{TOY}:old")[0].id == "doi:10.1/x"
        (found,) = registry.identities.find("doi:10.1/x")
        assert (found.reference, found.path, found.digest) == (f"{TOY}:old", "model.bin", content.sha256)

    def test_what_was_withdrawn_or_superseded_is_no_longer_found(self, registry: Registry) -> None:
        filled(registry)
        old, new = registry.identities.find(f"cms-fileinpath:{PATH}")
        registry.statements.add("demo", [say("withdrawal", {"reason": "wrong"}, statement=old.statement)])
        assert registry.identities.find(f"cms-fileinpath:{PATH}") == [new]

    def test_an_identity_of_an_unresolved_version_goes_with_it(self, registry: Registry) -> None:
        data = binary("late")
        record = register(registry, f"{TOY}:V1", unresolved(data, path="model.bin")).record
        registry.statements.add("demo", [identity(record, PATH, path="model.bin")])
        (found,) = registry.identities.find(f"cms-fileinpath:{PATH}")
        assert (found.digest, found.size) == (content_of(data).git_sha1, None)
        register(registry, f"{TOY}:V1", {"model.bin": data})
        (found,) = registry.identities.find(f"cms-fileinpath:{PATH}")
        assert (found.record, found.digest) == (record, content_of(data).sha256)


class ReleaseContract(Given):
    """Which versions were in which release, both ways."""

    def test_a_release_is_found_by_name_and_shows_its_evidence(self, registry: Registry) -> None:
        filled(registry)
        entry = registry.releases.get("CMSSW_14_0_X")
        assert [(item.package, item.tag, item.line) for item in entry.packages] == [
            ("Pkg", TAGS[1], 1),
            ("Other", "V9", 2),
        ]
        assert entry.where == f"sha256:{'1' * 64}:CMSSW_14_0_X.list"
        assert (entry.namespace, registry.releases.get("cms-release-cycle:CMSSW_14_0_X")) == ("demo", entry)
        assert [item.name for item in registry.releases.list()] == ["CMSSW_14_0_X", "CMSSW_14_1_X"]
        assert [item.name for item in registry.releases.list("CMSSW_14_1")] == ["CMSSW_14_1_X"]
        with pytest.raises(MissingError) as caught:
            registry.releases.get("CMSSW_14_2_X")
        assert caught.value.code == "no-release"
        assert "CMSSW_14_1_X" in caught.value.hint

    def test_which_versions_were_in_a_release(self, registry: Registry) -> None:
        filled(registry)
        (old,) = registry.releases.versions("CMSSW_14_0_X")
        assert (old.package, old.tag, old.identity.reference) == ("Pkg", TAGS[1], f"{TOY}:old")
        new = registry.releases.versions("CMSSW_14_1_X")
        assert {(item.identity.reference, item.identity.id) for item in new} == {
            (f"{TOY}:new", f"cms-fileinpath:{PATH}"),
            (f"{TOY}:new", "cms-fileinpath:Pkg/data/link.bin"),
        }
        assert registry.releases.versions("CMSSW_14_0_X", package="Other") == []
        assert registry.releases.versions("CMSSW_14_0_X", package="Pkg") == [old]

    def test_in_which_releases_a_version_was(self, registry: Registry) -> None:
        filled(registry)
        assert [item.release for item in registry.releases.of(f"{TOY}:old")] == ["CMSSW_14_0_X"]
        assert {item.release for item in registry.releases.of(f"{TOY}:new")} == {"CMSSW_14_1_X"}
        register(registry, f"{TOY}:other", "nowhere")
        assert registry.releases.of(f"{TOY}:other") == []

    def test_the_newer_list_of_a_release_counts(self, registry: Registry) -> None:
        filled(registry)
        (old,) = registry.statements.list("cms-release-cycle:CMSSW_14_0_X").items
        new = release("CMSSW_14_0_X", ("Pkg", TAGS[2])).model_copy(update={"supersedes": (old.digest,)})
        registry.imports.record("demo", Delivery(statements=(new,)))
        assert [item.identity.reference for item in registry.releases.versions("CMSSW_14_0_X")] == [f"{TOY}:new"]
        assert registry.releases.of(f"{TOY}:old") == []
