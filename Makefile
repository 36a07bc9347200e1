# Qanat's commands. `make demo` and `make test` work on a fresh clone; the rest is for contributors.

PYTHON ?= python3
BIN := .venv/bin
CODE := protocol relay client tests $(wildcard benchmarks tools)
# Tracing slows everything, and the protocol's own tests cover it alone.
PYTEST = $(BIN)/python -m pytest -n 2 --dist worksteal
LOCK := uv pip compile --no-config --universal --python-version 3.11 --generate-hashes --no-header \
	--no-emit-index-url --no-emit-find-links --quiet $(UPGRADE)

.PHONY: help demo test lint format bench performance windows mesh soak fuzz mutants lock clean

help:
	@echo "make demo    the whole story on this machine, with a small real shutdown in it"
	@echo "make test    every check: style, types, tests, coverage of the protocol, the built wheel"
	@echo "make lint    style and types only        make format  let ruff lay out the code"
	@echo "make bench   measure speed               make soak    the tests that run for long"
	@echo "make performance   all of make bench, and the drawing of docs/performance.md"
	@echo "make windows what windows of bad links carry (Linux, root; ARGS=--quick)"
	@echo "make mesh    five relays that are cut off from each other at random (Linux, root)"
	@echo "make mutants spoil the protocol in thousands of ways and see that a test fails (ARGS=\"record card\")"
	@echo "make fuzz    look for inputs that break a parser's law (TARGET=letter SECONDS=600)"
	@echo "make lock    resolve requirements/*.txt again (needs uv; UPGRADE=--upgrade takes newer versions)"
	@echo "make clean   remove what tools left behind (.venv stays)"

demo: .venv/.made
	@$(BIN)/qanat demo $(ARGS)

test: lint
	@$(PYTEST) --cov --cov-report=term tests/protocol
	@$(PYTEST) --ignore=tests/protocol

lint: .venv/.made
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy $(CODE)

format: .venv/.made
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: .venv/.made
	@$(BIN)/python -m benchmarks $(ARGS)

# The whole run and its drawing, for docs/performance.md.
performance: .venv/.made
	@$(BIN)/pip install -qq --no-deps --require-hashes -r requirements/plot.txt
	@$(BIN)/python -m benchmarks --plot docs/performance.svg $(ARGS)

# Emulates links between network namespaces, so it needs Linux and root.
windows: .venv/.made
	@$(BIN)/python -m benchmarks.windows $(ARGS)

mesh: .venv/.made
	@$(BIN)/python -m benchmarks.mesh $(ARGS)

soak: .venv/.made
	@$(BIN)/python -m pytest -m soak --timeout 0 tests $(ARGS)

# A minute for each target unless SECONDS says otherwise; what covers more is kept in tests/fuzz/corpus.
fuzz: .venv/.made
	@PYTHONPATH=protocol:relay:client:. $(BIN)/python -m tests.fuzz $(TARGET) \
		$(if $(REPLAY),--replay $(REPLAY),--seconds $(or $(SECONDS),60) --merge)

# Takes the better part of an hour: which changes of the protocol would no test notice?
mutants: .venv/.mutants
	@nice -n 10 $(BIN)/python -m tests.mutants $(ARGS)

.venv/.mutants: .venv/.made requirements/mutants.txt
	@$(BIN)/pip install -qq --no-deps --require-hashes -r requirements/mutants.txt
	@touch $@

# The locks are whole, so pip looks for nothing behind them: one of 2023 takes a newer coverage for `coverage[toml]` and
# then fails, having no hash for it.
# Made once, and brought up to date only when a lock or pyproject.toml is newer. Warnings about where
# pip looked are the machine's own business, so only errors are shown.
.venv/.made: requirements/dev.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { \
		echo "Qanat needs Python 3.11 or newer, and there is no '$(PYTHON)'. If it has another name: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else "Qanat needs Python 3.11 or newer; $(PYTHON) is %d.%d. If a newer one has another name: make PYTHON=python3.12" % v[:2])'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make virtual environments. On Debian and Ubuntu: sudo apt install python3-venv" >&2; exit 1; }
	@if $(BIN)/python -c '' 2>/dev/null; then echo "bringing .venv up to date"; \
		else echo "making .venv (once, about a minute)"; $(PYTHON) -m venv --clear .venv; fi
	@$(BIN)/pip install -qq --no-deps --require-hashes -r requirements/dev.txt
	@$(BIN)/pip install -qq --no-deps --no-build-isolation -e .
	@touch $@

lock:
	@command -v uv >/dev/null || { echo "make lock needs uv" >&2; exit 1; }
	@$(LOCK) --extra desk --extra dev --extra pictures --extra relay --group build pyproject.toml -o requirements/dev.txt
	@$(LOCK) -c requirements/dev.txt pyproject.toml -o requirements/base.txt
	@$(LOCK) -c requirements/dev.txt --extra relay pyproject.toml -o requirements/relay.txt
	@$(LOCK) -c requirements/dev.txt --group pyproject.toml:build -o requirements/build.txt
	@$(LOCK) -c requirements/dev.txt --group pyproject.toml:mutants -o requirements/mutants.txt
	@$(LOCK) -c requirements/dev.txt --extra plot pyproject.toml -o requirements/plot.txt

clean:
	@rm -rf build dist htmlcov .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find protocol relay client tests $(wildcard benchmarks tools) -name __pycache__ -type d -prune -exec rm -rf {} +
