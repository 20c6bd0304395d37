"""A large directory: snapshots of it, and one small change beside it.

    directory.py --build build [--out FILE.json] [--quick]

Times are of the whole command, parsing and the connection included. A small change is timed beside a
directory of ten records and beside the whole one, by turns: it must not copy what it does not change.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from processes import Failed, Server

DEPTH = 50  # of a chain of groups above the group of all


class Bench:
    def __init__(self, programs, folder, name):
        self.programs, self.folder = programs, folder
        self.data = folder / name
        command = [programs / "cordond", "--dev", "--data-dir", self.data]
        self.server = Server(name, [*command, "--listen", "127.0.0.1:0"], folder / f"{name}.log")

    def cordon(self, *words):
        """Seconds, and the answer."""
        command = [self.programs / "cordon", "--server", self.server.address, "--json"]
        command += ["--key-file", self.data / "dev/admin.key", *words]
        began = time.monotonic()
        done = subprocess.run([str(word) for word in command], capture_output=True, check=False)
        took = time.monotonic() - began
        if done.returncode:
            raise Failed(f"{words}: {done.stdout.decode()[-500:]} {done.stderr.decode()[-500:]}")
        return took, json.loads(done.stdout.splitlines()[-1])

    def sync(self, file):
        took, answer = self.cordon("directory", "sync", "hris", file)
        return {"seconds": took, **{name: answer[name] for name in ("added", "changed", "unchanged")}}


def records(users, groups, each):
    """Users with a clearance; groups of `each`; a group of all at the end of a long chain."""
    for user in range(users):
        yield {"principal": f"user:u{user}@example.com", "clearance": {"level": "internal"}}
    for group in range(groups):
        members = [f"user:u{(group * 97 + i * 31) % users}@example.com" for i in range(each)]
        yield {"principal": f"group:g{group}", "members": members}
    yield {"principal": "group:d0", "members": [f"user:u{i}@example.com" for i in range(users)]}
    for depth in range(1, DEPTH):
        yield {"principal": f"group:d{depth}", "members": [f"group:d{depth - 1}"]}


def write(path, lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def measure(programs, folder, quick):
    users, groups, each = (5000, 100, 50) if quick else (100_000, 1000, 200)
    whole = list(records(users, groups, each))
    large, small = Bench(programs, folder, "large"), Bench(programs, folder, "small")
    try:
        result = {"users": users, "groups": groups, "members_each": each, "depth": DEPTH}
        file = write(folder / "whole.jsonl", whole)
        result["first"] = large.sync(file)
        result["again"] = large.sync(file)
        whole[users]["members"].pop()
        result["one_changed"] = large.sync(write(folder / "changed.jsonl", whole))
        small.sync(write(folder / "ten.jsonl", whole[:10]))
        result["get_seconds"] = large.cordon("directory", "get", "user:u7@example.com")[0]
        changes = {"large": [], "small": []}
        for turn in range(5 if quick else 15):
            one = write(folder / "one.jsonl", [{"principal": "group:x", "members": [f"user:{turn}"]}])
            for bench in (large, small):
                name = bench.server.name
                changes[name].append(bench.cordon("directory", "apply", one)[0])
        result["change_ms"] = {k: 1000 * statistics.median(v) for k, v in changes.items()}
        result["memory"] = large.server.memory()
        large.server.stop()
        again = Bench(programs, folder, "large")
        result["restart_ready_s"] = again.server.ready_s
        again.server.stop()
        return result
    finally:
        for bench in (large, small):
            bench.server.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--quick", action="store_true", help="a smoke run; its figures mean little")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = measure(options.build / "bin", Path(folder), options.quick)
    text = json.dumps(result, indent=1)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    sys.exit(main())
