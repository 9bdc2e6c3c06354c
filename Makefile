# Needs Go, git, make and, for the tests, Debian with apt. "make help" lists
# what there is.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-builtin-rules

GO   ?= go
CC   ?= gcc
# Probes need root; everything else does not.
SUDO := $(if $(filter 0,$(shell id -u)),,sudo -E env PATH=$(PATH))
AS_ROOT = $(if $(SUDO),-exec "$(SUDO)")

# The version is what git knows: the tag, or the commit.
VCS := $(shell git rev-parse --verify -q HEAD >/dev/null 2>&1 && echo true || echo false)
export CGO_ENABLED = 0

# Kernels of the virtual machines (tests/vm/setup -l lists all that there are).
VM_KERNELS     ?= 6.1 6.12
VM_KERNELS_ALL ?= 5.10 6.1 6.12 bpo 6.12-arm64
# How many run at once: each takes one of the host's processors, and 3 GiB.
VM_JOBS        ?= $(shell nproc)

FUZZ_RUNS     ?= 2000
FUZZ_RUNS_ALL ?= 200000

# Where what is built goes; for another architecture: BIN=bin/arm64 GOARCH=arm64 CC=….
BIN ?= bin

TOTALS := bin/test-totals
REPORT  = bin/report -totals $(TOTALS)
# Packages whose tests need nothing but Go; the others have stages of their own.
UNIT    = $$($(GO) list ./... | grep -v -x -e tracer/tests/truth -e tracer/tests/examples -e tracer/tests/rules)

.PHONY: help
help: ## List the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' Makefile | expand -t 14

## ---- the program

.PHONY: build
build: ## Build bin/tracer
	@mkdir -p $(BIN)
	$(GO) build -trimpath -ldflags=-w -buildvcs=$(VCS) -o $(BIN)/tracer ./cmd/tracer

.PHONY: run
run: build ## Build, and trace the system calls of this machine for three seconds
	$(SUDO) bin/tracer apply -d 3s catalog:syscount

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin

## ---- the tests

# All stages run, also when one has failed; the last lines say what came of each.
.PHONY: test
test: ## All tests, also in virtual machines (some 15 minutes)
	@$(MAKE) --no-print-directory STAGES="deps build check unit fuzz truth test-vm" stages

.PHONY: test-all
test-all: ## The same with more kernels, and more fuzzing
	@$(MAKE) --no-print-directory FUZZ_RUNS=$(FUZZ_RUNS_ALL) VM_KERNELS="$(VM_KERNELS_ALL)" \
	  STAGES="deps build check unit race fuzz truth accept test-vm" stages

.PHONY: stages
stages:
	@mkdir -p bin; rm -f $(TOTALS)
	@$(GO) build -o bin/report ./tests/report
	@failed=; start=$$SECONDS; for stage in $(STAGES); do \
	  echo "== $$stage ($$((SECONDS - start)) s)"; \
	  $(MAKE) --no-print-directory $$stage || failed+=" $$stage"; \
	  case "$$failed" in *\ deps*|*\ build*) break ;; esac; \
	done; \
	echo "== summary ($$((SECONDS - start)) s)"; \
	$(REPORT) -sum || failed+=" summary"; \
	[ -z "$$failed" ] || { echo "failed:$$failed"; exit 1; }

.PHONY: deps
deps: ## Install what the tests need from Debian's packages, and mount tracefs, if it is missing
	@tests/workload/deps

