# `make` lists what there is to make. Everything runs from a bare checkout: Python 3.11+, make and git are enough.

VENV := .venv
PYTHON_IN_VENV := $(VENV)/bin/python
UV_VERSION := 0.13.8

# Those that are there: mypy refuses a folder without modules.
PACKAGES := $(patsubst %/__init__.py,%,$(wildcard $(addsuffix /__init__.py,\
	events storage offers emitter subscriber webapp deploy)))
MODULES := $(basename $(wildcard config.py demo.py logs.py))

.DEFAULT_GOAL := help
.PHONY: help demo demo-reset test soak mutations check audit format bench screenshots servers lock clean venv venv-dev

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: venv ## the whole of Tally on http://127.0.0.1:5000 (PORT= moves it); Ctrl-C ends it, its data stays
	@$(PYTHON_IN_VENV) demo.py

demo-reset: venv ## forget the demo's data; refuses while one runs
	@$(PYTHON_IN_VENV) demo.py --reset

# Tests wait as long as they work, so three processes share two cores, each with servers of its own; a file stays in one.
test: venv-dev servers ## all tests, on real servers (ARGS= goes to pytest: make test ARGS="-k window -n 0")
	@$(PYTHON_IN_VENV) -m pytest --numprocesses=auto --maxprocesses=6 --dist=loadfile --no-loadscope-reorder $(ARGS)

# One after the other, so that what is measured shares the processors with nothing else. The faults that do not scale
# come along, for nobody knows what else a long run finds.
soak: venv-dev servers ## the long matrix: all faults, and whatever else scales (ARGS= as for test; SOAK_MINUTES=30)
	@echo "==> the long matrix, one test after the other; its long run alone takes $${SOAK_MINUTES:-30} minutes" >&2
	@SOAK=1 $(PYTHON_IN_VENV) -m pytest --verbose --override-ini=console_output_style=count \
		tests/fault $$(grep -rl --include='test_*.py' --exclude-dir=fault 'scaled(' tests) $(ARGS)

mutations: venv-dev servers ## take out guard after guard in a copy; each must turn its test red (ARGS= words in names)
	@$(PYTHON_IN_VENV) -m tests.mutations $(ARGS)

check: venv-dev ## lint, format, types, compose file, Dockerfile
	@$(PYTHON_IN_VENV) -m ruff check .
	@$(PYTHON_IN_VENV) -m ruff format --check .
	@$(PYTHON_IN_VENV) -m mypy $(addprefix -m ,$(MODULES)) $(addprefix -p ,$(PACKAGES))
	@$(if $(wildcard docker-compose.yml),$(VENV)/bin/python -m check_jsonschema \
		--builtin-schema vendor.compose-spec docker-compose.yml)
	@$(if $(wildcard Dockerfile),$(VENV)/bin/hadolint Dockerfile)

audit: ## whether a pinned release has a known vulnerability; says why where no service can be asked
	@deploy/make_venv.sh .venv-audit requirements-audit.txt
	@.venv-audit/bin/python deploy/audit.py .venv-audit/bin/pip-audit requirements.txt requirements-dev.txt \
		requirements-audit.txt

format: venv-dev ## put the code in the shape that check asks for
	@$(PYTHON_IN_VENV) -m ruff check --fix .
	@$(PYTHON_IN_VENV) -m ruff format .

bench: venv-dev servers ## the benchmarks; tables and pictures in bench/out
	@$(PYTHON_IN_VENV) -m bench $(ARGS)

screenshots: venv-dev servers ## a picture of every page, light and dark, wide and narrow, in docs/screens
	@$(PYTHON_IN_VENV) -m docs.screenshots $(ARGS)

servers: ## install the servers that tests need, where absent and possible
	@tests/install_servers.sh

lock: ## recompile the pinned requirements (UPGRADE=1 takes the newest releases)
	@python3 -m venv .venv-lock && .venv-lock/bin/python -m pip install -qq uv==$(UV_VERSION)
	@for name in requirements requirements-dev requirements-audit; do \
		env -u UV_INDEX -u UV_EXTRA_INDEX_URL -u UV_FIND_LINKS .venv-lock/bin/uv pip compile --quiet --no-config \
			--default-index https://pypi.org/simple --universal --python-version 3.11 --generate-hashes \
			--custom-compile-command "make lock" $(if $(UPGRADE),--upgrade) -o $$name.txt $$name.in || exit 1; \
	done

clean: ## remove the virtual environments, caches and results (not the demo's data)
	rm -rf .venv .venv-lock .venv-audit .mypy_cache .ruff_cache .pytest_cache .hypothesis bench/out
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +

venv: ## what the demo and every command need, in .venv
	@deploy/make_venv.sh $(VENV) requirements.txt

venv-dev: ## that, and what tests, checks and benchmarks need
	@deploy/make_venv.sh $(VENV) requirements-dev.txt
