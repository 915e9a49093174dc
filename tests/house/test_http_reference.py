"""The page of the HTTP interface is what the server says of itself, and its codes of errors are explained."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

from herdbook.server.errors import EXACT

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"


def test_the_published_page_is_the_description() -> None:
    made = runpy.run_path(str(ROOT / "tools" / "make_http_reference.py"))["page"]()
    assert made == (REFERENCE / "http.md").read_text("utf-8"), "run python tools/make_http_reference.py"


def test_codes_of_the_server_stand_on_the_page_of_errors() -> None:
    sources = [path.read_text("utf-8") for path in (ROOT / "src" / "herdbook" / "server").glob("*.py")]
    codes = {code for text in sources for code in re.findall(r"code=\"([a-z0-9-]+)\"", text)} | EXACT.keys()
    page = (REFERENCE / "errors.md").read_text("utf-8")
    assert {"unknown-parameter", "no-principal", "internal"} <= codes
    assert not sorted(code for code in codes if f"`{code}`" not in page)
