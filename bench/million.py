"""A large store in one run: load, memory, disk, restart, retrieval beside ingest, backup, restore.

    million.py --build build --dir DIR --out FILE.json [--documents N] [--quick] [--bin BUILD]

DIR lies on a disk with 30 GB free for a million documents. The server and the load generator are
processes of their own on this machine; every figure is of the programs in BUILD/bin. What was asked
is printed beside what was measured, and how long the peers take to build an index of such vectors:
FAISS IVF of all of them, hnswlib of a part, whose time is multiplied. A row costs hnswlib the more
the more rows there are, so that favours it.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import machine
from million_table import show
from processes import Failed, Server, Tool

HERE = Path(__file__).resolve().parent
BATCH = 500  # documents; the command line's have at most 512
DIMENSION = 768
SLICE = 20_000  # documents that the load generator holds at once
CALLER = 3  # corpus.h's, who may see 10 %
CHANNELS = 2
LISTED_MIN = 4096  # documents; fewer get no lists (engine/index/training.h)

# Index files are looked after each five seconds: a server that rests has written them as well.
REST_S = 7
REST_LIMIT_S = 1800
GROWTH = 0.28  # by ingest beside retrieval; with a third, lists are trained anew


class Effort:
    """How much is measured."""

    def __init__(self, documents, quick):
        self.documents = documents
        self.rounds = 2 if quick else 4
        self.seconds = 3.0  # of one measurement, at most
        self.in_flight = [1, 4]
        self.cells = len(self.in_flight) * self.rounds  # of retrieval beside ingest
        # Each cell of both journals takes a batch at least, whatever becomes of a small set's
        # lists.
        self.extra = max(int(documents * GROWTH), 2 * self.cells * BATCH)
        self.hnsw_rows = min(documents, 2_000 if quick else 50_000)


def note(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


class Place:
    """The programs, and where their files are."""

    def __init__(self, programs, folder):
        self.programs, self.folder = programs, folder
        self.data, self.backups, self.restored = (
            folder / name for name in ("data", "backups", "restored")
        )
        self.admin_key = None  # of the server that runs
        self.servers = []

    def witnesses(self):
        """Journal and keys, without which a backup is nothing."""
        dev = self.data / "dev"
        return [
            *("--journal-dir", self.data / "journal", "--journal-key", dev / "journal.key"),
            *("--keys-dir", self.data / "keys", "--master-key", dev / "master.key"),
        ]

    def serve(self, name, data, journal="required", options=()):
        config = self.folder / f"{journal}.yaml"
        config.write_text(f"journal: {journal}\n")
        command = [self.programs / "cordond", "--dev", "--data-dir", data, "--config", config]
        command += ["--backup-dir", self.backups, "--listen", "127.0.0.1:0", *options]
        note(f"{name}: starting")
        server = Server(f"cordond {name}", command, self.folder / f"{name}.log")
        self.servers.append(server)
        self.admin_key = data / "dev/admin.key"
        note(f"{name}: ready after {server.ready_s:.1f} s")
        return server

    def cordon(self, server, *words):
        """What one run of the command line answers."""
        kept = {name: text for name, text in os.environ.items() if not name.startswith("CORDON_")}
        environment = {
            **kept,
            "CORDON_SERVER": server.address,
            "CORDON_KEY_FILE": str(self.admin_key),
        }
        command = [self.programs / "cordon", "--json", *words]
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
        if done.returncode != 0:
            raise Failed(f"cordon {' '.join(words)}: {done.stdout[-500:]} {done.stderr[-500:]}")
        return json.loads(done.stdout.splitlines()[-1])


def bytes_of(folder):
    return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())


def disk(data):
    parts = {
        path.name: bytes_of(path) if path.is_dir() else path.stat().st_size
        for path in data.iterdir()
    }
    return {"bytes": sum(parts.values()), "parts": parts}


def forget_cached(folder):
    """So that what is read next comes from the disk."""
    os.sync()
    for path in folder.rglob("*"):
        if path.is_file():
            file = os.open(path, os.O_RDONLY)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(file)


def connect(load, server, place):
    load("connect", "server", server.address, place.admin_key.read_text().strip(), CHANNELS)


def rest(server):
    took_s = server.await_rest(REST_LIMIT_S, REST_S)
    note(f"{server.name}: at rest after {took_s:.0f} s")
    return took_s


def timed(work):
    began = time.monotonic()
    result = work()
    return result, time.monotonic() - began


def ingest(load, server, effort):
    """All documents in slices: made beforehand, so that only their streams are timed."""
    load("prepare", "server")
    began, cpu_s, seconds = time.monotonic(), server.cpu_s(), []
    for start in range(0, effort.documents, SLICE):
        count = min(SLICE, effort.documents - start)
        took = load("ingest", "server", start, count, BATCH)
        if took["chunks"] != count:
            raise Failed(f"only {took['chunks']} of {count} chunks were accepted")
        seconds.append(took["seconds"])
        if len(seconds) % 5 == 0 or start + count == effort.documents:
            rate, memory = count / took["seconds"], server.memory()["rss_bytes"]
            note(f"{start + count:,} in, {rate:,.0f}/s, {memory / 2**30:.1f} GiB")
    return {
        "streams_s": sum(seconds),
        "wall_s": time.monotonic() - began,
        "slice_s": seconds,
        "chunks_per_s": effort.documents / sum(seconds),
        "server_cpu_s": server.cpu_s() - cpu_s,
    }


def start_again(place, load, name, journal):
    """A start of the store: how long, from how many rows of files, and what it then weighs."""
    server = place.serve(name, place.data, journal)
    connect(load, server, place)
    started = server.memory()
    found = re.search(r"index: (\d+) rows", server.log.read_text())
    settled_s = rest(server)
    return server, {
        "ready_s": server.ready_s,
        "rows_from_files": int(found.group(1)) if found else 0,
        "settled_s": settled_s,
        "memory_ready": started,
        "memory_settled": server.memory(),
    }


def beside(load, server, effort, rate, already):
    """Interleaved rounds of retrieval, idle and while documents come at half of the ingest's rate.

    `already` of the documents that are there for this have been used; the number now.
    """
    seconds = min(effort.seconds, effort.extra / 2 / effort.cells / rate)
    count = max(BATCH, int(seconds * rate) // BATCH * BATCH)
    # Callers' first searches are other ones.
    load("retrieve", "server", CALLER, 4, seconds, "fast")
    results = {in_flight: {"idle": [], "busy": []} for in_flight in effort.in_flight}
    for number in range(effort.rounds):
        for in_flight in effort.in_flight:
            got = load("retrieve", "server", CALLER, in_flight, seconds, "fast")
            results[in_flight]["idle"].append(got)
        for in_flight in effort.in_flight:
            words = [effort.documents + already, count, BATCH]
            got = load("retrieve", "server", CALLER, in_flight, seconds, "fast", *words)
            if got["ingested"] != count:
                raise Failed(f"only {got['ingested']} of {count} chunks were accepted")
            results[in_flight]["busy"].append(got)
            already += count
        ratios = [
            f"{at} in flight {got['busy'][-1]['p99_us'] / got['idle'][-1]['p99_us']:.2f} ×"
            for at, got in results.items()
        ]
        note(f"round {number + 1}: p99 beside ingest, {', '.join(ratios)}")
        rest(server)
    cells = [
        {
            "in_flight": in_flight,
            "seconds": seconds,
            "asked_chunks_per_s": rate,
            "chunks_per_s": median(one["ingested"] / one["ingest_s"] for one in got["busy"]),
            **{
                f"{state}_{name}": [one[name] for one in got[state]]
                for state in ("idle", "busy")
                for name in ("qps", "p50_us", "p99_us")
            },
        }
        for in_flight, got in results.items()
    ]
    return cells, already


def back_up(place, server):
    made, create_s = timed(lambda: place.cordon(server, "backup", "create"))
    note(f"backed up in {create_s:.1f} s")
    _, verify_s = timed(lambda: place.cordon(server, "backup", "verify"))
    _, again_s = timed(lambda: place.cordon(server, "backup", "create"))
    return {
        "create_s": create_s,
        "bytes": made["bytes"],
        "verify_s": verify_s,
        "again_s": again_s,  # nothing has changed
        "memory": server.memory(),
        "chunks": place.cordon(server, "stats", "bench")["chunks"],
    }


def restore(place, load, chunks):
    """No server runs. The first start afterwards makes the indexes from the documents."""
    command = [place.programs / "cordond", "restore", "--from", place.backups]
    command += ["--data-dir", place.restored, *place.witnesses()]
    done, restore_s = timed(lambda: subprocess.run(command, capture_output=True, check=False))
    if done.returncode != 0:
        raise Failed(f"restore: {done.stderr[-500:]}")
    note(f"restored in {restore_s:.1f} s")
    server = place.serve("restored", place.restored, options=place.witnesses())
    connect(load, server, place)
    found = place.cordon(server, "stats", "bench")["chunks"]
    if found != chunks:
        raise Failed(f"{found} of {chunks} chunks were restored")
    passages = load("retrieve", "server", CALLER, 1, 0.1, "fast")["passages"]
    if passages != 10:
        raise Failed(f"the restored store gave {passages} passages")
    result = {"restore_s": restore_s, "first_ready_s": server.ready_s, "settled_s": rest(server)}
    server.stop()
    return result


def peers(tool, effort, result):
    """Seconds to build the peers' indexes; nothing else runs."""
    result["peers"] = {}
    if not tool.exists():
        note("the peers are left out: FAISS or hnswlib is missing")
        return
    for peer, rows in (("faiss_ivf", effort.documents), ("hnswlib", effort.hnsw_rows)):
        note(f"{peer}: building {rows:,} rows")
        done = subprocess.run([tool, peer, str(rows)], capture_output=True, check=True)
        built = json.loads(done.stdout)
        built["all_s"] = built["seconds"] * effort.documents / rows
        result["peers"][peer] = built
        note(f"{peer}: {built['seconds']:.1f} s")


