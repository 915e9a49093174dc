"""PyTorch's files that were made to deceive: pickles where nobody looks, storages that lie, code that does not end."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from tests.plugins.conftest import Bytes

from herdbook.kernel.errors import HerdbookError
from herdbook.model.facts import Facts, Severity
from herdbook.plugins.formats.archives import Archives
from herdbook.plugins.formats.pickles import Pickles

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "formats" / "torch"
EVIL = b"\x80\x02cposix\nsystem\nX\x02\x00\x00\x00id\x85R."
CODE = "class Net(Module):\n  __parameters__ = []\n  __buffers__ = []\n"


def read(members: dict[str, bytes | str], path: str = "model.pt") -> Facts:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return Archives().read(Bytes(held.getvalue()), path, {})


def said(facts: Facts) -> str:
    return " | ".join(f"{each.rule}: {each.message}" for each in facts.findings if each.severity is Severity.ERROR)


def unzipped(name: str) -> dict[str, bytes | str]:
    with zipfile.ZipFile(FIXTURES / name) as archive:
        return {each: archive.read(each) for each in archive.namelist()}


@pytest.mark.parametrize(
    "name",
    ["state/other.pkl", "state/extra/a.bin", "state/DATA.PKL", "state/data/x", "elsewhere/data.pkl", "state/data/1.pt"],
)
def test_a_pickle_anywhere_in_the_archive_is_followed(name: str) -> None:
    facts = read({**unzipped("state.pt"), name: EVIL})
    assert facts.values["pickle_globals"][name] == ["posix.system"]
    assert "calls posix.system" in said(facts)


def test_an_archive_in_the_archive_is_followed_and_a_third_is_told() -> None:
    def packed(data: bytes, name: str) -> bytes:
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w") as archive:
            archive.writestr(name, data)
        return held.getvalue()

    inner = packed(EVIL, "x/data.pkl")
    assert "posix.system" in said(read({**unzipped("state.pt"), "state/more.pt": inner}))
    assert "was not opened" in said(read({**unzipped("state.pt"), "state/more.pt": packed(inner, "y/more.pt")}))


def test_a_torchscript_archive_with_a_foreign_name_is_unsafe() -> None:
    facts = read({**unzipped("script.pt"), "script/constants.pkl": EVIL})
    assert (facts.format, facts.safety) == ("torchscript", "unsafe")
    assert "posix.system" in said(facts)


def test_a_wrong_checksum_does_not_hide_a_pickle() -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("x/data.pkl", EVIL.replace(b"posix", b"harml"))
    facts = Archives().read(Bytes(held.getvalue().replace(b"harml", b"posix")), "x.pt", {})
    assert "posix.system" in said(facts)
    assert "zip-checksum" in said(facts)


def test_storages_that_are_missing_or_of_another_size_are_told() -> None:
    members = unzipped("state.pt")
    storage = next(name for name in members if name.startswith("state/data/"))
    assert "storage-size" in said(read({name: data for name, data in members.items() if name != storage}))
    assert "storage-size" in said(read({**members, storage: b"1"}))
    legacy = (FIXTURES / "legacy.pth").read_bytes()
    assert "storage-size" in said(Pickles().read(Bytes(legacy[:-4]), "x.pth", {}))


def test_a_pickle_behind_the_five_of_an_old_checkpoint_is_numbers_and_in_it_is_found() -> None:
    legacy = (FIXTURES / "legacy.pth").read_bytes()
    facts = Pickles().read(Bytes(legacy + EVIL), "x.pth", {})
    assert facts.format == "torch-state-dict"
    at = legacy.index(b"\x80\x02", 40)
    changed = Pickles().read(Bytes(legacy[:at] + EVIL + legacy[at:]), "x.pth", {})
    assert "posix.system" in said(changed)


def test_code_that_never_ends_or_is_not_text_is_survived() -> None:
    for code in (
        CODE + "  def forward(self, " + "(" * 100_000,
        CODE + "  def forward(x",
        "\ud800".encode("utf-8", "replace"),
        "x",
    ):
        root = b"\x80\x02c__torch__\nNet\n)\x81}X\x08\x00\x00\x00training\x88sb."
        facts = read({"n/data.pkl": root, "n/constants.pkl": b"\x80\x02).", "n/code/__torch__.py": code})
        assert facts.format == "torchscript"
        assert {"no-forward", "training-mode"} <= {each.rule for each in facts.findings}
        assert "inputs" not in facts.values


@pytest.mark.parametrize("program", ["", "[]", "{}", '{"graph_module": 3}', "[" * 100_000])
def test_programs_that_are_none_are_refused(program: str) -> None:
    with pytest.raises(HerdbookError):
        read({"serialized_exported_program.json": program, "version": "5"}, "x.pt2")


@pytest.mark.parametrize("name", ["script.pt", "state.pt", "export_old.pt2", "legacy.pth", "oldest.pt"])
def test_no_cut_and_no_changed_byte_makes_it_fail_otherwise(name: str) -> None:
    data = (FIXTURES / name).read_bytes()
    reader = Pickles() if name in {"legacy.pth", "oldest.pt"} else Archives()
    for at in range(0, len(data), 13):
        for case in (data[:at], *(data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :] for flip in (0x01, 0x80))):
            try:
                reader.read(Bytes(case), name, {}).model_dump_json()
            except HerdbookError:
                continue


@pytest.mark.slow
@pytest.mark.parametrize("name", ["script.pt", "state.pt", "export.pt2", "legacy.pth", "oldest.pt", "module.pth"])
def test_no_byte_at_all_makes_it_fail_otherwise(name: str) -> None:
    data = (FIXTURES / name).read_bytes()
    for at in range(len(data)):
        for value in (0, 0x28, 0x2E, 0x63, 0x7F, 0xFF):
            case = data[:at] + bytes([value]) + data[at + 1 :]
            reader = Archives() if case[:2] == b"PK" else Pickles()
            try:
                reader.read(Bytes(case), name, {}).model_dump_json()
            except HerdbookError:
                continue
