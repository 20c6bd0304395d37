"""Runs every benchmark, one after the other, and makes the report: what `make bench` calls.

    run.py --build build [--quick]

The parts lie in build/bench/*.json, the whole in build/bench/report.json and report.html.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import machine

HERE = Path(__file__).resolve().parent


def parts(build, out, quick):
    """(name, command, file that takes its stdout or None) of each part."""
    programs = build / "bench/bin"
    flag = ["--quick"] if quick else []
    serving = [sys.executable, HERE / "serving.py", "--build", build, "--out", out / "serving.json"]
    yield "entitlement", [programs / "entitlement", "3" if quick else "15"], "entitlement.json"
    if (programs / "exact_search").exists():
        yield "exact search", [programs / "exact_search", "--out", out / "exact.json", *flag], None
    else:
        print("exact search is left out: FAISS or OpenBLAS is missing", file=sys.stderr)
    yield "shared scan", [programs / "shared_scan", "--out", out / "shared_scan.json", *flag], None
    if (programs / "filtered_search").exists():
        bounded = "--quick" if quick else "--bounded"
        command = [sys.executable, HERE / "filtered.py", "--build", build, bounded]
        yield "filtered search", command, None
    else:
        print("filtered search is left out: hnswlib is missing", file=sys.stderr)
    if (programs / "lexical_search").exists():
        lexical = [programs / "lexical_search", "--out", out / "lexical.json"]
        yield "lexical search", [*lexical, *flag], None
    else:
        print("lexical search is left out: Xapian is missing", file=sys.stderr)
    yield "hybrid", [programs / "hybrid", "--out", out / "hybrid.json", *flag], None
    data = Path(os.environ.get("CORDON_SHARED_DATA", "")) / "ir-classic"
    if "CORDON_SHARED_DATA" in os.environ and data.exists():
        relevance = [programs / "relevance", "--data", data, "--out", out / "relevance.json"]
        yield "relevance", [*relevance, *flag], None
    else:
        print("relevance is left out: CORDON_SHARED_DATA holds no ir-classic", file=sys.stderr)
    permissions = [sys.executable, HERE / "permissions.py", "--build", build]
    yield "permissions", [*permissions, "--out", out / "permissions.json", *flag], None
    yield "server and ingest", [*serving, *flag], None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--quick", action="store_true", help="a smoke run; its figures mean little")
    options = parser.parse_args()
    out = options.build / "bench"
    names = ["entitlement", "exact", "shared_scan", "lexical", "hybrid", "relevance", "permissions"]
    names.append("serving")
    for name in names:
        (out / f"{name}.json").unlink(missing_ok=True)
    described = machine.describe(HERE.parent)
    described["quick"] = options.quick
    (out / "machine.json").write_text(json.dumps(described))
    for name, command, stdout in parts(options.build, out, options.quick):
        print(f"— {name}", file=sys.stderr, flush=True)
        began = time.monotonic()
        words = [str(word) for word in command]
        if stdout:
            with open(out / stdout, "wb") as file:
                failed = subprocess.run(words, check=False, stdout=file).returncode
        else:
            failed = subprocess.run(words, check=False, stdout=sys.stderr).returncode
        if failed:
            sys.exit(f"{name} failed")
        print(f"  {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    report = [sys.executable, str(HERE / "report.py"), str(out)]
    sys.exit(subprocess.run(report, check=False).returncode)


if __name__ == "__main__":
    main()
