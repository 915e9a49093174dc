"""The machine, its licensed tools, and what a run took of it; never slowly, and nothing that was not read."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from herdbook.capture import hardware, tools, usage
from herdbook.capture.bounded import ask
from herdbook.capture.energy import Energy
from herdbook.capture.usage import Watch

ARM = "processor\t: 0\nFeatures\t: fp asimd sve2 bf16\nCPU part\t: 0xd4f\n\nprocessor\t: 1\n"
NVRM = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024\nGCC version: 12\n"


def _file(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _program(folder: Path, name: str, text: str) -> dict[str, str]:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin"}


def test_this_machine_is_told_in_less_than_a_third_of_a_second() -> None:
    start = time.process_time()
    told = hardware.read()
    assert time.process_time() - start < 0.3
    assert told["cpu"]["cores"] >= told["cpu"]["usable"] >= 1
    assert told["memory_bytes"] > 2**28
    assert os.uname().nodename not in str(told)


def test_an_arm_machine_without_a_name_for_its_processor_is_told(tmp_path: Path) -> None:
    _file(tmp_path / "proc/cpuinfo", ARM)
    _file(tmp_path / "etc/os-release", 'NAME=x\nPRETTY_NAME="AlmaLinux 9.4"\n')
    told = hardware.read({}, top=tmp_path)
    assert told["cpu"]["model"] == "0xd4f"
    assert told["cpu"]["flags"] == ["asimd", "bf16", "sve2"]
    assert told["system"] == "AlmaLinux 9.4"
    assert "memory_bytes" not in told


def test_gpus_are_told_with_their_driver_and_memory(tmp_path: Path) -> None:
    _file(tmp_path / "proc/driver/nvidia/version", NVRM)
    _file(tmp_path / "proc/driver/nvidia/gpus/0000:01:00.0/information", "Model: \t\t NVIDIA H200\nIRQ: 1\n")
    told = hardware.read({"PATH": ""}, top=tmp_path)
    assert (told["gpus"], told["gpu_driver"]) == ([{"model": "NVIDIA H200"}], "550.54.15")
    variables = _program(tmp_path / "bin", "nvidia-smi", "echo 'NVIDIA H200, 143771, 550.54.15'")
    told = hardware.read({**variables, "CUDA_VISIBLE_DEVICES": "0"}, top=tmp_path)
    assert told["gpus"] == [{"model": "NVIDIA H200", "memory_bytes": 143771 * 2**20}]
    assert told["gpus_visible"] == "0"


def test_a_slow_tool_does_not_hold_a_training_up(tmp_path: Path) -> None:
    _file(tmp_path / "proc/driver/nvidia/version", NVRM)
    variables = _program(tmp_path / "bin", "nvidia-smi", "sleep 30")
    start = time.monotonic()
    assert hardware.read(variables, top=tmp_path)["gpu_driver"] == "550.54.15"
    assert time.monotonic() - start < 5


def test_cards_of_amd_are_told(tmp_path: Path) -> None:
    (tmp_path / "sys/module/amdgpu").mkdir(parents=True)
    table = "device,Card Series,Card Model,Driver version\ncard0,AMD Instinct MI250X,0x740c,\nsystem,,,6.3.6"
    variables = _program(tmp_path / "bin", "rocm-smi", f"cat <<'END'\n{table}\nEND")
    told = hardware.read(variables, top=tmp_path)
    assert (told["gpus"], told["gpu_driver"]) == ([{"model": "AMD Instinct MI250X"}], "6.3.6")


def test_synthesis_suites_are_found_without_running_them(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    vivado = tmp_path / "Xilinx/Vivado/2023.2"
    (vivado / "bin").mkdir(parents=True)
    variables = _program(vivado / "bin", "vivado", f"touch {mark}")
    quartus = tmp_path / "intelFPGA_pro/23.4/quartus"
    _file(quartus / "version.txt", "Version=23.4.0\n")
    variables |= {
        "QUARTUS_ROOTDIR": str(quartus),
        "MGC_HOME": "/nowhere",
        "XILINXD_LICENSE_FILE": "2100@licences.example.org",
    }
    told = tools.read(["vivado", "-mode", "batch"], variables)
    assert told == (
        {
            "name": "vivado",
            "version": "2023.2",
            "path": str(vivado / "bin/vivado"),
            "licence_variables": ["XILINXD_LICENSE_FILE"],
            "called": True,
        },
        {"name": "quartus", "version": "23.4.0", "path": str(quartus)},
    )
    assert not mark.exists()
    assert "licences.example.org" not in str(told)


def test_without_a_suite_none_is_told() -> None:
    assert tools.read([], {}) == ()


def _spend(seconds: float, size: int) -> str:
    return (
        "import time, sys, subprocess\n"
        f"block = bytearray({size})\n"
        f"end = time.process_time() + {seconds}\n"
        "while time.process_time() < end: pass\n"
        "if len(sys.argv) > 1: subprocess.run([sys.executable, '-c', sys.argv[1]])\n"
    )


def test_time_memory_and_bytes_of_children_and_their_children_are_counted(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"x" * 3_000_000)
    watch = Watch()
    inner = _spend(0.2, 1) + f"open({str(tmp_path / 'data')!r}, 'rb').read()\n"
    subprocess.run([sys.executable, "-c", _spend(0.2, 100_000_000), inner], check=True)
    told = watch.stop()
    assert told["cpu_user_s"] + told["cpu_system_s"] >= 0.4
    assert told["wall_s"] >= 0.4
    assert told["peak_memory_bytes"] > 100_000_000
    assert told["read_bytes"] >= 3_000_000
    assert told["peak_memory_of"] in {"process", "cgroup"}


def test_a_training_inside_the_process_counts_itself_and_what_came_before_is_left_out() -> None:
    end = time.process_time() + 0.1
    while time.process_time() < end:
        pass
    watch, others = Watch(own=True), Watch()
    end = time.process_time() + 0.2
    while time.process_time() < end:
        pass
    assert watch.stop()["cpu_user_s"] + watch.stop()["cpu_system_s"] >= 0.15
    assert others.stop()["cpu_user_s"] < 0.1


def _cgroup(top: Path, members: list[int]) -> None:
    _file(top / "proc/self/cgroup", "12:memory:/x\n0::/job_1\n")
    _file(top / "sys/fs/cgroup/job_1/cgroup.procs", "".join(f"{pid}\n" for pid in members))
    _file(top / "sys/fs/cgroup/job_1/memory.peak", "123456789\n")


def test_the_peak_of_a_control_group_counts_only_when_it_is_ours_alone(tmp_path: Path) -> None:
    _cgroup(tmp_path, [os.getpid(), os.getppid()])
    told = Watch(top=tmp_path).stop()
    assert (told["peak_memory_bytes"], told["peak_memory_of"]) == (123456789, "cgroup")
    _cgroup(tmp_path, [os.getpid(), 1])
    assert Watch(top=tmp_path).stop()["peak_memory_of"] == "process"


def _zone(top: Path, name: str, value: int, limit: int = 262_143_328_850) -> Path:
    _file(top / "sys/class/powercap" / name / "energy_uj", f"{value}\n")
    _file(top / "sys/class/powercap" / name / "max_energy_range_uj", f"{limit}\n")
    return top / "sys/class/powercap" / name / "energy_uj"


def _counts(counter: Path, value: int) -> None:
    """Set a counter as the kernel does: who reads it at any moment finds a number."""
    written = counter.with_suffix(".new")
    written.write_text(f"{value}\n")
    written.replace(counter)


def test_energy_is_summed_over_packages_and_over_a_wrapped_counter(tmp_path: Path) -> None:
    first, second = _zone(tmp_path, "intel-rapl:0", 262_143_000_000), _zone(tmp_path, "intel-rapl:1", 0)
    _zone(tmp_path, "intel-rapl:0:0", 5)  # a part of the first: it would count twice
    energy = Energy(tmp_path)
    first.write_text("1000000\n")
    second.write_text("2000000\n")
    energy.sample()
    second.write_text("2500000\n")
    assert energy.used() == {"cpu_j": pytest.approx(0.328850 + 1 + 2.5, abs=0.001), "of": "machine"}


def test_energy_is_not_told_when_a_counter_may_have_wrapped_twice_or_cannot_be_read(tmp_path: Path) -> None:
    assert Energy(tmp_path).used() == {}
    counter = _zone(tmp_path, "intel-rapl:0", 1, limit=10)
    energy = Energy(tmp_path)
    time.sleep(0.01)
    assert energy.used() == {}
    counter.unlink()
    assert Energy(tmp_path).used() == {}
    assert "energy" not in Watch(top=tmp_path).stop()


def test_a_long_run_looks_at_the_counters_by_itself_but_starts_no_thread_inside_a_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage, "EVERY_S", 0.01)
    counter = _zone(tmp_path, "intel-rapl:0", 0)
    before = threading.active_count()
    inside = Watch(own=True, top=tmp_path)
    assert threading.active_count() == before
    watch = Watch(top=tmp_path)
    _counts(counter, 262_143_000_000)
    deadline = time.monotonic() + 30
    while 262_143_000_000 not in watch._energy._last.values():  # until the thread has looked
        assert time.monotonic() < deadline
        time.sleep(0.01)
    _counts(counter, 1_000_000)
    assert watch.stop()["energy"]["cpu_j"] == pytest.approx(262_144.33, abs=0.1)
    assert inside.stop()["energy"]["cpu_j"] == pytest.approx(1.0)
    for thread in threading.enumerate():
        if thread.name == "herdbook-energy":
            thread.join(5)
            assert not thread.is_alive()


def test_a_program_that_never_ends_or_never_stops_talking_is_ended_with_its_children(tmp_path: Path) -> None:
    marks = tmp_path / "alive"
    variables = _program(tmp_path / "bin", "slow", f"(sleep 2; touch {marks}) & yes")
    start = time.monotonic()
    answer = ask(["slow"], folder=tmp_path, variables=variables | os.environ | variables, limit=1000, timeout_s=30)
    assert (answer.problem, len(answer.data)) == ("large", 1000)
    (tmp_path / "bin/slow").write_text(f"#!/bin/sh\n(sleep 2; touch {marks}) & sleep 60\n")
    assert (
        ask([str(tmp_path / "bin/slow")], folder=tmp_path, variables=variables, limit=9, timeout_s=0.2).problem
        == "slow"
    )
    assert time.monotonic() - start < 20
    time.sleep(2.2)
    assert not marks.exists()


def test_what_a_program_could_not_do_is_told(tmp_path: Path) -> None:
    given = {"PATH": "/usr/bin:/bin"}
    assert ask(["nowhere"], folder=tmp_path, variables=given, limit=9, timeout_s=5).problem == "absent"
    assert ask(["false"], folder=tmp_path, variables=given, limit=9, timeout_s=5).problem == "failed"
    assert ask(["cat"], folder=tmp_path, variables=given, limit=9, timeout_s=5).data == b""
