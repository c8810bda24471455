# `make demo` and `make test` set everything up from a bare python3, in .venv.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: help demo test check docs clean
help:
	@echo "make demo    search real photos by word, words, picture and class; writes milvise-demo.html"
	@echo "make test    run the tests"
	@echo "make check   lint, types, import contracts, generated docs"
	@echo "make docs    write docs/cli.md"
	@echo "make clean   remove .venv and what the demo wrote"

.venv/pyvenv.cfg:
	$(PYTHON) -m venv .venv

.venv/.demo: .venv/pyvenv.cfg pyproject.toml
	$(PIP) install --quiet --editable '.[ingest,offline]'
	touch $@

.venv/.test: .venv/pyvenv.cfg pyproject.toml
	$(PIP) install --quiet --editable '.[test]'
	touch $@ .venv/.demo

demo: .venv/.demo
	$(BIN)/milvise demo

test: .venv/.test
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: .venv/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/cli_docs.py --check

docs: .venv/.test
	$(BIN)/python scripts/cli_docs.py

clean:
	rm -rf .venv milvise-demo.db milvise-demo.html milvise-quarantine-demo.jsonl
