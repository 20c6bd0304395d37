"""A large store in one run: load, beside RocksDB alone and what builds an index, memory, disk,
restart, retrieval beside ingest, backup, restore.

    million.py --build build --dir DIR --out FILE.json [--documents N] [--quick] [--bin BIN]
               [--starts N] [--keep STORE]
    million.py --build build --restarts-of STORE --out FILE.json [--bin BIN] [--starts N]

DIR lies on a disk with 30 GB free for a million documents. The server and the load generator are
processes of their own on this machine; every figure is of the programs in BIN. What was asked is
printed beside what was measured. RocksDB alone writes the same bytes in the same batches, each
synced, once the loaded server has stopped. The peers build an index of the same vectors: FAISS IVF
of all of them, hnswlib of a part, whose time is multiplied. A row costs hnswlib the more the more
rows there are, so that favours it.

--keep copies the store as it was loaded, 10 GB more; the second form measures its restarts alone.
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

import machine
from million_table import FIGURES, IN_FLIGHT, JOURNALS, STARTS, show
from place import REST_S, Place, bytes_of, cache, disk, forget_cached, note, rest, timed
from processes import Failed, Tool

HERE = Path(__file__).resolve().parent
BATCH = 500  # documents; the command line's have at most 512
DIMENSION = 768
SLICE = 20_000  # documents that the load generator holds at once
CALLER, CALLER_NAME = 3, "user:sees-0.1"  # corpus.h's, who may see 10 %
WORD = "w1"  # of most documents
CHANNELS = 2
RESTS = 8  # without lists until they are given up
LISTED_MIN = 4096  # documents; fewer get no lists (engine/index/training.h)
GROWTH = 0.28  # by ingest beside retrieval; with a third, lists are trained anew
DISK_BYTES, KEPT_BYTES = 30_000, 10_000  # a document


class Effort:
    """How much is measured."""

    def __init__(self, documents, quick, starts=None):
        self.documents = documents
        self.starts = starts or (1 if quick else 3)  # of each kind
        self.rounds = 2 if quick else 4
        self.seconds = 3.0  # of one measurement, at most
        self.cells = len(IN_FLIGHT) * self.rounds  # of retrieval beside ingest
        # Each cell of both journals takes a batch at least, whatever becomes of a small set's
        # lists.
        self.extra = max(int(documents * GROWTH), len(JOURNALS) * self.cells * BATCH)
        self.hnsw_rows = min(documents, 2_000 if quick else 50_000)

    def slices(self):
        """(first, how many) of the load."""
        return [(at, min(SLICE, self.documents - at)) for at in range(0, self.documents, SLICE)]


def connect(load, server, place):
    load("connect", "server", server.address, place.admin_key.read_text().strip(), CHANNELS)


def stopped(server, memory):
    """Seconds that it took; first what it weighs after all that it did."""
    memory[server.name] = server.memory()
    return timed(server.stop)[1]


def ingest(load, server, effort):
    """All documents in slices: made beforehand, so that only their streams are timed."""
    load("prepare", "server")
    began, cpu_s, seconds = time.monotonic(), server.cpu_s(), []
    for start, count in effort.slices():
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


def find(place, load, server):
    """Vectors and text are searched, or it fails."""
    vector = load("retrieve", "server", CALLER, 1, 0.1, "fast")["passages"]
    asked = ["--as", CALLER_NAME, "--rank", "lexical", "--text", WORD]
    text = len(place.cordon(server, "retrieve", "bench", *asked)["passages"])
    if vector != 10 or text != 10:
        raise Failed(f"{server.name} gave {vector} passages by vector and {text} by text, not 10")


def settle(server, data, listed):
    """Seconds until it is at rest, its lists trained: a busy machine has a low thread wait."""
    began = time.monotonic()
    for _ in range(RESTS):
        rest(server)
        if not listed or list((data / "index").glob("*.geometry")):
            return time.monotonic() - began - REST_S
    raise Failed(f"{server.name} rests, but its lists were never trained; see {server.log}")


def load_all(place, load, effort, result):
    server = place.serve("load", place.data)
    connect(load, server, place)
    result["ingest"] = ingest(load, server, effort)
    result["memory"]["after the load"] = server.memory()
    # What was acknowledged last is found, before anything else is waited for.
    _, find_s = timed(lambda: find(place, load, server))
    result["settled_s"] = find_s + settle(server, place.data, effort.documents >= LISTED_MIN)
    result["at_rest"] = server.memory()
    result["stop_s"] = stopped(server, result["memory"])
    result["disk"] = disk(place.data)


def write_raw(place, program, effort, tools, raw):
    """The same documents, batches and slices by RocksDB alone; nothing else runs."""
    os.sync()  # what the server left to be written is not RocksDB's
    tool = Tool([program, place.raw, effort.documents + effort.extra, "lifelike"])
    tools.append(tool)
    for start, count in effort.slices():
        raw["slice_s"].append(tool("write", start, count, BATCH)["seconds"])
        raw["documents"] = start + count
    note(f"RocksDB alone: {raw['documents'] / sum(raw['slice_s']):,.0f}/s")
    tools.remove(tool)
    tool.stop()
    raw["disk_bytes"] = bytes_of(place.raw)
    shutil.rmtree(place.raw)


def keep(store, kept):
    """A copy that is whole, or none."""
    partial = kept.with_name(f"{kept.name}.partial")
    try:
        shutil.copytree(store, partial)
        partial.rename(kept)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    note(f"kept as {kept}")


def start_again(place, name):
    """A start of the store: how long, from how many rows of files, and what it then weighs."""
    server = place.serve(name, place.data)
    ready_times_s, memory_ready = server.times_s(), server.memory()
    found = re.search(r"index: (\d+) rows", server.log.read_text())
    settled_s = rest(server)
    return server, {
        "ready_s": server.ready_s,
        "ready_times_s": ready_times_s,  # of processors: its own, the kernel's
        "rows_from_files": int(found.group(1)) if found else 0,
        "settled_s": settled_s,
        "settled_times_s": server.times_s(),
        "memory_ready": memory_ready,
        "memory_settled": server.memory(),
    }


def restarts(place, effort, result):
    """By turns with all files cached and with none. Each must have every chunk."""
    prepare = {"cached": cache, "uncached": forget_cached}
    result["starts"], result["starts_asked"] = {kind: [] for kind in STARTS}, effort.starts
    for number in range(effort.starts):
        for kind, starts in result["starts"].items():
            prepare[kind](place.data)
            server, start = start_again(place, f"{kind}-{number + 1}")
            chunks = place.chunks(server)
            if chunks != result.setdefault("documents", chunks):
                raise Failed(f"{chunks} of {result['documents']} chunks after a restart")
            starts.append(start)
            stopped(server, result["memory"])


def pace(rate, effort):
    """Of one measurement beside ingest: documents, in whole batches, and at `rate` the seconds."""
    most = min(effort.seconds * rate, effort.extra / len(JOURNALS) / effort.cells)
    count = max(1, int(most // BATCH)) * BATCH
    return count, count / rate


def beside(load, server, effort, rate, already, cells):
    """Interleaved rounds of retrieval, idle and while documents come at half of the ingest's rate.

    `already` of the documents that are there for this have been used; the number now. Each round
    that ended is in `cells`.
    """
    count, seconds = pace(rate, effort)
    for in_flight in IN_FLIGHT:
        cells.append({"in_flight": in_flight, "rounds": effort.rounds, "seconds": seconds})
        cells[-1]["asked_chunks_per_s"] = rate
        cells[-1] |= {name: [] for name in ("chunks_per_s", *FIGURES)}
    # Callers' first searches are other ones.
    load("retrieve", "server", CALLER, 4, seconds, "fast")
    for number in range(effort.rounds):
        idle, busy = [], []
        for in_flight in IN_FLIGHT:
            idle.append(load("retrieve", "server", CALLER, in_flight, seconds, "fast"))
        for in_flight in IN_FLIGHT:
            words = [effort.documents + already, count, BATCH]
            got = load("retrieve", "server", CALLER, in_flight, seconds, "fast", *words)
            if got["ingested"] != count:
                raise Failed(f"only {got['ingested']} of {count} chunks were accepted")
            busy.append(got)
            already += count
        for cell, *both in zip(cells, idle, busy):
            add_round(cell, *both)
        ratios = [cell["busy_p99_us"][-1] / cell["idle_p99_us"][-1] for cell in cells]
        told = ", ".join(f"{at} in flight {ratio:.2f} ×" for at, ratio in zip(IN_FLIGHT, ratios))
        note(f"round {number + 1}: p99 beside ingest, {told}")
        rest(server)
    return already


def add_round(cell, idle, busy):
    cell["chunks_per_s"].append(busy["ingested"] / busy["ingest_s"])
    for state, got in (("idle", idle), ("busy", busy)):
        for name in ("qps", "p50_us", "p99_us"):
            cell[f"{state}_{name}"].append(got[name])


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
        "chunks": place.chunks(server),
    }


def restore(place, load, chunks, memory):
    """No server runs. The first start afterwards makes the indexes from the documents."""
    command = [place.programs / "cordond", "restore", "--from", place.backups]
    command += ["--data-dir", place.restored, *place.witnesses()]
    done, restore_s = timed(lambda: subprocess.run(command, capture_output=True, check=False))
    if done.returncode != 0:
        raise Failed(f"restore: {done.stderr[-500:]}")
    note(f"restored in {restore_s:.1f} s")
    server = place.serve("restored", place.restored, options=place.witnesses())
    connect(load, server, place)
    found = place.chunks(server)
    if found != chunks:
        raise Failed(f"{found} of {chunks} chunks were restored")
    find(place, load, server)
    result = {"restore_s": restore_s, "first_ready_s": server.ready_s, "settled_s": rest(server)}
    stopped(server, memory)
    return result


def peers(tool, effort, built):
    """Seconds to build the peers' indexes; nothing else runs."""
    if not tool.exists():
        note("the peers are left out: FAISS or hnswlib is missing")
        return
    for peer, rows in (("faiss_ivf", effort.documents), ("hnswlib", effort.hnsw_rows)):
        note(f"{peer}: building {rows:,} rows")
        done = subprocess.run([tool, peer, str(rows)], capture_output=True, check=True)
        took = json.loads(done.stdout)
        built[peer] = {**took, "all_s": took["seconds"] * effort.documents / rows}
        note(f"{peer}: {took['seconds']:.1f} s")


