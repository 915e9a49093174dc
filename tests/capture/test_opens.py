"""Lines of strace become opens."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdbook.capture import opens


@pytest.mark.parametrize(
    ("line", "path", "mode"),
    [
        ('12 1.5 openat(AT_FDCWD</w>, "data/a.root", O_RDONLY) = 3</w/data/a.root>', "/w/data/a.root", "r"),
        ('12 1.5 openat(AT_FDCWD</w>, "a", O_WRONLY|O_CREAT|O_TRUNC, 0666) = 4</w/a>', "/w/a", "w"),
        ('12 1.5 openat(AT_FDCWD</w>, "a", O_RDWR) = 4', "/w/a", "r+"),
        ('12 1.5 openat(5</d>, "b", O_WRONLY|O_APPEND) = 4</d/b>', "/d/b", "a"),
        ('1.5 open("/etc/x", O_RDONLY|O_CLOEXEC) = 3', "/etc/x", "r"),
        ('12 1.5 creat("/t/x", 0666) = 3</t/x>', "/t/x", "w"),
        (r'12 1.5 openat(AT_FDCWD<\x2f\x77>, "\x61\x20\x62", O_RDONLY) = 3<\x2f\x77\x2f\x61\x20\x62>', "/w/a b", "r"),
    ],
)
def test_an_open_that_succeeded_is_told(line: str, path: str, mode: str) -> None:
    assert list(opens.parse(iter([line]))) == [(1.5, 0 if line.startswith("1.5") else 12, path, mode)]


@pytest.mark.parametrize(
    "line",
    [
        '12 1.5 openat(AT_FDCWD</w>, "a", O_RDONLY) = -1 ENOENT (No such file or directory)',
        '12 1.5 openat(AT_FDCWD</w>, "a", O_RDONLY <unfinished ...>',
        "12 1.5 +++ exited with 0 +++",
        "",
    ],
)
def test_what_is_no_open_is_passed_over(line: str) -> None:
    assert not list(opens.parse(iter([line])))


def test_a_call_that_another_thread_stands_between_is_put_together() -> None:
    lines = [
        '12 1.5 openat(AT_FDCWD</w>, "a", O_RDONLY <unfinished ...>',
        '13 1.6 openat(AT_FDCWD</w>, "b", O_RDONLY) = 4</w/b>',
        "12 1.7 <... openat resumed>) = 3</w/a>",
    ]
    assert [path for _, _, path, _ in opens.parse(iter(lines))] == ["/w/b", "/w/a"]


@given(st.text())
def test_no_line_is_a_failure(line: str) -> None:
    for _, _, path, mode in opens.parse(iter([line])):
        assert path.startswith("/")
        assert mode


def test_a_trace_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    assert "cannot be read" in opens.gather(tmp_path / "none", tmp_path)[0]
