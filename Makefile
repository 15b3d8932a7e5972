# What people and CI type; `make help` lists it. CMake does the building (CMakePresets.json).
SHELL := /bin/bash
PREFIX ?= /usr/local
DESTDIR ?=
AEGIS_BUILD_DIR ?= build/release
export AEGIS_BUILD_DIR

.DEFAULT_GOAL := build
.PHONY: help build test install uninstall package demo check lint lint-all format bench soak fuzz clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build the program (installs what is missing)
	@scripts/bootstrap build
	@scripts/build aegis manual

test: ## build, then run all tests but the long ones
	@scripts/bootstrap build test
	@scripts/build
	@scripts/test

demo: ## a scripted agent at work under a policy, and what the ledger says of it
	@scripts/bootstrap build test
	@scripts/build aegis
	@examples/demo/run "$(abspath $(AEGIS_BUILD_DIR))/bin/aegis"

# Under sudo the build itself runs as the user who called: no root-owned files in the tree, and that
# user's Rust toolchain.
install: ## install below PREFIX (/usr/local), staged below DESTDIR
	@if [[ $$(id -u) == 0 && -n "$${SUDO_USER:-}" && "$${SUDO_USER:-}" != root ]]; then \
	  scripts/bootstrap test && sudo -H -u "$$SUDO_USER" $(MAKE) --no-print-directory build; \
	else \
	  $(MAKE) --no-print-directory build; \
	fi
	@DESTDIR="$(DESTDIR)" cmake --install "$(AEGIS_BUILD_DIR)" --prefix "$(PREFIX)" --strip

uninstall: ## remove what `make install` put below PREFIX
	@cd "$(DESTDIR)$(PREFIX)" && rm -f bin/aegis share/man/man1/aegis.1 \
	  share/bash-completion/completions/aegis share/zsh/site-functions/_aegis \
	  share/fish/vendor_completions.d/aegis.fish && rm -rf share/doc/aegis

package: ## make dist/aegis_VERSION_ARCH.deb, a tarball and their SHA256SUMS
	@scripts/bootstrap build package
	@scripts/build aegis manual
	@packaging/make-package "$(AEGIS_BUILD_DIR)" dist

check: lint test ## lint and test

lint: ## style, and clang-tidy on what changed since it was last clean
	@scripts/bootstrap build lint
	@scripts/build lint_inputs
	@scripts/lint --build "$(AEGIS_BUILD_DIR)"

lint-all: ## style, and clang-tidy on everything
	@scripts/bootstrap build lint
	@scripts/build lint_inputs
	@scripts/lint --build "$(AEGIS_BUILD_DIR)" --all

format: ## put all C++ files into the one style
	@scripts/bootstrap lint
	@git -c safe.directory='*' ls-files -z --cached --others --exclude-standard -- 'src/*.cc' 'src/*.h' 'fuzz/*.cc' \
	  'engines/include/*.h' | xargs -0 -r clang-format-19 -i

bench: ## time and latency against native and bubblewrap
	@scripts/bootstrap build bench
	@scripts/build aegis benches
	@/usr/bin/python3 bench/run_bench.py --build "$(AEGIS_BUILD_DIR)" $(BENCH_ARGS)

soak: ## the tests that are too long for every run
	@scripts/bootstrap build test
	@scripts/build
	@scripts/test --soak

fuzz: ## run each fuzz target for FUZZ_SECONDS (60)
	@scripts/bootstrap build fuzz
	@cmake --preset fuzz >/dev/null && cmake --build --preset fuzz
	@scripts/fuzz build/fuzz "$${FUZZ_SECONDS:-60}"

clean: ## remove the build directories
	rm -rf build
