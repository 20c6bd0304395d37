#!/usr/bin/env bash
# Runs the fuzz targets with libFuzzer and keeps what is new in BUILD/corpus/.
#
#   tests/fuzz/run.sh BUILD SECONDS [TARGET…]        BUILD: the folder of the fuzz preset
#
# A crash leaves its input in BUILD/crashes/. Mend the bug, then put the input into
# tests/fuzz/corpus/TARGET/, where every build replays it.
set -euo pipefail
build=$1 seconds=$2
shift 2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
targets=("$@")
if ((${#targets[@]} == 0)); then
  for folder in "$here"/corpus/*/; do targets+=("$(basename "$folder")"); done
fi
mkdir -p "$build/crashes"
for target in "${targets[@]}"; do
  echo "== $target: $seconds s"
  mkdir -p "$build/corpus/$target"
  "$build/tests/fuzz_$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=4096 \
    -artifact_prefix="$build/crashes/$target-" -print_final_stats=1 -verbosity=0 \
    "$build/corpus/$target" "$here/corpus/$target" 2>&1 | grep -Ev '^(INFO|#)' | tail -n 25
done
