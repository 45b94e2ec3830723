# Every verb sets itself up first; once that is done, set-up costs nothing.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
BI := .bi/venv
BI_READY := $(BI)/.ready
LOCK := --universal --python-version 3.11 --generate-hashes
LOCKED := pyproject.toml --extra dev --extra postgres $(LOCK)

ifneq (,$(wildcard .env))
include .env
export
endif

# What is handed to a command in one pair of quotes.
quoted = '$(subst ','\'',$(1))'
cell = $(call quoted,$(TABLE)) $(call quoted,$(KEY)) $(call quoted,$(COLUMN))

.DEFAULT_GOAL := help
.PHONY: help setup refresh test ui-test faults ui query check format schemas new-deal poll review \
	build failures report releases diff verify rollback mcp explain cite check-citation \
	pages docs screenshots export bi bi-test clients lock bi-lock clean

help: ## Print these verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

setup: $(READY) ## Install everything, pinned and hashed, into .venv

refresh: $(READY) ## Build the warehouse from the ledger, check it and publish a release
	@$(PY) -m orchestration.refresh $(ARGS)

test: $(READY) ## Run the fast tests
	@$(PY) -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile $(ARGS)

ui-test: $(READY) ## Drive the Dagster UI in a browser: a run, a failing check, a schedule
	@$(PY) -m pytest -m ui tests/orchestration/test_ui.py $(ARGS)

ui: $(READY) ## Open the Dagster UI on this machine (http://127.0.0.1:3000)
	@$(PY) -m orchestration.ui $(ARGS)

faults: $(READY) ## Do the warehouse harm in every way we know; takes an hour or two
	@$(PY) -m tests.faults $(ARGS)

query: $(READY) ## Open a read-only SQL prompt on the release, or run SQL="..."
	@$(PY) -m orchestration.query $(if $(SQL),--sql $(call quoted,$(SQL))) $(ARGS)

report: $(READY) ## Say where the report of the release lies; ARGS=--open opens it
	@$(PY) -m orchestration.report $(ARGS)

mcp: $(READY) ## Serve the release to machine readers over standard input and output
	@$(PY) -m orchestration.mcp_server $(ARGS)

explain: $(READY) ## Show what is behind a figure: TABLE=marts.x KEY="openai,net" COLUMN=total_gw_base
	@$(PY) -m orchestration.explain $(if $(TABLE),$(cell),--help) $(ARGS)

cite: $(READY) ## Write a citation of a figure (TABLE, KEY, COLUMN) or of SQL="..." of one row
	@$(PY) -m orchestration.cite $(if $(SQL),query $(call quoted,$(SQL)),$(if $(TABLE),cell $(cell),--help))

check-citation: $(READY) ## Run a citation again on the release: CITATION=file
	@$(PY) -m orchestration.cite check $(if $(CITATION),$(call quoted,$(CITATION)),--help)

export: $(READY) ## Write a table as CSV that Excel opens safely: TABLE=marts.x, or SQL="..."
	@$(PY) -m orchestration.export $(if $(SQL),--sql $(call quoted,$(SQL)),$(if \
		$(TABLE),--table $(call quoted,$(TABLE)),--help)) $(if $(FILE),--file $(call quoted,$(FILE)))

bi: $(READY) $(BI_READY) ## Open a dashboard in Apache Superset on this machine (needs 1 GB more)
	@$(BI)/bin/python -m bi.serve $(ARGS)

bi-test: $(READY) $(BI_READY) ## Test the dashboard in Superset and a browser; takes some minutes
	@$(PY) -m pytest tests/bi/dashboard.py $(ARGS)

clients: $(READY) ## Read the release with other DuckDBs, pandas, polars and Arrow
	@$(PY) -m tests.clients $(ARGS)

check: $(READY) ## Check code, ledger and generated files, as a review does
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m sources.ledger schemas --check
	@$(PY) -m sources.ledger check

format: $(READY) ## Format the code and mend what can be mended
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

schemas: $(READY) ## Write the JSON Schemas that editors use from the models of the ledger
	@$(PY) -m sources.ledger schemas

