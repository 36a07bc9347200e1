# Qanat's commands. `make demo` and `make test` work on a fresh clone; the rest is for contributors.

PYTHON ?= python3
BIN := .venv/bin
WEB := client/web
APP := client/qanat_client/web_app/built
DESK_APP := client/qanat_client/desk/serve/built
DIST := dist
CODE := protocol relay client simulation tests $(wildcard benchmarks tools)
# Threads of numpy that nothing here uses, and which spin at the start of every process.
export OPENBLAS_NUM_THREADS = 1
# Tracing slows everything, and the protocol's own tests cover it alone.
PYTEST = $(BIN)/python -m pytest -n 2 --dist worksteal
NEAR = $(BIN)/pip install -qq --no-deps --require-hashes -r requirements/near-build.txt \
	&& $(BIN)/pip install -qq --no-deps --require-hashes --no-build-isolation -r requirements/near.txt
LOCK := uv pip compile --no-config --universal --python-version 3.11 --generate-hashes --no-header \
	--no-emit-index-url --no-emit-find-links --quiet $(UPGRADE)

.PHONY: help demo near test app app-html lint format bench performance windows mesh large-relay simulate-bench simulate-reality soak fuzz mutants lock clean

help:
	@echo "make demo    the whole story on this machine, with a small real shutdown in it"
	@echo "make test    every check: style, types, tests, coverage of the protocol, the built wheel (needs Node)"
	@echo "make app     build the web apps: the reporter's, and the one that \`qanat-desk serve\` shows (needs Node)"
	@echo "make app-html    the web app in one file, dist/qanat.html; KEY=FILE signs it with ssh-keygen"
	@echo "make lint    style and types only        make format  let ruff lay out the code"
	@echo "make near    compile what finds pictures that look alike (needs a C++ compiler)"
	@echo "make bench   measure speed               make soak    the tests that run for long"
	@echo "make performance   all of make bench, and the drawing of docs/performance.md"
	@echo "make windows what windows of bad links carry (Linux, root; ARGS=--quick)"
	@echo "make mesh    five relays that are cut off from each other at random (Linux, root)"
	@echo "make large-relay   a relay with ten million letters against one with 100,000 (ARGS=\"--letters N\")"
	@echo "make simulate-bench    how fast the simulator is, against the number of nodes"
	@echo "make simulate-reality  the simulator beside real processes (Linux, root)"
	@echo "make mutants spoil the protocol in thousands of ways and see that a test fails (ARGS=\"record card\")"
	@echo "make fuzz    look for inputs that break a parser's law (TARGET=letter SECONDS=600)"
	@echo "make lock    resolve requirements/*.txt again (needs uv; UPGRADE=--upgrade takes newer versions)"
	@echo "make clean   remove what tools left behind (.venv stays)"

demo: .venv/.made
	@$(BIN)/qanat demo $(ARGS)

test: lint app
	@$(PYTEST) --cov --cov-report=term tests/protocol
	@cd $(WEB) && npm run --silent test
	@$(PYTEST) --ignore=tests/protocol

lint: .venv/.made $(WEB)/node_modules/.made
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy $(CODE)
	@cd $(WEB) && npm run --silent types && npm run --silent lint

app: $(APP)/index.html $(DESK_APP)/index.html

# Into the package, from where relays and `qanat app` give it out, and the wheel takes it.
$(APP)/index.html: $(WEB)/node_modules/.made $(shell find $(WEB) \( -name node_modules -o -name dist -o -name test -o -path $(WEB)/desk \) -prune -o -type f -print)
	@echo "building the web app"
	@cd $(WEB) && npm run --silent build
	@rm -rf $(APP)
	@mkdir -p $(APP)
	@cp -R $(WEB)/dist/app/. $(APP)

# The editors' app, which `qanat-desk serve` gives to the browser of its own machine.
$(DESK_APP)/index.html: $(WEB)/node_modules/.made $(WEB)/package.json $(shell find $(WEB)/desk $(WEB)/src -name test -prune -o -type f -print)
	@echo "building the editors' app"
	@cd $(WEB) && npm run --silent build-desk
	@rm -rf $(DESK_APP)
	@mkdir -p $(DESK_APP)
	@cp -R $(WEB)/dist/desk/. $(DESK_APP)

