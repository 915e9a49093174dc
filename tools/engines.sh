#!/usr/bin/env bash
# Makes .cache/engines: Snakemake, HTCondor's bindings and REANA's schema, which tests of engines need. Does nothing when
# it is ready. Where it cannot be had, it says so and goes on: its tests are then skipped, and fail under CI.
set -euo pipefail
cd "$(dirname "$0")/.."
lock=tools/engines.txt
folder=.cache/engines
[ "$folder/.ready" -nt "$lock" ] && [ "$folder/.ready" -nt "$0" ] && exit 0
mkdir -p .cache
exec 9>.cache/engines.lock
flock 9 2>/dev/null || true # one at a time, where there is flock
[ "$folder/.ready" -nt "$lock" ] && [ "$folder/.ready" -nt "$0" ] && exit 0
# The lock is whole but for what reana-commons asks for: its schema is a file, and nothing of it is run. It has no wheel,
# and is built with the locked setuptools, which must be there before.
if "${PYTHON:-python3}" -m venv --clear "$folder" &&
  "$folder/bin/python" -m pip install --quiet --require-hashes -r <(sed -n '/^setuptools==/,/[^\\]$/p' "$lock") &&
  "$folder/bin/python" -m pip install --quiet --require-hashes --no-deps --no-build-isolation -r "$lock" &&
  "$folder/bin/snakemake" --version >/dev/null; then
  touch "$folder/.ready"
else
  echo "engines: could not be installed for $("${PYTHON:-python3}" --version); going on without" >&2
fi
