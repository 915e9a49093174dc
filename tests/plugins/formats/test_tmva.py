"""TMVA: XML, gzip and the older text, with its provenance; hostile XML is refused."""

from __future__ import annotations

import gzip
import tracemalloc

import pytest
from tests.plugins.formats.tree_files import fixture, read, rules, taken

from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.plugins.formats import tmva, xml_events
from herdbook.plugins.formats.tmva_xml import parse

BDT = fixture("tmva_bdt.weights.xml")
HEAD = b'<?xml version="1.0"?>\n'


def setup(inside: bytes, before: bytes = HEAD) -> bytes:
    return before + b'<MethodSetup Method="BDT::B">' + inside + b"</MethodSetup>"


def test_provenance_variables_options_and_transformations_are_read() -> None:
    facts = read("m.weights.xml", BDT)
    assert (facts.format, facts.safety) == ("tmva-xml", "guarded")
    assert facts.values["creator"] == "someone"
    assert facts.values["training_events"] == 2000
    assert facts.values["features"][0] == {
        "index": 0, "name": "pt/1000", "label": "pt", "title": "p_{T}", "unit": "GeV", "internal": "pt_D_1000",
        "type": "F", "min": 20.0, "max": 500.0,
    }  # fmt: skip
    assert facts.values["features"][1]["title"] == "&eta; < 2.5"
    assert facts.values["options_modified"] == ["VarTransform", "NTrees", "Empty"]
    assert "Empty" not in facts.values["options"]
    normalise, decorrelate = facts.values["transformations"]
    assert [each["name"] for each in normalise["inputs"]] == ["pt/1000", "abs(eta)"]
    assert normalise["ranges"][2] == {"class": 2, "index": 0, "min": 20.0, "max": 500.0}
    assert decorrelate["constants"][0]["numbers"] == [1.0, 0.25, 0.25, 2.0]
    assert (facts.values["trees"], facts.values["nodes"], facts.values["boost_weights"]) == (2, 4, [0.5, 0.25])


def test_white_space_before_the_declaration_is_said_and_lines_still_count_from_the_file() -> None:
    facts = read("m.weights.xml", b"\n" * 6 + BDT)
    assert rules(facts) == ["xml-leading-space"]
    line = int(facts.where["/features"].split()[1])
    assert (b"\n" * 6 + BDT).splitlines()[line - 1].strip().startswith(b"<Variables")
    assert rules(read("m.weights.xml", BDT.strip())) == []


def test_what_is_quick_inside_weights_counts_what_is_slow() -> None:
    """A comment inside `Weights` makes the parser speak; the facts must not change."""
    slow = BDT.replace(b"<BinaryTree", b"<!-- <BinaryTree><Node > --><BinaryTree", 1)
    assert read("m.xml", slow).values == read("m.xml", BDT).values
    odd = BDT.replace(b"<Node pos", b"<Node\n pos", 2).replace(b"</Weights>", b"<Nodes/><Extra a='>'/></Weights>")
    assert read("m.xml", odd).values == read("m.xml", BDT).values
    mlp = fixture("tmva_mlp.weights.xml")
    assert read("m.xml", mlp).values["layers"] == [{"index": 0, "neurons": 3}, {"index": 1, "neurons": 1}]
    assert read("m.xml", mlp.replace(b"<Layout", b"<!-- --><Layout")).values == read("m.xml", mlp).values


def test_trees_of_a_method_inside_are_not_those_of_the_method() -> None:
    inner = b'<Weights NTrees="1"><BinaryTree boostWeight="1"><Node/></BinaryTree></Weights>'
    facts = read("m.xml", setup(b'<Weights NMethods="1"><Method MethodType="BDT">' + inner + b"</Method></Weights>"))
    assert "trees" not in facts.values


def test_an_old_normalisation_and_targets_are_read() -> None:
    facts = read("m.xml", fixture("tmva_mlp.weights.xml"))
    (transform,) = facts.values["transformations"]
    assert transform["ranges"] == [
        {"class": 0, "index": 0, "min": 0.5, "max": 0.75},
        {"class": 0, "index": 1, "min": 1.0, "max": 2.0},
    ]
    assert transform["target_ranges"] == [{"class": 0, "index": 0, "min": 1.0, "max": 3.0}]
    assert facts.values["targets"] == [{"name": "energy", "type": "F", "min": 1.0, "max": 3.0}]
    assert facts.values["features"][1]["min"] == "-Infinity"
    assert rules(facts) == ["variables-differ"]


def test_another_number_of_trees_than_declared_is_a_finding() -> None:
    assert rules(read("m.xml", BDT.strip().replace(b'NTrees="2"', b'NTrees="9"'))) == ["trees-differ"]


def test_the_text_before_xml_is_read() -> None:
    facts = read("m.weights.txt", fixture("tmva_old.weights.txt"))
    assert facts.format == "tmva-txt"
    assert facts.values["method"] == "BDT::BDT"
    assert facts.values["dir"] == "/data/old:training"
    assert facts.values["training_events"] == 6000
    assert facts.values["options_modified"] == ["NTrees", "nCuts"]
    assert facts.values["features"][0] == {
        "name": "var1+var2", "type": "F", "min": -9.33950233459, "max": 7.69307804108,
    }  # fmt: skip


