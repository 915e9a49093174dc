"""A diff is uploaded only when nothing in it looks like a secret; what is not looked at is not clean."""

from __future__ import annotations

import builtins
import random
import socket
import string
from pathlib import Path
from typing import Any

import pytest
from tests.capture.surroundings.trees import tree

from herdbook.capture import git, secrets

pytest.importorskip("detect_secrets")


def _text(length: int, letters: str = string.ascii_letters + string.digits) -> str:
    return "".join(random.Random(7).choices(letters, k=length))


TOKEN = "ghp_" + _text(36)
AWS = "AKIA" + _text(16, string.ascii_uppercase + string.digits)


def _diff(tmp_path: Path, text: str, before: str = "print(1)\n") -> bytes:
    here = tree(tmp_path, train__py=before)
    (here / "train.py").write_text(text)
    state = git.read(here)
    assert state.diff is not None
    return state.diff


def test_an_ordinary_change_is_clean(tmp_path: Path) -> None:
    text = "import numpy as np\nlearning_rate = 3e-4\nrng = np.random.default_rng(1234)\npath = 'data/taus_2018.h5'\n"
    assert secrets.findings(_diff(tmp_path, text)) == []


@pytest.mark.parametrize(
    "line",
    [
        f"token = '{TOKEN}'",
        f"connect('{AWS}')",
        "password = 'correct9horse'",
        "-----BEGIN RSA PRIVATE KEY-----",
        "url = 'https://me:hunter2hunter2@h.org/x'",
        f"x = '{_text(48)}'",
    ],
)
def test_a_secret_in_a_change_is_found_with_its_file(tmp_path: Path, line: str) -> None:
    found = secrets.findings(_diff(tmp_path, f"print(1)\n{line}\n"))
    assert found
    assert all("train.py" in each for each in found)
    assert not any(TOKEN in each or "hunter2" in each for each in found), "the finding itself tells no secret"


def test_a_secret_that_was_taken_away_or_stands_beside_a_change_is_found_too(tmp_path: Path) -> None:
    before = f"a = 1\ntoken = '{TOKEN}'\nb = 2\n"
    assert secrets.findings(_diff(tmp_path / "removed", "a = 1\nb = 2\n", before))
    assert secrets.findings(_diff(tmp_path / "beside", before.replace("b = 2", "b = 3"), before))


def test_packed_bytes_of_a_binary_file_are_no_secret_and_the_file_after_is_looked_at(tmp_path: Path) -> None:
    here = tree(tmp_path, a__bin="x", z__py="1\n")
    (here / "a.bin").write_bytes(random.Random(1).randbytes(20_000))
    assert secrets.findings(git.read(here).diff or b"") == []
    (here / "z.py").write_text(f"t = '{TOKEN}'\n")
    assert secrets.findings(git.read(here).diff or b"")


def test_a_secret_across_a_long_line_is_found() -> None:
    line = "x = 1;" * 1000 + f" token = '{TOKEN}';" + "y = 2;" * 1000
    assert secrets.findings(line.encode())


@pytest.mark.parametrize("name", [".env", "keys/id_rsa", "x509up_u1000", "proxy.pem", ".netrc", "prod.KEYTAB"])
def test_files_of_keys_are_known_by_their_names(name: str) -> None:
    assert secrets.findings(b"", [name]) == [f"{name} looks by its name like a file of keys"]


def test_names_of_ordinary_files_are_no_finding() -> None:
    assert secrets.findings(b"", ["train.py", "keys.txt", "environment.yml", "tokenizer.json"]) == []


def test_without_the_scanner_nothing_is_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def absent(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("detect_secrets"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", absent)
    (finding,) = secrets.findings(b"x = 1\n")
    assert "not scanned" in finding


def test_what_could_not_be_scanned_in_time_is_not_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "TIME_LIMIT_S", -1.0)
    (finding,) = secrets.findings(b"x = 1\n")
    assert "too large" in finding


def test_a_scan_asks_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a scan went out to the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert secrets.findings(f"aws = '{AWS}'\nsecret_key = '{_text(40)}'\ntoken = '{TOKEN}'\n".encode())


def test_findings_are_few_whatever_the_diff_holds() -> None:
    assert 0 < len(secrets.findings(f"t = '{TOKEN}'\n".encode() * 5000)) <= secrets.MOST
