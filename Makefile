# `make demo` and `make test` do all their set-up themselves: Python 3.11+, make and git are enough.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
PIP    := $(BIN)/python -m pip --disable-pip-version-check

# Where it is set, every command would compile the project's modules anew.
export PYTHONDONTWRITEBYTECODE :=

# Beside the ledger's tests, those with cases that only torture runs.
TORTURED := tests/gates/test_gate_engines_agree.py tests/compiler/test_files_torture.py

.DEFAULT_GOAL := help
.PHONY: help setup demo test coverage torture lint format bench clean

help: ## Show the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: $(STAMP) ## Make the virtual environment with everything in it

$(STAMP): pyproject.toml constraints.txt examples/requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Charter needs Python 3.11 or newer; set PYTHON=")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (a minute or two the first time)"
	@$(PIP) install --quiet --no-compile --constraint constraints.txt --editable '.[ml,dev]'
	@$(PIP) install --quiet --no-compile --no-deps --requirement examples/requirements.txt
	@touch $@

demo: $(STAMP) ## A real lifecycle, from charter text to verified ledger
	@$(BIN)/python examples/credit-risk/demo.py

test: $(STAMP) ## Run the tests
	@$(BIN)/python -m pytest -n 2

coverage: $(STAMP) ## Run the tests and show what they do not reach: half as long again
	@$(BIN)/python -m pytest -n 2 --cov --cov-report=term

torture: $(STAMP) ## Run crash, power-loss, tamper and mutilation tests whole: an hour or so
	@CHARTER_TORTURE=1 $(BIN)/python -m pytest -n 2 -m 'torture or not torture' tests/ledger $(TORTURED)

lint: $(STAMP) ## Format check, lint, types, layers
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: $(STAMP) ## Format and mend what can be mended
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(STAMP) ## Measure the figures, as ratios against named baselines of the same run
	@$(BIN)/python -m bench

clean: ## Remove the virtual environment and what tools left behind
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*
