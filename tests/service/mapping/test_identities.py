"""What a name led to, from which tag on, until before which."""

from __future__ import annotations

from pathlib import Path

from tests.service.mapping.drafting import drafted, history, ranges, rules, said, version

from herdbook.testing.repositories import Content, Repository

NET = "models/tau/1/net.onnx"


def test_a_tag_range_closes_when_the_bytes_change_and_opens_again(tmp_path: Path) -> None:
    repository, _ = history(tmp_path / "r", {NET: b"1"}, {NET: b"1", "a.csv": b""}, {NET: b"2"}, {NET: b"1"})
    drafts = drafted(repository)
    assert ranges(drafts) == {NET: [("T1", "T1", "T3"), ("T3", "T3", "T4"), ("T1", "T4", None)]}
    body = said(version(drafts, "T3"), "identity")[0].body
    assert body == {
        "id": {"scheme": "cms-fileinpath", "value": f"Reco/Net/data/{NET}"},
        "source": "cms-data/Reco-Net",
        "path": "1/net.onnx",
        "first": "T3",
        "last": "T4",
    }


def test_a_range_closes_for_a_file_that_stayed_when_its_set_became_another(tmp_path: Path) -> None:
    core, inner = "nets/tau_v1_core.pb", "nets/tau_v1_inner.pb"
    repository, _ = history(tmp_path / "r", {core: b"c", inner: b"i"}, {core: b"c", inner: b"I"})
    assert ranges(drafted(repository))[core] == [("v1_T1", "T1", "T2"), ("v1", "T2", None)]


def test_a_sidecar_of_two_sets_is_a_name_of_both(tmp_path: Path) -> None:
    tree: dict[str, Content] = {f"nets/tau_v{n}_{part}.pb": b"%d" % n for n in (1, 2) for part in ("core", "inner")}
    repository, _ = history(tmp_path / "r", {**tree, "nets/README.md": b"#"})
    assert sorted(ranges(drafted(repository))["nets/README.md"]) == [("v1", "T1", None), ("v2", "T1", None)]


def test_identical_bytes_at_two_paths_keep_both_names(tmp_path: Path) -> None:
    repository, _ = history(tmp_path / "r", {"Jet/V00/net.onnx": b"n", "Fat/V00/net.onnx": b"n"})
    drafts = drafted(repository)
    assert len(drafts.versions) == 1
    assert ranges(drafts) == {path: [("V00", "T1", None)] for path in ("Fat/V00/net.onnx", "Jet/V00/net.onnx")}


def test_statements_are_issued_when_the_first_tag_was_made_and_cite_tags(tmp_path: Path) -> None:
    repository, _ = history(tmp_path / "r", {NET: b"1"}, {NET: b"2"})
    drafts = drafted(repository)
    (told,) = said(version(drafts, "T1"), "identity")
    assert told.issued == version(drafts, "T1").date
    assert told.evidence is not None
    assert {pointer: (each.how, each.where) for pointer, each in told.evidence.items()} == {
        "/id": ("inferred", "tag:T1"),
        "/first": ("extracted", "tag:T1"),
        "/last": ("extracted", "tag:T2"),
    }


def test_the_package_is_the_source_where_the_rules_name_one(tmp_path: Path) -> None:
    repository, _ = history(tmp_path / "r", {NET: b"1"})
    drafts = drafted(repository, rules(source="cms-data/(?P<package>.+)", package="{package}"))
    assert drafts.package == "Reco-Net"
    assert said(drafts.versions[0], "identity")[0].body["source"] == "Reco-Net"


def test_without_a_rule_for_identities_nothing_is_claimed(tmp_path: Path) -> None:
    repository, _ = history(tmp_path / "r", {NET: b"1"})
    assert said(drafted(repository, rules(identity=None)).versions[0], "identity") == []


def test_two_tags_of_one_commit_are_two_points_of_one_range(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    one = repository.commit({NET: b"1"})
    repository.tag("T1", one)
    repository.tag("T1b", one, annotated=True)
    repository.tag("T2", repository.commit({"a.csv": b""}))
    assert ranges(drafted(repository)) == {NET: [("T1", "T1", "T2")]}
