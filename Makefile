# One command sets a fresh machine up; the others set it up first where that was not done.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

# Everything a run or a test would put into the home directory stays in this clone, and nothing calls out.
export HF_HOME := $(CURDIR)/.cache/huggingface
export MPLCONFIGDIR := $(CURDIR)/.cache/matplotlib
export TORCHINDUCTOR_CACHE_DIR := $(CURDIR)/.cache/torchinductor
export TRITON_CACHE_DIR := $(CURDIR)/.cache/triton
export HF_HUB_DISABLE_TELEMETRY := 1
export DO_NOT_TRACK := 1

QUICK := not slow and not gpu and not browser
CORE := */adhere/__init__.py,*/adhere/artifact.py,*/adhere/claim.py,*/adhere/config/*,*/adhere/errors.py,*/adhere/records.py
CORE := $(CORE),*/adhere/prompt.py,*/adhere/data/*,*/adhere/measure/*,*/adhere/reward/*,*/adhere/schema/*,*/adhere/text/*,*/adhere/endpoint/*

.PHONY: setup demo test test-all check clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "adhere needs Python 3.11 or newer")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -c constraints.txt -e '.[dev]'
	touch $@

# The main job on the embedded model, into a directory of its own: the first free runs/demo-N.
demo: $(STAMP)
	@n=1; while [ -e runs/demo-$$n ]; do n=$$((n + 1)); done; \
	HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1 $(BIN)/adhere quickstart --out runs/demo-$$n

test: export HF_HUB_OFFLINE := 1
test: export TRANSFORMERS_OFFLINE := 1
test: $(STAMP)
	$(BIN)/python -m pytest -m "$(QUICK)" $(PYTEST_FLAGS)

test-all: export HF_HUB_OFFLINE := 1
test-all: export TRANSFORMERS_OFFLINE := 1
test-all: $(STAMP)
	$(BIN)/python -m pytest $(PYTEST_FLAGS)

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports
	$(MAKE) test PYTEST_FLAGS="--cov --cov-report=term"
	$(BIN)/coverage report --include='$(CORE)' --fail-under=100

clean:
	rm -rf .cache .coverage .hypothesis .import_linter_cache .pytest_cache .ruff_cache .venv dist
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
