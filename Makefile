# make is the front door: `make help` lists every target. Each works on a fresh machine; a second run is fast.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PY := .venv/bin/python
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 .venv/bin/python -m pip --quiet
ARGS ?=
# Tests wait for programs that they start, and those for one another: three find work for two processors.
WORKERS ?= $(shell echo $$(( ($$(nproc) * 3 + 1) / 2 )))
export PYTHONDONTWRITEBYTECODE :=

help:  ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

setup: .cache/app.done .cache/web.done  ## a virtual environment, the locked packages, the built front end

demo: setup  ## fake exchanges, keeper and web app on made-up accounts (ARGS=--once: print and leave)
	.venv/bin/tallyglass demo $(ARGS)

test: lint types .cache/peers.done .cache/browser.done .cache/managers.done  ## every check and every test, browser tests included
	$(PY) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -q $(ARGS)

soak: setup .cache/dev.done .cache/peers.done  ## the long campaigns
	$(PY) -m pytest -q -m soak --timeout=7200 $(ARGS)
	TALLYGLASS_PROPERTIES=soak $(PY) -m pytest -q -n $(WORKERS) --timeout=7200 tests/property src/tallyglass/exchanges

lint: setup .cache/dev.done  ## style, imports and the rules of the house
	.venv/bin/ruff check --quiet .
	.venv/bin/ruff format --quiet --check .
	.venv/bin/lint-imports --cache-dir .cache/import-linter >/tmp/tallyglass-imports.$$$$ || { cat /tmp/tallyglass-imports.$$$$; exit 1; }

types: setup .cache/dev.done  ## mypy, strict
	.venv/bin/mypy

bench: setup .cache/dev.done  ## the figures of the README, beside a peer (ARGS=--quick)
	for script in bench/*.py; do $(PY) $$script $(ARGS); done

lock:  ## newest versions that pyproject.toml allows, with hashes
	$(PIP) install uv
	for group in app dev; do \
	  extra=$$([ $$group = dev ] && echo "--group dev" || true); \
	  .venv/bin/uv pip compile --quiet --upgrade --generate-hashes --no-annotate --universal --python-version 3.11 \
	    pyproject.toml $$extra --custom-compile-command "make lock" -o requirements/$$group.txt; done
	.venv/bin/uv pip compile --quiet --upgrade --generate-hashes --no-annotate --universal --python-version 3.11 \
	  requirements/peers.in --custom-compile-command "make lock" -o requirements/peers.txt

clean:  ## all that was made here, gone
	rm -rf .venv .venv-peers .cache .hypothesis .ruff_cache .pytest_cache dist build frontend/node_modules src/tallyglass/web/static

.venv/bin/python:
	python3 -m venv .venv

.cache/app.done: requirements/app.txt pyproject.toml | .venv/bin/python
	$(PIP) install --require-hashes -r requirements/app.txt
	$(PIP) install --require-hashes -r requirements/build.txt
	$(PIP) install --no-deps --no-build-isolation -e .
	@mkdir -p .cache && touch $@

.cache/dev.done: requirements/dev.txt .cache/app.done
	$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

.cache/web.done: frontend/package-lock.json $(wildcard frontend/src/*) $(wildcard frontend/*.mjs)
	cd frontend && npm ci --ignore-scripts --no-fund --no-audit --no-update-notifier --loglevel=error && npm run --silent build
	@mkdir -p .cache && touch $@

.cache/peers.done: requirements/peers.txt
	python3 -m venv .venv-peers
	PIP_DISABLE_PIP_VERSION_CHECK=1 .venv-peers/bin/python -m pip --quiet install --require-hashes -r requirements/peers.txt
	@mkdir -p .cache && touch $@

# Chromium without windows where it is to be had: the same engine at less than half the work.
.cache/browser.done:
	@command -v chromium-headless-shell >/dev/null || { echo "installing Chromium for the browser tests"; \
	  sudo=$$([ $$(id -u) = 0 ] || echo sudo); export DEBIAN_FRONTEND=noninteractive; $$sudo apt-get update -qq; \
	  get() { $$sudo apt-get install -y -qq --no-install-recommends $$1 fonts-dejavu-core >/dev/null; }; \
	  get chromium-headless-shell 2>/dev/null || command -v chromium >/dev/null || get chromium; }
	@mkdir -p .cache && touch $@

# Password managers that Debian has: with them, references are tried against the real client and not a stand-in.
.cache/managers.done: | .cache/browser.done
	@type pass gpg gnome-keyring-daemon dbus-daemon >/dev/null 2>&1 || { echo "installing pass and gnome-keyring for their tests"; \
	  sudo=$$([ $$(id -u) = 0 ] || echo sudo); DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq \
	  --no-install-recommends pass gnupg gnome-keyring dbus >/dev/null || echo "not to be had: stand-ins are used"; }
	@mkdir -p .cache && touch $@

.PHONY: help setup demo test soak lint types bench lock clean
