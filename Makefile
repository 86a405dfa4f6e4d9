# Two commands on a fresh machine: `make demo` and `make test`. Each makes the environment first if it is not there;
# the demo needs no torch, the tests have it, for the Gemma engine.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
TORCH ?= torch==2.13.0
READY := $(VENV)/.ready
TESTABLE := $(VENV)/.testable

export HF_HUB_OFFLINE := 1
export DO_NOT_TRACK := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false

.PHONY: help demo test check format samples screenshot clean

help:
	@echo "make demo    read the sample documents, and show what came out"
	@echo "make test    run the whole test suite"
	@echo "make check   formatting, lint, types, layers"
	@echo "make samples make the sample documents again"
	@echo "make screenshot  the picture of docs/, by the tests of the page in a browser; needs Chromium"

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed: make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' || { echo "Python lacks its venv module; on Debian: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable .
	@touch $@

# torch by itself first: the version that the tests are run with, whose file may be a build for the CPU.
$(TESTABLE): $(READY)
	$(PIP) $(TORCH)
	$(PIP) --editable '.[dev,gemma]'
	@touch $@

# Exit code 1 says that some documents failed, which those in sample_docs/broken are there to do.
demo: $(READY)
	@$(BIN)/intaglio ingest sample_docs --out out/demo \
		--schema invoices=invoice --schema receipts=receipt --schema statements=bank_statement \
		--schema forms=form --schema resumes=resume --schema pages=transcript --schema files=invoice --schema broken=invoice \
		|| [ $$? -eq 1 ]

test: $(TESTABLE)
	$(BIN)/python -m pytest -n 2 --dist loadfile

check: $(TESTABLE)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(TESTABLE)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

samples: $(READY)
	$(BIN)/python -m sample_docs.make

screenshot: $(TESTABLE)
	INTAGLIO_SCREENSHOT=docs/review-page.png $(BIN)/python -m pytest tests/test_page_in_browser.py

clean:
	rm -rf $(VENV) out