# What is checked without running it.
.PHONY: check
check: build ## Format, vet, staticcheck, house rules, generated files
	@unformatted=$$($(GO) tool gofumpt -l .); [ -z "$$unformatted" ] || { echo "gofumpt -w would change:"; echo "$$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) mod tidy -diff
	$(GO) test -count=1 ./tests/rules
	bin/tracer fmt -check -recursive specs
	@tests/rules/generated

.PHONY: unit
unit: workloads bin/report ## Unit tests, and those that use this machine's kernel
	@$(GO) test -json -timeout 15m $(AS_ROOT) $(UNIT) | $(REPORT) -stage unit

.PHONY: race
race: workloads bin/report ## Unit tests with the race detector
	@CGO_ENABLED=1 $(GO) test -race -json -timeout 15m $(AS_ROOT) $(UNIT) | $(REPORT) -stage race

.PHONY: fuzz
fuzz: ## A fixed number of executions of every fuzz test
	@tests/fuzz $(FUZZ_RUNS)

.PHONY: truth
truth: build workloads bin/report ## The whole program, the catalog and the documents against known workloads
	@mkdir -p bin/kernels; $(GO) test -json -count=1 -p 1 -timeout 10m $(AS_ROOT) ./tests/truth ./tests/examples | tee bin/kernels/host.json | $(REPORT) -stage truth -tests

.PHONY: test-vm
test-vm: ## Only the virtual machines
	@$(call side_by_side,$(addprefix vm-,$(VM_KERNELS)))

# Targets side by side, whatever becomes of each.
side_by_side = printf '%s\n' $(1) | xargs -P $(VM_JOBS) -n 1 $(MAKE) --no-print-directory

# Random specs: 20,000 here, and in each guest as many as its time allows.
ACCEPT         ?= 20000
ACCEPT_SECONDS ?= 1800
ACCEPT_KERNELS ?= 6.1 6.12
.PHONY: accept
accept: accept-here ## What validate accepts, the kernel loads: 20,000 random specs, also in virtual machines (35 minutes)
	@$(call side_by_side,$(addprefix accept-,$(ACCEPT_KERNELS)))

.PHONY: accept-here
accept-here: workloads bin/report
	@TRACER_ACCEPT=$(ACCEPT) $(GO) test -json -v -count=1 -timeout 60m $(AS_ROOT) -run TestWhatTheCheckerAcceptsLoads ./tests/differ | $(call accepted,here)

accept-%: bin/report
	@tests/vm/accept $* $(ACCEPT) $(ACCEPT_SECONDS) | $(call accepted,$*)

# The tests' line, and how many specs it were.
accepted = tee bin/accept-$(1).json | $(REPORT) -stage accept-$(1) -tests || failed=1; \
	grep -oE '[0-9]+ specs loaded in [0-9a-z.]+' bin/accept-$(1).json; exit $${failed:-0}

# One boot runs all tests of a kernel.
vm-%: bin/report
	@mkdir -p bin/kernels; tests/vm/suite $* | tee bin/kernels/$*.json | $(REPORT) -stage vm-$* -tests

.PHONY: kernels
kernels: ## Write docs/kernels.md from the last runs here and in the virtual machines
	$(GO) run ./tests/kernels $(wildcard $(addprefix bin/kernels/,$(addsuffix .json,host $(VM_KERNELS_ALL))))

bin/report: $(wildcard tests/report/*.go)
	@mkdir -p bin
	@$(GO) build -o $@ ./tests/report

## ---- workloads: programs whose events are known exactly

W      := tests/workload
WCFLAGS := -O2 -g -Wall -Wextra -Werror -pthread
# A cross compiler does not find sys/sdt.h, which is the same everywhere.
ifneq ($(findstring -linux-gnu-,$(CC)),)
WCFLAGS += -idirafter $(firstword $(patsubst %/sys/sdt.h,%,$(wildcard /usr/include/*/sys/sdt.h /usr/include/sys/sdt.h)))
endif
WORKLOADS := tw-go tw-syscalls tw-events tw-usdt tw-functions tw-functions-nopie tw-functions-shared tw-functions-late libtwfn.so

.PHONY: workloads
workloads: $(addprefix $(BIN)/workload/,$(WORKLOADS)) ## Build the programs that are traced in tests

