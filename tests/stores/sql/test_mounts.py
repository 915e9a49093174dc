"""Where a database lies is read off real mount tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from herdbook.stores.sql.sqlite import mounts

# Lines as they stand on lxplus, on a cluster with Lustre and GPFS, on a laptop with FUSE mounts, and in a container.
MOUNTS = r"""
sysfs /sys sysfs rw,nosuid,nodev,noexec,relatime 0 0
/dev/vda1 / xfs rw,seclabel,relatime,attr2,inode64,logbufs=8,logbsize=32k,noquota 0 0
tmpfs /scratch tmpfs rw,seclabel,nosuid,nodev,size=15932452k 0 0
AFS /afs afs rw,relatime 0 0
eosuser /eos/user fuse rw,nosuid,nodev,relatime,user_id=0,group_id=0,allow_other 0 0
eoscms /eos/cms fuse.eosxd rw,nosuid,nodev,relatime,user_id=0,group_id=0 0 0
cvmfs2 /cvmfs/cms.cern.ch fuse ro,nosuid,nodev,relatime,user_id=990,group_id=987 0 0
cephflax.cern.ch:6789:/volumes/x /cephfs ceph rw,noatime,name=x,secret=<hidden>,acl 0 0
10.0.0.1@o2ib:/scratch /lustre/scratch lustre rw,flock,lazystatfs 0 0
/dev/gpfs0 /gpfs/data gpfs rw,relatime 0 0
nas.example.org:/export /net/home nfs4 rw,relatime,vers=4.2,rsize=1048576,hard,proto=tcp,sec=sys 0 0
//nas/share /mnt/my\040share cifs rw,relatime,vers=3.0,cache=strict,username=x 0 0
me@host:/data /net/home/me/remote fuse.sshfs rw,nosuid,nodev,relatime,user_id=1000,group_id=1000 0 0
/dev/sdb1 /net/home/me/scratch ext4 rw,relatime 0 0
/dev/sdc1 /media/stick fuseblk rw,nosuid,nodev,relatime,user_id=0,group_id=0,allow_other,blksize=4096 0 0
overlay /var/lib/containers/x overlay rw,relatime,lowerdir=/l,upperdir=/u,workdir=/w 0 0
fuse-overlayfs /run/user/1000/x/merged fuse.fuse-overlayfs rw,nodev,noatime,user_id=0,group_id=0 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind", "network"),
    [
        ("/data/registry", "xfs", False),
        ("/scratch/registry", "tmpfs", False),
        ("/afs/cern.ch/user/m/me/registry", "afs", True),
        ("/eos/user/m/me", "fuse", True),
        ("/eos/cms/store", "fuse.eosxd", True),
        ("/eos", "xfs", False),
        ("/cvmfs/cms.cern.ch/x", "fuse", True),
        ("/cephfs", "ceph", True),
        ("/cephfs2/x", "xfs", False),
        ("/lustre/scratch/me", "lustre", True),
        ("/gpfs/data", "gpfs", True),
        ("/net/home/me/.local/share/herdbook", "nfs4", True),
        ("/net/home/me/remote/x", "fuse.sshfs", True),
        ("/net/home/me/scratch/x", "ext4", False),
        ("/mnt/my share/x", "cifs", True),
        ("/mnt/my", "xfs", False),
        ("/media/stick/x", "fuseblk", False),
        ("/var/lib/containers/x/y", "overlay", False),
        ("/run/user/1000/x/merged/y", "fuse.fuse-overlayfs", False),
    ],
)
def test_the_innermost_mount_tells_what_a_path_lies_on(path: str, kind: str, network: bool) -> None:
    found, _ = mounts.filesystem(path, MOUNTS)
    assert found == kind
    assert mounts.is_network(found) is network


def test_of_two_mounts_on_one_point_the_later_one_counts() -> None:
    table = "/dev/sda1 /net/home ext4 rw 0 0\nserver:/export /net/home nfs rw 0 0\n"
    assert mounts.filesystem("/net/home/me", table) == ("nfs", "/net/home")


def test_a_link_to_a_network_home_is_seen_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "home")
    table = tmp_path / "mounts"
    table.write_text(f"/dev/sda1 / ext4 rw 0 0\nserver:/x {tmp_path / 'home'} nfs rw 0 0\n")
    monkeypatch.setattr(mounts, "_MOUNTS", table)
    assert mounts.network_filesystem(tmp_path / "link" / "new" / "catalogue.sqlite") == ("nfs", str(tmp_path / "home"))
    assert mounts.network_filesystem(tmp_path / "catalogue.sqlite") is None


def test_where_there_is_no_mount_table_nothing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mounts, "_MOUNTS", tmp_path / "none")
    assert mounts.network_filesystem(tmp_path) is None
