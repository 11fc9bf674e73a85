# The front door: each target is one line, and `make help` is made from the comments.
.DEFAULT_GOAL := help
IMAGE ?= pytorch-*-transformers5*-inference-cpu
AGAINST ?= pytorch-*-transformers4*-inference-cpu
BENCH ?= --suite readiness --runs 3
KNOWN = $(if $(PROVEN),--proven-in '$(PROVEN)')
GLOBS = $(foreach glob,$(IMAGE),'$(glob)')
HOST_LOCK := buildspec/locks/host.txt
BIN := .venv/bin
READY := .venv/.ready
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help
help: ## Show what there is to do
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | sort | expand -t 16
	@echo "IMAGE='GLOB' selects images by identifier; ARGS='...' goes to pytest, the bench or uv"

.PHONY: build
build: $(READY) ## Build and smoke-test the images of IMAGE (default: PyTorch CPU inference)
	@dockwright build $(GLOBS) && dockwright smoke --unless-passed $(KNOWN) $(GLOBS) && dockwright show $(GLOBS)

.PHONY: test
test: $(READY) ## Run all tests but the long ones, integration tests against a real engine included
	@pytest -m 'not full' $(ARGS)

.PHONY: test-unit
test-unit: $(READY) ## Run the tests that touch nothing beyond the process
	@pytest scripts tests/unit tests/golden -n auto $(ARGS)

.PHONY: test-integration
test-integration: $(READY) ## Run the integration tests but the long ones
	@pytest -m 'not full' tests/integration $(ARGS)

.PHONY: test-full
test-full: $(READY) ## Run every test, the long ones included
	@pytest $(ARGS)

.PHONY: coverage
coverage: $(READY) ## Run the tests of `make test` and tell which lines they miss
	@pytest -m 'not full' --cov --cov-report=term:skip-covered $(ARGS)

.PHONY: lint
lint: $(READY) ## Check style, types, architecture, Dockerfiles, shell and committed derived files
	@prek run --all-files

.PHONY: format
format: $(READY) ## Mend style and layout of Python and shell files where a tool can
	@ruff check --fix --quiet && ruff format --quiet && shfmt --write --indent 2 --case-indent .ci/run .ci/bump

.PHONY: generate
generate: $(READY) ## Write the Dockerfiles, requirement files and the manifest's schema
	@dockwright generate && dockwright schema

.PHONY: check
check: $(READY) ## Fail if a lock, Dockerfile or schema is stale
	@dockwright lock --check && dockwright generate --check && dockwright schema --check

.PHONY: bumps
bumps: $(READY) ## Bump whatever can be, each package a commit on the branch `bumps`
	@.ci/bump $(REMOTE)

.PHONY: push-bumps
push-bumps: ## Push the branch `bumps` to the git repository REMOTE, if there is such a branch
	@! git show-ref --quiet refs/heads/bumps || git push '$(REMOTE)' bumps

.PHONY: propose-bumps
propose-bumps: ## Open a pull request of the branch `bumps` on GitHub, by gh, if there is such a branch
	@! git show-ref --quiet refs/heads/bumps || gh pr create --fill --head bumps

.PHONY: smoke
smoke: $(READY) ## Check the built images of IMAGE
	@dockwright smoke '$(IMAGE)'

.PHONY: matrix
matrix: $(READY) ## Build and check every image of the manifest in little room; goes on where it stopped
	@dockwright prove --prune && dockwright sizes

# What CI does with images, a line a job: `make pipeline` runs these very lines on one machine.
.PHONY: jobs
jobs: $(READY) ## Print CI's jobs of images: those of IMAGE that were changed since SINCE, all without it
	@dockwright matrix --format github $(if $(SINCE),--since '$(SINCE)') $(GLOBS)

.PHONY: publish
publish: build ## Build, check, scan and measure the images of IMAGE, and push them to staging
	@dockwright scan $(GLOBS) && dockwright bench --unless-measured $(KNOWN) $(BENCH) $(GLOBS) && dockwright push $(GLOBS) --to staging

.PHONY: promote
promote: $(READY) ## Promote whole releases, IMAGE, from staging to production; then the catalogue
	@dockwright promote $(GLOBS) --from staging --to production $${WAIVE:+--waive "$$WAIVE" --owner "$$OWNER"} && dockwright catalog --from production

.PHONY: pipeline
pipeline: $(READY) ## Run CI's pipeline end to end on this machine, from a bump to the catalogue; minutes
	@pytest -s tests/integration/test_pipeline.py $(ARGS)

.PHONY: bench
bench: $(READY) ## Build IMAGE and AGAINST and compare how fast they are, in minutes (then: bench report)
	@dockwright build '$(IMAGE)' '$(AGAINST)' && dockwright bench '$(IMAGE)' --against '$(AGAINST)' --runs 6 --suite readiness --suite latency/distilbert --suite serving $(ARGS) && dockwright bench report '$(IMAGE)'

.PHONY: bench-cli
bench-cli: $(READY) ## Measure the commands, today and with 1,000 variants, against their targets
	@python tests/bench/bench_cli.py $(ARGS)

.PHONY: bench-build
bench-build: $(READY) ## Measure both builders beside a plain pip Dockerfile, against targets
	@PYTHONPATH=tests python -m bench.bench_build $(ARGS)

.PHONY: bench-serving
bench-serving: $(READY) ## Measure our server beside Hugging Face's SageMaker toolkit, against targets
	@PYTHONPATH=tests python -m bench.bench_serving $(ARGS)

.PHONY: bench-push
bench-push: $(READY) ## Measure pushes to a registry on loopback beside skopeo's, against targets
	@PYTHONPATH=tests python -m bench.bench_push $(ARGS)

.PHONY: bench-pull
bench-pull: $(READY) ## Measure pull, unpack and first import of our image beside a pip Dockerfile's
	@PYTHONPATH=tests python -m bench.bench_pull $(ARGS)

.PHONY: bench-site
bench-site: $(READY) ## Measure how fast the catalogue's page filters 2,000 images
	@PYTHONPATH=tests python -m bench.bench_site

.PHONY: bench-training-start
bench-training-start: $(READY) ## Measure how long a training script waits for its first line
	@PYTHONPATH=tests python -m bench.bench_training_start $(ARGS)

.PHONY: lock-host
lock-host: $(READY) ## Lock what the host's own environment is installed from
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-find-links --no-strip-extras --group dev pyproject.toml --output-file $(HOST_LOCK) $(ARGS)

.PHONY: clean
clean: $(READY) ## Show what dockwright made on this machine; `dockwright clean` removes it
	@dockwright clean --dry-run

$(READY): $(HOST_LOCK) pyproject.toml
	@python3 -c 'import sys; assert sys.version_info >= (3, 11), "dockwright needs Python 3.11 or newer"'
	@python3 -m venv .venv || { echo 'python3 -m venv failed; on Debian: apt-get install python3-venv' >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --require-hashes -r $(HOST_LOCK)
	@$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
