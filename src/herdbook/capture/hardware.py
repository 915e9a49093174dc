"""The machine: platform, processor, memory, accelerators and their driver."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping
from pathlib import Path

from herdbook.capture.bounded import ask
from herdbook.model.base import Json

_LIMIT = 1_000_000
_SMI_TIMEOUT_S = 0.2
_FLAGS = frozenset(
    {"sse4_2", "avx", "avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512_vnni"}
    | {"avx512_bf16", "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16"}
    | {"asimd", "asimdhp", "asimddp", "sve", "sve2", "bf16", "i8mm"}
)
"""Extensions of a processor that change which kernels a numerical library takes, and so the last bits of a sum."""
_SMI = ("nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader,nounits")
_ROCM = ("rocm-smi", "--showproductname", "--showdriverversion", "--csv")


def read(variables: Mapping[str, str] | None = None, *, top: Path = Path("/")) -> Json:
    """Return what an activity's ``hardware`` says; takes less than 0.3 s.

    ``platform``, ``system``, ``machine``, ``cpu`` (``model``, ``cores`` of the machine, ``usable`` by this process,
    ``flags``), ``memory_bytes``, ``gpus`` (each ``model``, ``memory_bytes``), ``gpu_driver``, ``gpus_visible``. The
    name of the machine is not told.

    Args:
        variables: environment variables; those of this process when absent.
        top: the root of the file system below which /proc and /etc are read.
    """
    variables = os.environ if variables is None else variables
    told: Json = {"platform": platform.platform(), "machine": platform.machine(), "cpu": _processor(top)}
    if system := _system(top):
        told["system"] = system
    if memory := re.search(r"^MemTotal:\s+(\d+) kB", _text(top / "proc/meminfo"), re.MULTILINE):
        told["memory_bytes"] = 1024 * int(memory[1])
    gpus, driver = _accelerators(variables, top)
    if gpus:
        told["gpus"] = gpus
    if driver:
        told["gpu_driver"] = driver
    for name in ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"):
        if name in variables and gpus:
            told["gpus_visible"] = variables[name]
            break
    return told


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_LIMIT).decode("utf-8", "replace")
    except OSError:
        return ""


def _system(top: Path) -> str:
    match = re.search(r'^PRETTY_NAME="?([^"\n]*)', _text(top / "etc/os-release"), re.MULTILINE)
    return match[1] if match else ""


def _processor(top: Path) -> Json:
    """Read the first processor of /proc/cpuinfo; on aarch64 it has ``Features`` and no name but its part's number."""
    info = _text(top / "proc/cpuinfo")
    fields: dict[str, str] = {}
    for line in info.partition("\n\n")[0].split("\n"):
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    told: Json = {"cores": os.cpu_count() or 1}
    if model := fields.get("model name") or fields.get("CPU part") or platform.processor():
        told["model"] = model
    if hasattr(os, "sched_getaffinity"):
        told["usable"] = len(os.sched_getaffinity(0))
    if flags := sorted(_FLAGS & set((fields.get("flags") or fields.get("Features") or "").split())):
        told["flags"] = flags
    return told


def _accelerators(variables: Mapping[str, str], top: Path) -> tuple[list[Json], str | None]:
    """Return GPUs and driver: of NVIDIA by its /proc, with memory if nvidia-smi is quick; of AMD by rocm-smi."""
    folder = top / "proc/driver/nvidia"
    if folder.is_dir():
        gpus, driver = _nvidia(folder)
        more, told = _smi(variables)
        return more or gpus, told or driver
    if variables.get("PATH") and (top / "sys/module/amdgpu").is_dir():
        return _rocm(variables)
    return _smi(variables) if (top / "dev/nvidiactl").exists() or (top / "dev/dxg").exists() else ([], None)


def _nvidia(folder: Path) -> tuple[list[Json], str | None]:
    told = "\n".join(_text(information) for information in sorted(folder.glob("gpus/*/information"))[:64])
    gpus: list[Json] = [{"model": model[1]} for model in re.finditer(r"^Model:\s*(.+?)\s*$", told, re.MULTILINE)]
    driver = re.search(r"Kernel Module.*?\s(\d+(?:\.\d+)+)\s", _text(folder / "version"))
    return gpus, driver[1] if driver else None


def _smi(variables: Mapping[str, str]) -> tuple[list[Json], str | None]:
    answer = ask(_SMI, folder=Path("/"), variables=variables, limit=_LIMIT, timeout_s=_SMI_TIMEOUT_S)
    gpus: list[Json] = []
    driver = None
    for line in answer.data.decode("utf-8", "replace").splitlines() if answer.problem is None else []:
        model, *rest = (part.strip() for part in line.split(","))
        if len(rest) == 2:
            gpus.append({"model": model} | ({"memory_bytes": 2**20 * int(rest[0])} if rest[0].isdigit() else {}))
            driver = rest[1]
    return gpus, driver


def _rocm(variables: Mapping[str, str]) -> tuple[list[Json], str | None]:
    """Read rocm-smi's table: a line per card, and one of the system that holds the driver."""
    answer = ask(_ROCM, folder=Path("/"), variables=variables, limit=_LIMIT, timeout_s=_SMI_TIMEOUT_S)
    gpus: list[Json] = []
    driver = None
    columns: list[str] = []
    for line in answer.data.decode("utf-8", "replace").splitlines() if answer.problem is None else []:
        cells = [cell.strip() for cell in line.split(",")]
        if cells[0] == "device":
            columns = [cell.lower() for cell in cells]
        row = dict(zip(columns, cells, strict=False))
        model = next((row[name] for name in ("card series", "card model") if row.get(name)), None)
        if cells[0].startswith("card") and model:
            gpus.append({"model": model})
        driver = row.get("driver version") or driver if cells[0] == "system" else driver
    return gpus, driver
