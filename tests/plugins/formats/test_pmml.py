"""PMML: fields, schema, classes; hostile XML is refused. The file is written by hand after the specification."""

from __future__ import annotations

import pytest
from tests.plugins.formats.tree_files import fixture, read, taken

from herdbook.kernel.errors import CorruptError, InvalidError

FOREST = fixture("forest.pmml")


def test_fields_schema_classes_and_outputs_are_read() -> None:
    facts = read("m.pmml", FOREST)
    assert (facts.format, facts.safety) == ("pmml", "safe")
    assert facts.values["pmml_version"] == "4.4"
    assert facts.values["producer"] == {"name": "by hand", "version": "1"}
    assert facts.values["models"] == ["MiningModel"]
    assert facts.values["fields"][1] == {"name": "pt", "optype": "continuous", "dtype": "double"}
    assert facts.values["features"] == [
        {"name": "pt", "optype": "continuous", "dtype": "double", "min": 20.0, "max": 500.5, "missing_value": -999.0},
        {"name": "n_tracks", "optype": "ordinal", "dtype": "integer"},
    ]
    assert facts.values["targets"] == [{"name": "decay"}]
    assert facts.values["classes"] == ["signal", "background"]
    assert facts.values["output_fields"][0]["feature"] == "probability"
    assert facts.values["derived_fields"] == ["log_pt"]
    assert facts.values["trees"] == 2
    assert facts.where["/fields"] == "line 8"


def test_prefixes_white_space_and_names_without_suffix_change_nothing() -> None:
    with_prefix = FOREST.replace(b"<", b"<p:").replace(b"<p:/", b"</p:").replace(b"<p:?", b"<?")
    with_prefix = with_prefix.replace(b"xmlns=", b"xmlns:p=")
    assert taken("model", with_prefix) == "pmml"
    assert read("model", b"\n \n" + with_prefix).values == read("m.pmml", FOREST).values


def test_document_types_depth_and_damage_are_refused() -> None:
    bomb = FOREST.replace(b"<PMML", b"<!DOCTYPE PMML [<!ENTITY a 'b'>]><PMML", 1)
    with pytest.raises(InvalidError, match="document type"):
        read("m.pmml", bomb)
    with pytest.raises(InvalidError, match="deeper"):
        read("m.pmml", FOREST.replace(b"<True/>", b"<Node>" * 400 + b"</Node>" * 400, 1))
    with pytest.raises(CorruptError):
        read("m.pmml", FOREST[:-20])


def test_many_fields_take_no_time_for_each_pair() -> None:
    many = 3000
    fields = b"".join(b'<DataField name="f%d" dataType="float"/>' % i for i in range(many))
    schema = b"".join(b'<MiningField name="f%d"/>' % i for i in range(many))
    data = b'<PMML version="4.4"><DataDictionary>%s</DataDictionary><TreeModel><MiningSchema>%s</MiningSchema>'
    facts = read("m.pmml", data % (fields, schema) + b"</TreeModel></PMML>")
    assert facts.values["num_features"] == many
    assert facts.values["features"][-1] == {"name": f"f{many - 1}", "dtype": "float"}


def test_more_fields_than_any_model_has_are_refused() -> None:
    with pytest.raises(InvalidError, match="entries"):
        read("m.pmml", b"<PMML><DataDictionary>" + b"<DataField/>" * 100_001 + b"</DataDictionary></PMML>")


@pytest.mark.parametrize("encoding", [b"U", b"utf-7", b"shift_jis", b"rot13", b"idna"])
def test_odd_encodings_are_refused_and_latin_is_read(encoding: bytes) -> None:
    with pytest.raises(InvalidError, match="encoding"):
        read("m.pmml", FOREST.replace(b"UTF-8", encoding, 1))
    latin = FOREST.replace(b"UTF-8", b"ISO-8859-1", 1).replace(b'"taus"', b'"\xe9"')
    assert read("m.pmml", latin).values["model_name"] == "é"
