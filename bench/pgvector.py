"""Beside pgvector with row-level security: the same questions by the same callers, to PostgreSQL
over its socket and to cordond over gRPC, one call at a time.

    pgvector.py --build build --out FILE.json [--data NAME] [--rows N] [--minutes M] [--quick]

For each permitted part pgvector gets the quickest of its ways (pgvector_settings.py) that reaches a
recall@10 of 0.95 on the cell's own questions; Cordon is asked `fast`, as it is by default, with
`journal: buffered`. Then both are timed in interleaved rounds by one program (pgvector.cc). Nothing
is timed while the other one works. No cell begins that may last longer than what is left of the
time, loading and building included; what was left out is printed. Where PostgreSQL or pgvector is
missing, it says how to get it, and the JSON says `skipped`.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import machine
import pgvector_settings
from estimate import estimate, ratio
from postgres_server import Postgres, programs, settings, shared_room, unavailable, version_of
from processes import Failed, Tool
from report import figure, interval, percent, table
from serving import serve, settle

HERE = Path(__file__).resolve().parent
TARGET = 20
RECALL = 0.95
RECALL_SLACK = 5e-4  # as it is printed
PERMITTED = [0.1, 1.0, 0.5, 0.01, 0.001, 0.0001]  # the hardest first
BATCH = 500
LINKS = 16
PLAIN_BYTES = 7000  # of a vector that fits into a page, and so need not be stored apart
LOOK, LOOK_S = 10, 0.5  # questions of a look at a way, and the longest that one lasts
PATIENCE_S = 20  # for all questions of a cell by one way
FIRST_CELL_S = 60  # what a cell may take before one is known


class Effort:
    """How much is measured."""

    def __init__(self, options):
        quick = options.quick
        self.documents = options.rows or (5_000 if quick else 100_000)
        self.classes = options.classes or (100 if quick else 1_000)
        self.building = options.ef_construction or (64 if quick else 200)
        self.permitted = [0.01, 1.0] if quick else PERMITTED
        self.questions = 8 if quick else 40  # of a caller
        self.rounds = 3 if quick else 11
        self.seconds = 0.1 if quick else 0.5  # of one server in one round
        self.widths = (40, 200) if quick else pgvector_settings.WIDTHS
        self.minutes = options.minutes or (2 if quick else 15)


class Time:
    """What is left of it, as far as the longest cell so far can tell."""

    def __init__(self, minutes, now=time.monotonic):
        self.now = now
        self.end = now() + minutes * 60
        self.longest = FIRST_CELL_S
        self.cells = 0

    def left(self):
        return self.end - self.now()

    def for_another(self):
        return self.left() > self.longest

    def took(self, seconds):
        self.longest = seconds if self.cells == 0 else max(self.longest, seconds)
        self.cells += 1


def note(text):
    print(f"  {text}", file=sys.stderr, flush=True)


def bytes_of(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def fill_cordon(tool, build, folder, effort, servers):
    data = folder / "cordon"
    server = serve(build / "bin", folder, "buffered", data)
    servers.append(server)
    tool("cordon", server.address, (data / "dev/admin.key").read_text().strip())
    note(f"cordond: {effort.documents:,} documents")
    filled = tool("fill_cordon", BATCH)
    if filled["chunks"] != effort.documents:
        raise Failed(f"only {filled['chunks']} of {effort.documents} chunks were accepted")
    rest_s = settle(server, data, effort)
    note(f"cordond: in after {filled['seconds']:.0f} s, lists made {rest_s:.0f} s later")
    memory = server.memory()["rss_bytes"]
    return {
        "documents_s": filled["seconds"],
        "lists_s": rest_s,
        "memory_bytes": memory,
        "disk_bytes": bytes_of(data),
    }


def fill_postgres(tool, server, world, effort):
    def run(statement):
        return tool("sql", statement)

    tool("postgres", server.folder)
    run("CREATE EXTENSION vector")
    dimension = world["dimension"]
    run(
        "CREATE TABLE chunks (id bigint NOT NULL, class int NOT NULL, "
        f"embedding vector({dimension}) NOT NULL)"
    )
    if dimension * 4 < PLAIN_BYTES:
        run("ALTER TABLE chunks ALTER embedding SET STORAGE PLAIN")
    note(f"PostgreSQL: {world['rows']:,} rows")
    built = {"rows_s": tool("fill_postgres")["seconds"]}
    built["class_index_s"] = run("CREATE INDEX chunks_class ON chunks (class)")["seconds"]
    operators = "vector_l2_ops" if world["metric"] == "l2" else "vector_ip_ops"
    note(f"PostgreSQL: the graph, m {LINKS}, ef_construction {effort.building}")
    built["graph_s"] = run(
        f"CREATE INDEX {pgvector_settings.GRAPH} ON chunks USING hnsw (embedding {operators}) "
        f"WITH (m = {LINKS}, ef_construction = {effort.building})"
    )["seconds"]
    note(f"PostgreSQL: built in {built['graph_s']:.0f} s")
    run(
        "CREATE TABLE entitlements (principal name NOT NULL, class int NOT NULL, "
        "PRIMARY KEY (principal, class))"
    )
    run("ALTER TABLE chunks ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    for number in range(world["callers"]):
        run(f"CREATE ROLE caller_{number} LOGIN")
        run(f"GRANT SELECT ON chunks, entitlements TO caller_{number}")
    run("VACUUM (FREEZE, ANALYZE) chunks")
    run("CHECKPOINT")  # or it comes later, beside what is timed
    for name in ("chunks", "chunks_class", pgvector_settings.GRAPH):
        size = run(f"SELECT pg_relation_size('{name}')")["values"][0]
        built[f"{name}_bytes"] = int(size)
    version = run("SHOW server_version")["values"][0]
    extension = run("SELECT extversion FROM pg_extension WHERE extname = 'vector'")["values"][0]
    return built, {"postgresql": version_of(version), "pgvector": extension}


class Cell:
    """The callers of one permitted part, who have entered."""

    def __init__(self, tool, world, number, effort, clock):
        self.tool = tool
        self.rows = world["rows"]
        self.effort = effort
        self.clock = clock
        self.wording = None
        self.about = world["cells"][number]
        self.next = {"cordon": 0, "postgres": 0}
        tool("cell", number)

    def ask(self, name, count, seconds):
        got = self.tool("ask", name, self.next[name], count, seconds)
        self.next[name] += got["asked"]
        return got

    def go(self, way):
        """PostgreSQL goes this way from now on."""
        if way.wording != self.wording:
            self.tool("policy", pgvector_settings.WORDINGS[way.wording])
            self.wording = way.wording
        plan = self.tool("set", pgvector_settings.statements(way, self.rows))["plan"]
        if pgvector_settings.walks_graph(plan) != (way.order is not None):
            raise Failed(f"{pgvector_settings.name_of(way)} is planned as {plan}")

    def look(self, way):
        self.go(way)
        self.ask("postgres", 1, 0)  # what is read for the first time
        return self.ask("postgres", LOOK, LOOK_S)["us"]

    def ask_all(self, way):
        self.go(way)
        return self.ask("postgres", self.about["questions"], PATIENCE_S)

    def measure(self):
        effort = self.effort
        looked = pgvector_settings.ways(self.look, effort.widths)
        way, found, tried = pgvector_settings.quickest(
            looked, self.ask_all, RECALL, lambda: self.clock.left() > effort.rounds
        )
        own = self.ask("cordon", self.about["questions"], PATIENCE_S)
        result = {
            "permitted": self.about["permitted"],
            "rows": self.about["rows"],
            "cordon": {name: own[name] for name in ("recall", "worst")},
            "pgvector": {name: found[name] for name in ("recall", "worst")},
        }
        result["pgvector"]["tried"] = [
            {"way": pgvector_settings.name_of(one), **got} for one, got in tried.items()
        ]
        names = ["cordon"]
        if way is not None:
            result["pgvector"]["way"] = pgvector_settings.name_of(way)
            self.go(way)
            names.append("postgres")
        rounds = {name: [] for name in names}
        for number in range(effort.rounds):
            for name in names if number % 2 == 0 else reversed(names):
                rounds[name].append(self.ask(name, 10**9, effort.seconds))
        for name, of in rounds.items():
            into = result["pgvector" if name == "postgres" else name]
            into["qps"] = estimate([1e6 / one["us"] for one in of])
            for figures in ("p50_us", "p99_us"):
                into[figures] = estimate([one[figures] for one in of])
        if way is not None:
            times = [[one["us"] for one in rounds[name]] for name in ("postgres", "cordon")]
            result["ratio"] = ratio(*times)
        return {**result, **verdict(result)}


def verdict(cell):
    """What is asked of a cell, and whether it is met: a peer that has no way is beaten."""
    recalled = cell["cordon"]["recall"] >= RECALL - RECALL_SLACK
    faster = "ratio" not in cell or cell["ratio"]["median"] >= TARGET
    return {"asked": TARGET, "met": recalled and faster}


def measure(options, effort, folder, apart, started, result):
    """Fills `result` step by step: what is there when it is broken off counts."""
    clock = Time(effort.minutes)
    words = [options.build / "bench/bin/pgvector", "--data", options.data]
    words += ["--rows", effort.documents, "--classes", effort.classes]
    words += ["--correlation", options.correlation, "--queries-of-caller", effort.questions]
    words += ["--permitted", ",".join(str(part) for part in effort.permitted)]
    tool = Tool(words)
    started.append(tool)
    world = tool("world")
    if "left_out" in world:
        result["skipped"] = f"{options.data}: {world['left_out']}"
        return
    effort.documents = world["rows"]
    result |= {name: value for name, value in world.items() if name != "cells"}
    result["cordon"] = fill_cordon(tool, options.build, folder, effort, started)
    set_to = settings(world["rows"], world["dimension"], os.cpu_count(), shared_room())
    server = Postgres(programs(options.postgres), apart, set_to)
    started.append(server)
    built, versions = fill_postgres(tool, server, world, effort)
    result |= {"pgvector": {**built, "settings": set_to}, "versions": versions, "cells": []}
    for number, about in enumerate(world["cells"]):
        if not clock.for_another():
            result["left_out"].append(about["permitted"])
            continue
        began = time.monotonic()
        result["cells"].append(Cell(tool, world, number, effort, clock).measure())
        clock.took(time.monotonic() - began)
        note("; ".join(str(word) for word in row_of(result["cells"][-1])))


def row_of(cell):
    own, peer = cell["cordon"], cell["pgvector"]
    rows = sum(cell["rows"]) / len(cell["rows"])
    row = [percent(cell["permitted"]), f"{rows:,.0f}", interval(own["qps"])]
    row += [f"{own['recall']:.3f} / {own['worst']:.3f}"]
    row += [interval(peer["qps"]) if "qps" in peer else "✗", f"{peer['recall']:.3f}"]
    row += [peer.get("way", "none reaches it"), interval(cell["ratio"]) if "ratio" in cell else "–"]
    return row + ["met" if cell["met"] else "MISSED"]


def show(result):
    if "skipped" in result:
        print(f"pgvector is left out: {result['skipped']}")
        return
    if "versions" in result:
        print(machine.packages_of(result["machine"]))
        print(" ".join(f"{name} {version}" for name, version in result["versions"].items()))
        builds(result)
    if result.get("cells"):
        title = (
            f"{result['data']}, {result['rows']:,} × {result['dimension']}, "
            f"{result['classes']:,} classes, {result['correlation']}: queries/s, one call in flight"
        )
        head = ["permitted", "rows", "Cordon, gRPC", "recall / worst", "pgvector, socket", "recall"]
        head += ["its quickest way", "slower by", f"{TARGET} × asked"]
        cells = sorted(result["cells"], key=lambda cell: cell["permitted"])
        table(title, head, [row_of(cell) for cell in cells])
    if result["left_out"]:
        parts = ", ".join(percent(part) for part in result["left_out"])
        print(f"\nleft out for lack of time: {parts} permitted")


def builds(result):
    own, peer = result["cordon"], result["pgvector"]
    mib = 1 << 20
    size = sum(peer[name] for name in peer if name.endswith("_bytes"))
    rows = [
        ["rows in, s", figure(own["documents_s"]), figure(peer["rows_s"])],
        ["index, s", figure(own["lists_s"]), figure(peer["graph_s"] + peer["class_index_s"])],
        ["on disk, MiB", figure(own["disk_bytes"] / mib), figure(size / mib)],
        ["of it the graph, MiB", "", figure(peer[f"{pgvector_settings.GRAPH}_bytes"] / mib)],
        ["in memory, MiB", figure(own["memory_bytes"] / mib), peer["settings"]["shared_buffers"]],
    ]
    table("Built", ["", "Cordon", "pgvector"], rows)


def parse(arguments=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", default="synthetic", help="as filtered_search's --data")
    parser.add_argument("--rows", type=int, help="at most; 100,000")
    parser.add_argument("--classes", type=int, help="1,000")
    parser.add_argument("--correlation", choices=["none", "positive", "negative"], default="none")
    parser.add_argument("--minutes", type=float, help="in all, about; 15")
    parser.add_argument("--ef-construction", type=int, help="of the graph; 200")
    parser.add_argument("--postgres", type=Path, help="the folder of its programs; else the newest")
    parser.add_argument("--quick", action="store_true", help="5,000 rows; to see it work")
    return parser.parse_args(arguments)


def reason_to_skip(options):
    reason = unavailable(programs(options.postgres))
    if reason is None and not (options.build / "bench/bin/pgvector").exists():
        reason = "it is not built: install libpq-dev, then cmake and ninja -C build bench"
    return reason


def main():
    options = parse()
    effort = Effort(options)
    result = {"machine": machine.describe(HERE.parent), "quick": options.quick, "left_out": []}
    reason = reason_to_skip(options)
    if reason:
        result["skipped"] = reason
        options.out.write_text(json.dumps(result))
        show(result)
        return
    folder = Path(tempfile.mkdtemp(prefix="pgvector-", dir=options.build / "bench"))
    # PostgreSQL may run as another user, and the path of its socket must be short.
    apart = Path(tempfile.mkdtemp(prefix="cordon-pg-"))
    started = []
    try:
        measure(options, effort, folder, apart, started, result)
    finally:
        for one in started:
            one.stop()
        for one in (folder, apart):
            shutil.rmtree(one, ignore_errors=True)
        options.out.write_text(json.dumps(result, indent=1) + "\n")
        show(result)


if __name__ == "__main__":
    main()
