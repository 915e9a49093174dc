"""Pickles: every way that is known to hide a name from a scanner, and every way to fill memory or to hang."""

from __future__ import annotations

import gzip
import io
import pickle
import pickletools
import struct
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.plugins.conftest import Bytes

from herdbook.kernel.errors import HerdbookError
from herdbook.model.facts import Facts, Severity
from herdbook.plugins.formats import pickle_globals, pickle_packed
from herdbook.plugins.formats.archives import Archives
from herdbook.plugins.formats.pickle_nodes import Global
from herdbook.plugins.formats.pickle_stream import Flat
from herdbook.plugins.formats.pickle_walk import MAX_KEPT, MAX_NODES, MAX_STEPS, Budget, Pickle, Walk
from herdbook.plugins.formats.pickles import Pickles

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "formats"
EVIL = b"cposix\nsystem\n(S'id'\ntR."


def read(data: bytes, path: str = "model.pkl") -> Facts:
    return Pickles().read(Bytes(data), path, {})


def walk(data: bytes) -> Pickle:
    return Walk(Flat(Bytes(data)), Budget()).run()


def errors(facts: Facts) -> str:
    return " | ".join(f"{each.rule}: {each.message}" for each in facts.findings if each.severity is Severity.ERROR)


def text(value: str) -> bytes:
    raw = value.encode()
    return b"\x8c" + bytes([len(raw)]) + raw


def through_stack(module: str, name: str) -> bytes:
    return text(module) + text(name) + b"\x93"