def measure(place, own, effort, tools, kept, result):
    """Fills `result` step by step: what is there when it is broken off counts."""
    load = Tool([own / "load", effort.documents + effort.extra, "lifelike"])
    tools.append(load)
    load_all(place, load, effort, result)
    result["raw"] = {"documents": 0, "slice_s": []}
    write_raw(place, own / "raw_store", effort, tools, result["raw"])
    if kept:
        keep(place.data, kept)
    restarts(place, effort, result)

    rate, used, result["beside"] = result["ingest"]["chunks_per_s"] / 2, 0, {}
    for journal in JOURNALS:
        server = place.serve(f"beside-{journal}", place.data, journal)
        connect(load, server, place)
        rest(server)
        cells = result["beside"][journal] = []
        used = beside(load, server, effort, rate, used, cells)
        if journal == JOURNALS[-1]:
            result["backup"] = back_up(place, server)
        stopped(server, result["memory"])
    result["restore"] = restore(place, load, result["backup"]["chunks"], result["memory"])
    tools.remove(load)
    load.stop()
    result["peers"] = {}
    peers(own / "peer_builds", effort, result["peers"])


def parsed():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, default=Path("build"), help="has the bench programs")
    parser.add_argument("--bin", type=Path, help="has cordond and cordon; else BUILD/bin")
    parser.add_argument("--dir", type=Path, help="on the disk to be measured")
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--quick", action="store_true", help="20,000 documents; to see it work")
    parser.add_argument("--starts", type=int, help="with all files cached, and with none; else 3")
    parser.add_argument("--keep", type=Path, help="a copy of the loaded store, which stays")
    parser.add_argument("--restarts-of", type=Path, help="such a copy; nothing else is measured")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    if options.quick:
        options.documents = min(options.documents, 20_000)
    if options.restarts_of:
        if not (options.restarts_of / "dev/admin.key").exists():
            parser.error(f"--restarts-of {options.restarts_of}: no store that was kept")
        return options
    if not options.dir:
        parser.error("--dir: where shall the store lie?")
    if options.keep and options.keep.exists():
        parser.error(f"--keep {options.keep}: it exists")
    needed = options.documents * (DISK_BYTES + (KEPT_BYTES if options.keep else 0))
    if shutil.disk_usage(options.dir).free < needed:
        parser.error(f"--dir {options.dir}: {needed / 1e9:.0f} GB are needed")
    return options


def stop_early(*_):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # what was measured is still written
    sys.exit("stopped")


def main():
    options = parsed()
    effort = Effort(options.documents, options.quick, options.starts)
    result = {"dimension": DIMENSION, "machine": machine.describe(HERE.parent), "memory": {}}
    folder = Path(tempfile.mkdtemp(prefix="million-", dir=options.dir))
    place = Place(options.bin or options.build / "bin", folder, options.restarts_of)
    tools, began = [], time.monotonic()
    signal.signal(signal.SIGTERM, stop_early)
    try:
        if options.restarts_of:
            result["only"] = "starts"
            restarts(place, effort, result)
        else:
            result["documents"] = options.documents
            own = options.build / "bench/bin"
            measure(place, own, effort, tools, options.keep, result)
    except BaseException as reason:
        result["stopped"] = str(reason) or type(reason).__name__
        raise
    finally:
        result["took_s"] = time.monotonic() - began
        try:
            options.out.write_text(json.dumps(result))
            show(result)
        finally:
            for one in tools + place.servers:
                one.stop()
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
