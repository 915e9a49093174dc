#!/usr/bin/env bash
# Makes .cache/rucio, the environment of the Rucio server that tests talk to. Does nothing when it is ready.
# Where it cannot be had, it says so and goes on: tests that need it are then skipped, and fail under CI.
set -euo pipefail
cd "$(dirname "$0")/../.."
lock=tools/servers/rucio.txt
folder=.cache/rucio
[ "$folder/.ready" -nt "$lock" ] && exit 0
mkdir -p .cache
exec 9>.cache/rucio.lock
flock 9 2>/dev/null || true # one at a time, where there is flock
[ "$folder/.ready" -nt "$lock" ] && exit 0
if "${PYTHON:-python3}" -m venv --clear "$folder" &&
  "$folder/bin/python" -m pip install --quiet --require-hashes -r "$lock"; then
  touch "$folder/.ready"
else
  echo "rucio: could not be installed for $("${PYTHON:-python3}" --version); going on without" >&2
fi
