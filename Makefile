# Every target sets up what it needs; a new machine has Python 3.11 to 3.13, make and a package index.
PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo serve test lint format bench bench-quick screenshots down

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
		|| { echo "Python 3.11 to 3.13 is needed: make PYTHON=python3.12"; exit 1; }
	@echo "installing into .venv, once …"
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[local,dev]'
	@touch $@

demo: .venv/installed ## the main job on sample data: marts, reports, mails, links
	@$(BIN)/python -m orchestration.demo

serve: .venv/installed ## web pages, Dagster UI and scheduler until Ctrl-C
	@exec $(BIN)/dynamics up

test: .venv/installed ## the whole test suite
	@$(BIN)/pytest -n $(WORKERS) --dist loadfile

lint: .venv/installed ## style, types, and which room may import which
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: .venv/installed ## rewrites the code in the house's style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: .venv/installed ## benchmarks into docs/benchmarks.md, as ratios against a named peer (BENCH=TOPIC for one)
	@$(BIN)/python -m benchmarks $(BENCH)

bench-quick: .venv/installed ## loads, builds and reports of 1 million transactions beside their peers, once; under five minutes
	@$(BIN)/python -m benchmarks load marts --quick

screenshots: .venv/installed ## pictures of every page in build/screenshots, the best in docs/images/pages
	@$(BIN)/python tests/browser/screenshots.py

down: ## stops the local services
	@$(BIN)/dynamics down
