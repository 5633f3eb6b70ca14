# make run   set everything up and run the main job on the practice site (a window where there is a display)
# make test  set everything up and run the tests        make lint   ruff, mypy, import contracts
# make bench how long a merge and an upload take, next to rsync, sftp, lftp, rclone and curl by hand (root)
# make test-guest   a real Debian guest in QEMU         make test-cloud  a real OpenStack on loopback (root)
# make clean  remove what was set up here
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run window rehearse test test-guest test-cloud bench lint format pictures clean
run: $(VENV)/.run
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ]; then exec $(BIN)/python -m ui --rehearse; else exec $(BIN)/python -m app rehearse; fi

window: $(VENV)/.run
	$(BIN)/python -m ui

rehearse: $(VENV)/.run
	$(BIN)/python -m app rehearse

test: $(VENV)/.test lint
	QT_QPA_PLATFORM=offscreen $(BIN)/pytest

test-guest: $(VENV)/.guest
	$(BIN)/pytest -m guest -n 0 --timeout=1500

test-cloud: $(VENV)/.cloud
	$(BIN)/pytest -m cloud -n 0 --timeout=1500

bench: $(VENV)/.bench
	$(BIN)/python -m bench.merge
	$(BIN)/python -m bench.transfer

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

pictures: $(VENV)/.test
	$(BIN)/python -m tests.ui.pictures build/pictures

$(VENV)/.run: pyproject.toml packaging/setup.sh
	packaging/setup.sh run $(VENV)
	@touch $@

$(VENV)/.test: pyproject.toml packaging/setup.sh
	packaging/setup.sh test $(VENV)
	@touch $@ $(VENV)/.run

$(VENV)/.bench: $(VENV)/.test
	packaging/setup.sh bench $(VENV)
	@touch $@

$(VENV)/.guest: $(VENV)/.test
	packaging/setup.sh guest $(VENV)
	@touch $@

$(VENV)/.cloud: $(VENV)/.test
	packaging/setup.sh cloud $(VENV)
	@touch $@

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
