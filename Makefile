# Everything runs from a fresh clone with Python 3.11 or newer and make; the first call fills .venv from the lock.

PYTHON ?= python3
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo dev test test-all test-node test-official test-rules check bench lock

help:  ## show this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## /\1\t/' | awk -F '\t' '{printf "make %-14s%s\n", $$1, $$2}'

demo: .venv/ready  ## back up, damage, restore and compare real data on the local stack
	@$(BIN)/firekeep demo

dev: .venv/ready  ## start the local stack and leave it running
	@$(BIN)/firekeep dev

test: .venv/ready  ## run the tests
	@echo "test: the default tests"
	@$(BIN)/python -m pytest

test-all: .venv/ready  ## run the tests and the exhaustive ones
	@echo "test-all: every test, the slow ones too"
	@$(BIN)/python -m pytest -m 'not node and not official and not rules'

test-node: .venv/ready node/node_modules/ready  ## run the tests with Google's clients for Node (needs Node)
	@echo "test-node: the tests with Node"
	@$(BIN)/python -m pytest -n 0 -m node

test-official: .venv/ready node/node_modules/ready  ## run the tests inside the official Emulator Suite (needs Node)
	@echo "test-official: the tests inside the official Emulator Suite"
	@$(BIN)/python -m pytest -n 0 -m official tests/official

test-rules: .venv/ready node/node_modules/ready  ## run the tests of the rules (needs Node and Java 21, downloads emulators)
	@echo "test-rules: the rules, in the official emulators"
	@$(BIN)/python -m pytest -n 0 -m rules tests/rules

check: .venv/ready  ## format, lint, types, import contracts
	@echo "check: format, lint, types, import contracts"
	@$(BIN)/ruff format --check --quiet . || { echo "run: $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

bench: .venv/ready  ## measure, and print the tables of docs/performance.md
	@$(BIN)/python -m bench

lock: .venv/ready  ## resolve the dependencies of pyproject.toml anew
	@echo "lock: requirements.lock and requirements-dev.lock"
	@$(COMPILE) --output-file requirements.lock pyproject.toml
	@$(COMPILE) --extra dev --extra local --extra demo --constraint requirements.lock \
		--output-file requirements-dev.lock pyproject.toml

COMPILE = CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe \
	--strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host

.venv/packages: requirements-dev.lock
	@echo "venv: installing the locked packages into .venv"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements-dev.lock
	@touch $@

.venv/ready: .venv/packages pyproject.toml
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

node/node_modules/ready: node/package-lock.json
	@echo "node: installing the locked packages into node/node_modules"
	@cd node && npm ci --silent
	@touch $@
