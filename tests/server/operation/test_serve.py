"""``herdbook serve``: where it listens, how it says so, and what it refuses to do."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import httpx2
import jsonschema
import pytest
from tests.server.operation.asking import ACTOR, API, problem
from tests.servers.served import HERDBOOK, process_server

from herdbook.apps.asgi import listening
from herdbook.bootstrap.open import init_registry
from herdbook.kernel.errors import InvalidError

ROOT = Path(__file__).resolve().parents[3]


def _serve(folder: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*HERDBOOK, "-R", str(folder), "--json", "serve", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **env},
    )


def _refused(done: subprocess.CompletedProcess[str], code: str, status: int) -> dict[str, str]:
    found: dict[str, str] = json.loads(done.stderr.splitlines()[-1])
    assert (found["code"], done.returncode, done.stdout) == (code, status, ""), done.stderr
    return found


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_it_listens_for_this_machine_alone_unless_the_owner_insists(tmp_path: Path, host: str) -> None:
    init_registry(str(tmp_path / "registry"))
    said = _refused(_serve(tmp_path / "registry", "--host", host), "remote-address", 5)
    assert "--insecure-allow-remote" in said["hint"]


def test_where_the_owner_insists_it_is_asked_by_any_name(tmp_path: Path) -> None:
    words = ("--host", "0.0.0.0", "--insecure-allow-remote")
    with process_server(tmp_path / "registry", *words) as server:
        assert httpx2.get(f"{server.url}{API}", headers={"Host": "models.example.org"}).status_code == 200
        assert server.stop() == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_is_known_in_all_its_names(host: str) -> None:
    assert listening.is_loopback(host)


def test_what_is_no_address_is_said_to_be_none() -> None:
    with pytest.raises(InvalidError):
        listening.is_loopback("no such host.invalid")


def test_a_port_that_is_taken_is_said_to_be(tmp_path: Path) -> None:
    init_registry(str(tmp_path / "registry"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert "--port 0" in _refused(_serve(tmp_path / "registry", "--port", port), "address-in-use", 4)["hint"]


def test_where_there_is_no_registry_none_is_made(tmp_path: Path) -> None:
    _refused(_serve(tmp_path / "nothing"), "no-registry", 3)
    assert not (tmp_path / "nothing").exists()


def test_without_its_extra_it_names_what_to_install(tmp_path: Path) -> None:
    init_registry(str(tmp_path / "registry"))
    script = "import sys; sys.modules['uvicorn'] = None; from herdbook.apps.cli.main import run; run()"
    done = subprocess.run(
        [sys.executable, "-c", script, "-R", str(tmp_path / "registry"), "--json", "serve"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "herdbook[server]" in _refused(done, "no-extra", 6)["hint"]


def test_it_says_its_address_in_words_and_in_json_as_published(tmp_path: Path) -> None:
    folder = init_registry(str(tmp_path / "registry"))
    schema = json.loads((ROOT / "docs" / "reference" / "json" / "serve.json").read_text("utf-8"))
    with process_server(folder, "--root-path", "/models/") as server:
        jsonschema.validate({"url": server.url, "folder": folder, "workers": 1}, schema)
        assert server.url.endswith("/models")
        assert httpx2.get(f"{server.url}{API}").status_code == 200
    words = [*HERDBOOK, "-R", folder, "serve", "--port", "0", "--no-access-log"]
    child = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env={**os.environ, "COLUMNS": "1000"})
    assert child.stderr is not None
    said = [child.stderr.readline(), child.stderr.readline()]
    child.terminate()
    assert child.wait(30) == 0
    child.stderr.close()
    assert said[0].startswith(f"{folder} is served at http://127.0.0.1:")
    assert said[1].startswith("hint: herdbook -R http://127.0.0.1:")


def test_a_socket_file_is_for_its_account_and_group_and_replaces_one_that_nobody_listens_at(tmp_path: Path) -> None:
    path = tmp_path / "sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))
    with process_server(tmp_path / "registry", "--uds", str(path)) as server:
        assert server.url == f"unix:{path}"
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        with httpx2.Client(transport=httpx2.HTTPTransport(uds=str(path))) as http:
            assert http.get(f"http://any.name{API}").status_code == 200
        _refused(_serve(tmp_path / "registry", "--uds", str(path)), "address-in-use", 4)
        assert server.stop() == 0


def test_a_server_that_only_reads_writes_nothing_and_says_so(tmp_path: Path) -> None:
    with process_server(tmp_path / "registry", "--read-only") as server:
        headers = {"Herdbook-Principal": ACTOR}
        problem(httpx2.post(f"{server.url}{API}/namespaces", json={"name": "demo"}, headers=headers), 403, "read-only")
        problem(httpx2.post(f"{server.url}{API}/files", content=b"x", headers=headers), 403, "read-only")
        problem(httpx2.post(f"{server.url}{API}/uploads", headers=headers), 403, "read-only")
        assert httpx2.get(f"{server.url}/ready").json() == {"status": "ready", "writable": False}


@pytest.mark.parametrize("workers", ["1", "2"])
def test_systemd_is_told_when_it_answers(tmp_path: Path, workers: str) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(path)
        told.settimeout(60)
        with process_server(tmp_path / "registry", "--workers", workers, env={"NOTIFY_SOCKET": path}) as server:
            assert told.recv(100) == b"READY=1"
            assert httpx2.get(f"{server.url}/ready").status_code == 200
            assert server.stop() == 0


def test_several_workers_count_together(tmp_path: Path) -> None:
    with process_server(tmp_path / "registry", "--workers", "2") as server:
        for _ in range(20):
            httpx2.get(f"{server.url}{API}")
        text = httpx2.get(f"{server.url}/metrics").text
        assert 'herdbook_request_seconds_count{method="GET",route="/api/v1",status="200"} 20.0' in text
        assert server.stop() == 0


@pytest.mark.slow
def test_a_worker_that_cannot_start_ends_all_with_what_its_log_says(tmp_path: Path) -> None:
    folder = init_registry(str(tmp_path / "registry"))
    script = (
        "import herdbook.apps.cli.serve as serve; serve._check = lambda application: None\n"
        "from herdbook.apps.cli.main import run; run()"
    )
    (Path(folder) / "catalogue.sqlite").write_bytes(b"this is no database" * 100)
    done = subprocess.run(
        [sys.executable, "-c", script, "-R", folder, "--json", "serve", "--port", "0", "--workers", "2"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    _refused(done, "no-start", 6)