# The same bytes whoever makes it from the same source, so that fingerprints can be compared.
# KEY is a key of ssh-keygen; docs/web-app.md tells how whoever gets the file checks it.
app-html: app .venv/.made
	@mkdir -p $(DIST)
	@rm -f $(DIST)/qanat.html $(DIST)/qanat.html.sig $(APP)/qanat.html.sig
	@if [ -n "$(KEY)" ]; then ssh-keygen -q -Y sign -n qanat-app -f "$(KEY)" $(APP)/qanat.html; fi
	@cp $(APP)/qanat.html* $(DIST)/
	@$(BIN)/python -m qanat_client.web_app $(DIST)/qanat.html

format: .venv/.made $(WEB)/node_modules/.made
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@cd $(WEB) && npm run --silent format

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

# Ten million letters: 50 GB of disk and an hour or two, unless ARGS="--letters N" says otherwise.
large-relay: .venv/.made
	@$(BIN)/python -m benchmarks.large_relay $(ARGS)

simulate-bench: .venv/.made
	@$(BIN)/python -m benchmarks.simulator $(ARGS)

# With processes in network namespaces, so it needs Linux and root.
simulate-reality: .venv/.made
	@$(BIN)/python -m benchmarks.simulator_reality $(ARGS)

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
.venv/.made: requirements/dev.txt requirements/near.txt requirements/near-build.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { \
		echo "Qanat needs Python 3.11 or newer, and there is no '$(PYTHON)'. If it has another name: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else "Qanat needs Python 3.11 or newer; $(PYTHON) is %d.%d. If a newer one has another name: make PYTHON=python3.12" % v[:2])'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make virtual environments. On Debian and Ubuntu: sudo apt install python3-venv" >&2; exit 1; }
	@if $(BIN)/python -c '' 2>/dev/null; then echo "bringing .venv up to date"; \
		else echo "making .venv (once, about a minute)"; $(PYTHON) -m venv --clear .venv; fi
	@$(BIN)/pip install -qq --no-deps --require-hashes -r requirements/dev.txt
	@$(BIN)/pip install -qq --no-deps --no-build-isolation -e .
	@$(NEAR) >/dev/null 2>&1 || echo "Pictures that look alike won't be found here: pdqhash has to be compiled, and that failed. On Debian and Ubuntu: sudo apt install g++ python3-dev. Then: make near"
	@touch $@

# What the set-up goes on without, and says why it failed.
near: .venv/.made
	@$(NEAR)

# The same for the web app. Vite asks for 20.19 or newer, and of 22 for 22.12.
$(WEB)/node_modules/.made: $(WEB)/package-lock.json $(WEB)/package.json
	@command -v node >/dev/null && command -v npm >/dev/null || { \
		echo "Checking the web app needs Node 20.19 or newer and npm, and they are not here. On Debian 13: sudo apt install nodejs npm. Elsewhere: https://nodejs.org" >&2; exit 1; }
	@node -e 'const [a, b] = process.versions.node.split(".").map(Number); if (a < 20 || a === 21 || (a === 20 && b < 19) || (a === 22 && b < 12)) { console.error(`Checking the web app needs Node 20.19 or newer (of 22: 22.12); this is $${process.versions.node}. Newer ones: https://nodejs.org`); process.exit(1); }'
	@echo "installing what the web app is made of"
	@cd $(WEB) && npm ci --silent --no-audit --no-fund
	@touch $@

lock:
	@command -v uv >/dev/null || { echo "make lock needs uv" >&2; exit 1; }
	@$(LOCK) --extra desk --extra dev --extra pictures --extra relay --extra simulate --group build pyproject.toml -o requirements/dev.txt
	@$(LOCK) -c requirements/dev.txt pyproject.toml -o requirements/base.txt
	@$(LOCK) -c requirements/dev.txt --extra relay pyproject.toml -o requirements/relay.txt
	@$(LOCK) -c requirements/dev.txt --group pyproject.toml:build -o requirements/build.txt
	@$(LOCK) -c requirements/dev.txt --group pyproject.toml:mutants -o requirements/mutants.txt
	@$(LOCK) -c requirements/dev.txt --extra near pyproject.toml -o requirements/near.txt
	@$(LOCK) -c requirements/dev.txt --group pyproject.toml:near -o requirements/near-build.txt
	@$(LOCK) -c requirements/dev.txt --extra plot pyproject.toml -o requirements/plot.txt

clean:
	@rm -rf build dist $(WEB)/dist $(APP) $(DESK_APP) htmlcov .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find protocol relay client tests $(wildcard benchmarks tools) -name __pycache__ -type d -prune -exec rm -rf {} +
