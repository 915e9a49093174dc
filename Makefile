# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
JOBS   ?= 2

.PHONY: setup demo retrain tau-id stack test test-all lint bench wheel lock clean
.DEFAULT_GOAL := test

# pip refuses what does not have the hash in the lock; the package itself is built with the locked hatchling.
$(VENV)/.ready: requirements.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Herdbook needs Python 3.11 or newer; say which with: make PYTHON=/path/to/python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

setup: $(VENV)/.ready

demo: setup
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python examples/demo.py

# A captured training, repeated by a stranger. An environment is made for it, so an index of packages should be reachable.
retrain: setup
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python examples/retrain.py

# Needs the data pack: HERDBOOK_DATA, else ../shared/data.
tau-id: setup
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python examples/tau_id.py

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

# PostgreSQL, an S3 store and the service, on this machine and without containers, until Ctrl-C.
stack: setup .cache/localstack/.ready
	$(BIN)/python tools/stack.py

# PostgreSQL comes with the other wheels. A server that cannot be had skips its tests, and fails them under CI.
test: setup lint .cache/localstack/.ready .cache/rucio/.ready .cache/frameworks/.ready .cache/engines/.ready
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m "not slow"

test-all: setup lint .cache/localstack/.ready .cache/rucio/.ready .cache/frameworks/.ready .cache/engines/.ready .cache/formats/.ready
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal

# The peer is measured in an environment of its own.
.cache/mlflow/.ready: bench/mlflow.txt
	$(PYTHON) -m venv .cache/mlflow
	.cache/mlflow/bin/python -m pip install --quiet --require-hashes -r bench/mlflow.txt
	touch $@

# The S3 server of the tests, in an environment of its own; where it cannot be had the script says so.
.cache/localstack/.ready: tools/servers/localstack.txt
	PYTHON="$(PYTHON)" tools/servers/localstack.sh

# The Rucio server of the tests, likewise.
.cache/rucio/.ready: tools/servers/rucio.txt
	PYTHON="$(PYTHON)" tools/servers/rucio.sh

# The libraries of the trainings that tests capture; where they cannot be had the script says so.
.cache/frameworks/.ready: tools/frameworks.txt tools/frameworks.sh
	PYTHON="$(PYTHON)" tools/frameworks.sh

# The official libraries of the formats, with which fixtures are made anew; where they cannot be had the script says so.
.cache/formats/.ready: tools/formats.txt tools/formats.sh
	PYTHON="$(PYTHON)" tools/formats.sh

# Snakemake, HTCondor's bindings and REANA's schema; where they cannot be had the script says so.
.cache/engines/.ready: tools/engines.txt tools/engines.sh
	PYTHON="$(PYTHON)" tools/engines.sh

bench: setup .cache/mlflow/.ready
	$(BIN)/python -m bench $(BENCH)

# Three locks at the same versions: everything, what the service needs, what builds its wheel.
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
lock:
	$(BIN)/python -m pip install --quiet uv
	$(LOCK) pyproject.toml --group dev -o requirements.txt
	$(LOCK) pyproject.toml --extra server --extra postgres --extra s3 --extra imports --no-annotate -c requirements.txt -o deploy/requirements-server.txt
	echo hatchling | $(LOCK) - --no-annotate -c requirements.txt -o deploy/requirements-build.txt

# Into dist/, by the locked hatchling.
wheel: setup
	$(BIN)/python -m hatchling build -t wheel

clean:
	rm -rf $(VENV) dist .cache/localstack .cache/rucio .cache/frameworks .cache/engines .cache/formats .cache/helm .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
