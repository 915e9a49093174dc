"""The reference pages are complete: what the code knows is named on the page that explains it."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any, get_args, get_type_hints

import onnx
import pytest
from onnx import TensorProto, helper
from pydantic import BaseModel

from herdbook.bootstrap.settings import CONFIG, KNOWN
from herdbook.model.files import Content
from herdbook.model.kinds import KINDS
from herdbook.model.models import Profile, Step
from herdbook.model.statements import Subject
from herdbook.plugins.formats.document import Document
from herdbook.plugins.formats.onnx import Onnx
from herdbook.plugins.formats.onnx_findings import _CUT as CUT
from herdbook.ports.registry import Registry

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"
SOURCE = ROOT / "src" / "herdbook"


class InMemory:
    """Bytes in memory as ReadAt."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = len(data)

    def read_at(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + length]


def page(name: str) -> str:
    return (REFERENCE / name).read_text("utf-8")


def section(text: str, heading: str) -> str:
    """Return what stands under a heading, up to the next one of its level or above; empty when there is none."""
    level = len(heading) - len(heading.lstrip("#"))
    found = re.search(rf"^{re.escape(heading)}$(.*?)(?=^#{{1,{level}}} |\Z)", text, re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


def quoted(text: str) -> set[str]:
    """Return the words that stand in `code`; each call as the name before its parenthesis."""
    return {match[1].partition("(")[0] for match in re.finditer(r"`([^`\n]+)`", text)}


def unnamed(wanted: set[str], text: str) -> list[str]:
    return sorted(wanted - quoted(text))


def tiny() -> bytes:
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "tiny", value[:1], value[1:], doc_string="g")
    model = helper.make_model(graph, producer_name="p", producer_version="1", domain="d", doc_string="m")
    data: bytes = model.SerializeToString()
    assert onnx.load_from_string(data).domain == "d"
    return data


def test_every_fact_that_a_reader_gives_is_explained() -> None:
    facts = [Onnx().read(InMemory(tiny()), "tiny.onnx", {}), Document().read(InMemory(b"# Title\n"), "README.md", {})]
    fields = {name for each in facts for name in each.values}
    assert {"doc_string", "graph_doc_string", "domain", "title", "words"} <= fields
    always = {"path", "size", "git_id", "format", "safety", "read_by", "findings", *Content.model_fields} - {"git_sha1"}
    assert not unnamed(fields | always, page("facts.md"))


def test_every_finding_of_a_reader_is_explained() -> None:
    texts = [path.read_text("utf-8") for path in (SOURCE / "plugins").rglob("*.py")]
    rule = re.compile(r"(?:\brule=|_(?:finding|external)\(\s*)\"([a-z0-9-]+)\"|\"((?:reader|bytes)-[a-z-]+)\"")
    rules = {match[1] or match[2] for text in texts for match in rule.finditer(text)}
    raised = [path.read_text("utf-8") for path in (SOURCE / "plugins" / "formats").glob("*.py")]
    rules |= {match[1] for text in raised for match in re.finditer(r"code=\"([a-z0-9-]+)\"", text)}
    rules |= {what.replace("_", "-") for what in CUT}
    assert {"reader-hung", "custom-operators", "external-data-outside", "protobuf-cut", "words-cut"} <= rules
    assert not unnamed(rules, section(page("facts.md"), "## Findings"))


def shipped_schemas() -> list[tuple[str, str, dict[str, Any]]]:
    """Return (namespace, entity, schema) of every schema that comes with Herdbook."""
    folder = Path(str(resources.files("herdbook.model").joinpath("ext")))
    return [(path.parts[-3], path.parts[-2], json.loads(path.read_bytes())) for path in folder.rglob("*.json")]


@pytest.mark.parametrize(("namespace", "entity", "schema"), shipped_schemas(), ids=lambda item: str(item)[:12])
def test_every_property_of_a_shipped_schema_stands_with_its_type_and_unit(
    namespace: str, entity: str, schema: dict[str, Any]
) -> None:
    version = schema["properties"]["$v"]["const"]
    whole = section(page("extensions.md"), f"## ext.{namespace}")
    rows = re.findall(
        r"^\| `(\w+)` \| (.+?) \| (.*?) \| (.*?) \|", section(whole, f"### {entity} {version}"), re.MULTILINE
    )
    told = {name: (kind, unit.strip("` "), bool(tick.strip())) for name, kind, unit, tick in rows}
    assert told.keys() == schema["properties"].keys() - {"$v"}
    begins = {"string": "text", "number": "number", "array": "list of", "enum": "one of"}
    for name, rule in schema["properties"].items():
        if name != "$v":
            kind, unit, searched = told[name]
            assert kind.startswith(begins["enum" if "enum" in rule else rule["type"]]), name
            assert (unit, searched) == (rule.get("x-unit", ""), rule.get("x-index", False)), name


def fields_of(shape: type[BaseModel]) -> set[str]:
    """Return the names of a body's fields, and of the fields of values in them."""
    found: set[str] = set()
    for name, info in shape.model_fields.items():
        found.add(name)
        for inner in inner_values(info.annotation):
            found |= fields_of(inner)
    return found


