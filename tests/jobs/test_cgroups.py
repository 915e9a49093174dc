"""The control group of a command, in a folder that looks like the kernel's; the kernel's own needs a delegated one."""

from __future__ import annotations

from pathlib import Path

import pytest

from herdbook.jobs import cgroups


def kernel(root: Path, *, controllers: str = "cpu memory pids", own: str = "/user.slice/session") -> Path:
    """Lay out what the kernel shows of a process in a group."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(f"0::{own}\n")
    parent = root / "sys/fs/cgroup/user.slice"
    (parent / "session").mkdir(parents=True)
    (root / "sys/fs/cgroup/cgroup.controllers").write_text("cpu memory pids\n")
    (parent / "cgroup.subtree_control").write_text(controllers + "\n")
    return parent


def test_a_group_is_made_beside_this_process_with_its_limit(tmp_path: Path) -> None:
    parent = kernel(tmp_path)
    group = cgroups.made("job", 1 << 30, tmp_path)
    assert group is not None
    assert group.folder == parent / "herdbook-job"
    assert (group.folder / "memory.max").read_text() == str(1 << 30)
    assert (group.folder / "memory.swap.max").read_text() == "0"
    (group.folder / "memory.events").write_text("low 0\nhigh 0\nmax 3\noom 1\noom_kill 2\n")
    (group.folder / "memory.peak").write_text("1073741824\n")
    assert (group.ran_out(), group.peak()) == (True, 1 << 30)


@pytest.mark.parametrize("how", ["no limit", "not delegated", "old kernel", "exists"])
def test_where_none_can_be_had_the_runner_counts_itself(tmp_path: Path, how: str) -> None:
    parent = kernel(tmp_path, controllers="cpu" if how == "not delegated" else "memory")
    if how == "old kernel":
        (tmp_path / "sys/fs/cgroup/cgroup.controllers").unlink()
    if how == "exists":
        (parent / "herdbook-job").mkdir()
    assert cgroups.made("job", None if how == "no limit" else 1 << 30, tmp_path) is None
