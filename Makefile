# Everything runs in .venv, which is made when pyproject.toml or the constraints change. Python compiles what is imported
# when it is imported: to compile all that is installed takes two minutes.
PYTHON ?= python3
DEMO ?= spotal-demo
BIN := .venv/bin
# of pytest; two keep two cores four fifths busy, since tests wait for servers, browsers and Ray
WORKERS ?= 3
NODE := PATH="$(CURDIR)/$(BIN):$$PATH"

.PHONY: demo test test-fast python setup label-studio lint types contracts js docs tests dist clean

demo: setup  ## set up, then active learning on real images; ends by saying where the report is
	$(BIN)/spotal demo --out $(DEMO)

test:  ## set up, then everything that CI checks: two checks at a time, then the tests
	$(MAKE) -j2 --output-sync=target setup label-studio
	$(MAKE) -j2 --output-sync=target types docs lint contracts js
	$(MAKE) tests

test-fast: setup  ## set up, then the tests that together take under three minutes on two cores
	$(BIN)/pytest -n 2 -m "not slow and not ray"

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell *.md CITATION.cff docs src tools tests benchmarks/*.py benchmarks/*/*.py

types: setup
	$(BIN)/mypy

contracts: setup
	$(BIN)/lint-imports --no-cache

js: node_modules/ready  ## types, linter and unit tests of the labeling page; node comes with .venv
	$(NODE) npm run --silent types
	$(NODE) npm run --silent lint
	$(NODE) npm run --silent test

docs: setup  ## the site, in build/site; warnings and dead links are errors; needs no network
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

dist: setup  ## sdist and wheel, in dist
	rm -rf dist
	$(BIN)/python -m build

tests: setup label-studio
	$(BIN)/pytest -n $(WORKERS) --durations 30

setup: .venv/ready

label-studio: .venv-label-studio/ready  ## a Label Studio server for the tests that talk to one

.venv-label-studio/ready: tests/annotate/label-studio.txt | python
	$(PYTHON) -m venv .venv-label-studio
	.venv-label-studio/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --requirement $<
	touch $@

node_modules/ready: package.json package-lock.json | setup
	$(NODE) npm ci --silent --no-audit --no-fund --ignore-scripts
	touch $@

.venv/ready: pyproject.toml constraints.txt | python
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt --editable '.[dev]'
	touch $@

python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "spotal needs Python 3.11 or newer: make PYTHON=python3.11")'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq python3-venv; } \
	  || { echo "$(PYTHON) cannot make virtual environments; on Debian: apt-get install python3-venv" >&2; exit 1; }

clean:
	rm -rf .venv .venv-label-studio node_modules build dist
