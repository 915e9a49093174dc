#!/usr/bin/env bash
# Builds the container image where no base image can be pulled: on a root file system made by debootstrap.
#
#   sudo deploy/build.sh [FOLDER]      # FOLDER: where buildah's storage and what is left over lie; default .cache/container
#
# Needs root, and from apt: buildah debootstrap. Packages come from this machine's own sources, through this machine's
# own pip configuration, which is mounted while pip runs and is in no layer. At the end the image is run in a chroot:
# `herdbook --version`, `init`, `doctor` and `serve`, as its own user.
set -euo pipefail
cd "$(dirname "$0")/.."
work="$(realpath -m "${1:-.cache/container}")"
base=localhost/herdbook-base image=localhost/herdbook
suite="${SUITE:-bookworm}"

[ "$(id -u)" -eq 0 ] || { echo "build: needs root, for debootstrap and chroot" >&2; exit 1; }
for tool in buildah debootstrap; do
  command -v "$tool" >/dev/null || { echo "build: needs $tool: apt-get install $tool" >&2; exit 1; }
done
mkdir -p "$work"
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
b() { buildah --root "$work/storage" --runroot "$work/run" "$@"; }

# The mirror is what this machine's apt uses; it is written down nowhere.
mirror() {
  cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null |
    sed -nE 's/^URIs: *([^ ]+).*/\1/p; s/^deb +(\[[^]]*\] +)?([^ ]+) .*/\2/p' | head -n 1
}

if [ ! -e "$work/rootfs/.ready" ]; then
  rm -rf "$work/rootfs"
  debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates "$suite" "$work/rootfs" "$(mirror)"
  rm -rf "$work"/rootfs/var/cache/apt/archives/*.deb "$work"/rootfs/var/lib/apt/lists/*
  touch "$work/rootfs/.ready"
fi
if ! b inspect --type image "$base" >/dev/null 2>&1; then
  container="$(b from scratch)"
  b add --quiet "$container" "$work/rootfs" / >/dev/null
  b commit --quiet --rm "$container" "$base" >/dev/null
fi

# pip inside sees this machine's indexes and certificates. What lies in folders of this machine is not there.
python3 - "$work/pip.conf" "${PIP_CONFIG_FILE:-}" /etc/pip.conf "${XDG_CONFIG_HOME:-$HOME/.config}/pip/pip.conf" <<'PYTHON'
import configparser, sys

told = configparser.RawConfigParser()
told.read(name for name in sys.argv[2:] if name)
inside = {"index-url", "extra-index-url", "trusted-host", "timeout"}
options = {key: value for key, value in (told["global"] if "global" in told else {}).items() if key in inside}
for key in ("index-url", "extra-index-url"):
    options[key] = " ".join(url for url in options.get(key, "").split() if not url.startswith("file:"))
written = configparser.RawConfigParser()
written["global"] = {key: value for key, value in options.items() if value}
written.write(open(sys.argv[1], "w"))
PYTHON
mounts=(--volume "$work/pip.conf:/etc/pip.conf:ro")
certificates="${PIP_CERT:-${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}}"
if [ -f "$certificates" ]; then
  cp -L "$certificates" "$work/certificates.crt"
  mounts+=(--volume "$work/certificates.crt:/etc/pip.crt:ro")
  echo "cert = /etc/pip.crt" >>"$work/pip.conf"
fi

b bud --format docker --build-arg "BASE=$base" "${mounts[@]}" -f deploy/Containerfile -t "$image" .

# Tried in a chroot: there is no container runtime that would start here.
container="$(b from "$image")"
trap 'b rm "$container" >/dev/null' EXIT
run() { b run --isolation chroot --user 10001:10001 "$container" -- "$@"; }
run herdbook --version
run herdbook init /var/lib/herdbook/registry
run herdbook doctor
# The service answers, as that user, and stops when it is asked to.
run /opt/herdbook/bin/python - <<'PYTHON'
import json, subprocess, urllib.request

child = subprocess.Popen(["herdbook", "--json", "serve", "--port", "0", "--workers", "2"], stdout=subprocess.PIPE, text=True)
url = json.loads(child.stdout.readline())["url"]
print(urllib.request.urlopen(url + "/ready", timeout=10).read().decode())
child.terminate()
print("stopped with", child.wait(60))
PYTHON
