# The front door. Meson and Ninja do the work; see meson.build.
#
#   make           build the library and the tern command in build/
#   make demo      build, then show it: scripts/demo
#   make test      all tests, here and as s390x, armhf and wasm32
#   make test-programs  real programs of Debian's, under tern run
#   make asan      the tests again under the address and UB sanitizers
#   make sabotage   switch each behaviour off: its tests must go red
#   make fuzz      the fuzzer, for FUZZ_SECONDS
#   make bench     the benchmarks
#   make fmt lint  clang-format all, clang-tidy the core
#   make install   to PREFIX (and DESTDIR)
#   make sources   true up the lists of sources and the tables in doc/
#   make clean     remove what was built

PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
JOBS ?= $(shell nproc)

MAKEFLAGS += --no-print-directory
BUILD = ninja -j $(JOBS) -C
CROSS = build-s390x build-armhf

.PHONY: all demo test test-programs asan sabotage fuzz bench fmt lint install sources clean help \
	deps-build deps-test deps-programs deps-lint

all: deps-build build/build.ninja
	@$(BUILD) build

demo: all
	@scripts/demo

test: deps-test build/build.ninja $(CROSS:=/build.ninja)
	@scripts/run-tests build $(CROSS)

test-programs: deps-programs build/build.ninja
	@scripts/run-tests --suite programs build

asan: deps-test build-asan/build.ninja
	@scripts/run-tests build-asan

sabotage: deps-test
	@scripts/sabotage

fuzz: deps-test build-fuzz/build.ninja
	@$(BUILD) build-fuzz
	@scripts/fuzz build-fuzz $(FUZZ_SECONDS)

bench: all
	@build/tools/tern bench

fmt: deps-lint
	@find include src link host runner control tools lab test fuzz bench \
		examples -name '*.[ch]' | xargs clang-format -i

lint: deps-lint build/build.ninja
	@scripts/lint

install: all
	@meson configure build -Dprefix=$(PREFIX)
	@meson install -C build

sources:
	@scripts/sources
	@scripts/gen-tables-doc

clean:
	@rm -rf build build-asan build-fuzz build-clang build-sabotage $(CROSS)

help:
	@sed -n 's/^#   //p' Makefile

deps-build:
	@scripts/deps build
deps-test:
	@scripts/deps build test cross
deps-programs:
	@scripts/deps build test programs
deps-lint:
	@scripts/deps build test lint

# What each build directory is. Meson re-plans by itself when a meson.build
# changes, so these run once.
# Meson's list of what it found is shown only if something is missing.
SETUP = meson setup $(@D) $(1) >$(@D).log 2>&1 && rm $(@D).log || \
	{ cat $(@D).log; exit 1; }
# b_lundef: a sanitizer's own symbols stay undefined in a shared library.
SANITIZE = -Db_sanitize=address,undefined -Db_lundef=false -Db_ndebug=false
build/build.ninja:
	@$(call SETUP)
build-asan/build.ninja:
	@$(call SETUP,$(SANITIZE))
build-fuzz/build.ninja:
	@CC=clang $(call SETUP,$(SANITIZE) -Dparts=core -Dfuzz=true)
build-clang/build.ninja:
	@CC=clang $(call SETUP)
build-s390x/build.ninja build-armhf/build.ninja: build-%/build.ninja:
	@$(call SETUP,--cross-file scripts/cross/$*.ini \
		--cross-file build-deps/$*.ini -Dparts=core)
