#!/usr/bin/env bash
# Makes .cache/frameworks, the environment of the real trainings that tests capture. Does nothing when it is ready.
# Where it cannot be had, it says so and goes on: tests that need it are then skipped, and fail under CI.
set -euo pipefail
cd "$(dirname "$0")/.."
lock=tools/frameworks.txt
folder=.cache/frameworks
[ "$folder/.ready" -nt "$lock" ] && [ "$folder/.ready" -nt "$0" ] && exit 0
mkdir -p .cache
exec 9>.cache/frameworks.lock
flock 9 2>/dev/null || true # one at a time, where there is flock
[ "$folder/.ready" -nt "$lock" ] && [ "$folder/.ready" -nt "$0" ] && exit 0
# PyTorch without what it asks for on a machine with a GPU, gigabytes that no test needs; the lock has the rest of what
# it asks for. No hash: its build for the CPU alone comes from elsewhere (PIP_FIND_LINKS) than the one of that version.
if "${PYTHON:-python3}" -m venv --clear "$folder" &&
  "$folder/bin/python" -m pip install --quiet --require-hashes -r "$lock" &&
  "$folder/bin/python" -m pip install --quiet --no-deps torch==2.13.0 &&
  "$folder/bin/python" -c 'import torch'; then
  touch "$folder/.ready"
else
  echo "frameworks: could not be installed for $("${PYTHON:-python3}" --version); going on without" >&2
fi
