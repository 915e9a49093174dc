"""Zip archives: what contradicts itself is told, what would fill memory is refused, and nothing is unpacked."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdbook.kernel.errors import CorruptError, HerdbookError, InvalidError
from herdbook.model.facts import Safety
from herdbook.plugins.formats import zip_archive, zip_directory
from herdbook.plugins.formats.archives import Archives
from herdbook.plugins.formats.zip_archive import Archive

Open = Callable[[bytes], Any]


def zipped(*members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return held.getvalue()


def rules(archive: Archive) -> set[str]:
    return {each.rule for each in archive.findings}


def test_members_read_as_zipfile_reads_them(in_memory: Open) -> None:
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        data = zipped(
            ("a/data.pkl", b"1234" * 5000), ("b.txt", "ü".encode()), ("empty", b""), ("folder/", b""), method=method
        )
        archive = Archive(in_memory(data), "x.zip")
        assert archive.names == ("a/data.pkl", "b.txt", "empty")
        assert archive.size("a/data.pkl") == 20000
        assert archive.read("a/data.pkl") == b"1234" * 5000
        assert archive.head("a/data.pkl", 6) == b"123412"
        assert archive.part("b.txt").read_at(1, 100) == b"\xbc"
        with archive.open("a/data.pkl") as file:
            file.seek(-3, 2)
            assert file.read() == b"234"
        assert archive.findings == ()
        with pytest.raises(CorruptError):
            archive.read("nothing")
        with pytest.raises(InvalidError):
            archive.read("a/data.pkl", 100)


def test_only_the_directory_and_what_is_asked_for_is_read(in_memory: Open) -> None:
    file = in_memory(zipped(("weights", bytes(1_000_000)), ("config.json", b"{}")))
    assert Archive(file, "x.zip").read("config.json") == b"{}"
    assert file.bytes_read < 2000


@pytest.mark.parametrize(
    "name", ["../evil", "a/../../evil", "/etc/passwd", "C:\\evil", "..\\evil", "\\\\host\\evil", "a/..", "nul\0.txt"]
)
def test_a_name_that_leaves_the_folder_is_told_and_not_read(name: str, in_memory: Open) -> None:
    data = zipped(("a" * len(name), b"x"), ("good", b"y")).replace(b"a" * len(name), name.encode())
    archive = Archive(in_memory(data), "x.zip")
    assert archive.names == ("good",)
    assert rules(archive) & {"archive-path-outside", "archive-bad-name"}


def test_a_link_is_told_and_not_followed(in_memory: Open) -> None:
    link = zipfile.ZipInfo("weights")
    link.create_system = 3
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive = Archive(in_memory(zipped((link, b"/etc/passwd"))), "x.zip")
    assert archive.names == ()
    assert rules(archive) == {"archive-symlink"}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_that_stand_there_twice_are_told(in_memory: Open) -> None:
    archive = Archive(in_memory(zipped(("a", b"1"), ("a", b"2"), ("B", b"3"), ("b", b"4"))), "x.zip")
    assert rules(archive) == {"zip-duplicate", "zip-same-but-case"}
    assert len(archive.members) == 4
    assert archive.read("a") == b"2", "the last one, as in Python"


def test_a_bomb_is_told_and_refused(in_memory: Open) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(bytes(200_000_000)) + packer.flush()
    archive = Archive(in_memory(by_hand(b"bomb", packed, 200_000_000, 0, method=8)), "x.zip")
    assert "zip-bomb" in rules(archive)
    with pytest.raises(InvalidError):
        archive.read("bomb")


def by_hand(
    name: bytes, data: bytes, size: int, crc: int, *, method: int = 0, flags: int = 0, offset: int = 0
) -> bytes:
    """Return an archive of one member whose directory says what it is told to say."""
    local = (
        struct.pack("<4s5H3L2H", b"PK\3\4", 20, flags, method, 0, 33, crc, len(data), size, len(name), 0) + name + data
    )
    entry = struct.pack(
        *(
            "<4s6H3L5H2L",
            b"PK\1\2",
            20,
            20,
            flags,
            method,
            0,
            33,
            crc,
            len(data),
            size,
            len(name),
            0,
            0,
            0,
            0,
            0,
            offset,
        )
    )
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(entry) + len(name), len(local), 0)
    return local + entry + name + end


def test_sizes_checksums_and_flags_that_lie_are_told_and_refused(in_memory: Open) -> None:
    good = by_hand(b"a", b"12345", 5, zlib.crc32(b"12345"))
    assert Archive(in_memory(good), "x").read("a") == b"12345"
    for data, rule, code in (
        (by_hand(b"a", b"12345", 50, 0), "zip-wrong-size", "zip-checksum"),
        (by_hand(b"a", b"12345", 5, 7), None, "zip-checksum"),
        (by_hand(b"a", b"12345", 5, zlib.crc32(b"12345"), flags=1), "zip-encrypted", "zip-encrypted"),
        (by_hand(b"a", b"12345", 5, 0, method=12), None, "zip-method"),
        (by_hand(b"a", b"12345", 5, 0, method=8), None, "zip-data"),
        (by_hand(b"a", b"12345", 5, 0, offset=3), None, "zip-header"),
        (by_hand(b"a", b"12345", 5, 0, offset=10**6), "zip-outside", "zip-header"),
        (good.replace(b"a", b"b", 1), None, "zip-header-differs"),
    ):
        archive = Archive(in_memory(data), "x")
        assert rule is None or rule in rules(archive)
        with pytest.raises(HerdbookError) as raised:
            archive.read("a")
        assert raised.value.code == code
        assert code in {"zip-header", "zip-method"} or archive.read("a", checked=False)[:5] in {b"12345", b""}


def test_members_that_share_bytes_are_told(in_memory: Open) -> None:
    one = by_hand(b"a", b"12345", 5, 0)
    entry = one[one.index(b"PK\1\2") : one.index(b"PK\5\6")]
    local = one[: one.index(b"PK\1\2")]
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 2, 2, 2 * len(entry), len(local), 0)
    archive = Archive(in_memory(local + entry + entry[:-1] + b"b" + end), "x")
    assert "zip-overlap" in rules(archive)


def test_bytes_after_the_end_and_a_second_directory_are_told(in_memory: Open) -> None:
    data = zipped(("a", b"1"))
    assert rules(Archive(in_memory(data + b"more"), "x")) == {"zip-ambiguous"}
    commented = data[:-2] + struct.pack("<H", len(data)) + data
    assert "zip-ambiguous" in rules(Archive(in_memory(commented), "x"))


def test_zip64_is_followed_and_its_lies_are_told(in_memory: Open) -> None:
    name, data = b"a", b"12345"
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 45, 0, 0, 0, 33, zlib.crc32(data), 5, 5, 1, 0) + name + data
    extra = struct.pack("<2H3Q", 1, 24, 5, 5, 0)
    full = 0xFFFFFFFF
    entry = struct.pack(
        "<4s6H3L5H2L", b"PK\1\2", 45, 45, 0, 0, 0, 33, zlib.crc32(data), full, full, 1, 28, 0, 0, 0, 0, full
    )
    entry += name + extra
    at = len(local) + len(entry)

    def archive(count: int, where: int, small: int) -> bytes:
        wide = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(entry), len(local))
        locator = struct.pack("<4sLQL", b"PK\6\7", 0, where, 1)
        return local + entry + wide + locator + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, small, small, full, full, 0)

    good = Archive(in_memory(archive(1, at, 0xFFFF)), "x")
    assert good.read("a") == data
    assert good.findings == ()
    assert rules(Archive(in_memory(archive(1, at, 7)), "x")) == {"zip-ambiguous"}
    for lie in (
        archive(2, at, 0xFFFF),
        archive(1, at + 1, 0xFFFF),
        archive(1, 1 << 60, 0xFFFF),
        archive(1 << 60, at, 0xFFFF),
    ):
        with pytest.raises(HerdbookError):
            Archive(in_memory(lie), "x")
    with pytest.raises(CorruptError):
        Archive(in_memory(archive(1, at, 0xFFFF).replace(extra, struct.pack("<2H3Q", 2, 24, 5, 5, 0))), "x")


def test_more_members_than_this_reader_goes_through_are_refused(in_memory: Open) -> None:
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 10, 0, 0)
    with pytest.raises(InvalidError):
        Archive(in_memory(bytes(10) + end), "x")
    assert zip_directory.MAX_MEMBERS < 0xFFFF


def test_an_archive_of_nothing_known_lists_its_members(in_memory: Open) -> None:
    facts = Archives().read(in_memory(zipped(("a", b"1"))), "x.zip", {})
    assert (facts.format, facts.safety, facts.values["members"]) == ("zip-other", "guarded", {"a": 1})
    assert Archives().probe(in_memory(zipped(("a", b"1"))), "model.onnx") is None


def every_byte(data: bytes) -> list[bytes]:
    return [data[:at] for at in range(len(data))] + [
        data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :] for at in range(len(data)) for flip in (0x01, 0x80, 0xFF)
    ]


def try_all(archive: Archive) -> None:
    for member in archive.members:
        archive.head(member, 10)
        for checked in (True, False):
            try:
                archive.read(member, checked=checked)
            except HerdbookError:
                continue


def test_no_cut_and_no_changed_byte_makes_it_fail_otherwise(in_memory: Open) -> None:
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        for data in every_byte(zipped(("a/b", b"123" * 20), ("c", b"4"), method=method)):
            try:
                try_all(Archive(in_memory(data), "x"))
            except HerdbookError:
                continue


@given(st.binary(max_size=300))
def test_random_bytes_around_the_magic_never_make_it_fail_otherwise(data: bytes) -> None:
    from tests.plugins.conftest import Bytes

    for content in (b"PK\3\4" + data, b"PK\3\4" + data + b"PK\5\6" + data, data + by_hand(b"a", data, 5, 0)):
        try:
            try_all(Archive(Bytes(content), "x"))
        except HerdbookError:
            continue


def test_a_pickle_too_large_to_be_looked_at_is_unsafe_all_the_same(
    in_memory: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zip_archive, "MAX_TOTAL", 1000)
    data = zipped(("archive/data.pkl", b"\x80\x02" + b"N0" * 600 + b"N."), ("archive/version", b"3\n"))
    facts = Archives().read(in_memory(data), "model.pt", {})
    assert (facts.format, facts.safety) == ("zip-other", Safety.UNSAFE)
    assert "zip-member-too-large" in {each.rule for each in facts.findings}
