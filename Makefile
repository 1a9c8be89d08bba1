# `make demo` and `make test` do all set-up: a virtual environment in .venv, at the pinned versions of constraints.txt.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready

.PHONY: demo test slow fuzz oldest lint docs setup advisories

demo: $(READY)
	$(BIN)/anzan demo

test: $(READY)
	$(BIN)/pytest -m 'not slow'

# No slow test at all (pytest's status 5) is fine.
slow: $(READY)
	$(BIN)/pytest -m slow || [ $$? -eq 5 ]

# Guided by coverage; Atheris has wheels for Linux alone, so it stays out of .venv.
FUZZ_RUNS ?= 20000
fuzz: build/atheris/ready
	for target in numbers tokens files; do \
		PYTHONPATH=$(CURDIR)/build/atheris $(BIN)/python tests/guided_fuzz.py $$target -runs=$(FUZZ_RUNS) -verbosity=0 || exit 1; \
	done

build/atheris/ready: $(READY)
	$(BIN)/pip install --no-deps --target $(@D) atheris==3.0.0
	touch $@

# What is known against the pinned versions; asks PyPI, so it is not part of CI.
advisories: build/pip-audit/ready
	build/pip-audit/bin/pip-audit -r requirements.lock --disable-pip --no-deps --strict

build/pip-audit/ready:
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/pip install pip-audit
	touch $@

# What trains and answers, with the oldest transformers that pyproject.toml allows; make test has the newest.
oldest: build/oldest/ready
	PYTHONPATH=$(CURDIR)/build/oldest $(BIN)/pytest -m 'not slow' tests/reader tests/training

build/oldest/ready: $(READY) oldest.txt
	rm -rf build/oldest
	$(BIN)/pip install --no-deps --target build/oldest -r oldest.txt
	PYTHONPATH=build/oldest $(BIN)/python -c 'import transformers as t; assert f"transformers=={t.__version__}\n" in open("oldest.txt")'
	touch $@

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright --pythonpath $(BIN)/python

# The reference of the API, from the docstrings.
docs: $(READY)
	$(BIN)/pdoc --docformat google -o build/api anzan.layer anzan.arithmetic anzan.reader anzan.tasks anzan.evaluation anzan.training anzan.pretraining anzan.paper anzan.report anzan.web
	@echo build/api/index.html

setup: $(READY)

# torch at its pin, so that a CPU build at hand is taken: the newest one on PyPI would bring CUDA. What else is
# installed has the hashes of requirements.lock.
$(READY): pyproject.toml constraints.txt requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "anzan needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	test -x $(BIN)/pip || $(PYTHON) -m venv --clear .venv
	$(BIN)/pip install --no-deps --require-hashes -r requirements.lock
	$(BIN)/pip install torch==2.13.0 -c constraints.txt
	$(BIN)/pip install --no-deps --no-build-isolation -e .
	$(BIN)/pip check
	touch $@
