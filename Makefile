# `make` lists the commands. What is needed beforehand: Python 3.11 or newer, git, make.
# Paths are relative on purpose: the checkout may lie under a folder with spaces.

BIN := .venv/bin
# Many tests wait for servers, processes and clocks: more workers than processors.
WORKERS := $(or $(WORKERS),$(shell echo $$(( $$(getconf _NPROCESSORS_ONLN) * 3 / 2 ))))

# Tests start the product hundreds of times and in several workers: whoever forbids compiled files
# would have each of them compile everything anew. `make clean` removes them.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
# Checks print one after the other, also under `make -j`.
.NOTPARALLEL:
.PHONY: help setup demo test lint ruff format mypy floors pytest soak bench pages lock clean

help: ## list these commands
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' Makefile | expand -t 16

setup: .venv/.installed ## make .venv with the locked packages and the `promoter` command

.venv/.locked: requirements.lock .ci/setup
	@PYTHON="$(PYTHON)" .ci/setup
	@touch $@

.venv/.installed: .venv/.locked pyproject.toml
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--no-build-isolation --editable .
	@touch $@

demo: setup ## promote through an embedded registry and repository
	@$(BIN)/promoter demo

test: setup ## every check: lint, types, import floors, tests
	@# While mypy keeps one processor busy, the other one compiles what each worker of pytest
	@# would compile for itself.
	@$(BIN)/python -m pytest --collect-only -qq >/dev/null 2>&1 & \
	$(MAKE) --keep-going --no-print-directory lint pytest

lint: ruff format mypy floors ## every check but the tests

ruff: setup
	$(BIN)/ruff check .

format: setup
	$(BIN)/ruff format --check .

mypy: setup
	$(BIN)/mypy

floors: setup
	$(BIN)/lint-imports

pytest: setup
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

soak: setup ## the tests that take longer than `make test` may
	@$(BIN)/python -m pytest -m soak -n $(WORKERS) --dist worksteal; code=$$?; \
	if [ $$code -eq 5 ]; then echo "Nothing to soak yet."; else exit $$code; fi

bench: setup ## the figures that README quotes
	@for each in $$(grep -l __main__ benchmarks/*.py); do \
		echo "== $$each"; \
		$(BIN)/python -m benchmarks.$$(basename $$each .py) || exit 1; \
	done

pages: setup ## what of docs/ is made: why, settings, metrics, merge-requests with its images (needs Chromium)
	@for each in make_why make_settings make_metrics; do $(BIN)/python -m docs.$$each || exit 1; done
	@$(BIN)/python -m docs.make_merge_requests

lock: ## write requirements.lock again (newer versions: make lock UPGRADE=--upgrade)
	@PYTHON="$(PYTHON)" .ci/lock $(UPGRADE)

clean: ## remove .venv and what the checks leave behind
	rm -rf .venv .ci/parts .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist
	find promoter tests benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} +
