"""The contract of quarantine: a pickle is registered, found and fetched, and nothing that serves leads to it."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from typing import Final

import pytest

from herdbook.kernel.errors import ConflictError
from herdbook.ports.registry import Registry
from herdbook.testing.registry_samples import Given, events_made, register, say, untouched

TOY: Final = "demo/tau/toy"
PICKLE: Final = pickle.dumps(OrderedDict(weights=[0.5, 1.5]), protocol=2)


def onnx() -> bytes:
    """Return an ONNX model of one node, y = Identity(x), written by hand."""

    def field(number: int, data: bytes) -> bytes:
        return bytes([number << 3 | 2, len(data)]) + data

    def tensor(name: bytes) -> bytes:
        axes = field(2, field(1, b"\x08\x03"))  # one axis of length 3
        return field(1, name) + field(2, field(1, b"\x08\x01" + axes))  # float32

    node = field(1, b"x") + field(2, b"y") + field(4, b"Identity")
    graph = field(1, node) + field(2, b"toy") + field(11, tensor(b"x")) + field(12, tensor(b"y"))
    return b"\x08\x08" + field(7, graph) + field(8, b"\x10\x11")  # IR version 8, operators of version 17


class QuarantineContract(Given):
    """Pickles: kept, described, and never in a serving role."""

    def test_an_alias_never_leads_to_a_version_that_is_nothing_but_a_pickle(self, registry: Registry) -> None:
        register(registry, f"{TOY}:V1", {"model.pkl": PICKLE, "README.md": b"# A toy\n"})
        with untouched(registry), pytest.raises(ConflictError) as caught:
            registry.pointers.alias(TOY, "production", "V1")
        assert caught.value.code == "unsafe-to-serve"
        assert "model.pkl" in caught.value.message
        assert "register both" in caught.value.hint
        assert caught.value.details["files"] == ["model.pkl"]

    def test_an_alias_that_serves_stays_where_it_is_when_a_move_to_a_pickle_is_refused(
        self, registry: Registry
    ) -> None:
        register(registry, f"{TOY}:V1", {"model.onnx": onnx()})
        register(registry, f"{TOY}:V2", {"model.pkl": PICKLE})
        registry.pointers.alias(TOY, "production", "V1")
        with untouched(registry), pytest.raises(ConflictError):
            registry.pointers.alias(TOY, "production", "V2", expected="V1")
        assert registry.versions.get(f"{TOY}@production").ordinal == 1

    def test_beside_a_model_that_serves_a_pickle_is_a_checkpoint(self, registry: Registry) -> None:
        register(registry, f"{TOY}:V1", {"model.onnx": onnx(), "checkpoint.pkl": PICKLE})
        with events_made(registry, "demo", 1):
            pointer = registry.pointers.alias(TOY, "production", "V1")
        assert pointer.reference == f"{TOY}:V1"
        assert registry.files.open(f"{TOY}@production", "checkpoint.pkl").read() == PICKLE

    def test_a_pickle_under_the_name_of_another_format_is_one(self, registry: Registry) -> None:
        register(registry, f"{TOY}:V1", {"model.onnx": PICKLE})
        with untouched(registry), pytest.raises(ConflictError):
            registry.pointers.alias(TOY, "production", "V1")

    def test_a_label_names_a_pickle_for_it_serves_nobody(self, registry: Registry) -> None:
        register(registry, f"{TOY}:V1", {"model.pkl": PICKLE})
        assert registry.pointers.label(f"{TOY}:V1", "checkpoint").reference == f"{TOY}:checkpoint"

    def test_no_member_of_a_set_is_a_pickle(self, registry: Registry) -> None:
        first = register(registry, f"{TOY}:V1", {"even.onnx": onnx(), "odd.pkl": PICKLE})
        members = [{"name": name.partition(".")[0], "files": [name]} for name in ("even.onnx", "odd.pkl")]
        with untouched(registry), pytest.raises(ConflictError) as caught:
            registry.statements.add("demo", [say("contract", {"members": members}, record=first.record)])
        assert caught.value.code == "unsafe-to-serve"
        assert "'odd'" in caught.value.message
        registry.statements.add("demo", [say("contract", {"members": members[:1]}, record=first.record)])