new-deal: $(READY) ## Begin the file of a deal: ID=openai-oracle-4-5gw or FROM=candidate
	@$(if $(FROM),$(PY) -m orchestration.review --begin $(call quoted,$(FROM)) $(if $(ID),--id $(ID)), \
		$(PY) -m sources.ledger new-deal $(or $(ID),--help)) $(ARGS)

review: $(READY) ## List filings that may tell of a deal; begin one with new-deal FROM=...
	@$(PY) -m orchestration.review $(ARGS)

poll: $(READY) ## Ask the publishers of the feeds for what is new: all, or FEED=ecb
	@$(PY) -m orchestration.feeds $(FEED) $(ARGS)

build: $(READY) ## Build the models in the work database and run dbt's tests; publish nothing
	@$(PY) -m orchestration.refresh --build-only $(ARGS)

failures: $(READY) ## Print the rows that failed in the last audit
	@$(PY) -m orchestration.failures $(ARGS)

releases: $(READY) ## List the releases: when, from what, what moved, which one readers have
	@$(PY) -m orchestration.releases list $(ARGS)

diff: $(READY) ## Say what moved between two releases and why: A=… B=… (the last two)
	@$(PY) -m orchestration.releases diff $(if $(A),--a $(call quoted,$(A))) \
		$(if $(B),--b $(call quoted,$(B))) $(ARGS)

verify: $(READY) ## Verify every hash of a release, offline: RELEASE=… (the one readers have)
	@$(PY) -m orchestration.releases verify $(if $(RELEASE),--release $(call quoted,$(RELEASE))) \
		$(ARGS)

rollback: $(READY) ## Give readers an earlier release again: RELEASE=… WHY="…" BY=…
	@$(PY) -m orchestration.releases rollback \
		$(if $(RELEASE),--release $(call quoted,$(RELEASE))) \
		$(if $(WHY),--why $(call quoted,$(WHY))) $(if $(BY),--by $(call quoted,$(BY))) $(ARGS)

screenshots: $(READY) ## Take the pictures of the Dagster UI in docs/images/
	@$(PY) -m docs.screenshots

pages: $(READY) ## Write the answers, examples and the dictionary in docs/ from the release
	@$(PY) -m orchestration.pages $(ARGS)
	@$(PY) -m orchestration.dictionary

docs: $(READY) ## Write dbt's pages with the lineage: warehouse/docs/index.html
	@$(PY) -m orchestration.dbt_docs

lock: $(READY) ## Choose new versions within the ranges of pyproject.toml
	@$(VENV)/bin/uv pip compile $(LOCKED) --upgrade --quiet \
		--no-header --no-emit-index-url --no-emit-find-links --output-file constraints.txt

bi-lock: $(READY) ## Choose new versions within the ranges of bi/requirements.in
	@$(VENV)/bin/uv pip compile bi/requirements.in $(LOCK) --upgrade --quiet \
		--no-header --no-emit-index-url --no-emit-find-links --output-file bi/constraints.txt

clean: ## Remove what set-up and refreshes made, except releases
	@rm -rf $(VENV) .bi .dagster warehouse/work warehouse/docs dbt_project/target dbt_project/logs
	@rm -rf .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# uv comes first, through pip and with its hash, then it installs the rest.
$(READY): constraints.txt
	@$(PYTHON) -c 'import sys; (3, 11) <= sys.version_info < (3, 14) or sys.exit( \
		"Python 3.11, 3.12 or 3.13 is needed; name one with PYTHON=python3.11")'
	@echo "set-up: packages into $(VENV) (once; about a minute)"
	@$(PYTHON) -m venv $(VENV)
	@awk '/^[a-z]/ {own = /^uv==/} own' constraints.txt > $(VENV)/uv.txt
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.txt
	@$(VENV)/bin/uv pip sync --quiet --python $(PY) --require-hashes --compile-bytecode constraints.txt
	@touch $@

$(BI_READY): bi/constraints.txt | $(READY)
	@$(PY) -c 'import sys; sys.version_info < (3, 13) or sys.exit("Superset needs Python 3.11 or 3.12")'
	@echo "set-up: Superset into $(BI) (once; about a minute)"
	@$(PY) -m venv --clear $(BI)
	@$(VENV)/bin/uv pip sync --quiet --python $(BI)/bin/python --require-hashes bi/constraints.txt
	@touch $@
