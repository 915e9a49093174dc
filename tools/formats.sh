#!/usr/bin/env bash
# Makes .cache/formats, the environment of the official libraries that small files of tests are made with, all but
# PyTorch, which is in .cache/frameworks. Only slow tests use it. Does nothing when it is ready.
# Where it cannot be had, it says so and goes on: tests that need it are then skipped, and fail under CI.
# A library is added to the first lines of the lock, which is then made anew.
set -euo pipefail
cd "$(dirname "$0")/.."
lock=tools/formats.txt
folder=.cache/formats
[ "$folder/.ready" -nt "$lock" ] && [ "$folder/.ready" -nt "$0" ] && exit 0
mkdir -p .cache
exec 9>.cache/formats.lock
flock 9 2>/dev/null || true # one at a time, where there is flock
[ "$folder/.ready" -nt "$lock" ] && [ "$folder/.ready" -nt "$0" ] && exit 0
if "${PYTHON:-python3}" -m venv --clear "$folder" &&
  "$folder/bin/python" -m pip install --quiet --require-hashes -r "$lock"; then
  touch "$folder/.ready"
else
  echo "formats: could not be installed for $("${PYTHON:-python3}" --version); going on without" >&2
fi