def measure(place, tools, effort, load, result):
    """Fills `result` step by step: what is there when it is broken off counts."""
    server = place.serve("load", place.data)
    connect(load, server, place)
    result["ingest"] = ingest(load, server, effort)
    result["memory"] = {"after_ingest": server.memory()}
    result["settled_s"] = rest(server)
    if effort.documents >= LISTED_MIN and not list((place.data / "index").glob("*.geometry")):
        raise Failed(f"{server.name} rests, but its lists were never trained; see {server.log}")
    result["memory"]["at_rest"] = server.memory()
    result["stop_s"] = timed(server.stop)[1]
    result["disk"] = disk(place.data)

    rate, used, result["beside"] = result["ingest"]["chunks_per_s"] / 2, 0, {}
    for name, journal in (("restart", "required"), ("cold_restart", "buffered")):
        if name == "cold_restart":
            forget_cached(place.data)
        server, result[name] = start_again(place, load, name, journal)
        result["beside"][journal], used = beside(load, server, effort, rate, used)
        if name == "restart":
            server.stop()
    result["backup"] = back_up(place, server)
    server.stop()
    result["restore"] = restore(place, load, result["backup"]["chunks"])
    load.stop()
    tools.remove(load)
    peers(place.tools / "peer_builds", effort, result)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, default=Path("build"), help="has the bench programs")
    parser.add_argument("--bin", type=Path, help="has cordond and cordon; else BUILD/bin")
    parser.add_argument("--dir", type=Path, required=True, help="on the disk to be measured")
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--quick", action="store_true", help="20,000 documents; to see it work")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    documents = 20_000 if options.quick else options.documents
    effort = Effort(documents, options.quick)
    described = machine.describe(HERE.parent)
    folder = Path(tempfile.mkdtemp(prefix="million-", dir=options.dir))
    place = Place(options.bin or options.build / "bin", folder)
    place.tools = options.build / "bench/bin"
    load = Tool([place.tools / "load", documents + effort.extra, "lifelike"])
    tools = [load]
    result = {"documents": documents, "dimension": DIMENSION, "machine": described}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    began = time.monotonic()
    try:
        measure(place, tools, effort, load, result)
    finally:
        for one in tools + place.servers:
            one.stop()
        shutil.rmtree(folder, ignore_errors=True)
        result["took_s"] = time.monotonic() - began
        options.out.write_text(json.dumps(result))
        show(result)


if __name__ == "__main__":
    main()
