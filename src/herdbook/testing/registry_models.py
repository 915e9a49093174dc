"""The contract of models, namespaces and people."""

from __future__ import annotations

import json

import pytest

from herdbook.kernel.errors import ConflictError, DeniedError, InvalidError, MissingError
from herdbook.model.models import Profile, Step
from herdbook.model.principals import Person
from herdbook.ports.registry import Registry
from herdbook.testing.registry_samples import Given, binary, events_made, references, register, say, untouched

SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"$v": {"type": "string"}, "machine": {"enum": ["LHC", "SPS"], "x-index": True}},
    "required": ["machine"],
    "additionalProperties": False,
}


class ModelContract(Given):
    """Models: names with versions, and what they are for."""

    def test_a_model_is_listed_with_its_versions(self, registry: Registry) -> None:
        register(registry, "demo/tau/toy:V1")
        register(registry, "demo/tau/toy:V2", "two")
        entry = registry.models.get("demo/tau/toy")
        assert (entry.name, entry.versions, entry.newest, entry.state) == ("demo/tau/toy", 2, "V2", "current")
        assert [item.ordinal for item in registry.versions.list("demo/tau/toy").items] == [2, 1]
        page = registry.versions.list("demo/tau/toy", limit=1)
        assert (page.total, [item.ordinal for item in page.items]) == (2, [2])
        assert [item.ordinal for item in registry.versions.list("demo/tau/toy", cursor=page.cursor).items] == [1]

    def test_models_are_listed_by_the_beginning_of_their_name_page_by_page(self, registry: Registry) -> None:
        for name in ("demo/b", "demo/a", "demo/c", "elsewhere/a"):
            register(registry, name)
        seen, cursor = [], None
        while True:
            page = registry.models.list("demo/", cursor=cursor, limit=2)
            seen += [entry.name for entry in page.items]
            if (cursor := page.cursor) is None:
                break
        assert seen == ["demo/a", "demo/b", "demo/c"]

    def test_a_profile_makes_a_model_before_its_first_version(self, registry: Registry) -> None:
        with events_made(registry, "demo", 2) as made:
            registry.models.profile("demo/tau/toy", Profile(title="Soon", step=Step.TRIGGER))
        assert [op.op for op in made[1].ops] == ["statement", "point"]
        entry = registry.models.get("demo/tau/toy")
        assert (entry.versions, entry.profile) == (0, Profile(title="Soon", step=Step.TRIGGER))
        with pytest.raises(MissingError):
            registry.versions.get("demo/tau/toy")

    def test_a_new_profile_takes_the_place_of_the_old_one(self, registry: Registry) -> None:
        register(registry, "demo/tau/toy:V1")
        first = registry.models.profile("demo/tau/toy", Profile(title="Walrus", step=Step.TRIGGER))
        with untouched(registry):
            assert registry.models.profile("demo/tau/toy", Profile(title="Walrus", step=Step.TRIGGER)) == first
        second = registry.models.profile("demo/tau/toy", Profile(title="Octopus"))
        assert registry.statements.get(first.digest).superseded_by == (second.digest,)
        assert registry.models.get("demo/tau/toy").profile == Profile(title="Octopus")
        assert references(registry, "walrus") == []
        assert references(registry, "step = trigger") == []
        assert references(registry, "octopus") == ["demo/tau/toy@1"]

    def test_a_profile_given_with_a_version_takes_the_place_of_the_old_one(self, registry: Registry) -> None:
        told = [("V1", "Walrus"), ("V2", "Octopus"), ("V3", "Walrus")]
        for label, title in told:
            said = say("profile", {"title": title}, name="demo/tau/toy")
            register(registry, f"demo/tau/toy:{label}", label, statements=[said])
            assert registry.models.get("demo/tau/toy").profile == Profile(title=title)
            profile = registry.versions.dossier(f"demo/tau/toy:{label}").profile
            assert profile == Profile(title=title)
        with untouched(registry):
            register(registry, "demo/tau/toy:V3", "V3", statements=[said])
        assert len(registry.statements.list("demo/tau/toy", kind="profile").items) == 1
        assert references(registry, "octopus") == []
        assert len(references(registry, "walrus")) == 3

    def test_a_profile_that_clashes_or_does_not_fit_is_refused(self, registry: Registry) -> None:
        register(registry, "demo/tau/toy:V1")
        for name in ("demo/tau", "demo/tau/TOY", "demo/tau/toy/part"):
            with untouched(registry), pytest.raises(ConflictError) as caught:
                registry.models.profile(name, Profile(title="T"))
            assert caught.value.code == "name-clash"
        with untouched(registry), pytest.raises(InvalidError):
            registry.models.profile("toy", Profile(title="T"))
        with pytest.raises(InvalidError):
            Profile.read({"step": "lunch"})

    def test_a_model_that_is_not_here_is_answered_with_what_is_near(self, registry: Registry) -> None:
        register(registry, "demo/tau/deeptau:V1")
        with pytest.raises(MissingError) as caught:
            registry.models.get("demo/tau/depetau")
        assert "demo/tau/deeptau" in caught.value.hint

    def test_usage_tells_the_bytes_that_a_model_has_alone(self, registry: Registry) -> None:
        shared, own = binary("shared"), binary("own bytes")
        register(registry, "demo/tau/one:V1", {"a": shared, "b": own})
        register(registry, "demo/tau/one:V2", {"a": shared, "c": own})
        register(registry, "demo/tau/two:V1", {"a": shared})
        used = {name: tuple(sizes) for name, sizes in registry.models.usage("demo/").items()}
        assert used == {
            "demo/tau/one": (len(shared) + len(own), len(own)),
            "demo/tau/two": (len(shared), 0),
        }


