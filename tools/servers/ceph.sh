#!/usr/bin/env bash
# Installs Ceph's S3 server, from the machine's own package sources, for the slow tests. As root; starts nothing.
set -euo pipefail
if command -v radosgw >/dev/null && command -v ceph-mon >/dev/null && command -v ceph-osd >/dev/null; then
  exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "ceph: needs root and apt-get to install radosgw, ceph-mon and ceph-osd; going on without" >&2
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
get() { apt-get install -y -q --no-install-recommends radosgw ceph-mon ceph-osd >&2; }
get || { apt-get update -q >&2 && get; } ||
  echo "ceph: radosgw could not be installed; going on without" >&2
