#!/usr/bin/env bash
# Makes .cache/localstack, the environment of the S3 server that tests talk to. Does nothing when it is ready.
# Where it cannot be had, it says so and goes on: tests that need it are then skipped, and fail under CI.
set -euo pipefail
cd "$(dirname "$0")/../.."
lock=tools/servers/localstack.txt
folder=.cache/localstack
[ "$folder/.ready" -nt "$lock" ] && exit 0
mkdir -p .cache
exec 9>.cache/localstack.lock
flock 9 2>/dev/null || true # one at a time, where there is flock
[ "$folder/.ready" -nt "$lock" ] && exit 0
if "${PYTHON:-python3}" -m venv --clear "$folder" &&
  # One package has no wheel: it is built with the locked setuptools, which must be there before.
  "$folder/bin/python" -m pip install --quiet --require-hashes -r <(sed -n '/^setuptools==/,/[^\\]$/p' "$lock") &&
  "$folder/bin/python" -m pip install --quiet --require-hashes --no-build-isolation -r "$lock"; then
  touch "$folder/.ready"
else
  echo "localstack: could not be installed for $("${PYTHON:-python3}" --version); going on without" >&2
fi
