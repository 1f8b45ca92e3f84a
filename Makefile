PYTHON ?= python3
BIN := .venv/bin

.PHONY: search test check docs commands picture clean

# The main job: the core alone is installed, no torch.
search: .venv/core
	$(BIN)/zennas search --space resnet --resolution 32 --classes 100 --params 1M --layers 18

test: .venv/all check
	$(BIN)/python -m pytest

check: .venv/all
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/core: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

.venv/all: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[all,dev]'
	touch $@ .venv/core

# The reference of all commands, from the code.
commands: .venv/all
	$(BIN)/python -m typer zennas.cli.main utils docs --name zennas --title "Every command" --output docs/commands.md

# The picture of a report in the README and the documentation; needs Chromium.
picture: .venv/all
	$(BIN)/python -m tests.report.picture docs/images/report.png

docs: .venv/all
	$(BIN)/zensical build --strict

clean:
	rm -rf .venv .cache build site dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
