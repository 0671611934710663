# Everything a developer does here; `make help` lists it.
SHELL := /bin/sh
PYTHON ?= python3.11
ifeq (, $(shell command -v $(PYTHON) 2>/dev/null))
PYTHON := python3
endif
VENV := .venv
BIN := $(VENV)/bin
WITH_SERVICES := $(BIN)/python -m loyalty.embedded exec --
SIZE ?= small
JOBS ?= auto
LIVES ?= 1500

.PHONY: help demo run require-port test coverage test-long check lint bench messages lock clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: require-port $(VENV)/demo.stamp ## load a real grocer's year, then serve it (SIZE=full for all households)
	@$(WITH_SERVICES) sh -ec '$(BIN)/python manage.py migrate --verbosity 0 && $(BIN)/python manage.py demo --size $(SIZE)'
	@$(BIN)/python -m loyalty.embedded up

run: require-port $(VENV)/demo.stamp ## run database, broker, web, workers and beat until Ctrl-C
	@$(BIN)/python -m loyalty.embedded up

test: $(VENV)/dev.stamp ## run all tests on a real PostgreSQL, in parallel
	@LOYALTY_STATE_NAME=test LOYALTY_DURABLE=0 DJANGO_SETTINGS_MODULE=loyalty.settings.test $(WITH_SERVICES) \
		$(BIN)/python -m pytest -n $(JOBS) $(ARGS)

coverage: $(VENV)/dev.stamp ## run all tests, and tell how much of the code they reach, branches too
	@rm -rf .state/coverage && mkdir -p .state/coverage
	@LOYALTY_STATE_NAME=test LOYALTY_DURABLE=0 DJANGO_SETTINGS_MODULE=loyalty.settings.test $(WITH_SERVICES) \
		$(BIN)/python -m coverage run -m pytest -n $(JOBS) $(ARGS)
	@$(BIN)/python -m tests.covered

test-long: $(VENV)/dev.stamp ## hunt longer: the state machine, the properties, the races and the kills (LIVES=1500; LOYALTY_SEED=... repeats a run)
	@LOYALTY_LONG=$(LIVES) LOYALTY_STATE_NAME=test LOYALTY_DURABLE=0 DJANGO_SETTINGS_MODULE=loyalty.settings.test $(WITH_SERVICES) \
		$(BIN)/python -m pytest -n $(JOBS) tests/properties tests/races tests/journeys tests/campaigns/test_kills.py $(ARGS)

lint: $(VENV)/dev.stamp ## ruff, mypy and the import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy .
	@$(BIN)/lint-imports

check: lint ## lint, migrations and tests: what CI and pre-commit run
	@LOYALTY_STATE_NAME=test DATABASE_ROLE= DJANGO_SETTINGS_MODULE=loyalty.settings.test $(WITH_SERVICES) \
		$(BIN)/python manage.py makemigrations --check --dry-run
	@$(MAKE) --no-print-directory test

bench: $(VENV)/dev.stamp ## run a benchmark: NAME=ledger, QUICK=1 for a short one
	@test -n "$(NAME)" || { echo "Name one: make bench NAME=ledger"; exit 1; }
	@LOYALTY_STATE_NAME=bench DATABASE_ROLE= DJANGO_SETTINGS_MODULE=loyalty.settings.test $(WITH_SERVICES) \
		$(BIN)/python -m benchmarks.$(NAME) $(if $(QUICK),--quick)

messages: $(VENV)/dev.stamp ## collect and compile the translations (needs gettext)
	@DATABASE_URL=postgres://none/none $(BIN)/python manage.py makemessages -l fr --no-location --no-wrap -i '.venv/*' -i 'tests/*' -i '.state/*'
	@DATABASE_URL=postgres://none/none $(BIN)/python manage.py compilemessages -l fr -i '.venv/*' -i '.state/*'

lock: $(VENV)/dev.stamp ## lock what pyproject.toml declares (needs uv)
	@PATH="$(CURDIR)/$(BIN):$$PATH" requirements/compile

clean: ## stop the embedded services and delete their data
	@test ! -x $(BIN)/python || $(BIN)/python -m loyalty.embedded stop
	@rm -rf .state

require-port:
	@$(PYTHON) -m loyalty.embedded.address make $(MAKECMDGOALS)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name it: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/demo.stamp: requirements/demo.lock | $(BIN)/python
	@echo "Installing (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(VENV)/dev.stamp: requirements/dev.lock | $(BIN)/python
	@echo "Installing (once) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@ $(VENV)/demo.stamp
