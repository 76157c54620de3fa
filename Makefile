# Every target sets up what it needs through tools/setup.sh. Variables, in the environment or here:
# VENV=DIR, PYTHON=PROGRAM, TORCH_INDEX=URL; JOBS=N runs tests in N processes (8 at most; 0: in one,
# without pytest-xdist); ARGS="..." goes to pytest, e.g. ARGS="-k lora -x", and in `make bench` to
# tests.bench.rivals, e.g. ARGS="--groups score".
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all test-slurm lint docs bench

VENV ?= tools/venv
PYTHON ?= python3
export VENV PYTHON
# One process more than cores, since many tests wait for others.
JOBS ?= $(shell expr $$(nproc) + 1)
PYTEST = python -m pytest --ignore=tests/bench -n $(JOBS) --maxprocesses 8 --no-loadscope-reorder -rs

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(firstword $(MAKEFILE_LIST))

setup: ## build the virtual environment; a second call takes seconds
	@tools/setup.sh

demo: setup ## the whole line on a generated corpus: data, training, scores, a table (10 minutes)
	@egs/mini/demo.sh

test: setup ## the tests that every change must pass (8 minutes on 2 cores)
	@. utils/path.sh; $(PYTEST) -m "not slow" $(ARGS)

test-all: setup ## all tests, the slow ones too: many kills, all faults at all stages, more recipes
	@. utils/path.sh; $(PYTEST) $(ARGS)

test-slurm: setup ## all tests of Slurm, on one that root has apt install
	@. utils/path.sh; FAD_INSTALL_SLURM=1 $(PYTEST) tests/slurm $(ARGS)

lint: setup ## ruff and mypy on the Python, shellcheck on the shell
	@. utils/path.sh; ruff check .; ruff format --check .; mypy
	@. utils/path.sh; git ls-files -z '*.sh' .ci/run | xargs -0 \
	    shellcheck -x -P . -P SCRIPTDIR -P SCRIPTDIR/..

docs: ## the pages of docs/ as HTML in site/; a broken link or anchor is an error (1 minute)
	@tools/setup.sh --extras dev,demo,docs
	@. utils/path.sh; NO_MKDOCS_2_WARNING=1 python -m mkdocs build --strict --quiet

bench: ## fad beside peft and fairseq: by hand on a quiet machine, never in CI (20 minutes, 20 GB)
	@tools/setup.sh --extras dev,demo,bench
	@. utils/path.sh; python -m tests.bench.rivals $(ARGS)
