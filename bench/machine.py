"""What the figures were measured on: machine, system, compiler and package versions."""

import datetime
import os
import platform
import re
import subprocess
from pathlib import Path

PACKAGES = [
    "g++",
    "libgrpc++-dev",
    "libprotobuf-dev",
    "librocksdb-dev",
    "libfaiss-dev",
    "libopenblas-dev",
    "libhwy-dev",
    "libhnswlib-dev",
    "libxapian-dev",
    "libroaring-dev",
    "libhdf5-dev",
    "libpq-dev",
]


def first(path, pattern):
    found = re.search(pattern, Path(path).read_text(encoding="utf-8", errors="replace"), re.M)
    return found.group(1).strip() if found else "unknown"


def versions():
    command = ["dpkg-query", "-W", "-f=${Package} ${Version}\n", *PACKAGES]
    try:
        answer = subprocess.run(command, check=False, capture_output=True, text=True)
    except FileNotFoundError:  # no Debian system
        return {}
    found = [line.split() for line in answer.stdout.splitlines()]
    return dict(words for words in found if len(words) == 2)  # the others are not installed


def packages_of(described):
    return ", ".join(f"{name} {version}" for name, version in described["packages"].items())


def commit(root):
    command = ["git", "-C", str(root), "describe", "--always", "--dirty"]
    try:
        return subprocess.run(command, check=False, capture_output=True, text=True).stdout.strip()
    except FileNotFoundError:
        return ""


def describe(root):
    flags = first("/proc/cpuinfo", r"^flags\s*:(.*)$").split()
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit(root),
        "cpu": first("/proc/cpuinfo", r"^model name\s*:(.*)$"),
        "cpus": os.cpu_count(),
        "simd": [name for name in ("avx2", "avx512f", "asimd") if name in flags],
        "memory_gib": round(int(first("/proc/meminfo", r"^MemTotal:\s*(\d+)")) / 2**20, 1),
        "kernel": platform.release(),
        "system": first("/etc/os-release", r'^PRETTY_NAME="?([^"\n]*)'),
        "load_at_start": round(os.getloadavg()[0], 2),
        "packages": versions(),
    }