NESTED = pickle.dumps({"weights": pickle.dumps(0).replace(b"K\x00.", EVIL)}, 4)
HIDDEN: dict[str, tuple[bytes, str]] = {
    "global": (EVIL, "posix.system"),
    "stack global": (b"\x80\x04" + through_stack("os", "system") + text("id") + b"\x85R.", "os.system"),
    "memo": (
        b"\x80\x04" + text("os") + b"\x94" + text("system") + b"\x94h\x00h\x01\x93" + text("id") + b"\x85R.",
        "os.system",
    ),
    "memo by number far away": (
        b"\x80\x04" + text("os") + b"r\xff\xff\xff\x7f0j\xff\xff\xff\x7f" + text("system") + b"\x93.",
        "os.system",
    ),
    "memo written over": (
        *(
            b"\x80\x04" + text("collections") + b"q\x000" + text("os") + b"q\x000h\x00" + text("system") + b"\x93.",
            "os.system",
        ),
    ),
    "swapped by duplicate and pop": (
        b"\x80\x04" + text("os") + b"2" + b"0" + text("x") + b"0" + text("system") + b"\x93.",
        "os.system",
    ),
    "inst": (b"(S'id'\nios\nsystem\n.", "os.system"),
    "obj": (b"(cos\nsystem\nS'id'\no.", "os.system"),
    "newobj": (b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00id\x85\x81.", "os.system"),
    "newobj ex": (b"\x80\x04" + through_stack("os", "system") + text("id") + b"\x85}\x92.", "os.system"),
    "import alone": (b"cevil_module\nanything\n.", "evil_module.anything"),
    "in a popped value": (b"cos\nsystem\n(S'id'\ntR0N.", "os.system"),
    "behind a mark that is popped": (b"(cos\nsystem\n(S'id'\ntR1N.", "os.system"),
    "in the state of an object": (
        b"\x80\x02ccollections\nOrderedDict\n)R}X\x01\x00\x00\x00acos\nsystem\nsb.",
        "os.system",
    ),
    "as a key": (b"\x80\x02}cos\nsystem\nK\x01s.", "os.system"),
    "dotted": (
        b"\x80\x04" + through_stack("torch", "serialization.os.system") + text("id") + b"\x85R.",
        "torch.serialization.os.system",
    ),
    "allowed module, other name": (b"\x80\x04" + through_stack("numpy", "load") + text("x") + b"\x85R.", "numpy.load"),
    "pip": (b"cpip\nmain\n(]S'install'\natR.", "pip.main"),
    "timeit": (b"ctimeit\ntimeit\n(S'1'\ntR.", "timeit.timeit"),
    "name of Python 2": (b"ccommands\ngetoutput\n(S'id'\ntR.", "commands.getoutput"),
    "getattr": (b"cbuiltins\ngetattr\n(cbuiltins\nlist\nS'__class__'\ntR.", "builtins.getattr"),
    "name that is not ASCII": ("cos\nsyst\u00e8m\n.".encode(), "os.syst\u00e8m"),
    "number that pickletools refuses": (b"I0x10\n0cos\nsystem\n(S'id'\ntR.", "os.system"),
    "flawed after the call": (EVIL[:-1] + b"\xff\xff", "posix.system"),
    "cut after the call": (EVIL[:-1], "posix.system"),
    "underflow after the call": (EVIL[:-1] + b"000000.", "posix.system"),
    "second pickle": (b"N." + EVIL, "posix.system"),
    "third pickle after zeros would not load; second does": (b"K\x01." + b"\x80\x02K\x02." + EVIL, "posix.system"),
    "frame that lies": (
        b"\x80\x04\x95\x02\x00\x00\x00\x00\x00\x00\x00" + through_stack("os", "system") + b".",
        "os.system",
    ),
    "protocol said again and again": (b"\x80\x02\x80\x04\x80\x00" + EVIL, "posix.system"),
    "pickle in bytes": (NESTED, "posix.system"),
    "pickle in text": (pickle.dumps(pickle.dumps(0, 2).replace(b"K\x00.", EVIL), 2), "posix.system"),
    "load from bytes": (
        b"\x80\x04" + through_stack("torch.storage", "_load_from_bytes") + b"C\x01x\x85R.",
        "torch.storage._load_from_bytes",
    ),
    "class of a subpackage of a library": (b"csklearn.utils._testing\nSystem\n.", "sklearn.utils._testing.System"),
    "function of a library": (b"csklearn.tree._export\nexport_text\n.", "sklearn.tree._export.export_text"),
    "scripts of a TorchScript archive outside one": (b"c__torch__\nNet\n.", "__torch__.Net"),
}


@pytest.mark.parametrize("how", HIDDEN)
def test_a_name_is_found_and_an_error_however_it_is_hidden(how: str) -> None:
    data, name = HIDDEN[how]
    for compressed in (data, zlib.compress(data)):
        facts = read(compressed)
        assert facts.safety == "unsafe"
        assert name in {each for names in facts.values["pickle_globals"].values() for each in names}
        assert f" {name}," in errors(facts), errors(facts)


TRICKS: dict[str, tuple[bytes, str]] = {
    "computed name": (
        b"\x80\x04" + text("os") + b"cbuiltins\nstr\n" + text("system") + b"\x85R\x93.",
        "pickle-hidden-global",
    ),
    "decoded name": (b"\x80\x04c_codecs\nencode\n" + text("bf") + text("rot13") + b"\x86R.", "pickle-hidden-global"),
    "extension registry": (b"\x80\x02\x82\x05.", "pickle-extension"),
    "large extension": (b"\x80\x02\x84\x05\x00\x00\x00.", "pickle-extension"),
    "call of what a call returns": (b"cbuiltins\nobject\n)R)R.", "pickle-calls-result"),
    "call of a persistent id": (b"Pevil\n)R.", "pickle-calls-result"),
    "class changed": (b"ccollections\nOrderedDict\n}S'a'\nI1\nsb.", "pickle-changes-global"),
    "table of a module changed": (b"csys\nmodules\nS'os'\nNs.", "pickle-changes-global"),
    "protocol of the future": (b"\x80\x09N.", "pickle-broken"),
    "pickle in bytes": (NESTED, "pickle-nested"),
}


@pytest.mark.parametrize("how", TRICKS)
def test_what_a_scan_of_names_cannot_see_is_an_error_of_its_own(how: str) -> None:
    data, rule = TRICKS[how]
    assert rule in errors(read(data))


def test_data_only_pickles_are_unsafe_and_nothing_else() -> None:
    import numpy as np

    for protocol in range(6):
        for value in ({"a": [1, 2.5, "x", b"y", None, True, {3}]}, OrderedDict(a=1), np.ones(3), np.float32(1)):
            facts = read(pickle.dumps(value, protocol))
            assert [each.rule for each in facts.findings] == ["pickle-unsafe"], (protocol, value, facts.findings)
            assert "safetensors" in facts.findings[0].message or "npz" in facts.findings[0].message


def test_names_are_those_that_pickletools_sees() -> None:
    for path in (FIXTURES / "pickles").glob("protocol*.pkl"):
        data = path.read_bytes()
        names: set[str] = set()
        strings: set[str] = set()
        for op, arg, _ in pickletools.genops(data):
            if op.name == "GLOBAL" and isinstance(arg, str):
                names.add(arg.replace(" ", "."))
            elif isinstance(arg, str):
                strings.add(arg)
        found = set(read(data).values["pickle_globals"][""])
        assert names <= found
        assert all(each.rpartition(".")[2] in strings for each in found - names)


def test_lists_have_exact_names_only_and_nothing_that_opens_or_calls() -> None:
    for _, name in pickle_globals.ALLOWED:
        assert "." not in name
        assert not {"load", "eval", "exec", "open", "getattr", "partial", "system", "compile"} & set(name.split("_"))
    for odd in ("sklearn.tree:os.system", "sklearn.tree:a", "sklearn:Tree", "sklearn.utils.x:Evil", "torch.hub:Load"):
        module, _, name = odd.partition(":")
        assert pickle_globals.judge(Global(module, name)) is Severity.ERROR
    assert pickle_globals.judge(Global("__torch__.a", "Net"), script=True) is None


def laughs(levels: int) -> bytes:
    """Return a list of lists of lists, each twice the one before: small in the file, endless when written out."""
    return b"]q\x00" + b"".join(b"0](" + b"h\x00" * 10 + b"eq\x00" for _ in range(levels)) + b"."


@pytest.mark.parametrize(
    "data",
    [
        laughs(5000),
        b"(" * 300_000,
        b"N" * 300_000,
        b"]" * 300_000,
        b"(l" * 150_000,
        b"N" + b"\x94" * 300_000,
        b"N" + b"".join(b"r" + struct.pack("<I", n * 4099 % (1 << 32)) for n in range(30_000)),
        b"]" + b"]a" * 100_000 + b".",
        b"".join(b"cm%d\nn\n" % n for n in range(50_000)),
        b"\x8d" + struct.pack("<Q", 1 << 60) + b"x",
        b"B" + struct.pack("<I", 0xFFFFFFFF) + b"x",
        b"T" + struct.pack("<i", -1) + b"x",
        b"\x8b" + struct.pack("<i", 1 << 30) + b"x",
        b"\x95" + b"\xff" * 8 + b".",
        b"c" + b"a" * 1_000_000,
        b"I" + b"9" * 60_000 + b"\n.",
        (b"X\x00\xff\x00\x00" + b"x" * 0xFF00) * 30 + b".",
    ],
    ids=lambda data: f"{data[:8].hex()}-{len(data)}",
)
def test_memory_and_steps_are_bounded(data: bytes) -> None:
    import tracemalloc

    tracemalloc.start()
    try:
        budget = Budget(MAX_STEPS // 10, MAX_NODES // 10, MAX_KEPT // 10)
        Walk(Flat(Bytes(data)), budget).run()
        used = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert used < 9_000_000, "a tenth of what a reader may use"
    assert budget.steps >= -1


def test_laughing_state_dicts_are_cut(in_memory: Callable[[bytes], Any]) -> None:
    inner = b"\x80\x02}q\x00" + b"".join(
        b"}(" + b"".join(b"X\x01\x00\x00\x00%ch\x00" % (97 + n) for n in range(9)) + b"uq\x00" for _ in range(40)
    )
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("x/data.pkl", inner + b".")
    facts = Archives().read(in_memory(held.getvalue()), "x.pt", {})
    assert "tensors-cut" in {each.rule for each in facts.findings}


def test_arrays_in_a_pickle_are_passed_over_and_not_read(in_memory: Callable[[bytes], Any]) -> None:
    file = in_memory(pickle.dumps({"a": bytes(10_000_000)}, 4))
    facts = Pickles().read(file, "x.pkl", {})
    assert facts.values["pickles_in_stream"] == 1
    assert file.bytes_read < 100_000


def test_compressed_bombs_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickle_packed, "MAX_UNPACKED", 200_000)
    facts = read(zlib.compress(b"\x80\x02(" + b"N" * 2_000_000 + b"t."), "x.joblib")
    assert "pickle-broken" in errors(facts)


def test_compressions_that_are_not_unpacked_are_told() -> None:
    facts = read(b"\x04\x22\x4d\x18" + bytes(20), "x.joblib")
    assert (facts.format, facts.values["compression"], facts.safety) == ("joblib", "lz4", "unsafe")
    assert "pickle-unread" in errors(facts)


def joblib_with(state: bytes, after: bytes) -> bytes:
    """Return a pickle with an array of joblib, its dtype of the given state, and what stands where its bytes would."""
    dtype = b"cnumpy\ndtype\n(S'f8'\nI00\nI01\ntR" + state
    held = b"}(S'shape'\n(I1\ntS'dtype'\n" + dtype + b"u"
    return b"\x80\x03cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81" + held + b"b" + after + b"."


def test_an_array_whose_dtype_hides_a_pickle_is_told() -> None:
    plain = b"(I3\nS'<'\nNNNI-1\nI-1\nI0\ntb"
    lying = plain.replace(b"I0\ntb", b"I63\ntb")
    assert errors(read(joblib_with(plain, bytes(8)), "x.joblib")) == ""
    assert "cannot be told" in errors(read(joblib_with(lying, EVIL), "x.joblib"))
    objects = joblib_with(plain, EVIL).replace(b"S'f8'", b"S'O8'")
    assert "posix.system" in errors(read(objects, "x.joblib"))


def test_files_that_are_no_pickle_are_left_alone() -> None:
    for data in (
        b"",
        b"{}",
        b"(hello)",
        b"cmake_minimum\n",
        b"tree\nversion=v3\n",
        b"PK\3\4",
        bytes(100),
        b"[1, 2]",
        b"#!/bin/sh\n",
    ):
        assert Pickles().probe(Bytes(data), "file") is None, data
    for data in (
        EVIL,
        b"(dp0\nS'a'\np1\nI1\ns.",
        pickle.dumps([1]),
        pickle.dumps([1], 2),
        zlib.compress(pickle.dumps([1, 2])),
    ):
        assert Pickles().probe(Bytes(data), "file") is not None, data


def survives(data: bytes, path: str = "x.pkl") -> None:
    try:
        if Pickles().probe(Bytes(data), path) is not None:
            Pickles().read(Bytes(data), path, {}).model_dump_json()
    except HerdbookError:
        pass


@pytest.mark.parametrize("name", ["protocol0.pkl.gz", "protocol4.pkl", "plain.joblib", "zlib.joblib"])
def test_no_cut_and_no_changed_byte_makes_it_fail_otherwise(name: str) -> None:
    data = (FIXTURES / "pickles" / name).read_bytes()
    data = gzip.decompress(data) if name.endswith(".gz") else data
    for at in range(0, len(data), 3):
        survives(data[:at], name)
        for flip in (0x01, 0xFF):
            survives(data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :], name)


@given(
    st.lists(
        st.one_of(st.sampled_from([op.code.encode("latin-1") for op in pickletools.opcodes]), st.binary(max_size=6)),
        max_size=60,
    )
)
def test_any_order_of_opcodes_is_survived(parts: list[bytes]) -> None:
    survives(b"\x80\x04" + b"".join(parts) + b".")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
        max_leaves=30,
    ),
    st.integers(0, 5),
)
def test_plain_values_are_followed_to_their_end(value: Any, protocol: int) -> None:
    found = walk(pickle.dumps(value, protocol))
    assert found.trouble is None
    assert {str(each) for each in found.globals} <= {"_codecs.encode", "__builtin__.bytes"}
