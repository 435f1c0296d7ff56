# `make serve` needs Python 3.11 or newer and nothing else; `make test` runs all that CI runs.
# On Linux the usual torch brings CUDA (several GB). For the small CPU build, whose index PyTorch's installation page
# names:  PIP_EXTRA_INDEX_URL=<that index> make serve

PYTHON  ?= python3
HOST    ?= 127.0.0.1
PORT    ?= 8000
WORKERS ?= 2
IMAGE   ?= chainrule
DOCKER  ?= $(firstword $(shell command -v docker podman))

VENV := .venv
BIN  := $(VENV)/bin
PIP  := $(BIN)/python -m pip install --quiet --constraint constraints.txt

# Ray opens ports and leaves processes behind: its tests get a network and processes of their own, which end with them.
ALONE := timeout --kill-after=10 2700 unshare --net --pid --fork --mount-proc --kill-child \
	sh -c 'ip link set lo up && exec "$$@"' alone

# One compute thread a test worker: more of them than cores only get in each other's way.
test test-quick test-ray: export OMP_NUM_THREADS = 1

.DEFAULT_GOAL := help
.PHONY: help serve test test-quick test-ray lint types format pictures bench performance gpu image clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

serve: $(VENV)/service.stamp  ## install what the service needs and serve on 127.0.0.1:8000
	CHAINRULE_HOST=$(HOST) CHAINRULE_PORT=$(PORT) $(BIN)/chainrule serve

test: lint types  ## all that CI runs: lint, types, every test
	$(BIN)/pytest -n $(WORKERS) -m "not container and not ray"
	$(MAKE) test-ray
	$(BIN)/pytest -m container

test-quick: $(VENV)/dev.stamp  ## the tests that are not slow
	$(BIN)/pytest -n $(WORKERS) -m "not slow and not container"

test-ray: $(VENV)/dev.stamp  ## the tests that start Ray; they need root, for a network of their own
	@if $(ALONE) true; then $(ALONE) $(BIN)/pytest -m ray tests/deploy; \
	elif [ -n "$(CI)" ]; then exit 1; \
	else echo "skipped: the tests with Ray need root, unshare and ip"; fi

lint: $(VENV)/dev.stamp  ## ruff: rules and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/dev.stamp  ## mypy, strict
	$(BIN)/mypy

format: $(VENV)/dev.stamp  ## let ruff rewrite what it can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

pictures: $(VENV)/dev.stamp  ## draw the pictures of the documentation anew
	$(BIN)/python docs/make_pictures.py

bench: $(VENV)/dev.stamp  ## speed against the peers that are installed, as ratios in one run
	$(BIN)/python tests/benchmarks/run.py

performance: $(VENV)/dev.stamp $(VENV)/peers.stamp  ## install every peer, measure, and write docs/performance.md anew
	$(BIN)/python tests/benchmarks/run.py --page docs/performance.md

gpu: $(VENV)/dev.stamp  ## on a machine with CUDA: check every op there, and measure
	$(BIN)/python tests/gpu/run.py

image:  ## build the container image
	@[ -n "$(DOCKER)" ] || { echo "make image needs docker or podman; neither is on the PATH" >&2; exit 1; }
	$(DOCKER) build $(if $(findstring podman,$(DOCKER)),--format docker) --tag $(IMAGE) $(BUILD_ARGS) .

clean:  ## remove the virtual environment and everything else that is made here
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find service clients tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Installing is skipped until what is to be installed changes.
$(VENV)/service.stamp: EXTRA = service
$(VENV)/dev.stamp: EXTRA = dev
$(VENV)/%.stamp: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) torch
	$(PIP) --editable ".[$(EXTRA)]"
	@touch $@

# The peers of the benchmarks have an environment of their own, inside ours, so that neither decides the other's versions.
$(VENV)/peers.stamp: $(BIN)/python tests/benchmarks/peers.txt
	$(BIN)/python -m venv $(VENV)/peers
	$(VENV)/peers/bin/python -m pip install --quiet --requirement tests/benchmarks/peers.txt
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  found=$$($(PYTHON) --version 2>/dev/null || echo "not found"); \
	  echo "chainrule needs Python 3.11 or newer; $(PYTHON) is $$found." >&2; \
	  echo "Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
