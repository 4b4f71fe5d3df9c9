# The front door. Every target installs what it needs first; that costs nothing when it is there already.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
PY := .venv/bin/python
export SCRIBE_HOME ?= .local

.PHONY: help setup demo run token api-key test test-azure check check-infra fmt bench cost openapi lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/.installed node_modules/.installed ## .venv and node_modules, from pinned files

.venv/.installed: requirements-dev.txt
	@echo "installing Python packages (about 1 GB, once) …"
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
		|| { echo "error: Python 3.11 to 3.13 is needed; set PYTHON=/path/to/python3.x" >&2; exit 1; }
	@$(PYTHON) -m venv .venv
	@awk '/^[a-z]/ {on = /^uv==/} on' requirements-dev.txt > .venv/uv.txt
	@$(PY) -m pip install -qq --disable-pip-version-check --require-hashes -r .venv/uv.txt
	@.venv/bin/uv pip install --quiet --compile-bytecode --python $(PY) --require-hashes -r requirements-dev.txt
	@touch $@

node_modules/.installed: package-lock.json
	@echo "installing the storage emulator …"
	@npm ci --no-audit --no-fund --loglevel=error
	@touch $@

demo: setup ## a session from chunks to note, on this machine, then gone
	@$(PY) -m localcloud.demo

run: setup ## the whole stack, until Ctrl-C
	@exec $(PY) -m localcloud.run

token: setup ## a JWT: make -s token USER=therapist1 ROLE=therapist
	@$(PY) -m localcloud.issuer token --user '$(USER)' --role '$(ROLE)'

api-key: setup ## an API key for a partner: make -s api-key NAME=clinic1
	@$(PY) -m localcloud.api_keys issue --name '$(NAME)'

test: setup .venv-infra/.installed ## the whole suite
	@$(PY) -m pytest -n auto --dist loadfile --no-loadscope-reorder --durations 15

test-azure: setup ## the suites against engines in a subscription: docs/operations.md
	@: "$${AZURE_TEST_SPEECH__AZURE__ENDPOINT:?set what docs/operations.md says}"
	@$(PY) -m pytest tests/contract
	@$(AZURE_ENGINES) $(PY) -m pytest tests/e2e/test_any_order.py tests/e2e/test_seed_documents.py

AZURE_ENGINES = SPEECH__ENGINE=azure-auto NOTES__ENGINE=azure-openai DOCUMENTS__ENGINE=document-intelligence \
	KEYS__ENGINE=key-vault \
	SPEECH__AZURE__ENDPOINT="$$AZURE_TEST_SPEECH__AZURE__ENDPOINT" \
	NOTES__AZURE_OPENAI__ENDPOINT="$$AZURE_TEST_NOTES__AZURE_OPENAI__ENDPOINT" \
	NOTES__AZURE_OPENAI__DEPLOYMENT="$$AZURE_TEST_NOTES__AZURE_OPENAI__DEPLOYMENT" \
	DOCUMENTS__DOCUMENT_INTELLIGENCE__ENDPOINT="$$AZURE_TEST_DOCUMENTS__DOCUMENT_INTELLIGENCE__ENDPOINT" \
	KEYS__KEY_VAULT__URL="$$AZURE_TEST_KEYS__KEY_VAULT__URL" \
	KEYS__KEY_VAULT__KEY_NAME="$$AZURE_TEST_KEYS__KEY_VAULT__KEY_NAME"

check: setup check-infra ## style, types, import rules, what is deployed
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

check-infra: setup .venv-infra/.installed ## what is deployed: Bicep, its agreement with the code, hooks
	@$(PY) -m infra.check
	@.venv-infra/bin/python infra/check/scan.py infra
	@for hook in infra/hooks/*.sh; do sh -n $$hook || exit 1; done

.venv-infra/.installed: requirements-infra.txt .venv/.installed
	@echo "installing checkov …"
	@.venv/bin/uv venv --quiet --clear --python $(PY) .venv-infra
	@.venv/bin/uv pip install --quiet --python .venv-infra/bin/python --require-hashes -r requirements-infra.txt
	@touch $@

fmt: setup ## format, and mend what can be mended
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .

bench: setup ## speed, as ratios
	@for name in stitch speech notes upload pipeline; do $(PY) -m bench.$$name || exit 1; done

cost: setup ## what an hour of session costs, from counted operations and infra/prices.yaml
	@$(PY) -m bench.cost $(MINUTES)

openapi: setup ## write docs/openapi.json anew from the code
	@$(PY) -m localcloud.openapi docs/openapi.json

lock: setup ## pin requirements*.txt anew from pyproject.toml
	@.venv/bin/uv pip compile pyproject.toml $(LOCK) -o requirements.txt
	@.venv/bin/uv pip compile pyproject.toml $(LOCK) --extra embedded -c requirements.txt -o requirements-embedded.txt
	@.venv/bin/uv pip compile pyproject.toml $(LOCK) --extra embedded --extra dev -c requirements-embedded.txt -o requirements-dev.txt
	@echo 'checkov==3.3.30' | .venv/bin/uv pip compile - $(LOCK) -o requirements-infra.txt

LOCK := --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

clean: ## remove what was installed and all local state
	@rm -rf .venv .venv-infra node_modules .local
