# All commands. Python packages go into .venv from a lock file, tools into ~/.cache/netattach (NETATTACH_CACHE). Missing system
# packages are named and, as root on a Debian-like system, installed (tools/need).

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SHIM   := plugin/shim/build/netattach
TESTS  ?=
BENCH  ?=
WORKERS ?= 2
LAB    := PYTHONPATH=tests $(BIN)/python -m e2e.lab

export PYTHON
export NETATTACH_CACHE := $(or $(NETATTACH_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/netattach)
export PATH := $(PATH):/usr/sbin:/sbin

.DEFAULT_GOAL := help
.PHONY: help setup demo test e2e check soak lint fmt rules reference manifests docs shim image release kubectl-netattach cluster cluster-down bench bench-deployment bench-scale lock clean demo-needs test-needs shim-needs cluster-needs

help: ## list the targets (this text)
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: test-needs cluster-needs $(VENV)/dev ## install what development and all tests need

demo: demo-needs $(VENV)/demo shim ## attach networks to a pod on this machine, without a cluster (NAD=file.yaml, KEEP=1)
	@$(BIN)/netattach demo --cni-bin "$$(tools/cni-plugins)" --shim $(SHIM) $(if $(NAD),--nad "$(NAD)") $(if $(KEEP),--keep)

test: test-needs $(VENV)/dev shim ## run the tests that need no cluster, or TESTS=...
	@$(BIN)/pytest -n $(WORKERS) --dist worksteal $(or $(TESTS),tests/unit tests/contract tests/node tests/kernel)

e2e: setup shim ## run the tests on a real two-node cluster, as root
	@$(BIN)/pytest $(or $(TESTS),tests/e2e)

check: ## run everything that CI runs: lint, test, e2e
	@$(MAKE) lint
	@$(MAKE) test
	@$(MAKE) e2e

soak: setup shim ## run all tests, or TESTS=..., with long budgets; the outcome goes to bench/results
	@tools/need --optional "the soak" qemu-aarch64-static:qemu-user-static
	@tools/soak $(BIN)/pytest $(TESTS)

lint: shim-needs $(VENV)/dev ## check style, types, import directions and the shim's warnings
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) -s -B -C plugin/shim

# What ruff cannot fix is no failure here; `make lint` reports it.
fmt: $(VENV)/dev ## format the Python code
	@$(BIN)/ruff check --fix --quiet || true
	@$(BIN)/ruff format

reference: $(VENV)/dev ## write docs/reference from the code, and the picture of a session from the quick start
	@$(BIN)/python tools/reference.py
	@$(BIN)/python tools/session.py

rules: $(VENV)/dev ## write docs/rules.md from the rules and their examples
	@PYTHONPATH=tests $(BIN)/python tools/rules.py

# mkdocs needs no network; the variable silences an advertisement.
docs: $(VENV)/dev ## build the documents as a site into build/site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict
	@echo "build/site/index.html"

manifests: $(VENV)/dev ## write deploy/kustomize from the Helm chart
	@$(BIN)/python tools/manifests.py

shim: shim-needs ## build the static CNI shim
	@$(MAKE) -s -C plugin/shim

image: $(VENV)/dev ## build the images into build/netattach.tar and build/netattach-plugins.tar
	@mkdir -p build
	@tools/image build/netattach.tar
	@$(BIN)/python tools/plugins_image.py build/netattach.tar "$$(tools/cni-plugins --pinned)" build/netattach-plugins.tar

# From the last commit; Debian packages in exactly the versions of requirements/debian.lock.
release: $(VENV)/dev ## write a release into dist, from the last commit (REGISTRY=registry.example.com/netattach)
	@PYTHONPATH=tools/release $(BIN)/python -m netattach_release --registry "$(REGISTRY)" --downloads "$(DOWNLOADS)"

kubectl-netattach: $(VENV)/dev ## build the command as one file, which needs only Python and kubectl, into build/kubectl-netattach
	@PYTHONPATH=tools/release $(BIN)/python -m netattach_release.single_file build/kubectl-netattach

cluster: setup image ## start a real two-node cluster with netattach on this machine, as root; it keeps running
	@$(LAB) up
	@$(LAB) load build/netattach.tar
	@$(LAB) install
	@$(LAB) show

cluster-down: $(VENV)/dev ## delete that cluster
	@$(LAB) down

bench: test-needs $(VENV)/dev shim ## compare netattach with Multus (MULTUS_DAEMON, MULTUS_SHIM) and with the plugins alone, as root (BENCH=--quick)
	@PYTHONPATH=bench $(BIN)/python -m compare --cni-bin "$$(tools/cni-plugins --pinned)" --shim $(SHIM) $(BENCH)

# RUNS of each side; the cluster is deleted afterwards, whatever happens.
bench-deployment: cluster ## measure a Deployment of 80 pods with and without netattach, as root (MULTUS_DAEMON, MULTUS_SHIM: Multus too)
	@$(BIN)/python bench/deployment.py --runs $(or $(RUNS),5); status=$$?; $(LAB) down; exit $$status

# The cluster is deleted afterwards, whatever happens.
bench-scale: setup image ## measure netattach in a cluster of 5,000 nodes, 50,000 pods and 1,000 networks, as root (BENCH="--nodes 1000 ...")
	@$(LAB) up && $(LAB) load build/netattach.tar && PYTHONPATH=bench:tests $(BIN)/python -m scale $(BENCH); status=$$?; $(LAB) down; exit $$status

lock: ## update requirements/*.lock: from pyproject.toml, and the Debian packages of the image
	@tools/lock
	@tools/lock-debian

clean: ## remove everything that was built here, not the cache
	rm -rf $(VENV) build dist plugin/shim/build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

# A file records what is installed, so that a second run has nothing to do. dev includes all of demo.
$(VENV)/dev: requirements/dev.lock pyproject.toml
	@tools/venv $(VENV) $<
	@touch $@ $(VENV)/demo

$(VENV)/demo: requirements/demo.lock pyproject.toml
	@tools/venv $(VENV) $<
	@touch $@

shim-needs:
	@tools/need "the shim" musl-gcc:musl-tools gcc:gcc

demo-needs: shim-needs
	@tools/need "the demo" ip:iproute2 ping:iputils-ping nsenter:util-linux
	@tools/cni-plugins >/dev/null

test-needs: shim-needs
	@tools/need --optional "the tests" ip:iproute2 ping:iputils-ping nsenter:util-linux iptables:iptables dnsmasq:dnsmasq-base linux.uml:user-mode-linux modprobe:kmod chromium:chromium
	@tools/cni-plugins --pinned >/dev/null || echo "netattach: tests that need the CNI plugins will be left out" >&2
	@tools/cnitool >/dev/null
	@tools/multus >/dev/null || echo "netattach: tests that need Multus will be left out" >&2
	@tools/crio-calls >/dev/null
	@tools/helm >/dev/null
	@tools/kustomize >/dev/null
	@tools/prometheus >/dev/null || echo "netattach: tests that need Prometheus will be left out" >&2

cluster-needs:
	@tools/cluster-packages
	@tools/cluster-binaries >/dev/null || echo "netattach: tests that need a cluster will be left out" >&2
