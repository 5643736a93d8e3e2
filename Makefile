# SPDX-License-Identifier: Apache-2.0
# The project's commands. "make" alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
export PATH := $(PATH):/usr/local/sbin:/usr/sbin:/sbin

LAB := lab/bin/lab
NODE_STAMP := node_modules/.package-lock.json
# The headers that belong to the kernel of the VMs, for recipes: the newest pair of both that can be had, unless KDIR= names others.
KDIR ?=
kdir = $(or $(KDIR),$$($(LAB) kernel-headers))
# What one `make` chooses, all its commands keep: kernel, headers, versions of Debian's packages (lab/src/build/choices.ts).
ifndef LAB_CHOICES
export LAB_CHOICES := $(CURDIR)/build/cache/choices/$(shell date +%s)-$(shell echo $$PPID)
endif
SHELL_SCRIPTS = $$(git ls-files -co --exclude-standard -- .ci appliance bench lab buildroot firmware kernel \
    | while read -r f; do [ -f "$$f" ] && head -n 1 "$$f" | grep -qaE '^\#!/bin/((ba)?sh|busybox sh)' && echo "$$f"; done; true)

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r t d; do printf '%-14s %s\n' "$$t" "$$d"; done

.PHONY: packages
packages:
	@lab/host/install-packages

# What is in node_modules fits package-lock.json; otherwise install it anew.
$(NODE_STAMP): package-lock.json package.json $(wildcard appliance/package.json web-ui/package.json lab/package.json firmware/sim/package.json)
	@command -v npm >/dev/null || { echo "Node 20 with npm is needed; install it first." >&2; exit 1; }
	@npm ci --no-audit --no-fund
	@touch $@

.PHONY: install
install: packages $(NODE_STAMP) ## Debian packages that the host lacks, and npm's

.PHONY: build
build: install ## supervisor, page, kernel modules, the VMs' root file systems
	@$(LAB) build

.PHONY: run
run: install ## the gateway and two stations in emulation, until Ctrl-C (ADAPTER=1: one behind an adapter on USB)
	@$(LAB) $(if $(ADAPTER),vm adapter,run)

.PHONY: test
test: build ## every test, with VMs; the last line counts them
	@$(LAB) test-all

.PHONY: scenarios
scenarios: $(NODE_STAMP) ## lists the arrangements of buses and hosts that can be built: docs/clusters.md
	@$(LAB) scenarios

.PHONY: scenario
scenario: install ## builds one of them, tries it, draws it: NAME=star (DOCS=1: into docs/clusters.md)
	@$(if $(NAME),,echo "Name one: make scenario NAME=star; \"make scenarios\" lists them." >&2; exit 2;) DOCS=$(DOCS) $(LAB) scenario $(NAME)

.PHONY: test-scenarios
test-scenarios: install ## all of them in a row
	@$(LAB) scenario all

.PHONY: adapters
adapters: install ## one segment over every host adapter that runs in emulation: docs/adapters.md (DOCS=1: into it)
	@DOCS=$(DOCS) $(LAB) scenario adapters

.PHONY: test-debug-kernel
test-debug-kernel: install ## loop scenarios and KUnit on a kernel with KASAN, lockdep and kmemleak, compiled first
	@PACKAGES_LIST=packages-debug.list lab/host/install-packages
	@LAB_KERNEL=debug $(LAB) build-kernel
	@LAB_KERNEL=debug LAB_TIMEOUT_SCALE=$${LAB_TIMEOUT_SCALE:-5} $(LAB) test kernel- debug-

.PHONY: check
check: install types lint ## types, lint, unit tests; no VM, about three minutes
	@$(LAB) check

.PHONY: coverage
coverage: install ## how much of the supervisor its tests run, to build/coverage
	@npx --no-install c8 --all --src appliance/src --include 'appliance/src/**' --exclude '**/*.d.ts' \
	    --reporter text --reporter html --reports-dir build/coverage npm test --silent -w appliance

.PHONY: types
types: $(NODE_STAMP)
	@npm run types --silent --workspaces --if-present

.PHONY: lint
lint: install ## Biome, kernel C (W=1, sparse), shell scripts
	@npx --no-install biome check --error-on-warnings $$([ -t 1 ] || echo --colors=off) .
	@dir=$(kdir); $(MAKE) -C kernel lint KDIR="$$dir"
	@scripts="$(SHELL_SCRIPTS)"; shellcheck -x $$scripts && echo "shellcheck: $$(echo "$$scripts" | wc -w) scripts are clean"

.PHONY: fmt
fmt: $(NODE_STAMP) ## formats TypeScript and JSON
	@npx --no-install biome check --write .

.PHONY: kernel
kernel: install ## ipscsi.ko and ipscsi_target.ko for the VMs' kernel (LAB_KERNEL=6.12), or KDIR=
	@dir=$(kdir); $(MAKE) -C kernel KDIR="$$dir"

.PHONY: firmware
firmware: install ## the adapter's firmware for RP2040 boards, built twice and compared, to firmware/build
	@$(MAKE) -C firmware reproducible

.PHONY: debs
debs: install ## Debian packages for a machine that runs already, to build/debs: docs/packages.md
	@$(LAB) debs

.PHONY: driver-disk
driver-disk: install ## the disk that brings hosts the driver over the bus, to build/driver: docs/hosts.md
	@$(LAB) driver-disk

.PHONY: shell
shell: ## a shell in a running VM: make shell VM=station-a
	@$(LAB) shell $(VM)

.PHONY: bench
bench: $(if $(filter firmware,$(ONLY)),install,build) ## throughput and latency, as ratios: docs/performance.md (ONLY=GROUP, ROUNDS=N, DOCS=1)
	@node --import ./node_modules/tsx/dist/loader.mjs lab/src/bench/main.ts \
	    $(if $(ONLY),--only $(ONLY)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(DOCS),--docs)

.PHONY: bench-native
bench-native: install ## the driver's processor time, as ratios, on a real processor: docs/performance.md (ROUNDS=N, DOCS=1)
	@PACKAGES_LIST=packages-native.list lab/host/install-packages
	@node --import ./node_modules/tsx/dist/loader.mjs lab/src/bench/native-main.ts $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(DOCS),--docs)

.PHONY: disk
disk: install ## the gateway's disk to flash, from Debian packages, and its update bundle: build/disk
	@$(LAB) disk

.PHONY: image
image: install ## the image to flash, built by Buildroot, to build/image: BOARD=x86_64 BUILDROOT=<checkout of 2026.02>
	@$(MAKE) -C firmware
	@npm run --silent build -w appliance -w web-ui
	@$(LAB) driver-disk
	@buildroot/scripts/build-image "$(BOARD)" "$(BUILDROOT)"

.PHONY: image-check
image-check: $(NODE_STAMP) ## is buildroot/ whole? more with BUILDROOT=<checkout>, KERNEL_SOURCE=<linux 6.12>
	@BUILDROOT="$(abspath $(BUILDROOT))" KERNEL_SOURCE="$(abspath $(KERNEL_SOURCE))" \
	    node --import ./node_modules/tsx/dist/loader.mjs lab/src/image-check/main.ts

.PHONY: sbom
sbom: install ## bill of materials and licences of the image that make disk makes, to build/sbom
	@$(LAB) sbom

.PHONY: release
release: install ## all of a release, to build/release (DEV=1: a rehearsal; BUILDROOT=): docs/release.md
	@buildroot/scripts/release

.PHONY: clean
clean: ## removes everything that was generated, except node_modules
	@rm -rf build appliance/dist web-ui/dist
	@git clean -fdXq kernel firmware
