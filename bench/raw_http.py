"""A client that speaks bare HTTP: one connection that is kept, TCP_NODELAY on, nothing but the standard library.

Usage: raw_http.py WHAT PORT, with one JSON object on standard input; begins at the line "go", prints a JSON object with
the seconds of every call. Both sides are measured with it, so that no client's own work counts.
"""

from __future__ import annotations

import http.client
import json
import os
import secrets
import socket
import sys
import time
from typing import Any

PRINCIPAL = "actor:" + "0b" * 16


class Line:
    """One connection."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._connection.connect()
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, verb: str, path: str, body: bytes | None = None, kind: str = "application/json") -> bytes:
        """Send a request and return the answer's body."""
        headers = {"Content-Type": kind} if body is not None else {}
        if verb == "POST":
            headers |= {"Herdbook-Principal": PRINCIPAL, "Idempotency-Key": secrets.token_hex(16)}
        self._connection.request(verb, path, body, headers)
        answer = self._connection.getresponse()
        data = answer.read()
        if answer.status >= 300:
            raise SystemExit(f"{verb} {path}: {answer.status} {data[:500]!r}")
        return data


def get(line: Line, given: dict[str, Any]) -> list[float]:
    """Ask each address twice; the second time counts."""
    times = []
    for passed in range(2):
        for path in given["paths"]:
            begun = time.perf_counter()
            line.ask("GET", path)
            if passed:
                times.append(time.perf_counter() - begun)
    return times


def ours(line: Line, given: dict[str, Any]) -> list[float]:
    """Send a file and register a version with it: two requests."""
    times = []
    for number in range(given["count"]):
        content = os.urandom(given["size"])
        begun = time.perf_counter()
        sent = json.loads(line.ask("POST", "/api/v1/files", content, "application/octet-stream"))
        file = {"path": "model.onnx", "digest": sent["sha256"], "size": sent["size"]}
        version = {"schema": "herdbook/version/1", "files": [file]}
        item = {"model": f"demo/m{given['who']}/model", "label": f"v{number}a", "version": version}
        line.ask("POST", "/api/v1/versions", json.dumps({"registrations": [item]}).encode())
        times.append(time.perf_counter() - begun)
    return times


def mlflow(line: Line, given: dict[str, Any]) -> list[float]:
    """The same there: the artefact of a run, and a version that points at it; the run is made beforehand."""
    api = "/api/2.0/mlflow"
    model = f"model-{given['who']}"
    line.ask("POST", f"{api}/registered-models/create", json.dumps({"name": model}).encode())
    asked = json.dumps({"experiment_id": "0", "start_time": 1}).encode()
    run = json.loads(line.ask("POST", f"{api}/runs/create", asked))["run"]["info"]
    times = []
    for number in range(given["count"]):
        content = os.urandom(given["size"])
        path = f"0/{run['run_id']}/artifacts/{number}/model.onnx"
        begun = time.perf_counter()
        line.ask("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{path}", content, "application/octet-stream")
        source = f"mlflow-artifacts:/0/{run['run_id']}/artifacts/{number}"
        asked = json.dumps({"name": model, "source": source, "run_id": run["run_id"]}).encode()
        line.ask("POST", f"{api}/model-versions/create", asked)
        times.append(time.perf_counter() - begun)
    return times


def main() -> None:
    """Do what the command line says."""
    what, port = sys.argv[1], int(sys.argv[2])
    given = json.loads(sys.stdin.readline())
    line = Line(port)
    print("ready", flush=True)
    sys.stdin.readline()
    begun = time.perf_counter()
    times = {"get": get, "ours": ours, "mlflow": mlflow}[what](line, given)
    print(json.dumps({"times": times, "seconds": time.perf_counter() - begun}), flush=True)


if __name__ == "__main__":
    main()
