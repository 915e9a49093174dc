"""The chart as Helm renders it: what Kubernetes would be given, held against Kubernetes' own schemas."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy" / "helm" / "herdbook"
REGISTRY = 'catalogue = "postgresql://herdbook@db/herdbook"\n[[blobs]]\nname = "ceph"\nurl = "s3://models/herdbook"\n'
PLAIN: dict[str, Any] = {"registry": REGISTRY, "secrets": ["herdbook-postgres", "herdbook-s3"]}
EVERYTHING: dict[str, Any] = {
    **PLAIN,
    "autoscaling": {"enabled": True},
    "image": {"digest": "sha256:" + "a" * 64, "pullSecrets": [{"name": "pull"}]},
    "env": [{"name": "AWS_CA_BUNDLE", "value": "/etc/ca.pem"}],
    "ingress": {"enabled": True, "host": "models.example.org", "className": "nginx", "tlsSecret": "tls",
                "annotations": {"example.org/auth": "required"}},
    "podAnnotations": {"prometheus.io/scrape": "true"},
    "nodeSelector": {"kubernetes.io/arch": "amd64"},
    "tolerations": [{"key": "gpu", "operator": "Exists"}],
}  # fmt: skip
OFF: dict[str, Any] = {**PLAIN, "migrate": {"enabled": False}, "podDisruptionBudget": {"enabled": False},
       "networkPolicy": {"enabled": False}}  # fmt: skip

pytestmark = pytest.mark.slow  # makes an environment of 250 MB the first time


def _render(helm: Path, folder: Path, values: dict[str, Any], *more: str) -> dict[tuple[str, str], dict[str, Any]]:
    given = folder / "values.json"
    given.write_text(json.dumps(values), "utf-8")
    rendered = subprocess.run(
        [helm, ROOT / "tools" / "render_chart.py", given, *more], capture_output=True, text=True, check=True
    ).stdout
    (folder / "out.yaml").write_text(rendered, "utf-8")
    subprocess.run([helm, "-m", "kubernetes_validate", "--strict", "--quiet", folder / "out.yaml"], check=True)
    found = [item for item in yaml.safe_load_all(rendered) if item]
    assert len({(item["kind"], item["metadata"]["name"]) for item in found}) == len(found)
    return {(item["kind"], item["metadata"]["name"]): item for item in found}


@pytest.mark.parametrize("values", [PLAIN, EVERYTHING, OFF], ids=["plain", "everything", "off"])
@pytest.mark.parametrize("more", [(), ("--upgrade",)], ids=["install", "upgrade"])
def test_kubernetes_takes_what_helm_renders(
    helm: Path, tmp_path: Path, values: dict[str, Any], more: tuple[str, ...]
) -> None:
    found = _render(helm, tmp_path, values, *more)
    kinds = {kind for kind, _ in found}
    assert {"ConfigMap", "Deployment", "Service"} <= kinds
    assert ("Ingress" in kinds) == ("HorizontalPodAutoscaler" in kinds) == (values is EVERYTHING)
    assert ("Job" in kinds) == (values is not OFF)


def test_a_pod_may_do_no_more_than_it_must_and_names_secrets_only_by_reference(helm: Path, tmp_path: Path) -> None:
    found = _render(helm, tmp_path, EVERYTHING)
    for kind in ("Deployment", "Job"):
        pod = next(item for (which, _), item in found.items() if which == kind)["spec"]["template"]["spec"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert [source["secretRef"]["name"] for source in container["envFrom"]] == EVERYTHING["secrets"]
        assert container["image"].endswith("@" + EVERYTHING["image"]["digest"])
    assert found[("ConfigMap", "herdbook")]["data"]["registry.toml"] == REGISTRY


def test_tables_are_made_at_an_install_and_brought_up_to_date_at_an_upgrade(helm: Path, tmp_path: Path) -> None:
    for more, command in (((), "init"), (("--upgrade",), "doctor")):
        job = _render(helm, tmp_path, PLAIN, *more)[("Job", "herdbook-migrate")]
        assert job["spec"]["template"]["spec"]["containers"][0]["args"][0] == command
        assert "pre-install" in job["metadata"]["annotations"]["helm.sh/hook"]


def test_the_service_reaches_the_replicas_and_not_the_job(helm: Path, tmp_path: Path) -> None:
    found = _render(helm, tmp_path, PLAIN)
    selector = found[("Service", "herdbook")]["spec"]["selector"].items()
    assert selector <= found[("Deployment", "herdbook")]["spec"]["template"]["metadata"]["labels"].items()
    assert not selector <= found[("Job", "herdbook-migrate")]["spec"]["template"]["metadata"]["labels"].items()
    assert found[("PodDisruptionBudget", "herdbook")]["spec"]["selector"]["matchLabels"].items() == selector


def test_without_registry_toml_there_is_no_release(helm: Path, tmp_path: Path) -> None:
    (tmp_path / "none.json").write_text("{}", "utf-8")
    done = subprocess.run(
        [helm, ROOT / "tools" / "render_chart.py", tmp_path / "none.json"], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert re.search("give registry.toml", done.stderr)
