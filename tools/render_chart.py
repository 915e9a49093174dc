"""Render deploy/helm/herdbook by Helm itself, without a cluster: ``render_chart.py [VALUES.json] [--upgrade]``.

Needs helm-sdkpy (Helm as a library) and Python 3.12; tests/deploy/helm.py makes an environment that has them. Helm is
told to install the chart on a Kubernetes API that this script plays: it lists what kinds there are, knows no release,
and keeps the release that Helm writes down before it makes anything, which holds all that it rendered. Then it refuses.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import gzip
import json
import re
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

CHART = Path(__file__).resolve().parents[1] / "deploy" / "helm" / "herdbook"
KINDS = {
    "v1": {"configmaps": "ConfigMap", "secrets": "Secret", "services": "Service"},
    "apps/v1": {"deployments": "Deployment"},
    "autoscaling/v2": {"horizontalpodautoscalers": "HorizontalPodAutoscaler"},
    "batch/v1": {"jobs": "Job"},
    "networking.k8s.io/v1": {"ingresses": "Ingress", "networkpolicies": "NetworkPolicy"},
    "policy/v1": {"poddisruptionbudgets": "PodDisruptionBudget"},
}
VERSION = {"major": "1", "minor": "33", "gitVersion": "v1.33.0"}
RELEASE = re.compile(rb"H4sI[A-Za-z0-9+/]+=*")
"""A release in a request, which may be JSON or protobuf: JSON, gzipped, in base64."""
Object = dict[str, Any]


class Cluster(BaseHTTPRequestHandler):
    """As much of a Kubernetes API as Helm asks before it makes something."""

    kept: list[Object]
    """Releases that were written."""

    def do_GET(self) -> None:
        """Tell what there is: kinds, releases, and else nothing."""
        path = urlsplit(self.path).path.strip("/")
        group = path.removeprefix("apis/").removeprefix("api/")
        if path == "version":
            self._answer(200, VERSION)
        elif path == "api":
            self._answer(200, {"kind": "APIVersions", "versions": ["v1"]})
        elif path == "apis":
            self._answer(200, {"kind": "APIGroupList", "apiVersion": "v1", "groups": _groups()})
        elif group in KINDS:
            self._answer(200, _resources(group))
        elif path.endswith("/secrets"):
            self._answer(
                200, {"kind": "SecretList", "apiVersion": "v1", "metadata": {}, "items": [*map(_deployed, self.kept)]}
            )
        else:
            self._answer(404, _status(404, "NotFound"))

    def do_POST(self) -> None:
        """Keep a release; refuse all that follows it."""
        told = self.rfile.read(int(self.headers["Content-Length"]))
        if release := RELEASE.search(told):
            self.kept.append(json.loads(gzip.decompress(base64.b64decode(release[0]))))
        self._answer(403, _status(403, "Forbidden"))

    do_PUT = do_PATCH = do_POST  # noqa: N815 - as http.server looks them up

    def _answer(self, status: int, body: Object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _status(code: int, reason: str) -> Object:
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code}


def _groups() -> list[Object]:
    found = []
    for name in KINDS:
        if "/" in name:
            version = {"groupVersion": name, "version": name.partition("/")[2]}
            found.append({"name": name.partition("/")[0], "versions": [version], "preferredVersion": version})
    return found


def _resources(group: str) -> Object:
    verbs = ["create", "delete", "get", "list", "patch", "update", "watch"]
    items = [{"name": name, "kind": kind, "namespaced": True, "verbs": verbs} for name, kind in KINDS[group].items()]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group, "resources": items}


def _deployed(release: Object) -> Object:
    """Return the secret in which a release is kept once everything was made."""
    told = json.dumps({**release, "info": {**release["info"], "status": "deployed"}}).encode()
    data = base64.b64encode(base64.b64encode(gzip.compress(told))).decode()
    version = str(release["version"])
    labels = {"owner": "helm", "name": release["name"], "status": "deployed", "version": version}
    name = f"sh.helm.release.v1.{release['name']}.v{version}"
    metadata = {"name": name, "namespace": release["namespace"], "labels": labels}
    return {"metadata": metadata, "type": "helm.sh/release.v1", "data": {"release": data}}


def render(values: Object, *, upgrade: bool) -> str:
    """Return all manifests, those of hooks too, as one YAML text."""
    import helm_sdkpy  # type: ignore[import-not-found]  # noqa: PLC0415 - only the environment that renders has it

    Cluster.kept = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Cluster)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        kubeconfig = Path(folder, "config")
        cluster = {"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}
        context = {"name": "c", "context": {"cluster": "c", "user": ""}}
        told = {"apiVersion": "v1", "kind": "Config", "current-context": "c"}
        kubeconfig.write_text(json.dumps({**told, "clusters": [cluster], "contexts": [context]}))
        config = helm_sdkpy.Configuration(namespace="models", kubeconfig=str(kubeconfig))
        failure = _try(helm_sdkpy.Install(config).run("herdbook", str(CHART), values=values, wait=False))
        if upgrade and Cluster.kept:
            failure = _try(helm_sdkpy.Upgrade(config).run("herdbook", str(CHART), values=values))
    server.shutdown()
    server.server_close()
    if len(Cluster.kept) < 1 + upgrade:
        raise SystemExit(f"Helm rendered nothing: {failure}")
    release = Cluster.kept[-1]
    return "\n".join([release["manifest"], *(f"---\n{hook['manifest']}" for hook in release.get("hooks") or [])])


def _try(task: Any) -> Exception | None:  # noqa: ANN401 - a coroutine of a library without types
    try:
        asyncio.run(task)
    except Exception as error:  # noqa: BLE001 - the cluster refuses; the caller looks
        return error
    return None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("values", nargs="?", type=Path, help="a JSON file of values")
    parser.add_argument("--upgrade", action="store_true", help="as an upgrade of a release that is there")
    given = parser.parse_args()
    sys.stdout.write(render(json.loads(given.values.read_text()) if given.values else {}, upgrade=given.upgrade))
