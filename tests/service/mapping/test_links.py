"""Symbolic links are second names of files, followed inside the tree and no further."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.service.mapping.drafting import codes, drafted, files, history, ranges, said, version

from herdbook.model.histories import Blob, Change
from herdbook.service.mapping.links import MAX_AT_ONCE, Links
from herdbook.testing.repositories import Content, Link

NET = "models/tau/1/net.onnx"
FOLDER: dict[str, Content] = {
    NET: b"net",
    "models/tau/config.pbtxt": b"config",
    "Jet/V00/modelfile": Link("../../models/tau/1"),
    "Jet/V00/preprocess.json": b"{}",
}


def test_a_link_to_a_folder_gives_every_file_in_it_a_second_identity(tmp_path: Path) -> None:
    repository, _ = history(tmp_path / "r", {NET: b"net"}, FOLDER, {**FOLDER, NET: b"new"})
    found = ranges(drafted(repository))
    assert found["Jet/V00/modelfile/net.onnx"] == [("T2", "T2", "T3"), ("T3", "T3", None)]
    assert found[NET] == [("T1", "T1", "T2"), ("T2", "T2", "T3"), ("T3", "T3", None)]


def test_sidecars_beside_a_link_join_the_version_that_it_leads_to(tmp_path: Path) -> None:
    repository, _ = history(tmp_path / "r", FOLDER)
    (found,) = drafted(repository).versions
    assert files(found) == {
        "1/net.onnx": NET,
        "config.pbtxt": "models/tau/config.pbtxt",
        "preprocess.json": "Jet/V00/preprocess.json",
    }


def test_sidecars_that_have_a_group_in_their_own_folder_stay_there(tmp_path: Path) -> None:
    repository, _ = history(tmp_path / "r", {**FOLDER, "Jet/V00/own.onnx": b"own"})
    drafts = drafted(repository)
    assert sorted(files(version(drafts, "V00"))) == ["own.onnx", "preprocess.json"]
    assert sorted(files(version(drafts, "T1"))) == ["1/net.onnx", "config.pbtxt"]


def test_two_folders_that_lead_to_one_model_both_bring_their_sidecars(tmp_path: Path) -> None:
    tree: dict[str, Content] = {
        **FOLDER,
        "Jet/V01/modelfile": Link("../../models/tau/1"),
        "Jet/V01/preprocess.json": b"[]",
    }
    (found,) = drafted(history(tmp_path / "r", tree)[0]).versions
    assert files(found) == {
        "1/net.onnx": NET,
        "Jet/V01/preprocess.json": "Jet/V01/preprocess.json",
        "config.pbtxt": "models/tau/config.pbtxt",
        "preprocess.json": "Jet/V00/preprocess.json",
    }


def test_a_link_that_comes_goes_or_turns_makes_versions_like_any_change(tmp_path: Path) -> None:
    other: dict[str, Content] = {"models/fat/1/net.onnx": b"fat"}
    turned = {**FOLDER, **other, "Jet/V00/modelfile": Link("../../models/fat/1")}
    gone: dict[str, Content] = {path: content for path, content in FOLDER.items() if path != "Jet/V00/modelfile"}
    repository, _ = history(tmp_path / "r", {**FOLDER, **other}, turned, gone)
    drafts = drafted(repository)
    held = {each.labels[0]: sorted(files(each)) for each in drafts.versions if "tau" in each.model}
    assert held == {"T1": ["1/net.onnx", "config.pbtxt", "preprocess.json"], "T2": ["1/net.onnx", "config.pbtxt"]}
    assert ranges(drafted(repository))["Jet/V00/modelfile/net.onnx"] == [("T1", "T1", "T2"), ("T2", "T2", "T3")]


def test_the_evidence_of_a_second_identity_says_that_a_link_gave_it(tmp_path: Path) -> None:
    (found,) = drafted(history(tmp_path / "r", FOLDER)[0]).versions
    rule = {
        each.body["id"]["value"].removeprefix("Reco/Net/data/"): each.evidence["/id"].rule
        for each in said(found, "identity")
        if each.evidence
    }
    assert rule["Jet/V00/modelfile/net.onnx"] == "symbolic-link"
    assert rule[NET] == "identity"


def test_a_links_blob_is_skipped_and_says_where_it_leads(tmp_path: Path) -> None:
    drafts = drafted(history(tmp_path / "r", FOLDER)[0])
    assert [(each.paths, each.link, each.reason) for each in drafts.blobs if each.fate == "skipped"] == [
        (("Jet/V00/modelfile",), True, "symbolic link to ../../models/tau/1")
    ]


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("../../../../etc/passwd", "link-out"),
        ("/etc/passwd", "link-out"),
        ("nowhere", "link-dangling"),
        ("../tau/1/net.onnx/below", "link-dangling"),
        ("self", "link-cycle"),
        ("", "link-cycle"),
        ("..", "link-cycle"),
        (".", "link-cycle"),
    ],
)
def test_a_link_that_leads_nowhere_or_in_a_circle_is_a_finding(tmp_path: Path, target: str, code: str) -> None:
    repository, _ = history(tmp_path / "r", {NET: b"net", "models/links/self": Link(target)})
    drafts = drafted(repository)
    assert codes(drafts) == [code]
    assert NET in ranges(drafts)


def test_links_over_links_are_followed_and_two_that_name_each_other_are_not(tmp_path: Path) -> None:
    tree: dict[str, Content] = {NET: b"net", "a": Link("b"), "b": Link("models/tau"), "c": Link("d"), "d": Link("c")}
    drafts = drafted(history(tmp_path / "r", tree)[0])
    assert sorted(ranges(drafts)) == ["a/1/net.onnx", "b/1/net.onnx", NET]
    assert [(each.code, each.where) for each in drafts.findings] == [("link-cycle", "c"), ("link-cycle", "d")]


def test_a_link_inside_a_linked_folder_is_a_name_too(tmp_path: Path) -> None:
    tree: dict[str, Content] = {
        NET: b"net",
        "models/fat/1/net.onnx": Link("../../tau/1/net.onnx"),
        "Fat": Link("models/fat"),
    }
    drafts = drafted(history(tmp_path / "r", tree)[0])
    assert sorted(ranges(drafts)) == ["Fat/1/net.onnx", "models/fat/1/net.onnx", NET]
    assert [each.model for each in drafts.versions] == ["cms/served/tau"]


def test_forty_links_are_followed_and_more_are_not(tmp_path: Path) -> None:
    tree: dict[str, Content] = {f"l{number}": Link(f"l{number + 1}") for number in range(45)}
    drafts = drafted(history(tmp_path / "r", {NET: b"net", **tree, "l45": Link(NET)})[0])
    assert [each.where for each in drafts.findings] == [f"l{number}" for number in range(6)]
    assert "l6" in ranges(drafts)


def test_a_link_that_became_a_file_or_a_folder_is_no_name_any_more(tmp_path: Path) -> None:
    repository, _ = history(
        tmp_path / "r",
        {NET: b"net", "x": Link("models/tau")},
        {NET: b"net", "x": b"file"},
        {NET: b"net", "x/1/y.csv": b"folder"},
        {NET: b"net", "x": Link("models/tau")},
    )
    assert ranges(drafted(repository))["x/1/net.onnx"] == [("T1", "T1", "T2"), ("T1", "T4", None)]


def test_a_link_waits_for_what_it_leads_to(tmp_path: Path) -> None:
    link: dict[str, Content] = {"x": Link("models/tau/1")}
    repository, _ = history(tmp_path / "r", link, {**link, NET: b"net"}, link, {**link, NET: b"net"})
    drafts = drafted(repository)
    assert ranges(drafts)["x/net.onnx"] == [("T2", "T2", "T3"), ("T2", "T4", None)]
    assert codes(drafts) == ["link-dangling"]


@pytest.mark.parametrize("at_the_end", [Blob("file"), Blob("nowhere", link=True)])
def test_folders_of_links_to_folders_of_links_give_a_bounded_number_of_names(at_the_end: Blob) -> None:
    texts = {"nowhere": "nowhere", **{f"l{depth}": f"../d{depth + 1}" for depth in range(35)}}
    changes = [
        Change(f"d{depth}/{name}", None, Blob(f"l{depth}", link=True)) for depth in range(35) for name in ("a", "b")
    ]
    changes.append(Change("d35/end", None, at_the_end))
    found: list[str] = []
    links = Links(texts.get, lambda code, _message, link: found.append(f"{code} {link}"), named=True)
    links.apply(changes)
    assert sum(len(names) for names in links.names_of.values()) <= MAX_AT_ONCE
    assert "link-too-wide d0/a" in found
