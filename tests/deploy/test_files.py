"""The files of deploy/: what they promise about users, networks and secrets, and that the commands in them exist."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest
import yaml

from herdbook.apps.cli.main import cli
from herdbook.bootstrap import registry_file
from herdbook.bootstrap.settings import KNOWN

if TYPE_CHECKING:
    from tests.conftest import NeedTool

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
CHART = DEPLOY / "helm" / "herdbook"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
CONTAINERFILE = (DEPLOY / "Containerfile").read_text("utf-8")
UNIT = (DEPLOY / "herdbook.service").read_text("utf-8")


def _commands() -> Iterator[tuple[str, list[str]]]:
    """Yield every herdbook command that stands in these files."""
    for name, service in COMPOSE["services"].items():
        if service.get("image", "").startswith("${HERDBOOK_IMAGE"):
            yield f"compose.yaml: {name}", service["command"]
    for path in (CHART / "templates").glob("*.yaml"):
        for args in re.findall(r"^ *args: \[(.*)\]$", path.read_text("utf-8"), re.MULTILINE):
            words = [word.strip().strip('"') for word in re.sub(r"\{\{.*?\}\}", "2", args).split(",")]
            yield f"helm: {path.name}", words
    yield "Containerfile", re.findall(r'"([^"]+)"', re.findall(r"^CMD \[(.*)\]$", CONTAINERFILE, re.MULTILINE)[-1])
    yield "herdbook.service", re.findall(r"^ExecStart=\S+ (.*)$", UNIT, re.MULTILINE)[0].split()


@pytest.mark.parametrize(("where", "words"), [pytest.param(*item, id=item[0]) for item in _commands()])
def test_a_command_in_these_files_is_one_that_herdbook_has(where: str, words: list[str]) -> None:
    command = cli.get_command(click.Context(cli), words[0])
    assert command is not None, where
    command.make_context(words[0], [*words[1:]], resilient_parsing=False)


def test_no_port_is_published_beyond_this_machine_and_database_and_store_not_at_all() -> None:
    ports = {name: service.get("ports", []) for name, service in COMPOSE["services"].items()}
    assert {name for name, told in ports.items() if told} == {"service"}
    assert all(port.startswith("127.0.0.1:") for told in ports.values() for port in told)
    assert COMPOSE["networks"]["inside"]["internal"] is True
    assert COMPOSE["services"]["postgres"]["networks"] == COMPOSE["services"]["s3"]["networks"] == ["inside"]


def test_every_server_of_the_compose_file_says_whether_it_is_well_and_who_waits_for_whom() -> None:
    for name, service in COMPOSE["services"].items():
        checked = "healthcheck" in service or name == "service"  # its image has one
        assert checked, name
    assert COMPOSE["services"]["service"]["depends_on"]["init"] == {"condition": "service_completed_successfully"}


def _secrets(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _secrets(inner, str(name))
    elif isinstance(value, list):
        for inner in value:
            yield from _secrets(inner, key)
    elif re.search("PASSWORD|SECRET|KEY", key):
        yield key, str(value)


def test_secrets_come_from_the_environment_and_must_be_given() -> None:
    found = [*_secrets(COMPOSE["services"])]
    assert found
    assert all(re.fullmatch(r"\$\{\w+:\?[^}]+\}", value) for _, value in found)
    example = (DEPLOY / "env.example").read_text("utf-8")
    for variable in {re.findall(r"\w+", value)[0] for _, value in found}:
        assert re.search(rf"^{variable}=$", example, re.MULTILINE), variable
    assert not re.search("(?i)^(ARG|ENV).*(password|secret|token)", CONTAINERFILE, re.MULTILINE)
    assert "/deploy/.env" in (ROOT / ".gitignore").read_text("utf-8")


def test_registry_toml_of_the_compose_file_is_one_and_names_its_servers(tmp_path: Path) -> None:
    shutil.copy(DEPLOY / "registry.toml", tmp_path)
    told = registry_file.read(tmp_path)
    assert told.catalogue
    assert "@postgres:" in told.catalogue
    (place,) = told.blobs
    bucket = place.url.removeprefix("s3://").split("/")[0]
    assert COMPOSE["services"]["s3"]["volumes"] == [f"blobs:/data/{bucket}"]
    assert place.endpoint == "http://s3:7070"


def test_the_image_runs_as_nobody_who_matters_from_locked_wheels() -> None:
    last = CONTAINERFILE.split("FROM ${BASE}\n")[-1]
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    assert re.search(r"^STOPSIGNAL SIGTERM$", last, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK ", last, re.MULTILINE)
    installs = re.findall(r"pip install [^&\n]*", CONTAINERFILE)
    assert all("--require-hashes --only-binary :all:" in line or "--no-deps --no-index" in line for line in installs)
    variables = dict(re.findall(r"(HERDBOOK_\w+)=(\S+)", CONTAINERFILE))
    assert {*variables} <= {known.variable for known in KNOWN.values()} | {"HERDBOOK_CONFIG"}


def test_the_builder_is_sent_what_is_copied_and_nothing_else() -> None:
    ignore = (ROOT / ".containerignore").read_text("utf-8").split("\n")
    sent = {line[1:] for line in ignore if line.startswith("!")}
    copied = {
        word
        for words in re.findall(r"^COPY ((?!--from).*) \S+$", CONTAINERFILE, re.MULTILINE)
        for word in words.split()
    }
    assert copied == sent


def test_systemd_takes_the_unit_and_finds_it_shut(need_tool: NeedTool, tmp_path: Path) -> None:
    analyze = need_tool("systemd-analyze")
    unit = tmp_path / "herdbook.service"
    unit.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", UNIT, flags=re.MULTILINE), "utf-8")
    done = subprocess.run([analyze, "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    shut = [analyze, "security", "--offline=true", "--threshold=20", "--no-pager", str(unit)]
    done = subprocess.run(shut, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout  # an exposure of at most 2.0 of 10
