"""Counters of energy: RAPL of the processors (Linux powercap), NVML of NVIDIA's GPUs; of the whole machine."""

from __future__ import annotations

import ctypes
import threading
import time
from pathlib import Path

from herdbook.model.base import Json

_WATTS = 1000.0
"""No package draws more for long: between two looks a counter must not have been able to wrap twice."""


class Energy:
    """Sums the counters from its making on.

    Args:
        top: the root of the file system below which /sys and /proc are read.
    """

    def __init__(self, top: Path = Path("/")) -> None:
        self._zones = {zone: limit for zone in _zones(top) if (limit := _number(zone / "max_energy_range_uj"))}
        self._last = {zone: _number(zone / "energy_uj") for zone in self._zones}
        self._joule = {zone: 0.0 for zone, value in self._last.items() if value is not None}
        self._when = time.monotonic()
        self._lock = threading.Lock()
        self._gpu = _gpu_joule() if (top / "proc/driver/nvidia").is_dir() else None

    @property
    def wraps(self) -> bool:
        """Whether there are counters that wrap around, and so must be looked at every few minutes."""
        return bool(self._joule)

    def sample(self) -> None:
        """Add what was used since the last look; a zone that may have wrapped twice since is given up."""
        with self._lock:
            self._sample(time.monotonic())

    def _sample(self, now: float) -> None:
        since, self._when = now - self._when, now
        for zone in list(self._joule):
            value, last, limit = _number(zone / "energy_uj"), self._last[zone], self._zones[zone]
            if value is None or last is None or since * _WATTS * 1e6 > limit:
                del self._joule[zone]
                continue
            self._joule[zone] += (value - last if value >= last else value + limit - last) / 1e6
            self._last[zone] = value

    def used(self) -> Json:
        """Return joules: ``cpu_j`` of all packages, ``gpu_j`` of all GPUs; empty where neither can be read."""
        self.sample()
        told: Json = {}
        if self._joule and len(self._joule) == len(self._zones):
            told["cpu_j"] = round(sum(self._joule.values()), 3)
        if self._gpu is not None and (now := _gpu_joule()) is not None and now >= self._gpu:
            told["gpu_j"] = round(now - self._gpu, 3)
        return told | {"of": "machine"} if told else {}


def _zones(top: Path) -> list[Path]:
    """Return the packages; the zones inside them (core, uncore, dram) would count twice."""
    return sorted((top / "sys/class/powercap").glob("intel-rapl:[0-9]*[0-9]")) + sorted(
        path for path in (top / "sys/class/powercap").glob("intel-rapl:[0-9]") if path.name.count(":") == 1
    )


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):
        return None


def _gpu_joule() -> float | None:
    """Return what NVML counted of all GPUs since the driver was loaded; ``None`` where one does not count."""
    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
        if nvml.nvmlInit_v2() != 0:
            return None
    except (OSError, AttributeError):
        return None
    try:
        count = ctypes.c_uint()
        if nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)) != 0:
            return None
        total = 0
        for index in range(count.value):
            device, used = ctypes.c_void_p(), ctypes.c_ulonglong()
            if nvml.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(device)) != 0:
                return None
            if nvml.nvmlDeviceGetTotalEnergyConsumption(device, ctypes.byref(used)) != 0:
                return None
            total += used.value
        return total / 1000.0 if count.value else None
    except AttributeError:  # an older driver's library
        return None
    finally:
        nvml.nvmlShutdown()
