# Truing's commands. `make demo` and `make test` prepare everything they need by themselves, the
# first time and whenever pyproject.toml changes; after that they start at once.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test test-full lint bench docs clean

# Nothing of another active environment may leak into this one.
unexport VIRTUAL_ENV VIRTUAL_ENV_PROMPT CONDA_PREFIX PYTHONPATH PYTHONHOME PYTHONSTARTUP
unexport PIP_USER PIP_TARGET PIP_PREFIX PIP_REQUIRE_VIRTUALENV

WORKERS ?= 2
ARGS ?=
export PYTHON TORCH_INDEX

PY := .venv/bin/python
# One thread per process: two workers with several threads each only get in each other's way.
PYTEST := OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false $(PY) -m pytest -n $(WORKERS) --dist worksteal

help: ## show this list
	@echo 'Usage: make TARGET [ARGS="…"] [PYTHON=/path/to/python] [TORCH_INDEX=address]'
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo '  ARGS         more arguments for demo, test, test-full and bench'
	@echo '  PYTHON       the Python to use, 3.11 to 3.14 (default: the first one found)'
	@echo '  TORCH_INDEX  where to take torch from; with the address of PyTorch'"'"'s CPU wheel index'
	@echo '               (see pytorch.org/get-started) Linux gets a small build instead of CUDA'
	@echo '  WORKERS      test processes at once (default: 2)'

demo: ## prepare, then walk the whole loop on real recordings
	@scripts/prepare demo
	@.venv/bin/truing demo $(ARGS)

# Lint findings are shown first and do not hide what the tests say; both must pass.
test: ## prepare, lint, then run the tests
	@scripts/prepare test
	@lint=0; $(PY) scripts/lint.py || lint=$$?; \
	$(PYTEST) -m 'not slow' $(ARGS) || exit $$?; \
	exit $$lint

test-full: ## the tests with the slow ones: crash loops, soaks, large sizes
	@scripts/prepare test
	@lint=0; $(PY) scripts/lint.py || lint=$$?; \
	$(PYTEST) $(ARGS) || exit $$?; \
	exit $$lint

lint: ## style, types, import contracts, generated pages
	@scripts/prepare test
	@$(PY) scripts/lint.py $(ARGS)

bench: ## run the benchmarks, each beside its floor or peer
	@scripts/prepare test
	@$(PY) scripts/bench.py $(ARGS)

docs: ## rewrite the generated pages in docs/reference
	@scripts/prepare test
	@$(PY) -m cogapp -r -I scripts docs/reference/*.md

clean: ## remove .venv, caches and build results; workspaces stay
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@rm -rf .coverage htmlcov dist build
	@find src tests scripts benchmarks examples -name __pycache__ -prune -exec rm -rf {} +
