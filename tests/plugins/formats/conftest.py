"""The ONNX reader at work on a model or its bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from herdbook.model.facts import Facts
from herdbook.plugins.formats.onnx import Onnx
from herdbook.ports.formats import Listing


@pytest.fixture
def read(in_memory: Callable[[bytes], Any]) -> Callable[..., Facts]:
    def read_(model: Any, path: str = "model.onnx", listing: Listing | None = None) -> Facts:
        data = model if isinstance(model, bytes) else model.SerializeToString()
        return Onnx().read(in_memory(data), path, listing or {})

    return read_
