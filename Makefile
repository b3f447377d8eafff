# Layette: everything a developer runs, from a fresh clone with nothing but Python 3.11+, make and git.
# `make help` lists the commands: it reads the comments that begin with two number signs.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

BIN := .venv/bin
WEB := tests/clients/web
PACKAGES := app auth benchmarks commerce gateways migrations models privacy reads resolvers schema seeds tests
export PYTHONUNBUFFERED := 1

.PHONY: help run test check format schema migration release bench soak lock clean

## make run        Start the shop on http://127.0.0.1:8000 with its own PostgreSQL and Valkey (LAYETTE_PORT, LAYETTE_HOME, LAYETTE_SEED)
run: .venv/.runtime
	@exec $(BIN)/python -m app serve

## make test       Every check that CI runs: make check, then the tests (ARGS="-k name" narrows them)
test: check $(WEB)/node_modules/.package-lock.json
	@echo "==> tests"
	$(BIN)/python -m pytest -n $${TEST_WORKERS:-2} $(ARGS)

## make check      Formatting, lint, types, layering, migrations, the schema snapshot and the generated pages
check: .venv/.tools
	@echo "==> formatting"; $(BIN)/ruff format --check --quiet .
	echo "==> lint"; $(BIN)/ruff check --quiet .
	echo "==> types"; $(BIN)/ty check --quiet
	echo "==> layers"; $(BIN)/lint-imports --no-logo >.venv/layers.txt || { cat .venv/layers.txt; exit 1; }
	echo "==> migrations"; $(BIN)/python -m migrations.lint
	echo "==> schema snapshot and generated pages"; $(BIN)/python -m app schema --check

## make format     Put the code in the house's format, and repair what lint can repair
format: .venv/.tools
	@$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

## make schema     Write schema/schema.graphql and the generated pages anew
schema: .venv/.tools
	@$(BIN)/python -m app schema --write

## make migration  Draft a migration from the difference between models and database (NAME="add a thing")
migration: .venv/.tools
	@test -n "$(NAME)" || { echo 'Say what it does: make migration NAME="add gift wrap to order lines"'; exit 2; }
	$(BIN)/python -m app migrate --draft "$(NAME)"

## make release    Keep what this release promises: schema/released.graphql, and the migrations that shops will have run
release: .venv/.tools
	@$(BIN)/python -m app schema --release
	$(BIN)/python -m migrations.release

## make bench      Measure pages, sign-ins, cart adds and orders against routes written by hand (a quarter of an hour)
bench: .venv/.tools
	@$(BIN)/python -m benchmarks.run $(ARGS)

## make soak       A million mixed requests at one server process, watching its memory (many minutes)
soak: .venv/.tools
	@$(BIN)/python -m benchmarks.soak $(ARGS)

## make lock       Renew the pinned requirements from pyproject.toml (needs uv)
lock:
	@compile() { uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade --no-header "$$@"; }
	compile pyproject.toml -o requirements.txt
	compile pyproject.toml --group dev -c requirements.txt -o requirements-dev.txt
	compile --group codegen -o requirements-codegen.txt
	compile --group localstripe -o requirements-localstripe.txt

## make clean      Remove the environments (never the data in $LAYETTE_HOME)
clean:
	@rm -rf .venv .venv-codegen .venv-localstripe $(WEB)/node_modules

## make help       This list
help:
	@sed -n 's/^## /  /p' $(MAKEFILE_LIST)

# Stamps: an environment is made once, and again when its list of requirements changes.
.venv/.runtime: requirements.txt
	@.ci/environment .venv $<
	touch $@

.venv/.tools: requirements-dev.txt .venv-codegen/.installed .venv-localstripe/.installed
	@.ci/environment .venv $<
	touch .venv/.runtime $@

.venv-codegen/.installed .venv-localstripe/.installed: .venv-%/.installed: requirements-%.txt
	@.ci/environment .venv-$* $<
	touch $@

# npm writes this list when everything is there.
$(WEB)/node_modules/.package-lock.json: $(WEB)/package-lock.json | .venv/.tools
	@echo "==> installing $< into $(WEB)/node_modules"
	cd $(WEB) && $(CURDIR)/$(BIN)/npm ci
