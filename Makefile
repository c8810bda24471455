# `make demo` and `make test` set everything up from a bare python3, in .venv.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# uv installs several times as fast as pip. pip does it where uv cannot, such as with an index that only pip's settings name.
install = ($(PIP) install --quiet uv && $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --editable '.[$(EXTRAS)]') \
	|| $(PIP) install --quiet --editable '.[$(EXTRAS)]'

.PHONY: help demo test check docs bench clean
help:
	@echo "make demo    search real photos by word, words, picture and class; writes milvise-demo.html"
	@echo "make demo SERVE=1    the same, and then the page in a browser, until Ctrl-C"
	@echo "make test    run the tests"
	@echo "make check   lint, types, import contracts, generated docs"
	@echo "make docs    write docs/cli.md"
	@echo "make bench PICTURES=FOLDER   measure speed and memory; a few thousand pictures, half an hour"
	@echo "make clean   remove .venv and what the demo wrote"

.venv/pyvenv.cfg:
	$(PYTHON) -m venv .venv

.venv/.demo: EXTRAS := ingest,offline,service
.venv/.demo: .venv/pyvenv.cfg pyproject.toml
	$(install)
	touch $@

.venv/.test: EXTRAS := test
.venv/.test: .venv/pyvenv.cfg pyproject.toml
	$(install)
	touch $@ .venv/.demo

demo: .venv/.demo
	$(BIN)/milvise demo
	$(if $(SERVE),$(BIN)/milvise --uri milvise-demo.db serve)

test: .venv/.test
	env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder

check: .venv/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/cli_docs.py --check

docs: .venv/.test
	$(BIN)/python scripts/cli_docs.py

bench: .venv/.test
	@test -n "$(PICTURES)" -a -n "$(WORDS)" || { echo "Which pictures and words? make bench PICTURES=FOLDER WORDS=FILE"; exit 1; }
	$(BIN)/python benchmarks/loading.py --pictures "$(PICTURES)"
	$(BIN)/python benchmarks/precision.py --pictures "$(PICTURES)" --words "$(WORDS)"
	$(BIN)/python benchmarks/pictures.py --pictures "$(PICTURES)"
	$(BIN)/python benchmarks/words.py
	$(BIN)/python benchmarks/memory.py
	$(BIN)/python benchmarks/gpu.py --pictures "$(PICTURES)"
	rm -rf bench.db
	$(BIN)/milvise --uri bench.db -q ingest words glove-6b-50d
	$(BIN)/milvise --uri bench.db -q ingest images "$(PICTURES)"
	$(BIN)/python benchmarks/searches.py --uri bench.db
	$(BIN)/python benchmarks/focus.py --uri bench.db
	rm -rf bench.db milvise-quarantine-default.jsonl
	$(BIN)/python benchmarks/performance.py

clean:
	rm -rf .venv milvise-demo.db milvise-demo.html milvise-quarantine-demo.jsonl
