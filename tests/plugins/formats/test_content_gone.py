"""Who registers an empty, zeroed, cut or unfetched file is told what is wrong with it, and what to do."""

from __future__ import annotations

import gzip

import pytest
from tests.plugins.formats.whole_chain import FIXTURES, read, said

MODELS = ("pt", "pkl", "h5", "json", "onnx", "pb", "root", "xml", "keras", "npz", "safetensors", "cbm", "ubj", "gz")
LFS = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'ab' * 32}\nsize 12345\n".encode()
KEY = "MD5E-s12345--0123456789abcdef0123456789abcdef.onnx"


@pytest.mark.parametrize("suffix", MODELS)
def test_a_model_without_a_byte_or_with_zeros_only_is_an_error(suffix: str) -> None:
    assert said(f"m.{suffix}", b"") == [("empty-file", "error")]
    for size in (1, 7, 8, 64, 5000):
        assert said(f"m.{suffix}", bytes(size)) == [("only-zeros", "error")], size


def test_an_empty_text_is_a_note_and_zeros_in_one_are_a_warning() -> None:
    for path in ("__init__.py", "README.md", "labels.txt", "notes", "c.yaml"):
        assert said(path, b"") == [("empty-file", "note")]
        assert said(path, bytes(100)) == [("only-zeros", "warning")]


def test_zeros_at_both_ends_of_numbers_are_no_finding() -> None:
    facts = read("weights.bin", bytes(5000) + b"\1" + bytes(5000))
    assert facts is not None
    assert (facts.format, facts.findings) == ("other", ())
    assert read("weights.bin", b"\1" + bytes(9000)) is None


@pytest.mark.parametrize("suffix", [*MODELS, "txt", "index", "data-00000-of-00001"])
def test_a_pointer_says_with_which_command_the_file_is_fetched(suffix: str) -> None:
    facts = read(f"m.{suffix}", LFS)
    assert facts is not None
    assert (facts.format, facts.values["lfs"]["size"]) == ("other", 12345)
    assert [each.rule for each in facts.findings] == ["git-lfs-pointer"]
    for pointer in (f"/annex/objects/{KEY}\n", f"/annex/objects/{KEY}"):
        facts = read(f"m.{suffix}", pointer.encode())
        assert facts is not None
        assert facts.values == {"kind": "git-annex-pointer", "annex": {"key": KEY, "size": 12345}}
        assert "git annex get" in facts.findings[0].message


def test_prose_about_pointers_is_none() -> None:
    for text in (
        b"version https://git-lfs.github.com/spec/v1 is what it begins with\n",
        b"/annex/objects/ is a folder\n",
    ):
        assert said("notes.txt", text) == []


CUT = [
    ("a.pt", b"PK\3"),
    ("a.pt", b"\x80\2\x8a\nl"),
    ("a.pkl", b"\x80"),
    ("a.pkl", b"\x80\4"),
    ("a.h5", b"\x89HDF\r"),
    ("a.keras", b"PK"),
    ("a.npy", b"\x93NUM"),
    ("a.npz", b"P"),
    ("a.root", b"root\0\0"),
    ("a.cbm", b"CB"),
    ("a.ubj", b"{"),
    ("a.params", b"\x12\1\0\0"),
    ("notes.gz", gzip.compress(bytes(range(99)), mtime=0)[:30]),
    ("a.xml.gz", gzip.compress(b"<MethodSetup>" * 99, mtime=0)[:30]),
]


@pytest.mark.parametrize(("path", "data"), CUT)
def test_a_file_that_ends_within_its_first_bytes_is_said_to_be_cut(path: str, data: bytes) -> None:
    rules = [rule for rule, severity in said(path, data) if severity == "error"]
    assert rules
    assert {"file-cut", "pickle-broken", "gzip-cut"}.issuperset(rules)


@pytest.mark.parametrize("text", [b"<?xm", b"<MethodSetup", b"<a><b></a>", b"<?xml version='1.0'?>\n"])
def test_xml_that_does_not_end_is_told(text: bytes) -> None:
    assert ("not-xml", "error") in said("a.xml", text)
    assert said("a.xml", b"<?xml version='1.0'?>\n<menu><item/></menu>\n") == []


@pytest.mark.parametrize(
    ("path", "data", "words"),
    [
        ("a.pt", b"<!DOCTYPE html><html><title>Sign in</title></html>", "a web page"),
        ("a.root", b"moved to another place\n", "text"),
        ("input_0.pb", b"\x08\1\x08\3\x10\1\x42\1x\x4a\4abcd", "in no format that is known"),
    ],
)
def test_what_is_not_what_it_is_called_is_told_for_what_it_is(path: str, data: bytes, words: str) -> None:
    facts = read(path, data)
    assert facts is not None
    assert [each.rule for each in facts.findings] == ["not-as-called"]
    assert words in facts.findings[0].message


def test_a_packed_file_of_any_content_is_left_alone() -> None:
    assert said("notes.gz", gzip.compress(b"words " * 1000, mtime=0)) == []
    assert said("train.params", b"eta: 0.3\n") == []


INDEX = (FIXTURES / "tensorflow" / "saved" / "variables" / "variables.index").read_bytes()


def test_an_index_of_a_checkpoint_that_is_cut_keeps_its_format_and_is_said_to_be_cut() -> None:
    for length in (1, 2, 3, 5, 9, 20, 100, len(INDEX) - 49, len(INDEX) - 8, len(INDEX) - 1):
        facts = read("variables/variables.index", INDEX[:length])
        assert facts is not None, length
        rules = [each.rule for each in facts.findings]
        assert (facts.format, rules) == ("tf-checkpoint-index", ["table-cut"]), length
    assert said("variables/variables.index", INDEX) == []


def test_parts_of_a_saved_model_say_what_else_belongs_to_them() -> None:
    graph = (FIXTURES / "tensorflow" / "saved" / "saved_model.pb").read_bytes()
    facts = read("saved_model.pb", graph)
    assert facts is not None
    assert [each.message for each in facts.findings if each.rule == "weights-apart" and "variables/" in each.message]
    facts = read("variables.data-00000-of-00001", b"\1" * 12)
    assert facts is not None
    assert "variables.index" in facts.findings[0].message
    assert said("variables.data-00000-of-00001", b"") == [("empty-file", "note")]
    assert ("only-zeros", "warning") in said("variables.data-00000-of-00001", bytes(99))  # weights can be zero
