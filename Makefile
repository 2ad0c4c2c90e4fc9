# Every target sets up what it needs: python3 (3.11 or later) and make are enough. "make" alone lists the targets.
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
python := .venv/bin/python

# More workers, or a selection: make test PYTEST_ARGS="-n 4 -k recorder"
PYTEST_ARGS ?= -n 2

.PHONY: help setup demo test check lint format types imports bench clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1|/p' $(MAKEFILE_LIST) | while IFS='|' read -r target text; \
		do printf '  make %-9s %s\n' "$$target" "$$text"; done

setup: ## bring .venv in step with uv.lock (the other targets do this first)
	@tools/bootstrap

demo: setup ## load a real history, print the report, serve it on 127.0.0.1:8000
	@.venv/bin/ledger demo

test: setup ## run the tests
	@$(python) -m pytest $(PYTEST_ARGS)

check: lint types imports test ## everything that must pass before a change lands

lint: setup ## style and likely mistakes: ruff, and its formatter
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check

format: setup ## rewrite the sources as "make lint" wants them
	@.venv/bin/ruff check --fix-only
	@.venv/bin/ruff format

types: setup ## mypy, strict
	@.venv/bin/mypy

imports: setup ## the one direction of imports, and dependencies declared as used
	@.venv/bin/lint-imports --no-logo
	@.venv/bin/deptry --no-ansi src

bench: setup ## measure on this machine, beside pgbench, COPY, the library and Emmett
	@$(python) -m bench

clean: ## remove everything that these targets made
	rm -rf .venv .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist
	find src tests -name __pycache__ -prune -exec rm -rf {} +
