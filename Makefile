# The README's commands. `make run` and `make test` set up everything they need by themselves.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
# pip alone compiles what it installs one file after the other, with the tests of every package and hundreds of models
# that nobody imports here. A few of these files are templates, and no Python.
PIP_INSTALL := $(PY) -m pip install --quiet --disable-pip-version-check --no-compile
COMPILE := $(PY) -m compileall -qq -j 0 -x '/tests?/|/testing/|/transformers/models/' $(VENV)/lib || true

.PHONY: help run test check bench model demos spaces model-score screenshots browser clean

help:  ## Show these targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

$(VENV)/.run: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
		(echo "ReFT Studio needs Python 3.11, 3.12 or 3.13. Say which one: make run PYTHON=python3.12"; exit 1)
	$(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) -r requirements.txt
	@$(COMPILE)
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.run
	$(PIP_INSTALL) -r requirements-dev.txt
	@# The tests read our export with it. It asks for Jupyter, wandb and more, which that needs not.
	$(PIP_INSTALL) --no-deps "pyreft>=0.1,<0.2"
	@$(COMPILE)
	@touch $@

run: $(VENV)/.run  ## Set up and open the app on the embedded model
	$(PY) app.py

test: $(VENV)/.dev browser  ## Set up and run all tests, the page's in a real browser
	@# Some files at a time, the page's first, since they take longest and often wait; each with one core.
	OMP_NUM_THREADS=1 $(PY) -m pytest -n auto --dist loadfile --no-loadscope-reorder tests/ui tests/test_*.py

check: $(VENV)/.dev  ## Format, lint and types
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/mypy spaces/chat/app.py

bench: $(VENV)/.dev browser  ## Time training against the reference in the same run, its memory, the wait for a first reply, the search for the best place, and starts and restarts
	$(PY) -m benchmarks.training
	$(PY) -m benchmarks.memory
	$(PY) -m benchmarks.chat
	$(PY) -m benchmarks.first_reply
	$(PY) -m benchmarks.places
	$(PY) -m benchmarks.engine

model: $(VENV)/.dev  ## Make the embedded model anew (nine minutes on an H200, more than a day on two cores); goes on where it stopped
	$(PY) -m model_maker make

demos: $(VENV)/.dev  ## Train the bots in spaces/ anew, as a new embedded model requires
	$(PY) -m model_maker demos

spaces: $(VENV)/.dev browser  ## Start every Space in a fresh environment, as its README says, and use it
	$(PY) -m tests.fresh_spaces

model-score: $(VENV)/.dev  ## Measure the embedded model on prompts it has never seen
	$(PY) -m model_maker score

screenshots: $(VENV)/.dev browser  ## Take the README's pictures of the page
	$(PY) -m tests.ui.screenshots

# The system's Chromium, else Debian's package (as root), else Playwright's download.
browser: $(VENV)/.dev
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
	(command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] && apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-noto-color-emoji >/dev/null) || \
	$(PY) -m playwright install chromium || \
	(echo "No browser: the page's tests need Chromium. Install it (Debian: apt install chromium) and try again."; exit 1)

clean:  ## Remove the virtual environment and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
