# The commands of daily work. Each target installs what it lacks, without asking.
BUILD ?= build
JOBS ?= $(shell nproc)
TEST_TIMEOUT_S ?= 900
# Tests write to the disk thousands of times, and waited for it half of their time. In memory, where
# there is room for it, they do not; TESTS_IN=/tmp lets them wait.
TESTS_IN ?= $(shell [ "$$(df --output=avail -BG /dev/shm 2>/dev/null | tail -n 1 | tr -dc 0-9)" -ge 4 ] \
  2>/dev/null && echo /dev/shm || echo /tmp)
TEST_JOBS ?= $(shell echo $$(($(JOBS) * 3)))  # many wait for a process, a clock or an endpoint

# Builds a preset of CMakePresets.json in its own folder below BUILD.
preset = @mkdir -p $(BUILD)/$(1) && cmake --preset $(1) -B $(BUILD)/$(1) \
  >$(BUILD)/$(1)/configure.log 2>&1 || { cat $(BUILD)/$(1)/configure.log >&2; exit 1; }; \
  cmake --build $(BUILD)/$(1) --parallel $(JOBS) $(2)

# Before a command that tests: what it leaves goes afterwards, even if it was killed.
in_scratch = @folder=$$(mktemp -d $(TESTS_IN)/cordon-tests.XXXXXX) && \
  trap 'rm -rf "$$folder"' EXIT && TMPDIR=$$folder
run_tests = $(in_scratch) ctest --test-dir $(1) --parallel $(TEST_JOBS) \
  --timeout $(TEST_TIMEOUT_S) --output-on-failure --no-tests=error

CPP_FOLDERS = $(wildcard engine include tools tests bench examples)
CPP_FILES = $(shell find $(CPP_FOLDERS) -name '*.cc' -o -name '*.h')

.DEFAULT_GOAL := help
.PHONY: help build demo serve test quick check soak tsan fuzz bench bench-filtered bench-claims format \
  check-format tidy clean build-deps bench-deps configure

help:  ## lists the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: configure  ## builds build/bin/cordond and build/bin/cordon
	@cmake --build $(BUILD) --parallel $(JOBS) --target cordond cordon

demo: build  ## a company's handbook, asked by six callers; REPORT=FILE.json writes what they got
	@python3 tools/demo/demo.py --build $(BUILD) $(if $(REPORT),--report '$(REPORT)')

serve: build  ## serves the demo's store on 127.0.0.1:7420
	@python3 tools/demo/demo.py --build $(BUILD) --serve 127.0.0.1:7420

test: configure  ## builds everything and runs all tests
	@cmake --build $(BUILD) --parallel $(JOBS)
	$(call run_tests,$(BUILD))

quick: configure  ## builds everything and runs the tests of daily work, a minute or so of them
	@cmake --build $(BUILD) --parallel $(JOBS)
	$(call run_tests,$(BUILD) -LE slow)

bench: bench-deps configure  ## measures the claims; QUICK=1: a smoke run
	@cmake --build $(BUILD) --parallel $(JOBS) --target bench >$(BUILD)/bench/build.log 2>&1 \
	  || { tail -n 60 $(BUILD)/bench/build.log >&2; exit 1; }
	@python3 bench/run.py --build $(BUILD) $(if $(QUICK),--quick)

bench-filtered: bench-deps configure  ## filtered search beside its peers, the whole grid; hours
	@cmake --build $(BUILD) --parallel $(JOBS) --target filtered_search index_costs \
	  >$(BUILD)/bench/build.log 2>&1 || { tail -n 60 $(BUILD)/bench/build.log >&2; exit 1; }
	@python3 bench/filtered.py --build $(BUILD)

CLAIM_MINUTES ?= 25
bench-claims: bench-deps configure  ## of these the cells that claims stand on; CLAIM_MINUTES=25
	@cmake --build $(BUILD) --parallel $(JOBS) --target filtered_search >$(BUILD)/bench/build.log 2>&1 \
	  || { tail -n 60 $(BUILD)/bench/build.log >&2; exit 1; }
	@python3 bench/filtered.py --build $(BUILD) --claims --minutes $(CLAIM_MINUTES)

# Who allocated is told by four frames: thirty, for each allocation, take a fifth of the time.
check: export ASAN_OPTIONS = malloc_context_size=4
check:  ## tests under AddressSanitizer and UBSan, and the planted bugs
	@tools/install-dependencies.sh build check
	$(call preset,checked)
	$(call run_tests,$(BUILD)/checked)

MINUTES ?= 20
soak: configure  ## the random tests for MINUTES=20; one line each
	@cmake --build $(BUILD) --parallel $(JOBS)
	$(in_scratch) python3 tests/soak/soak.py $(BUILD)/tests --minutes $(MINUTES) --out $(BUILD)/soak.md

tsan: export TSAN_OPTIONS = ignore_noninstrumented_modules=1:halt_on_error=1
tsan: TEST_TIMEOUT_S = 3600
tsan: build-deps  ## tests under ThreadSanitizer; slow
	$(call preset,thread)
	$(call run_tests,$(BUILD)/thread)

FUZZ_S ?= 60
fuzz:  ## libFuzzer, FUZZ_S=60 seconds each target; TARGET=journal_record: only that one
	@tools/install-dependencies.sh build fuzz
	$(call preset,fuzz,--target fuzz_targets)
	$(in_scratch) tests/fuzz/run.sh $(BUILD)/fuzz $(FUZZ_S) $(TARGET)

format:  ## formats all C++ files
	@tools/install-dependencies.sh format
	@clang-format -i $(CPP_FILES)

check-format:  ## fails if a C++ file is not formatted
	@tools/install-dependencies.sh format
	@clang-format --dry-run -Werror $(CPP_FILES)

# By the debug preset: a release compiles several files as one, and clang-tidy would not see them.
tidy:  ## runs clang-tidy over the engine and the tools; slow
	@tools/install-dependencies.sh build tidy
	$(call preset,debug,--target cordon_grpc)
	@run-clang-tidy -quiet -p $(BUILD)/debug -j $(JOBS) '$(CURDIR)/(engine|tools)/.*\.cc'

clean:  ## removes the build folder, the demo's store included
	@rm -rf $(BUILD)

build-deps:
	@tools/install-dependencies.sh build

bench-deps:
	@tools/install-dependencies.sh build bench

# CI runs `make check` as well, and what that runs whole only there.
TEST_ONCE ?= OFF
configure: build-deps
	@mkdir -p $(BUILD)
	@cmake --preset release -B $(BUILD) -DCORDON_TEST_ONCE=$(TEST_ONCE) >$(BUILD)/configure.log 2>&1 \
	  || { cat $(BUILD)/configure.log >&2; exit 1; }
