"""What of all that is opened concerns a training."""

from __future__ import annotations

import pytest

from herdbook.capture.noise import sort_of


@pytest.mark.parametrize(
    ("path", "sort"),
    [
        ("/dev/shm/data/train.npz", "data"),
        ("/data/train.root", "data"),
        ("/data/weights.pth", "data"),
        ("/w/settings.yaml", "config"),
        ("/w/train.py", "code"),
        ("/dev/urandom", "noise"),
        ("/proc/self/status", "noise"),
        ("/venv/lib/python3.11/site-packages/numpy/core.py", "noise"),
        ("relative", "noise"),
    ],
)
def test_data_in_memory_is_data_and_the_system_is_not(path: str, sort: str) -> None:
    assert sort_of(path) == sort
