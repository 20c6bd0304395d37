# The commands of daily work. Each target installs what it lacks, without asking.
BUILD ?= build
JOBS ?= $(shell nproc)
TEST_TIMEOUT_S ?= 900

CPP_FOLDERS = $(wildcard engine include tools tests bench)
CPP_FILES = $(shell find $(CPP_FOLDERS) -name '*.cc' -o -name '*.h')

.DEFAULT_GOAL := help
.PHONY: help build demo serve test bench format check-format tidy clean build-deps configure

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
	@ctest --test-dir $(BUILD) --parallel $(JOBS) --timeout $(TEST_TIMEOUT_S) \
	  --output-on-failure --no-tests=error

bench: configure  ## runs the benchmarks of bench/
	@if [ -f bench/CMakeLists.txt ]; then \
	  cmake --build $(BUILD) --parallel $(JOBS) --target bench; \
	else \
	  echo "bench/ holds no benchmarks yet"; \
	fi

format:  ## formats all C++ files
	@tools/install-dependencies.sh format
	@clang-format -i $(CPP_FILES)

check-format:  ## fails if a C++ file is not formatted
	@tools/install-dependencies.sh format
	@clang-format --dry-run -Werror $(CPP_FILES)

tidy: configure  ## runs clang-tidy over the engine and the tools; slow
	@tools/install-dependencies.sh tidy
	@cmake --build $(BUILD) --parallel $(JOBS) --target cordon_grpc
	@run-clang-tidy -quiet -p $(BUILD) -j $(JOBS) '$(CURDIR)/(engine|tools)/.*\.cc'

clean:  ## removes the build folder, the demo's store included
	@rm -rf $(BUILD)

build-deps:
	@tools/install-dependencies.sh build

configure: build-deps
	@mkdir -p $(BUILD)
	@cmake --preset release -B $(BUILD) >$(BUILD)/configure.log 2>&1 \
	  || { cat $(BUILD)/configure.log >&2; exit 1; }
