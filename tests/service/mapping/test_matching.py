"""Rules at work: every path has one place, and nothing that a path says can name more than the rule meant."""

from __future__ import annotations

import pytest

from herdbook.kernel.errors import InvalidError
from herdbook.model.identifiers import Identifier
from herdbook.model.rules import Rules
from herdbook.service.mapping import templates
from herdbook.service.mapping.matching import Matcher

RULES = {
    "schema": "herdbook/import-rules/1",
    "name": "lab",
    "source": r"(?:.*/)?(?P<a>\w+)-(?P<b>\w+)",
    "namespace": "lab",
    "package": "{a}-{b}",
    "identity": {"scheme": "cms-fileinpath", "value": "{a}/{b}/data/{path}"},
    "skip": [{"paths": [r"old/.*"], "reason": "given up"}],
    "models": [
        {
            "id": "net",
            "paths": [r"(?P<folder>nets/(?P<kind>\w+)_(?P<label>v\d+))/(?:.+_)?(?P<part>core|rim)\.onnx"],
            "model": "{namespace}/nets/{kind|lower}",
            "label": "{label}",
            "folder": "{folder}",
            "member": "part",
            "role": "{part}",
            "ext": {"hep": {"$v": "1.0", "eras": ["{kind}", 2]}},
        },
        {"id": "loose", "paths": [r"(?P<stem>[^/]+)\.pb"], "model": "lab/loose/{stem|slug}"},
        {"id": "hopeless", "paths": [r"bad/(?P<stem>[^/]+)\.pb"], "model": "lab/{stem}"},
        {"id": "elsewhere", "paths": [r"far/(?P<stem>[^/]+)\.pb"], "model": "cms/{stem}/x", "label": "v1"},
        {"id": "numbered", "paths": [r"n/(?P<n>\d+)\.pb"], "model": "lab/n/n", "label": "{n}"},
        {"id": "outside", "paths": [r"o/x\.pb"], "model": "lab/o/o", "folder": "p"},
    ],
    "sidecars": [
        {"id": "beside", "paths": [r"nets/.*\.json"], "of": ["net"], "role": "config"},
        {
            "id": "bound",
            "paths": [r"nets/(?P<kind>\w+)_(?P<label>v\d+)\.txt"],
            "of": ["*"],
            "model": "{namespace}/nets/{kind|lower}",
            "label": "{label}",
            "folder": "nets",
        },
    ],
    "lists": [{"id": "cycles", "paths": [r"lists/(?P<cycle>\w+)\.txt"], "what": "release-list", "name": "{cycle}"}],
    "fallback": False,
}


def matcher(source: str = "cms-data/Reco-Tau", **change: object) -> Matcher:
    return Matcher(Rules.read({**RULES, **change}), source)


def test_a_file_of_a_set_has_its_models_name_label_folder_and_member() -> None:
    place = matcher().place("nets/Tau_v3/net_core.onnx")
    assert (place.what, place.rule, place.model, place.label) == ("model", "net", "lab/nets/tau", "v3")
    assert (place.folder, place.inside, place.member, place.role) == ("nets/Tau_v3", "net_core.onnx", "core", "core")
    assert place.groups["kind"] == "Tau"
    assert place.groups["a"] == "Reco"


def test_without_a_label_the_versions_are_labelled_by_tag_and_paths_begin_in_their_own_folder() -> None:
    place = matcher().place("my net.v2.pb")
    assert (place.model, place.label, place.folder, place.inside) == ("lab/loose/my-net-v2", "", "", "my net.v2.pb")


def test_a_sidecar_says_whose_it_is() -> None:
    place = matcher().place("nets/Tau_v3/config.json")
    assert (place.what, place.of, place.model, place.folder) == ("sidecar", ("net",), "", "nets/Tau_v3")
    bound = matcher().place("nets/Tau_v3.txt")
    assert (bound.model, bound.label, bound.folder, bound.inside) == ("lab/nets/tau", "v3", "nets", "Tau_v3.txt")


def test_skips_come_before_all_others_and_what_no_rule_names_is_skipped_saying_so() -> None:
    ours = matcher()
    assert ours.place("old/nets/Tau_v3/core.onnx").reason == "given up"
    assert ours.place("else.xyz").reason == "no rule names this path"
    assert ours.place("lists/CMSSW_14.txt").name == "CMSSW_14"


@pytest.mark.parametrize("path", ["../up.pb", "a/../b.pb", "/abs.pb", "a//b.pb", "a\nb.pb", "x/.git/y.pb", ".GIT/y.pb"])
def test_a_hostile_path_is_skipped_and_has_no_identity(path: str) -> None:
    ours = matcher(fallback=True)
    place = ours.place(path, lambda: b"anything")
    assert place.what == "skip"
    assert place.reason.startswith("no record can hold this path: ")
    assert ours.identity(path) is None


