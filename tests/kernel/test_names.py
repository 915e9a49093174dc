"""Names, labels, aliases and references: what a person types means one thing or is refused with a hint."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdbook.kernel import names
from herdbook.kernel.errors import InvalidError
from herdbook.kernel.names import Reference

_segments = st.from_regex(names._NAMESPACE, fullmatch=True).filter(
    lambda text: text.isascii() and len(text) <= 12 and text.lower() not in names.RESERVED_NAMESPACES
)
_models = st.lists(_segments, min_size=2, max_size=6).map("/".join)
_labels = st.from_regex(names._LABEL, fullmatch=True).filter(lambda text: not text.isdigit())
_aliases = st.from_regex(names._ALIAS, fullmatch=True).filter(lambda text: len(text) <= 128 and text != "latest")
_hex = st.text("0123456789abcdef", min_size=12, max_size=64)
_references = st.one_of(
    st.builds(Reference, _models),
    st.builds(Reference, _models, label=_labels),
    st.builds(Reference, _models, ordinal=st.integers(1, 10**14)),
    st.builds(Reference, _models, digest=_hex.map("sha256:".__add__)),
    st.builds(Reference, _models, alias=_aliases),
    st.builds(Reference, digest=_hex.map("sha256:".__add__)),
)


@given(_references)
def test_a_reference_that_is_printed_can_be_typed_again(reference: Reference) -> None:
    assert Reference.parse(str(reference)) == reference


@given(st.one_of(st.text(max_size=30), st.text("ab/:@-_.019\n", max_size=30)))
def test_any_text_is_a_reference_or_refused_with_our_error(text: str) -> None:
    try:
        reference = Reference.parse(text)
    except InvalidError:
        return
    assert Reference.parse(str(reference)) == reference


def test_each_form_of_a_reference() -> None:
    digest = "sha256:" + "0f" * 32
    assert Reference.parse("cms/tau/deeptau:2018v2p5") == Reference("cms/tau/deeptau", label="2018v2p5")
    assert Reference.parse("cms/tau/deeptau@3") == Reference("cms/tau/deeptau", ordinal=3)
    assert Reference.parse(f"cms/tau/deeptau@{digest}") == Reference("cms/tau/deeptau", digest=digest)
    assert Reference.parse("cms/tau/deeptau@sha256:0f0f0f0f0f0f").digest == "sha256:0f0f0f0f0f0f"
    assert Reference.parse("cms/tau/deeptau@production") == Reference("cms/tau/deeptau", alias="production")
    assert Reference.parse("cms/tau/deeptau") == Reference("cms/tau/deeptau")
    assert Reference.parse("0f" * 32) == Reference(digest=digest)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cms",
        "cms/",
        "/cms/tau",
        "cms//tau",
        "cms/tau:",
        "cms/tau:12",
        "cms/tau:-a",
        "cms/tau:a b",
        "cms/tau:a\n",
        "cms/tau@",
        "cms/tau@0",
        "cms/tau@-1",
        "cms/tau@latest",
        "cms/tau@Production",
        "cms/tau@sha256:0f",
        "cms/tau@SHA256:0f0f0f0f0f0f",
        "cms/tau@sha256:0F0F0F0F0F0F",
        "cms/tau@md5:0f0f0f0f0f0f",
        "cms/tau:v1@2",
        "cms/tau@2:v1",
        "cms/tau@\u0663",
        "cms/tau\n",
        "sha256:0f0f",
    ],
)
def test_what_is_no_reference_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(InvalidError) as refused:
        Reference.parse(text)
    assert refused.value.hint


@pytest.mark.parametrize("name", ["cms/tau", "CMS/Tau_2018", "a/b/c/d/e/f", "cms/particle-net-ak4", "_x/_", "1/2"])
def test_names_that_an_experiment_would_choose_are_taken(name: str) -> None:
    assert names.check_model(name) == name
    assert names.namespace_of(name) == name.split("/", maxsplit=1)[0]


@pytest.mark.parametrize(
    "name",
    ["a/b/c/d/e/f/g", "cms/tau.id", "cms/-tau", "cms/tau-", "cms/t--au", "cms/\u03c4", "cms/" + "a" * 93, "cms/a b"],
)
def test_names_that_other_faces_could_not_carry_are_refused(name: str) -> None:
    with pytest.raises(InvalidError) as refused:
        names.check_model(name)
    assert refused.value.code == "bad-name"


def test_the_longest_name_is_taken() -> None:
    assert len(names.check_model("cms/" + "a" * 92)) == names.MAX_NAME


@pytest.mark.parametrize("name", ["hep", "HEP", "herdbook", "hls4ml", "conifer"])
def test_a_reserved_name_is_never_a_namespace(name: str) -> None:
    with pytest.raises(InvalidError) as refused:
        names.check_namespace(name)
    assert refused.value.code == "reserved-name"
    with pytest.raises(InvalidError, match="reserved"):
        names.check_model(f"{name}/model")


@pytest.mark.parametrize("label", ["v1", "2018v2p5", "CHS-V00", "1.0.0+cu12", "V" * 128, "0_1"])
def test_labels_that_people_use_are_taken(label: str) -> None:
    assert names.check_label(label) == label


@pytest.mark.parametrize("label", ["", "1", "0042", ".v1", "+v", "v:1", "v@1", "v/1", "\u0661", "v1 ", "V" * 129])
def test_labels_that_would_mean_something_else_are_refused(label: str) -> None:
    with pytest.raises(InvalidError) as refused:
        names.check_label(label)
    assert refused.value.code == "bad-label"


@pytest.mark.parametrize("alias", ["", "latest", "Prod", "1st", "-x", "a.b", "a" * 129])
def test_aliases_that_would_mean_something_else_are_refused(alias: str) -> None:
    with pytest.raises(InvalidError) as refused:
        names.check_alias(alias)
    assert refused.value.code == "bad-alias"
