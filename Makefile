# Everything people do with this project, by name. `make help` lists it.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
SHELL := /bin/sh

# what the caller's shell is working in must not reach this project
unexport VIRTUAL_ENV
unexport PYTHONPATH
unexport PYTHONHOME

PYTHON := .venv/bin/python

.PHONY: help
help: ## Lists these commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do \
	  printf '  make %-13s %s\n' "$$name" "$$text"; done

.PHONY: up
up: ## Sets up, trains, starts everything and prints addresses and first-time logins (Ctrl-C stops it)
	@scripts/setup engine
	@exec .venv/bin/youmen up $(ARGS)

.PHONY: test
test: ## Sets up what tests need and runs the fast tests (at most 10 minutes)
	@scripts/setup dev
	@scripts/run_tests fast $(ARGS)

.PHONY: test-all
test-all: ## Runs every test, with browser and slow ones (at most 40 minutes)
	@scripts/setup dev
	@scripts/browser_packages
	@scripts/run_tests all $(ARGS)

.PHONY: test-faults
test-faults: ## Runs the tests that kill processes and take servers away
	@scripts/setup dev
	@scripts/run_tests faults $(ARGS)

.PHONY: train
train: ## Trains the dialogue model when data, dictionary or config have changed
	@scripts/setup engine
	@exec .venv/bin/youmen train $(ARGS)

.PHONY: lint
lint: ## Checks style, layers, wording, training data and files of the repository
	@scripts/setup dev
	@$(PYTHON) -m pytest -q tests/house --ignore tests/house/test_bootstrap.py --ignore tests/house/test_types.py

.PHONY: types
types: ## Checks the types of the pure rooms (mypy)
	@scripts/setup dev
	@$(PYTHON) -m pytest -q tests/house/test_types.py

.PHONY: lock
lock: ## Writes requirements/*.txt anew from *.in (UPGRADE=--upgrade takes newer versions)
	@scripts/lock $(UPGRADE)

.PHONY: clean
clean: ## Removes what these commands made here: .venv, .tools, build (never the data of a running hotline)
	@rm -rf .venv .tools build
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