def test_the_identity_and_the_package_take_groups_from_the_sources_name() -> None:
    ours = matcher()
    assert ours.package == "Reco-Tau"
    assert ours.identity("a/b.pb") == Identifier(scheme="cms-fileinpath", value="Reco/Tau/data/a/b.pb")
    assert matcher(identity=None).identity("a/b.pb") is None


def test_the_fallbacks_prefix_is_the_rules_or_the_sources_last_name() -> None:
    assert matcher().prefix == "lab/Reco-Tau"
    assert matcher("a/b/My nets!", package=None, identity=None).prefix == "lab/My-nets"
    assert matcher(prefix="{namespace}/{a}/x").prefix == "lab/Reco/x"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("bad/a b.pb", "is not the name of a model"),
        ("far/net.pb", "is not in the namespace 'lab'"),
        ("n/2018.pb", "is not a label"),
        ("o/x.pb", "does not lie in the folder 'p'"),
    ],
)
def test_a_template_that_gives_nothing_usable_names_the_rule_and_the_path(path: str, said: str) -> None:
    with pytest.raises(InvalidError, match=said) as caught:
        matcher().place(path)
    assert caught.value.code == "bad-rules"
    assert repr(path) in caught.value.message
    assert caught.value.hint


def _with_model(**change: object) -> dict[str, object]:
    return {"models": [{"id": "m", "paths": ["x"], "model": "lab/m/m", **change}], "sidecars": []}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_with_model(model="lab/{nothing}"), "the group 'nothing'"),
        (_with_model(label="{path.__class__}"), "a brace that begins or ends no"),
        (_with_model(label="{path!r}"), "a brace"),
        (_with_model(label="{path:>10}"), "a brace"),
        (_with_model(label="{path|eval}"), "unknown filter 'eval'"),
        (_with_model(ext={"hep": {"eras": ["{era}"]}}), "the group 'era'"),
        ({"models": [], "sidecars": [{"id": "s", "paths": ["x"], "of": ["gone"]}]}, "'gone', and no model rule"),
        ({"package": "{path}"}, "the group 'path'"),
        ({"namespace": ""}, "leave the namespace to you"),
        ({"namespace": "hep"}, "is reserved"),
    ],
)
def test_rules_that_cannot_work_are_refused_before_any_path_is_looked_at(change: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidError, match=said) as caught:
        Matcher(Rules.read({**RULES, **change}), "cms-data/Reco-Tau")
    assert caught.value.hint


def test_a_source_of_another_name_is_told_how_to_say_its_own() -> None:
    with pytest.raises(InvalidError, match="this one is called 'elsewhere'") as caught:
        matcher("elsewhere")
    assert "--name" in caught.value.hint


def test_ext_is_filled_in_for_each_version_and_numbers_stay_numbers() -> None:
    ours = matcher()
    ext = ours.ext(ours.place("nets/Tau_v3/core.onnx"))
    assert ext == {"hep": {"$v": "1.0", "eras": ["Tau", 2]}}
    assert ours.ext(ours.place("loose.pb")) is None


def test_content_is_looked_at_once_for_a_path_and_only_where_no_rule_decides() -> None:
    looked: list[int] = []

    def look() -> bytes:
        looked.append(1)
        return b'{"learner": {}}'

    ours = matcher(fallback=True)
    ours.place("loose.pb", look)
    ours.place("deep/net.onnx", look)
    assert not looked
    first = ours.place("deep/trees.json", look)
    assert ours.place("deep/trees.json", lambda: b"") is first
    assert first.rule == "fallback:xgboost-json"
    assert len(looked) == 1


@pytest.mark.parametrize(
    ("text", "slug", "label"),
    [
        ("a--b__c", "a-b__c", "a--b__c"),
        ("Grün & blau.v2", "Grun-blau-v2", "Grun_blau.v2"),
        ("2018", "2018", "v2018"),
        ("-x-", "x", "x-"),
        ("…", "", ""),
        ("%FF", "FF", "FF"),
    ],
)
def test_texts_become_names_and_labels(text: str, slug: str, label: str) -> None:
    assert templates.slug(text) == slug
    assert templates.label(text) == label


def test_a_label_that_is_too_long_keeps_what_tells_it_apart() -> None:
    one, two = templates.label("x" * 200 + "a"), templates.label("x" * 200 + "b")
    assert len(one) == len(two) == templates.MAX_LABEL
    assert one != two
