"""Facts of files as their readers give them, from bytes or from the data pack."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from herdbook.bootstrap.open import open_readers
from herdbook.model.facts import Facts
from herdbook.plugins.formats import tmva_xml
from herdbook.ports.formats import Readers

Told = Callable[..., Facts]


class Bytes:
    """Bytes as ReadAt."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = len(data)

    def read_at(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + length]


@pytest.fixture(scope="session")
def readers() -> Any:
    found: Readers = open_readers()
    yield found
    found.close()


@pytest.fixture(scope="session")
def told(readers: Readers) -> Told:
    """Return what the readers say of bytes, or of a file."""

    def told_(content: bytes | str | Path, path: str = "") -> Facts:
        if isinstance(content, Path):
            path, content = path or content.name, content.read_bytes()
        data = content.encode() if isinstance(content, str) else content
        (facts,) = readers.read([(path, Bytes(data))], {path: len(data)})
        assert facts is not None
        return facts

    return told_


@pytest.fixture(scope="session")
def tmva() -> Callable[..., Facts]:
    """Return the facts of a small TMVA file with transformations."""

    def tmva_(transformations: str, option: str = "N", unit: str = "GeV", *, packed: bool = False) -> Facts:
        text = f"""<?xml version="1.0"?>
<MethodSetup Method="MLP::MLP">
  <GeneralInfo><Info name="TMVA Release" value="4.2.1 [262657]"/></GeneralInfo>
  <Options><Option name="VarTransform" modified="Yes">{option}</Option></Options>
  <Variables NVar="2">
    <Variable VarIndex="0" Expression="pt" Label="pt" Title="pt" Unit="{unit}" Internal="pt" Type="F" Min="5" Max="25"/>
    <Variable VarIndex="1" Expression="eta" Label="eta" Title="eta" Unit="" Internal="eta" Type="F" Min="-2" Max="3"/>
  </Variables>
  <Classes NClass="2"><Class Name="Signal" Index="0"/><Class Name="Background" Index="1"/></Classes>
  {transformations}
  <Weights/>
</MethodSetup>"""
        values, _ = tmva_xml.values(tmva_xml.parse(text.encode()))
        return Facts(reader="tmva", reader_version="1", format="tmva-xml-gz" if packed else "tmva-xml", values=values)

    return tmva_


@pytest.fixture
def clean_python() -> Callable[[str], str]:
    """Return a function that runs a program in a Python of its own, and gives what it printed."""

    def run(program: str) -> str:
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
        return done.stdout.strip()

    return run
