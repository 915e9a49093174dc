"""Text beside a model is recognised as what it is: pointers, links, scalers, lists, labels, tables, corrections."""

from __future__ import annotations

import pytest
from tests.plugins.formats.reading import read, rules

POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'ab' * 32}\nsize 12345\n"
JEC = "{1 JetEta 2 JetPt JetA max(0.0001,1-y*[0]) Correction L1FastJet}\n-5.2 -4.9 3 1 2 3\n-4.9 5.2 3 1 2 3\n"
JER = "{2 JetEta Rho 1 JetPt sqrt([0]*abs([0])/(x*x)) Resolution}\n-4.7 -3.2 0 6.7 3 1 2 3\n"
AREAS = "# |eta| min   |eta| max   effective area\n0.000  1.000  0.1440\n1.000 1.479 0.1562\n"


def test_a_pointer_of_git_lfs_says_which_bytes_it_stands_for() -> None:
    found = read("model.root", POINTER)
    assert found.format == "other"
    assert found.values["lfs"] == {"oid": f"sha256:{'ab' * 32}", "size": 12345}
    assert rules(found) == ["git-lfs-pointer"]
    assert "lfs" not in read("model.root", POINTER.replace("size 12345", "size many")).values


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a/latest.pb", "model_v2.pb"),
        ("a/latest.pb", "../b/model.pb"),
        ("a/b/data", "../../other/folder"),
        ("x.weights.xml", "./sub dir/y.weights.xml"),
    ],
)
def test_the_content_of_a_symbolic_link_is_known(path: str, text: str) -> None:
    found = read(path, text)
    assert found.format == "git-symlink"
    assert found.values["target"] == text
    assert rules(found) == []


def test_a_link_that_leads_out_is_said() -> None:
    assert rules(read("a/x.pb", "../../etc/passwd")) == ["symlink-outside"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a/latest.pb", "model_v2.pb\n"),
        ("foo.txt", "asset-file-contents"),
        ("a.txt", "one line of text.txt"),
        ("a.txt", "see http://x.y/z.txt"),
        ("v", "1.0"),
        ("a.txt", ""),
        ("a.pb", "x" * 2000 + ".pb"),
        ("a.pb", "/absolute/model.pb"),
    ],
)
def test_other_short_texts_are_no_links(path: str, text: str) -> None:
    assert read(path, text).format == "other"


def test_a_scaler_has_kinds_and_numbers_in_order() -> None:
    found = read("scaler.txt", "pt stdscale -1.5 2e3\n\nabs(eta) MinMax 0 nan\n")
    assert found.format == "scaler"
    assert found.values["features"] == [
        {"name": "pt", "kind": "stdscale", "values": [-1.5, 2000.0]},
        {"name": "abs(eta)", "kind": "MinMax", "values": [0.0, "NaN"]},
    ]
    assert found.where["/features/1"] == "line 3"
    assert rules(found) == []


def test_a_line_of_a_scaler_that_is_none_is_kept_and_said() -> None:
    found = read("my_scaler.txt", "pt stdscale 1 2\neta stdscale 1 2\nphi 3\n")
    assert found.values["features"][2] == {"name": "phi", "rest": ["3"]}
    assert found.values["num_features"] == 3
    assert rules(found) == ["scaler-bad-line"]


def test_a_scaler_is_known_by_its_lines_as_well() -> None:
    assert read("norm.txt", "pt stdscale 1 2\neta stdscale 3 4\n").format == "scaler"
    assert read("norm.txt", "pt stdscale 1 2\nSome prose here\n").format == "other"
    assert read("scaler.txt", "Nothing of the kind\n").format == "other"


def test_lists_of_features_and_labels_are_read_line_by_line() -> None:
    found = read("bdt_features.txt", "# in order\npt\nabs(eta)\n\nphi,\n")
    assert found.format == "feature-list"
    assert found.values["features"] == [{"name": "pt"}, {"name": "abs(eta)"}, {"name": "phi"}]
    assert read("features.txt", "Features of this release:\n").format == "other"
    labels = read("particlenet_labels.txt", "b\r\nbb\r\n\r\nother class\r\n")
    assert (labels.format, labels.values["classes"]) == ("labels", ["b", "bb", "", "other class"])
    assert read("labels.txt", "b\nc").values["classes"] == ["b", "c"]


def test_corrections_and_tables_are_no_models() -> None:
    jec = read("Winter_L1FastJet_AK4.txt", JEC).values
    assert (jec["kind"], jec["bin_variables"], jec["formula_variables"]) == (
        "jet-energy-correction",
        ["JetEta"],
        ["JetPt", "JetA"],
    )
    assert (jec["formula"], jec["level"], jec["rows"]) == ("max(0.0001,1-y*[0])", "L1FastJet", 2)
    assert read("JR.txt", JER).values["kind"] == "jet-resolution"
    areas = read("effAreas.txt", AREAS)
    assert (areas.format, areas.values["kind"], areas.values["rows"]) == ("other", "effective-areas", 2)
    table = read("t.csv", "pt, eta;x,phi\n1,2,3\n").values
    assert (table["kind"], table["columns"]) == ("table", ["pt", "eta;x", "phi"])
    assert "columns" not in read("t.csv", "1,2,3\n4,5,6\n").values
    assert "kind" not in read("t.csv", "only one column\n").values


def test_a_readme_lists_its_headings_and_datasets_with_their_lines() -> None:
    text = "# Title\n- `/A/Run1-v1/AOD` (3 files)\n## Use\nsee http://a/b/c/d and x/a/b/c and /afs/cern.ch\n"
    found = read("README.md", text)
    assert found.values["headings"] == ["Title", "Use"]
    assert found.values["datasets"] == [{"line": 2, "raw": "/A/Run1-v1/AOD", "text_after": "(3 files)"}]
    assert found.where == {"/datasets/0": "line 2"}


def test_a_readme_of_many_headings_is_cut_and_that_is_said() -> None:
    found = read("README.md", "# a\n" * 3000)
    assert len(found.values["headings"]) == 1000
    assert rules(found) == ["values-cut"]
