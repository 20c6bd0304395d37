"""The whole server: ingest beside raw RocksDB, memory, restart, and retrieval beside an echo.

    serving.py --build build --out FILE.json [--quick]

Every peer is a process of its own on this machine, driven by the same load generator over the
loopback, one after the other in interleaved rounds: what disturbs the machine disturbs all.
Nothing is retrieved before both servers are at rest: lists are trained after an ingest and made
again after a restart, on the processors that the calls need.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

from processes import Failed, Server, Tool

FRACTIONS = [0.0001, 0.001, 0.01, 0.1]  # corpus.h's
IN_FLIGHT = [1, 4, 16, 64]
CHANNELS = 2
BATCH = 500  # documents; the command line's have at most 512
DIMENSION = 768
REST_S = 7  # what waits for the end of a load begins five seconds after it
LISTED_MIN = 4096  # documents; fewer get no lists (engine/index/training.h)
REST_LIMIT_S = 900  # 100,000 documents take a minute or so on two processors
ECHO_ANSWER_OF = 1  # the caller whose answer the echo repeats


class Effort:
    """How much is measured."""

    def __init__(self, quick):
        self.documents = 20_000 if quick else 100_000
        self.slices = 4 if quick else 10  # of the ingest
        self.rounds = 3 if quick else 11
        self.seconds = 0.12 if quick else 0.35  # of one measurement
        self.in_flight = [1, 64] if quick else IN_FLIGHT


def serve(programs, folder, journal, data):
    config = folder / f"{journal}.yaml"
    config.write_text(f"journal: {journal}\n")
    command = [programs / "cordond", "--dev", "--data-dir", data, "--config", config]
    return Server(f"cordond {journal}", [*command, "--listen", "127.0.0.1:0"], folder / "log")


def connect(load, name, server, data=None):
    key = (data / "dev/admin.key").read_text().strip() if data else "none"
    load("connect", name, server.address, key, CHANNELS)


def ingest(load, raw, server, effort):
    """Slices by turns: first ours, then the same bytes by RocksDB alone."""
    load("prepare", "ingest")
    size = effort.documents // effort.slices
    ours, alone, cpu_s = [], [], server.cpu_s()
    for number in range(effort.slices):
        took = load("ingest", "ingest", number * size, size, BATCH)
        if took["chunks"] != size:
            raise Failed(f"only {took['chunks']} of {size} chunks were accepted")
        ours.append(size / took["seconds"])
        alone.append(size / raw("write", number * size, size, BATCH)["seconds"])
    return {
        "documents": effort.documents,
        "dimension": DIMENSION,
        "batch": BATCH,
        "chunks_per_s": ours,
        "raw_chunks_per_s": alone,
        "cpu_s": server.cpu_s() - cpu_s,
    }


def settle(server, data, effort):
    """Waits for the lists, which are trained and merged beside the calls once documents are in."""
    took_s = server.await_rest(REST_LIMIT_S, REST_S)
    if effort.documents >= LISTED_MIN and not list((data / "index").glob("*.geometry")):
        raise Failed(f"{server.name} rests, but its lists were never trained; see {server.log}")
    return took_s


def retrieve(load, effort):
    """Rounds over all peers, callers and numbers in flight."""
    cells = [("echo", 0), ("echo_queue", 0), ("echo_put", 0)]
    cells += [(mode, which) for which in range(len(FRACTIONS)) for mode in ("buffered", "required")]
    results = {}
    for number in range(effort.rounds):
        for in_flight in effort.in_flight:
            for peer, which in cells:
                seconds = effort.seconds * (2 if number == 0 else 1)  # the first warms up
                got = load("retrieve", peer, which, in_flight, seconds)
                if got["passages"] != 10:
                    raise Failed(f"{peer} gave {got['passages']} passages")
                if number == 0:
                    continue
                cell = results.setdefault((peer, which, in_flight), {"rounds": []})
                cell["rounds"].append({name: got[name] for name in ("qps", "p50_us", "p99_us")})
                cell["permitted_rows"] = got["permitted_rows"]
    return [
        {
            "peer": peer,
            "permitted": None if peer.startswith("echo") else FRACTIONS[which],
            "permitted_rows": None if peer.startswith("echo") else cell["permitted_rows"],
            "in_flight": in_flight,
            **{
                name: [one[name] for one in cell["rounds"]] for name in ("qps", "p50_us", "p99_us")
            },
        }
        for (peer, which, in_flight), cell in results.items()
    ]


def measure(build, folder, effort, servers, tools):
    programs, own = build / "bin", build / "bench/bin"
    load = Tool([own / "load", effort.documents])
    raw = Tool([own / "raw_store", folder / "raw", effort.documents])
    tools += [load, raw]
    data = {name: folder / name for name in ("required", "buffered")}

    server = serve(programs, folder, "required", data["required"])
    servers.append(server)
    connect(load, "ingest", server, data["required"])
    ingested = ingest(load, raw, server, effort)
    memory = {"after_ingest": server.memory()}
    settled_s = {"after_ingest": settle(server, data["required"], effort)}
    memory["after_training"] = server.memory()
    server.stop()
    shutil.copytree(data["required"], data["buffered"])

    for journal, path in data.items():
        server = serve(programs, folder, journal, path)
        servers.append(server)
        connect(load, journal, server, path)
        if journal == "required":
            memory["after_restart"] = server.memory()
            ready_s = server.ready_s
        # One after the other: the second may begin while the first rests only.
        settled_s[f"after_restart_{journal}"] = settle(server, path, effort)
    answer = load("answer", "buffered", ECHO_ANSWER_OF, folder / "answer")
    echoes = {"echo": [], "echo_queue": ["--queue"], "echo_put": [folder / "puts"]}
    for name, more in echoes.items():
        server = Server(name, [own / "echo_server", folder / "answer", *more], folder / "log")
        servers.append(server)
        connect(load, name, server)
    cells = retrieve(load, effort)
    memory["after_retrieval"] = servers[1].memory()
    return {
        "ingest": ingested,
        "memory": {"vector_bytes": effort.documents * DIMENSION * 4, **memory},
        "restart_ready_s": ready_s,
        "settled_s": settled_s,
        "server": {
            "documents": effort.documents,
            "dimension": DIMENSION,
            "request_bytes": answer["request_bytes"],
            "answer_bytes": answer["answer_bytes"],
            "channels": CHANNELS,
            "cells": cells,
        },
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="serving-", dir=options.build / "bench"))
    servers, tools = [], []
    try:
        result = measure(options.build, folder, Effort(options.quick), servers, tools)
        options.out.write_text(json.dumps(result))
    finally:
        for one in tools + servers:
            one.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