class NamespaceContract(Given):
    """Namespaces and the extensions they register."""

    def test_a_namespace_begins_once(self, registry: Registry) -> None:
        with events_made(registry, "demo", 1) as made:
            begun = registry.namespaces.create("demo")
        assert [op.op for op in made[0].ops] == ["genesis"]
        with untouched(registry):
            assert registry.namespaces.create("demo") == begun
        assert registry.namespaces.list() == [begun]

    @pytest.mark.parametrize("name", ["hep", "HEP", "herdbook", "hls4ml", "conifer", "", "a/b", "a.b", "x" * 97, "é"])
    def test_a_reserved_or_bad_name_is_refused(self, registry: Registry, name: str) -> None:
        with untouched(registry), pytest.raises(InvalidError):
            registry.namespaces.create(name)

    def test_a_namespace_that_differs_in_case_only_is_refused_everywhere(self, registry: Registry) -> None:
        registry.namespaces.create("demo")
        with untouched(registry), pytest.raises(ConflictError) as caught:
            registry.namespaces.create("Demo")
        assert caught.value.code == "name-clash"
        with untouched(registry), pytest.raises(ConflictError):
            registry.statements.add("DEMO", [say("note", {"text": "x"}, namespace="demo")])

    def test_an_extension_is_checked_by_the_schema_of_its_namespace(self, registry: Registry) -> None:
        with events_made(registry, "demo", 2):
            entry = registry.namespaces.schema("demo", "model", "1.0", SCHEMA)
        with untouched(registry):
            assert registry.namespaces.schema("demo", "model", "1.0", SCHEMA) == entry
        good = Profile(ext={"demo": {"$v": "1.0", "machine": "LHC"}})
        registry.models.profile("demo/tau/toy", good)
        bad = Profile(ext={"demo": {"$v": "1.0", "machine": "LEP"}})
        with untouched(registry), pytest.raises(InvalidError) as caught:
            registry.models.profile("demo/tau/toy", bad)
        assert "/ext/demo/machine" in caught.value.message
        with untouched(registry), pytest.raises(InvalidError):
            registry.models.profile("demo/tau/toy", Profile(ext={"demo": {"machine": "LHC"}}))

    def test_a_schema_never_changes(self, registry: Registry) -> None:
        registry.namespaces.schema("demo", "model", "1.0", SCHEMA)
        with untouched(registry), pytest.raises(ConflictError) as caught:
            registry.namespaces.schema("demo", "model", "1.0", {"type": "object"})
        assert caught.value.code == "schema-taken"
        registry.namespaces.schema("demo", "model", "1.1", {"type": "object"})

    @pytest.mark.parametrize(
        "schema",
        [
            {"type": "objekt"},
            {"$ref": "https://example.org/schema"},
            {"$ref": "other.json"},
            {"$dynamicRef": "#x"},
            {"pattern": "a" * 201},
            {"properties": {f"f{number}": {"x-index": True} for number in range(21)}},
        ],
    )
    def test_a_schema_that_is_none_or_reaches_out_is_refused(
        self, registry: Registry, schema: dict[str, object]
    ) -> None:
        with untouched(registry), pytest.raises(InvalidError) as caught:
            registry.namespaces.schema("demo", "model", "1.0", schema)
        assert caught.value.code == "bad-schema"


class PeopleContract(Given):
    """What actors are called: the erasable part, in no body and no event."""

    def test_a_name_is_given_shown_and_erased(self, registry: Registry, other: Registry) -> None:
        me = registry.people.me()
        assert me.id == registry.principal.id
        register(registry, "demo/tau/toy:V1")
        registry.pointers.alias("demo/tau/toy", "production", "V1")
        with untouched(registry):
            registry.people.name(Person(id=me.id, name="Ada Quux", email="ada@example.org"))
        assert registry.people.me().name == "Ada Quux"
        assert [person.name for person in other.people.list()] == ["Ada Quux"]
        assert other.pointers.history("demo/tau/toy@production")[0].by == "Ada Quux"
        registry.people.name(Person(id=me.id))
        assert registry.people.me().name is None
        assert not any(person.name or person.email for person in other.people.list())
        assert other.pointers.history("demo/tau/toy@production")[0].by is None

    def test_nobody_names_another(self, registry: Registry, other: Registry) -> None:
        with pytest.raises(DeniedError):
            registry.people.name(Person(id=other.principal.id, name="Mallory"))
        assert registry.people.list() == []

    def test_no_event_and_no_body_holds_a_name(self, registry: Registry) -> None:
        registry.people.name(Person(id=registry.principal.id, name="Ada Quux", email="ada@example.org"))
        register(registry, "demo/tau/toy:V1", statements=[say("profile", {"title": "T"}, name="demo/tau/toy")])
        registry.pointers.alias("demo/tau/toy", "production", "V1", reason="better")
        registry.versions.undo("demo/tau/toy:V1", reason="worse")
        events = [entry.event.json_object() for entry in registry.journal.events("demo").items]
        digests = [op["digest"] for event in events for op in event["ops"] if "digest" in op]
        text = json.dumps(events) + repr(registry.journal.bodies(digests))
        assert registry.principal.id in text
        assert "Quux" not in text
        assert "example.org" not in text
