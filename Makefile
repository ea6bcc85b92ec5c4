# One command each. Needs make and Python 3.11 or later; everything else is installed into .venv, all state is in var/.
# ARGS goes to the command behind a target: make serve ARGS="--port 9000 --no-demo", make test ARGS="-k quota".

.DEFAULT_GOAL := help
.PHONY: help serve test coverage lint chaos bench database gpu gpu-check lock clean env env-dev env-test
.NOTPARALLEL:

PY := .venv/bin/python
# One thread for linear algebra: worker processes share the cores, and tests must not fight over them.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1
export UV_PYTHON_DOWNLOADS := never

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

env:
	@requirements/install.sh web

env-dev:
	@requirements/install.sh web database dev

# GPU=0 leaves torch out (2 GB); the tests of rendering and of neural metrics then skip and say so.
env-test: env-dev
	@[ "$(GPU)" = 0 ] || requirements/install.sh gpu

serve: env ## the whole site on http://127.0.0.1:8000/ with a demo challenge; Ctrl-C stops it (PORT, HOST, STATE_DIR)
	@STOP_WITH_PARENT=1 exec $(PY) manage.py serve $(ARGS)

# A file of tests stays in one process: what its fixtures build is built once. One process more than two cores, since some
# tests wait for others' processes.
PYTEST = $(PY) -m pytest -p tests.ordering -n $(JOBS) --dist loadfile --no-loadscope-reorder
JOBS ?= 3

test: env-test ## all tests in random order, fast ones first, in JOBS=3 processes
	@exec $(PYTEST) $(ARGS)

coverage: env-test ## the same with coverage, which takes twice as long
	@exec $(PYTEST) --cov --cov-report=term $(ARGS)

# Production settings with values that are nobody's: what `check --deploy` says about them must be nothing.
PRODUCTION_ENV = DJANGO_SETTINGS_MODULE=challenge.settings.production \
	SECRET_KEY=0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTUVWXYZ \
	DATABASE_URL=postgres://nobody:nothing@localhost/none BROKER_URL=redis://localhost:6379/0 \
	ALLOWED_HOSTS=challenge.example SITE_URL=https://challenge.example EMAIL_URL=smtp://localhost:25 \
	ANSWER_KEY_PUBLIC_KEY_FILE=/nonexistent

lint: env-dev ## style, types, import contracts, templates, migrations, deployment checks
	@failed=; \
	run() { name=$$1; shift; echo "--- $$name"; "$$@" || failed="$$failed $$name;"; }; \
	run "ruff check" $(PY) -m ruff check .; \
	run "ruff format" $(PY) -m ruff format --check .; \
	run "mypy" .venv/bin/mypy scoring generation challenge aiqa tests; \
	run "import contracts" .venv/bin/lint-imports; \
	run "djlint" .venv/bin/djlint --quiet --lint challenge/templates; \
	run "migrations" env DJANGO_SETTINGS_MODULE=challenge.settings.test $(PY) manage.py makemigrations --check --dry-run; \
	run "deployment check" env $(PRODUCTION_ENV) $(PY) manage.py check --deploy --fail-level WARNING; \
	if [ -n "$$failed" ]; then echo "lint failed:$$failed" >&2; exit 1; fi; echo "lint: all clean"

bench: env-dev ## how long things take, against peers in the same run, as Markdown tables (ARGS="scoring site ...")
	@exec $(PY) -m benchmarks $(ARGS)

chaos: env-dev ## kill processes at random for a while and check that nothing is lost or scored twice
	@exec $(PY) -m pytest -m chaos $(ARGS)

database: env ## add what building a database on paper needs: python -m generation prompts, plan, attributes, ...
	@requirements/install.sh web database

gpu: env ## add torch, diffusers and the baselines' packages to .venv (2 GB; 5 GB with CUDA)
	@requirements/install.sh web database gpu

gpu-check: gpu ## draw with every model whose weights are in var/weights (WEIGHTS=folder), on the GPU that is there
	@$(PY) -m generation weights verify --weights $(or $(WEIGHTS),var/weights)
	@exec $(PY) -m generation.render.check --weights $(or $(WEIGHTS),var/weights) $(ARGS)

lock: env-dev ## write the locks anew from requirements/*.in (UPGRADE=1: newest versions)
	@requirements/lock.sh

clean: ## remove the environment and all caches; var/ with all your data stays
	rm -rf .venv .tools .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
