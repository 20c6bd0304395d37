#!/usr/bin/env bash
# Installs what a make target lacks on Debian 12, without asking; silent and quick when all is there.
#
#   tools/install-dependencies.sh SET…    where SET is one of make, build, bench, check, fuzz,
#   format, tidy
#
# CORDON_SKIP_DEPENDENCIES=1 skips the check: for other systems, where the packages have other names.
set -euo pipefail

if [[ "${CORDON_SKIP_DEPENDENCIES:-}" == 1 ]]; then exit 0; fi

wanted=()
for name in "$@"; do
  case "$name" in
    make) wanted+=(make) ;;
    build)
      wanted+=(
        # compiler and build system
        g++ cmake ninja-build ccache mold pkg-config
        # store, server, messages
        librocksdb-dev libgrpc++-dev libgrpc-dev libprotobuf-dev protobuf-compiler
        protobuf-compiler-grpc
        # kernels, digests, text, formats, logs
        libhwy-dev libfaiss-dev libopenblas-dev libssl-dev libicu-dev libstemmer-dev libgumbo-dev
        zlib1g-dev libdeflate-dev libzstd-dev libyaml-cpp-dev nlohmann-json3-dev libsimdjson-dev
        libcli11-dev libspdlog-dev libfmt-dev libjemalloc-dev
        # tokens of users and the keys of their issuers
        librhonabwy-dev libjansson-dev libcurl4-openssl-dev
        # metrics
        libmicrohttpd-dev prometheus-cpp-dev
        # tests, the demo, and fetching its corpus
        libgtest-dev libgmock-dev python3 openssl ca-certificates
        # the example backend, which the tests run
        python3-grpcio
      ) ;;
    bench) wanted+=(libhnswlib-dev libxapian-dev libroaring-dev libhdf5-dev) ;;  # peers, and data
    # Quicker to build than with g++, and with libFuzzer; llvm names the lines in reports. clang only
    # recommends the sanitizers.
    check | fuzz) wanted+=(clang libclang-rt-14-dev llvm libomp-dev) ;;
    format) wanted+=(clang-format) ;;
    tidy) wanted+=(clang-tidy) ;;
    *)
      echo "install-dependencies: unknown set '$name'; known: make, build, bench, check, fuzz, format, tidy" >&2
      exit 2
      ;;
  esac
done

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "install-dependencies: this is no Debian system; install the equivalents of" >&2
  echo "  ${wanted[*]}" >&2
  echo "and set CORDON_SKIP_DEPENDENCIES=1" >&2
  exit 1
fi

installed=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "${wanted[@]}" 2>/dev/null || true)
missing=()
for package in "${wanted[@]}"; do
  if ! grep -qxF "$package installed" <<<"$installed"; then missing+=("$package"); fi
done
if ((${#missing[@]} == 0)); then exit 0; fi

as_root=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    echo "install-dependencies: these packages are missing, and this is neither root nor is there" >&2
    echo "sudo; run as root:  apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

echo "installing ${#missing[@]} packages: ${missing[*]}"
apt() {
  # stdin is closed: whatever asks would wait for ever.
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 "$@" </dev/null
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { apt update && apt install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  tail -n 40 "$log" >&2
  echo "install-dependencies: apt-get failed (above); is the package mirror reachable?" >&2
  exit 1
fi
echo "installed ${#missing[@]} packages in ${SECONDS} s"
