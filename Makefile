# Every target sets up what it needs; a new machine has Python 3.11 to 3.13, make and a package index.
PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 2
PIP_INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt
# The sample data of `make seed`.
CLIENTS ?= 300
MONTHS ?= 26
SEED ?= 5

.DEFAULT_GOAL := help
.PHONY: help demo serve test test-fast lint format docs docs-reference dev seed psql dbt-docs \
	bench bench-quick screenshots down

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
		|| { echo "Python 3.11 to 3.13 is needed: make PYTHON=python3.12"; exit 1; }
	@echo "installing into .venv, once …"
	@$(PYTHON) -m venv .venv
	@$(PIP_INSTALL) --editable '.[local]'
	@touch $@

.venv/developer: .venv/installed
	@echo "installing the developers' tools into .venv, once …"
	@$(PIP_INSTALL) --editable '.[local,dev,bench,browser,docs]'
	@touch $@

# For users

demo: .venv/installed ## run the main job on sample data: marts, reports, mails, links
	@$(BIN)/dynamics demo

serve: .venv/installed ## run web pages, Dagster UI and scheduler until Ctrl-C
	@exec $(BIN)/dynamics up

down: ## stop the local services
	@$(BIN)/dynamics down

# Checks

test: .venv/developer ## run the whole test suite
	@$(BIN)/pytest -n $(WORKERS) --dist loadfile

test-fast: .venv/developer ## run the tests that need no server, in under a minute
	@$(BIN)/pytest -n $(WORKERS) --dist loadfile -m 'unit and not slow'

lint: .venv/developer ## check style, types, spelling, SQL, and which package may import which
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/sqlfluff lint dbt_project/models dbt_project/tests
	@$(BIN)/sqlfluff lint --dialect duckdb --templater raw orchestration/reporting/sql
	@$(BIN)/codespell

format: .venv/developer ## rewrite the code in the project's style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

docs: .venv/developer ## build the documentation site into build/site; a warning is an error
	@PYTHONPATH=docs $(BIN)/zensical build --clean --strict --config-file mkdocs.yml

docs-reference: .venv/developer ## write the reference pages of the documentation from the code
	@$(BIN)/python docs/generate.py

# For developers

dev: .venv/developer ## run the web pages and reload them after every change of the code
	@exec $(BIN)/python -m orchestration.development pages

seed: .venv/developer ## load sample data and build (CLIENTS=300 MONTHS=26 SEED=5)
	@$(BIN)/dynamics sample build/extract --clients $(CLIENTS) --months $(MONTHS) --seed $(SEED)
	@$(BIN)/dynamics load build/extract
	@$(BIN)/dynamics build

psql: .venv/developer ## open psql in the database of the settings
	@exec $(BIN)/python -m orchestration.development psql

dbt-docs: .venv/developer ## write the documentation of the dbt project into build/dbt
	@$(BIN)/python -m orchestration.development dbt-docs

bench: .venv/developer ## run the benchmarks into docs/benchmarks.md, as ratios against a named peer (BENCH=TOPIC for one)
	@$(BIN)/python -m benchmarks $(BENCH)

bench-quick: .venv/developer ## measure loads, builds and reports of 1 million transactions once, in under five minutes
	@$(BIN)/python -m benchmarks load marts --quick

screenshots: .venv/developer ## write pictures of every page into build/screenshots and docs/images/pages
	@$(BIN)/python tests/browser/screenshots.py