def inner_values(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [inner for each in get_args(annotation) for inner in inner_values(each)]


@pytest.mark.parametrize("type_", sorted(KINDS))
def test_every_kind_of_statement_stands_with_all_fields_of_its_body(type_: str) -> None:
    about = section(page("statements.md"), f"### {type_.split('/')[1]}")
    shape = KINDS[type_]
    wanted = {type_} | (fields_of(shape) if shape else set())
    assert not unnamed(wanted, about)


def test_subjects_and_processing_steps_of_statements_are_all_named() -> None:
    text = page("statements.md")
    assert not unnamed({*Subject.model_fields}, text)
    assert not unnamed({*map(str, Step), *Profile.model_fields}, section(text, "### profile"))


def facade() -> set[str]:
    """Return ``noun.method`` of all that a registry can do."""
    calls = set()
    for noun, protocol in get_type_hints(Registry).items():
        if not inspect.isclass(protocol) or issubclass(protocol, str | BaseModel):
            calls.add(f"registry.{noun}")
            continue
        names = {name for name, _ in inspect.getmembers(protocol, inspect.isfunction) if not name.startswith("_")}
        calls |= {f"{noun}.{name}" for name in names}
    return calls


def test_every_call_of_the_facade_is_in_the_reference_of_python() -> None:
    calls = facade()
    assert {"versions.register", "files.supply", "people.name", "namespaces.schema"} <= calls
    named = quoted(page("python.md"))
    assert not sorted(calls - named)
    nouns = {call.partition(".")[0] for call in calls} - {"registry"}
    gone = {name for name in named if name.partition(".")[0] in nouns and name.count(".") == 1} - calls
    assert not sorted(gone), "these are no calls of the façade"


def test_every_setting_stands_with_its_variable_and_default() -> None:
    rows = re.findall(r"^\| `([a-z_.]+)` \| (\S+) \| (.+?) \|", page("configuration.md"), re.MULTILINE)
    told = {name: (variable.strip("`–"), default) for name, variable, default in rows}
    assert told.keys() == KNOWN.keys()
    for name, known in KNOWN.items():
        variable, default = told[name]
        assert variable == known.variable, name
        assert known.default is None or default.strip("`") == str(known.default), name


def test_every_variable_that_the_program_reads_is_in_the_reference() -> None:
    read = {
        name for path in SOURCE.rglob("*.py") for name in re.findall(r"\"(HERDBOOK_[A-Z_]+)\"", path.read_text("utf-8"))
    }
    assert CONFIG in read
    assert not unnamed(read, page("configuration.md"))


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """Install the reader of the how-to as a distribution of its own; return the environment that has it."""
    how_to = (ROOT / "docs" / "how-to" / "write-a-reader.md").read_text("utf-8")
    (module,) = re.findall(r"^```python\n(.*?)^```$", how_to, re.MULTILINE | re.DOTALL)
    (project,) = re.findall(r"^```toml\n(.*?)^```$", how_to, re.MULTILINE | re.DOTALL)
    assert len(module.splitlines()) <= 32, "a reader is shown in 30 lines"
    site = tmp_path / "site"
    info = site / "linear_reader-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "linear_reader.py").write_text(module)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: linear-reader\nVersion: 1.0\n")
    point = re.findall(r'^\[project\.entry-points\."(.+)"\]\n(\w+) = "(.+)"$', project, re.MULTILINE)[0]
    (info / "entry_points.txt").write_text("[{}]\n{} = {}\n".format(*point))
    return {**os.environ, "PYTHONPATH": str(site), "COLUMNS": "100"}


def inspected(environment: dict[str, str], *words: str) -> str:
    command = [str(Path(sys.executable).parent / "herdbook"), "inspect", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_reader_of_the_how_to_reads_in_the_pool_once_it_is_installed(
    installed: dict[str, str], tmp_path: Path
) -> None:
    good, bad = tmp_path / "two.lin", tmp_path / "bad.lin"
    good.write_text("linear 1\npt 0.5\neta -1.25\n")
    bad.write_text("linear 1\npt\n")
    facts = json.loads(inspected(installed, str(good), "--json"))
    assert (facts["format"], facts["parameters"], facts["read_by"]) == ("linear", 2, "linear 1")
    assert [each["name"] for each in facts["inputs"]] == ["pt", "eta"]
    assert json.loads(inspected(installed, str(bad), "--json"))["findings"][0]["rule"] == "linear-bad-line"
    assert json.loads(inspected({**os.environ}, str(good), "--json"))["format"] == "other"
    shown = [line.rstrip() for line in inspected(installed, str(good)).splitlines()]
    how_to = (ROOT / "docs" / "how-to" / "write-a-reader.md").read_text("utf-8")
    assert "\n".join(shown).strip() in how_to


def test_every_page_is_reached_from_the_index_and_stands_in_the_navigation() -> None:
    docs = ROOT / "docs"
    index, navigation = (docs / "index.md").read_text("utf-8"), (ROOT / "mkdocs.yml").read_text("utf-8")
    pages = {path.relative_to(docs).as_posix() for path in docs.rglob("*.md")} - {"index.md"}
    rules = {path for path in pages if path.startswith("reference/rules/")} - {"reference/rules/index.md"}
    pages = {path for path in pages if not path.startswith("adr/0")} - rules  # their lists are pages
    assert not sorted(path for path in pages if f"({path})" not in index)
    assert not sorted(path for path in pages if not navigation.count(f": {path}\n"))