def test_gzip_gives_the_same_facts_whatever_it_is_called() -> None:
    facts = read("m.xml", gzip.compress(BDT))
    assert facts.format == "tmva-xml-gz"
    assert facts.values == read("m.xml", BDT).values
    assert read("m.xml", gzip.compress(BDT[:900]) + gzip.compress(BDT[900:])).values == facts.values
    assert taken("m.xml.gz", gzip.compress(b"{}")) is None


def test_a_bomb_of_gzip_is_refused_before_it_unfolds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tmva, "MAX_SIZE", 4 * 1024 * 1024)
    bomb = gzip.compress(setup(b" " * 400_000_000), 9)
    assert len(bomb) < tmva.MAX_SIZE
    tracemalloc.start()
    with pytest.raises(InvalidError, match="decompressed"):
        read("m.xml.gz", bomb)
    assert tracemalloc.get_traced_memory()[1] < 16 * 1024 * 1024
    tracemalloc.stop()


@pytest.mark.parametrize("cut", [700, -4])
def test_damaged_gzip_is_refused(cut: int) -> None:
    with pytest.raises(CorruptError):
        read("m.xml.gz", gzip.compress(BDT)[:cut])


def test_gzip_that_claims_another_check_sum_is_refused() -> None:
    data = bytearray(gzip.compress(BDT))
    data[-8] ^= 0xFF
    with pytest.raises(CorruptError):
        read("m.xml.gz", bytes(data))


LAUGHS = b"<!DOCTYPE MethodSetup [<!ENTITY a 'ha'>" + b"".join(
    b"<!ENTITY %c '%s'>" % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(12)
)


@pytest.mark.parametrize(
    "doctype",
    [
        LAUGHS + b"]>",
        b"<!DOCTYPE MethodSetup SYSTEM 'file:///etc/passwd'>",
        b"<!DOCTYPE MethodSetup [<!ENTITY x SYSTEM 'http://example.org/'>]>",
        b"<!DOCTYPE MethodSetup>",
    ],
)
def test_document_types_are_refused(doctype: bytes) -> None:
    data = setup(b"<Options><Option name='V'>&m;</Option></Options>", HEAD + doctype)
    assert taken("m.xml", data) == "tmva-xml"
    with pytest.raises(InvalidError, match="document type"):
        read("m.xml", data)


def test_deep_elements_and_long_texts_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidError, match="deeper"):
        read("m.xml", setup(b"<a>" * 300 + b"</a>" * 300))
    quiet = setup(b"<Weights><BinaryTree>" + b"<Node >" * 5000 + b"</Node>" * 5000 + b"</BinaryTree></Weights>")
    assert read("m.xml", quiet).values["nodes"] == 5000  # nothing is kept of them
    monkeypatch.setattr(xml_events, "MAX_TEXT", 1000)
    with pytest.raises(InvalidError, match="characters"):
        read("m.xml", setup(b"<Options><Option name='V'>" + b"x" * 2000 + b"</Option></Options>"))


@pytest.mark.parametrize("inside", [b"<a>", b"<a></b>", b"&unknown;", b"<Weights><Node></Weights>", b"\xff\xfe"])
def test_what_is_not_well_formed_is_refused(inside: bytes) -> None:
    with pytest.raises(CorruptError, match="well-formed"):
        read("m.xml", setup(inside))
    with pytest.raises(CorruptError):
        read("m.xml", setup(b"")[:-5])


def test_numbers_that_are_none_are_left_out_or_kept_as_text() -> None:
    odd = b"<Variables NVar='x'><Variable VarIndex='y' Expression='a' Min='1.#INF' Max=''/></Variables>"
    facts = read("m.xml", setup(odd))
    assert facts.values["features"] == [{"name": "a", "min": "1.#INF"}]


def test_a_head_that_would_take_a_backtracking_search_forever_is_passed_over_at_once() -> None:
    for head in (b"<!-- -->" * 500, b"<?x?>" * 800, b"<!DOCTYPE a>" * 300, b"<!--" * 1000):
        assert taken("m.xml", head) is None


def test_weights_are_parsed_in_one_piece_and_quietly() -> None:
    calls = []

    class Loud(xml_events.Events):
        def start(self, name: str, attributes: dict[str, str]) -> bool:  # noqa: ARG002 - the method's signature
            calls.append(name)
            return False

        def end(self, name: str, text: str) -> None:
            calls.append(name + text)

    loud = Loud()
    loud.feed(b"<a>")
    loud.be_quiet()
    loud.feed(b"<b>" * 10 + b"</b>" * 10)
    loud.listen()
    loud.feed(b"<c/></a>", last=True)
    assert calls == ["a", "c", "c", "a"]
    assert parse(BDT.strip()).nodes == 4


def test_more_entries_than_any_method_has_are_refused_and_more_constants_are_cut() -> None:
    with pytest.raises(InvalidError, match="entries"):
        read("m.xml", setup(b"<Variables>" + b"<Variable/>" * 100_001 + b"</Variables>"))
    many = b"<Transformations><Transform Name='Gauss'>" + b"<q/>" * 20_001 + b"</Transform></Transformations>"
    assert rules(read("m.xml", setup(many))) == ["values-cut"]
