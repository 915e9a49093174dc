"""One version for each distinct set of files: never one for each commit or tag, none lost on a branch or in a merge."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.service.mapping.drafting import codes, drafted, file, files, history, rules, said, version

from herdbook.testing.repositories import Repository

CORE, INNER, OUTER = (f"nets/tau_v1_{part}.pb" for part in ("core", "inner", "outer"))


def test_commits_and_tags_that_change_nothing_make_no_version(tmp_path: Path) -> None:
    tree = {CORE: b"c", INNER: b"i"}
    repository, commits = history(tmp_path / "r", tree, {**tree, "other.csv": b"1"}, {**tree, "other.csv": b"2"})
    drafts = drafted(repository)
    assert [each.labels for each in drafts.versions] == [("v1",)]
    found = drafts.versions[0]
    assert (found.commit, found.first, found.last, found.current) == (commits[0], "T1", "T3", True)
    assert files(found) == {"tau_v1_core.pb": CORE, "tau_v1_inner.pb": INNER}
    assert [each.role for each in found.files] == ["core", "inner"]


def test_a_set_whose_members_change_one_by_one_has_a_version_for_each_state(tmp_path: Path) -> None:
    repository, _ = history(
        tmp_path / "r",
        {CORE: b"c", INNER: b"i"},
        {CORE: b"C", INNER: b"i"},
        {CORE: b"C", INNER: b"I"},
        {CORE: b"c", INNER: b"i"},
    )
    drafts = drafted(repository)
    assert [each.labels for each in drafts.versions] == [("v1", "v1_T1"), ("v1_T2",), ("v1_T3",)]
    assert [(each.first, each.last, each.current) for each in drafts.versions] == [
        ("T1", "T4", True),
        ("T2", "T2", False),
        ("T3", "T3", False),
    ]


def test_a_merge_that_combines_two_changes_is_a_version_that_no_branch_had(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    base = repository.commit({CORE: b"c", INNER: b"i"})
    left = repository.commit({CORE: b"C"}, onto=base)
    right = repository.commit({INNER: b"I"}, onto=base, parents=[base], branch="side")
    merge = repository.commit({INNER: b"I"}, onto=left, parents=[left, right])
    drafts = drafted(repository)
    assert [each.commit for each in drafts.versions] == [base, left, right, merge]
    assert [each.current for each in drafts.versions] == [False, False, False, True]
    assert drafts.versions[3].labels == ("v1", f"v1_g{merge[:10]}")


def test_content_on_a_branch_that_no_tag_has_is_a_version_without_identity(tmp_path: Path) -> None:
    repository, commits = history(tmp_path / "r", {CORE: b"c", INNER: b"i"})
    side = repository.commit({CORE: b"other"}, onto=commits[0], parents=[commits[0]], branch="side")
    found = version(drafted(repository), f"v1_g{side[:10]}")
    assert (found.first, found.last, found.current) == (None, None, False)
    assert said(found, "identity") == []
    assert said(found, "origin")[0].body["commit"] == side


def test_files_that_were_removed_and_added_again_are_the_version_that_they_were(tmp_path: Path) -> None:
    tree = {CORE: b"c", INNER: b"i"}
    repository, commits = history(tmp_path / "r", tree, {"a.csv": b""}, tree)
    (found,) = drafted(repository).versions
    assert (found.commit, found.first, found.last, found.labels) == (commits[0], "T1", "T3", ("v1",))


def test_the_same_set_in_another_folder_of_the_model_is_one_version_with_both_labels(tmp_path: Path) -> None:
    repository, commits = history(tmp_path / "r", {"Jet/V00/net.onnx": b"n"}, {"Jet/V01/net.onnx": b"n"})
    (found,) = drafted(repository).versions
    assert found.labels == ("V00", "V01")
    assert [each.body["path"] for each in said(found, "origin")] == ["Jet/V00", "Jet/V01"]
    assert said(found, "origin")[1].body["renamed_from"] == ["Jet/V00/net.onnx"]
    assert said(found, "origin")[1].body["commit"] == commits[1]


def test_two_folders_with_one_label_and_other_files_keep_labels_apart(tmp_path: Path) -> None:
    repository, _ = history(
        tmp_path / "r", {"Jet/V00/net.onnx": b"n"}, {"Jet/V00/net.onnx": b"n", "Fat/V00/net.onnx": b"m"}
    )
    drafts = drafted(repository)
    assert sorted(each.labels for each in drafts.versions) == [("V00",), ("V00_V00",)]
    assert codes(drafts) == ["label-clash"]


def test_labels_without_case_are_one_label(tmp_path: Path) -> None:
    by = rules(
        models=[{"id": "m", "paths": [r"(?P<l>\w+)/(?P<n>\w+)\.pb"], "model": "cms/m", "label": "{n}", "folder": "{l}"}]
    )
    repository, _ = history(tmp_path / "r", {"a/X.pb": b"1", "b/x.pb": b"2"})
    assert sorted(each.labels for each in drafted(repository, by).versions) == [("X",), ("x_b",)]


def test_tags_that_a_label_cannot_hold_still_tell_versions_apart(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    for tag, content in (("a/b", b"1"), ("a_b", b"2"), ("2021", b"3"), ("v" * 200, b"4")):
        repository.tag(tag, repository.commit({"models/tau/1/m.onnx": content}))
    drafts = drafted(repository)
    labels = [label for each in drafts.versions for label in each.labels]
    assert labels[0] == "a_b"
    assert labels[1].startswith("a_b_g")
    assert labels[2] == "v2021"
    assert len(labels) == len({label.lower() for label in labels}) == 4


def test_a_set_that_lacks_a_member_is_a_version_and_a_finding(tmp_path: Path) -> None:
    repository, _ = history(tmp_path / "r", {CORE: b"c", OUTER: b"o"})
    drafts = drafted(repository)
    assert [each.labels for each in drafts.versions] == [("v1",)]
    assert [(each.code, each.message) for each in drafts.findings] == [
        ("incomplete-set", "cms/nets/tau v1 lacks inner of core, inner")
    ]


def test_a_sidecar_goes_with_every_set_of_its_folder_and_alone_is_no_version(tmp_path: Path) -> None:
    tree = {CORE: b"c", INNER: b"i", "nets/tau_v2_core.pb": b"d", "nets/tau_v2_inner.pb": b"j"}
    repository, _ = history(
        tmp_path / "r", {"nets/README.md": b"#"}, {"nets/README.md": b"#", **tree}, {"nets/README.md": b"##", **tree}
    )
    drafts = drafted(repository)
    assert sorted(each.labels for each in drafts.versions) == [("v1", "v1_T3"), ("v1_T2",), ("v2", "v2_T3"), ("v2_T2",)]
    assert all("README.md" in files(each) for each in drafts.versions)
    assert [each.fate for each in drafts.blobs] == ["taken"] * len(drafts.blobs)


def test_the_configuration_above_a_model_is_a_file_of_its_version(tmp_path: Path) -> None:
    repository, _ = history(tmp_path / "r", {"models/tau/1/m.onnx": b"m", "models/tau/config.pbtxt": b"c"})
    found = drafted(repository).versions[0]
    assert files(found) == {"1/m.onnx": "models/tau/1/m.onnx", "config.pbtxt": "models/tau/config.pbtxt"}
    assert file(found, "config.pbtxt").role == "config"


def test_bytes_that_a_partial_clone_lacks_are_files_without_size(tmp_path: Path) -> None:
    repository, _ = history(tmp_path / "r", {CORE: b"c", INNER: b"absent"})
    digest = repository.put("blob", b"absent")
    repository.drop(digest)
    drafts = drafted(repository)
    found = file(drafts.versions[0], "tau_v1_inner.pb")
    assert (found.digest, found.size, found.present) == (f"git-sha1:{digest}", None, False)
    fates = {each.paths[0]: (each.fate, bool(each.reason), len(each.versions)) for each in drafts.blobs}
    assert fates == {CORE: ("taken", False, 1), INNER: ("absent", True, 1)}


def test_files_that_no_file_system_holds_together_leave_one_out_and_say_so(tmp_path: Path) -> None:
    by = rules(models=[{"id": "all", "paths": [r"m/.*"], "model": "cms/m", "folder": "m"}])
    repository, _ = history(tmp_path / "r", {"m/Net.pb": b"1", "m/net.pb": b"2", "m/NET.pb/x": b"3", "m/b": b"4"})
    drafts = drafted(repository, by)
    assert sorted(files(drafts.versions[0])) == ["NET.pb/x", "b"]
    assert [each.code for each in drafts.findings] == ["paths-collide", "paths-collide"]
    assert sorted((each.fate, bool(each.reason)) for each in drafts.blobs) == [
        ("skipped", True),
        ("skipped", True),
        ("taken", False),
        ("taken", False),
    ]


def test_keys_are_made_of_paths_and_bytes_alone(tmp_path: Path) -> None:
    one, _ = history(tmp_path / "one", {CORE: b"c", INNER: b"i"})
    two, _ = history(tmp_path / "two", {"a.csv": b""}, {CORE: b"c", INNER: b"i", "a.csv": b"x"}, tags=False)
    keys = [[each.key for each in drafted(repository).versions] for repository in (one, two)]
    assert keys[0] == keys[1]
    assert len(keys[0][0]) == 16


@pytest.mark.parametrize("tagged", [True, False])
def test_names_that_a_registry_does_not_take_together_are_told_apart(tmp_path: Path, tagged: bool) -> None:
    by = rules(models=[{"id": "m", "paths": [r"(?P<n>.+)\.pb"], "model": "cms/{n}", "label": "L"}])
    repository, _ = history(tmp_path / "r", {"a/net.pb": b"1"}, {"A/Net.pb": b"2", "a.pb": b"3"}, tags=tagged)
    drafts = drafted(repository, by)
    assert [each.name for each in drafts.models] == ["cms/A/Net_2", "cms/a_2", "cms/a/net"]
    assert [each.model for each in drafts.versions] == [each.name for each in drafts.models]
    assert codes(drafts) == ["name-clash"]
