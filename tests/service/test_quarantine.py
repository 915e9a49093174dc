"""Nothing that serves leads to a pickle, also where nobody had read the file before the alias was moved."""

from __future__ import annotations

import pytest

import herdbook
from herdbook.kernel.errors import ConflictError
from herdbook.model.contracts import Contract
from herdbook.model.dossiers import FileView
from herdbook.model.facts import Facts, Finding, Safety, Severity
from herdbook.model.quarantine import quarantined, refused, serving
from herdbook.testing.registry_quarantine import PICKLE, TOY, onnx
from herdbook.testing.registry_samples import register


def view(path: str, format_: str, safety: Safety = Safety.SAFE) -> FileView:
    facts = Facts(reader="r", reader_version="1", format=format_, safety=safety) if format_ else None
    return FileView(path=path, digest="sha256:" + "0" * 64, facts=facts)


STATE = view("state.pt", "torch-state-dict", Safety.UNSAFE)
MODEL = view("model.onnx", "onnx")


def test_a_file_that_was_never_read_is_read_before_an_alias_leads_to_it(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with herdbook.open(str(tmp_path_factory.mktemp("registry") / "r")) as registry:
        register(registry, f"{TOY}:V1", {"model.pkl": PICKLE})
        register(registry, f"{TOY}:V2", {"model.onnx": onnx()})
        context = registry._context  # type: ignore[attr-defined]  # the embedded registry's own
        with context.catalogue.write() as tx:
            tx.clear_facts()
        with pytest.raises(ConflictError) as caught:
            registry.pointers.alias(TOY, "production", "V1")
        assert caught.value.code == "unsafe-to-serve"
        registry.pointers.alias(TOY, "production", "V2")


def test_a_damaged_pickle_is_one_though_its_reader_gave_up() -> None:
    damaged = view("model.pkl", "pickle", Safety.GUARDED)
    assert quarantined([damaged]) == ("model.pkl",)
    assert refused([damaged])


def test_a_guarded_model_serves_and_weights_without_a_graph_do_not() -> None:
    assert serving([view("model.pb", "tf-graphdef", Safety.GUARDED)]) == ("model.pb",)
    assert refused([STATE, view("variables.index", "tf-checkpoint-index"), view("README.md", "readme")])
    assert not refused([STATE, MODEL])


def test_a_model_of_which_nothing_could_be_read_does_not_let_a_pickle_serve() -> None:
    cut = Finding(rule="protobuf-cut", severity=Severity.ERROR, message="the file ends at byte 40")
    facts = Facts(reader="onnx", reader_version="1", format="onnx", safety=Safety.GUARDED, findings=(cut,))
    damaged = FileView(path="model.onnx", digest=MODEL.digest, facts=facts)
    read = damaged.model_copy(update={"facts": facts.model_copy(update={"values": {"opset": 17}})})
    assert "state.pt" in refused([STATE, damaged])
    assert not refused([damaged])
    assert serving([read]) == ("model.onnx",)


def test_of_what_nobody_can_read_nothing_is_known_and_nothing_refused() -> None:
    assert not refused([view("model.bin", ""), view("notes.txt", "text")])


def test_a_pickle_in_a_member_is_refused_though_a_model_is_beside_it() -> None:
    contract = Contract.read({"members": [{"name": "odd", "files": ["state.pt"]}]})
    harmless = Contract.read({"members": [{"name": "odd", "files": ["model.onnx"]}]})
    assert "'odd'" in refused([STATE, MODEL], [contract, harmless])
    assert not refused([STATE, MODEL], [harmless])
