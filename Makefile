# `make demo` and `make test` set up the virtual environment .venv by themselves: `make demo` installs what anzan needs to
# run (requirements.lock), `make test` adds the tools (requirements-dev.lock).

PYTHON ?= python3
BIN := .venv/bin
RUN := .venv/ready
DEV := .venv/ready-dev

# Tests run in JOBS processes. Their compiled files are kept, even where the environment says otherwise: every process
# that a test starts would compile anzan anew.
JOBS ?= 2
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n $(JOBS) --dist worksteal

.PHONY: demo test slow fuzz oldest lint docs setup setup-dev lock advisories

demo: $(RUN)
	$(BIN)/anzan demo

test: $(DEV)
	$(PYTEST) -m 'not slow'

slow: $(DEV)
	$(PYTEST) -m slow

# Guided by coverage. Atheris has wheels for Linux only, so it is not installed in .venv.
FUZZ_RUNS ?= 20000
FUZZ_TARGETS := numbers tokens files
fuzz: build/atheris/ready
	printf '%s\n' $(FUZZ_TARGETS) | PYTHONPATH=$(CURDIR)/build/atheris xargs -P $(JOBS) -I TARGET \
		$(BIN)/python tests/guided_fuzz.py TARGET -runs=$(FUZZ_RUNS) -verbosity=0

build/atheris/ready: $(DEV)
	$(BIN)/pip install --no-deps --target $(@D) atheris==3.0.0
	touch $@

# Trains and answers with the oldest transformers that pyproject.toml allows; `make test` has the newest.
oldest: build/oldest/ready
	PYTHONPATH=$(CURDIR)/build/oldest $(PYTEST) -m 'not slow' tests/reader tests/training

build/oldest/ready: $(DEV) oldest.txt
	rm -rf build/oldest
	$(BIN)/pip install --no-deps --target build/oldest -r oldest.txt
	PYTHONPATH=build/oldest $(BIN)/python -c 'import transformers as t; assert f"transformers=={t.__version__}\n" in open("oldest.txt")'
	touch $@

lint: $(DEV)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright --pythonpath $(BIN)/python

# The API reference, from the docstrings.
docs: $(DEV)
	$(BIN)/pdoc --docformat google -o build/api anzan.layer anzan.arithmetic anzan.reader anzan.tasks anzan.evaluation anzan.training anzan.pretraining anzan.paper anzan.report anzan.web
	@echo build/api/index.html

setup: $(RUN)
setup-dev: $(DEV)

# The hashes of the lock files are checked. torch is not in them, only pinned, so that pip takes a CPU build from disk
# where there is one: the newest on PyPI would bring CUDA.
$(RUN): pyproject.toml constraints.txt requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "anzan needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	test -x $(BIN)/pip || $(PYTHON) -m venv --clear .venv
	$(BIN)/pip install --no-deps --require-hashes -r requirements.lock
	$(BIN)/pip install torch==2.13.0 -c constraints.txt
	$(BIN)/pip install --no-deps --no-build-isolation -e .
	$(BIN)/pip check
	touch $@

$(DEV): $(RUN) requirements-dev.lock
	$(BIN)/pip install --no-deps --require-hashes -r requirements-dev.lock
	$(BIN)/pip check
	touch $@

# Pins what .venv has now, in constraints.txt and both lock files. Asks PyPI.
lock: build/uv/bin/uv
	$(BIN)/python .ci/lock.py $<

build/uv/bin/uv:
	$(PYTHON) -m venv build/uv
	build/uv/bin/pip install uv

# What is known against the pinned versions. Asks PyPI, so it is not part of CI.
advisories: build/pip-audit/bin/pip-audit
	$< -r requirements.lock -r requirements-dev.lock --disable-pip --no-deps --strict

build/pip-audit/bin/pip-audit:
	$(PYTHON) -m venv build/pip-audit
	build/pip-audit/bin/pip install pip-audit
