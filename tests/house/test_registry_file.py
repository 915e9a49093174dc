"""The reference of ``registry.toml`` names every key, and its example can be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from herdbook.bootstrap import registry_file
from herdbook.bootstrap.registry_file import BlobPlace, RegistryFile, Webhook
from herdbook.model.base import Value

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "reference" / "registry-file.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("begin", "value"), [("| key |", RegistryFile), ("Of each `[[blobs]]`", BlobPlace), ("`[[webhooks]]`:", Webhook)]
)
def test_every_key_stands_in_its_table_and_no_other_does(begin: str, value: type[Value]) -> None:
    table = PAGE[PAGE.index(begin) :].split("\n\nOf each")[0]
    told = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", table, re.MULTILINE)
    assert [name for name, _ in told] == list(value.model_fields)
    for name, default in told:
        assert value.model_fields[name].is_required() == (default == "needed"), name


def test_the_example_is_read(tmp_path: Path) -> None:
    (example,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / registry_file.NAME).write_text(example, "utf-8")
    found = registry_file.read(tmp_path)
    assert [place.name for place in found.blobs] == ["ceph", "disk"]
    assert found.catalogue
    assert found.webhooks[0].namespaces == ("cms",)