COMPILE = @mkdir -p $(@D); $(CC) $(WCFLAGS) -o $@ $(filter %.c,$^)

# Functions are found by the symbol table.
$(BIN)/workload/tw-go: $(W)/golang/main.go
	@mkdir -p $(@D)
	$(GO) build -trimpath -o $@ ./$(W)/golang
$(BIN)/workload/tw-syscalls: $(W)/syscalls.c $(W)/harness.c $(W)/harness.h
	$(COMPILE)
$(BIN)/workload/tw-events: $(W)/events.c $(W)/harness.c $(W)/harness.h
	$(COMPILE)
$(BIN)/workload/tw-usdt: $(W)/usdt.c $(W)/usdt_operands.c $(W)/harness.c $(W)/harness.h $(W)/usdt.h
	$(COMPILE)
FUNCTIONS := $(W)/functions.c $(W)/harness.c $(W)/functions.h $(W)/harness.h
# Stacks are walked by frame pointers.
$(BIN)/workload/tw-functions $(BIN)/workload/tw-functions-nopie $(BIN)/workload/libtwfn.so: WCFLAGS += -fno-omit-frame-pointer
$(BIN)/workload/tw-functions: $(W)/functions_program.c $(FUNCTIONS)
	$(COMPILE) -fPIE -pie
$(BIN)/workload/tw-functions-nopie: $(W)/functions_program.c $(FUNCTIONS)
	$(COMPILE) -fno-pie -no-pie
$(BIN)/workload/libtwfn.so: $(FUNCTIONS)
	$(COMPILE) -fPIC -shared
$(BIN)/workload/tw-functions-shared: $(W)/functions_program.c $(BIN)/workload/libtwfn.so
	$(COMPILE) -L$(@D) -ltwfn -Wl,-rpath,'$$ORIGIN'
$(BIN)/workload/tw-functions-late: $(W)/functions_program.c $(BIN)/workload/libtwfn.so
	$(COMPILE) '-DLATE="libtwfn.so"'

## ---- the benchmark: bpftrace, and C programs for libbpf, as peers

B      := tests/bench/c
BOUT    = $(BIN)/bench
BPF_OBJECTS = $(patsubst $(B)/%.bpf.c,$(BOUT)/%.bpf.o,$(wildcard $(B)/*.bpf.c))

.PHONY: bench
bench: build ## Measure beside bpftrace and C; writes docs/performance.md (about 5 minutes)
	@tests/bench/deps
	@$(MAKE) --no-print-directory $(BOUT)/load $(BOUT)/loader $(BOUT)/libfunctions.so $(BPF_OBJECTS)
	@$(GO) build -o $(BOUT)/bench ./tests/bench
	$(SUDO) $(BOUT)/bench -built $(BOUT) -tracer $(BIN)/tracer

$(BOUT)/load: $(B)/load.c
	@mkdir -p $(@D); clang -O2 -Wall -Wextra -Werror -o $@ $<
$(BOUT)/loader: $(B)/loader.c
	@mkdir -p $(@D); clang -O2 -g -Wall -Wextra -Werror -o $@ $< -lbpf -lelf -lz
$(BOUT)/%.bpf.o: $(B)/%.bpf.c $(B)/programs.h
	@mkdir -p $(@D); clang -O2 -g -Wall -Werror -target bpf -idirafter $(firstword $(wildcard /usr/include/$(shell uname -m)-linux-gnu)) -c -o $@ $<
# A library with functions one_0, hundred_0 to hundred_99 and thousand_0 to thousand_999.
$(BOUT)/libfunctions.so: Makefile
	@mkdir -p $(@D)
	@for names in one:1 hundred:100 thousand:1000; do for ((i = 0; i < $${names#*:}; i++)); do \
	  echo "int $${names%:*}_$$i(int x) { return x + $$i; }"; done; done > $(@D)/functions.c
	@clang -O1 -shared -fPIC -o $@ $(@D)/functions.c
