"""Rules and dashboard for Prometheus: each count that they name is one that the service has."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from herdbook.server.metrics import Metrics

if TYPE_CHECKING:
    from herdbook.service.registry import LocalRegistry

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "prometheus"
RULES = yaml.safe_load((FOLDER / "alerts.yaml").read_text("utf-8"))["groups"][0]["rules"]
PANELS = json.loads((FOLDER / "dashboard.json").read_text("utf-8"))["panels"]
QUESTIONS = [
    *(rule["expr"] for rule in RULES),
    *(target["expr"] for panel in PANELS for target in panel["targets"]),
]


def _told(registry: LocalRegistry) -> dict[str, str]:
    """Return the type of every count at /metrics, by its name."""
    registry.namespaces.create("demo")
    metrics = Metrics(registry._context.catalogue)
    metrics.request("/api/v1/version", "GET", 200, 0.01, 1, 1)
    return dict(re.findall(r"^# TYPE (\w+) (\w+)$", metrics.text().decode(), re.MULTILINE))


def test_rules_and_dashboard_ask_for_counts_that_the_service_has(registry: LocalRegistry) -> None:
    told = _told(registry)
    for question in QUESTIONS:
        for name in re.findall(r"\bherdbook_\w+", question):
            base = re.sub("_(bucket|count|sum)$", "", name)
            kind = told.get(name) or told.get(base)
            assert kind, f"{name} in {question} is no count of the service: {sorted(told)}"
            assert (kind == "histogram") == (name != base)
            assert (kind == "counter") == name.endswith("_total")


def test_every_rule_says_what_happened_and_what_to_do() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert {"summary", "description"} <= rule["annotations"].keys()
        assert rule["labels"]["severity"] in {"warning", "critical"}


def test_prometheus_itself_takes_the_rules_and_the_scrape() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed; Debian's prometheus has it")
    subprocess.run([promtool, "check", "rules", FOLDER / "alerts.yaml"], check=True)
    subprocess.run([promtool, "check", "config", "--syntax-only", FOLDER / "scrape.yaml"], check=True)
