"""Merges the parts of a run into report.json, prints a table, and writes report.html.

    report.py build/bench
"""

import json
import sys
from pathlib import Path

import machine
import page
import permissions_report
from estimate import estimate, ratio

MIB = 1 << 20


DEFAULT_FUSION = "default"  # bench/relevance.cc
PLAIN_PARTS = ("shared_scan", "lexical", "hybrid", "relevance")


def part(folder, name):
    path = folder / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def server_cells(cells):
    """Each cell with its median, interval, and ratios to its peers in the same rounds."""
    by_key = {(cell["peer"], cell["permitted"], cell["in_flight"]): cell for cell in cells}
    merged = []
    for (peer, permitted, in_flight), cell in by_key.items():
        one = {
            "peer": peer,
            "permitted": permitted,
            "permitted_rows": cell["permitted_rows"],
            "in_flight": in_flight,
            **{name: estimate(cell[name]) for name in ("qps", "p50_us", "p99_us")},
        }
        echo = by_key[("echo", None, in_flight)]
        if peer != "echo":
            one["of_echo"] = ratio(cell["qps"], echo["qps"])
        if peer == "required":
            buffered = by_key[("buffered", permitted, in_flight)]
            one["of_buffered"] = ratio(cell["qps"], buffered["qps"])
            one["of_echo_put"] = ratio(
                cell["qps"], by_key[("echo_put", None, in_flight)]["qps"]
            )
        merged.append(one)
    return merged


def entitlement_cells(cells):
    return [
        {
            **{name: cell[name] for name in ("classes", "groups", "permitted")},
            "entitle_us": estimate(cell["entitle_us"]),
            "decide_us": estimate(cell["decide_us"]),
            "times_faster": ratio(cell["decide_us"], cell["entitle_us"]),
        }
        for cell in cells
    ]


def ingest_figures(ingest):
    ours, raw = ingest["chunks_per_s"], ingest["raw_chunks_per_s"]
    whole = len(ours) / sum(1 / rate for rate in ours)  # all chunks in all the time
    return {
        **{name: ingest[name] for name in ("documents", "dimension", "batch", "cpu_s")},
        "chunks_per_s": {**estimate(ours), "whole": whole},
        "raw_chunks_per_s": {
            **estimate(raw),
            "whole": len(raw) / sum(1 / rate for rate in raw),
        },
        "of_raw": ratio(ours, raw),
    }


def merge(folder):
    exact, serving = part(folder, "exact"), part(folder, "serving")
    entitlement = part(folder, "entitlement")
    report = {"machine": part(folder, "machine"), **exact}
    report |= {name: part(folder, name)[name] for name in PLAIN_PARTS if part(folder, name)}
    if entitlement:
        report["entitlement"] = {
            "entries": entitlement["entries"],
            "cells": entitlement_cells(entitlement["cells"]),
        }
    if permissions := part(folder, "permissions"):
        report["permissions"] = permissions_report.merge(permissions)
    if serving:
        report["ingest"] = ingest_figures(serving["ingest"])
        report["memory"] = serving["memory"]
        report["restart_ready_s"] = serving["restart_ready_s"]
        report["settled_s"] = serving["settled_s"]
        report["server"] = {**serving["server"], "cells": server_cells(serving["server"]["cells"])}
    report["targets"] = list(targets(report))
    return report


def target(name, value, asked, unit, at_least=True):
    met = value >= asked if at_least else value <= asked
    sign = "at least" if at_least else "at most"
    return {"name": name, "value": value, "asked": asked, "sign": sign, "unit": unit, "met": met}


def worst(cells, of):
    return min((of(cell) for cell in cells), default=0)


def exact_targets(report):
    cells = report["exact"]
    wide = [cell for cell in cells if cell["permitted"] >= 0.1]
    yield target(
        "exact search, 10 % permitted and up: part of the read bandwidth, worst",
        worst(wide, lambda cell: cell["bandwidth_ratio"]),
        0.8,
        "",
    )
    for peer in ("faiss_flat", "sgemv"):
        value = worst(cells, lambda cell, peer=peer: cell["peers"][peer]["ratio"]["median"])
        yield target(f"exact search beside {peer}, worst cell", value, 1.0, "×")


def text_targets(report):
    for peer in ("xapian", "decider"):
        cells = report.get("lexical", [])
        if cells:
            value = worst(cells, lambda cell, peer=peer: cell[peer]["ratio"])
            yield target(f"lexical search beside {peer}, worst cell", value, 1.0, "×")
    if "hybrid" in report:
        value = max(cell["of_sum"]["median"] for cell in report["hybrid"])
        yield target("hybrid p50: part of the sum of its parts, worst", value, 1.1, "", False)
    for one in report.get("relevance", []):
        name, lexical = one["set"], one["lexical"]["ndcg_10"]
        for peer in ("published", "xapian"):
            if peer in one:
                value = abs(lexical / one[peer]["ndcg_10"] - 1)
                title = f"{name}: lexical nDCG@10 and that of {peer} BM25, same terms: part apart"
                yield target(title, value, 0.01, "", False)
        for measure, shown in (("ndcg_10", "nDCG@10"), ("recall_100", "recall@100")):
            parts = max(one[part][measure] for part in ("lexical", "vector"))
            value = one[DEFAULT_FUSION][measure] - parts
            title = f"{name}: hybrid (default) {shown} beyond the better part's"
            yield target(title, value, -0.01, "")
        yield target(f"{name}: answers that entitlements change", one["different"], 0, "", False)


def targets(report):
    """What was asked for, and whether it is met."""
    if "exact" in report:
        yield from exact_targets(report)
    yield from text_targets(report)
    if "permissions" in report:
        yield from permissions_report.targets(report["permissions"], target)
    if "server" not in report:
        return
    cells = report["server"]["cells"]
    narrow = [c for c in cells if c["peer"] == "buffered" and c["permitted"] <= 0.001]
    for in_flight in sorted({cell["in_flight"] for cell in narrow}):
        some = [cell for cell in narrow if cell["in_flight"] == in_flight]
        value = worst(some, lambda cell: cell["of_echo"]["median"])
        name = f"buffered, at most 0.1 % permitted, {in_flight} in flight: part of the echo"
        yield target(name, value, 0.4, "")
    required = [c for c in cells if c["peer"] == "required" and c["in_flight"] == 64]
    value = worst(required, lambda cell: cell["of_buffered"]["median"])
    yield target("required, 64 in flight: part of buffered, worst", value, 0.5, "")
    yield target("ingest, synced", report["ingest"]["chunks_per_s"]["whole"], 15000, "chunks/s")
    memory = report["memory"]
    bound = 1.25 * memory["vector_bytes"] + 512 * MIB
    peak = max(one["peak_bytes"] for one in memory.values() if isinstance(one, dict))
    yield target("memory at its peak", peak / MIB, bound / MIB, "MiB", at_least=False)
    yield target("restart until it listens", report["restart_ready_s"], 5, "s", at_least=False)


def figure(value):
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def interval(one):
    return f"{figure(one['median'])} [{figure(one['low'])}–{figure(one['high'])}]"


def of_bandwidth(cell):
    parts = [cell[f"bandwidth_ratio{end}"] * 100 for end in ("", "_low", "_high")]
    return "{:.0f} % [{:.0f}–{:.0f}]".format(*parts)


def table(title, head, rows):
    """Text columns; the first to the left, the others to the right."""
    rows = [head, *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    print(f"\n{title}")
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:]))]
        print("  " + "   ".join(cells).rstrip())


def percent(fraction):
    return "–" if fraction is None else f"{fraction * 100:g} %"


def print_tables(report):
    for title, head, rows in sections(report):
        table(title, head, rows)
    print()


def sections(report):
    """(title, head, rows) of every table; the page shows the same ones."""
    if "exact" in report:
        rows = [
            [
                percent(cell["permitted"]),
                interval(cell["us"]),
                figure(cell["qps"]),
                figure(cell["gb_s"]),
                of_bandwidth(cell),
                figure(cell["read_bytes"] / 1e3),
                *(f"{interval(peer['ratio'])} ×" for peer in cell["peers"].values()),
            ]
            for cell in report["exact"]
        ]
        head = ["permitted", "µs a search", "searches/s", "GB/s covered", "of the bandwidth"]
        head += ["kB read"]
        head += [f"faster than {name}" for name in report["exact"][0]["peers"]]
        title = f"Exact search, one thread; read bandwidth {report['bandwidth_gb_s']:.1f} GB/s"
        yield title, head, rows
    if "shared_scan" in report:
        rows = [
            [
                percent(cell["permitted"]),
                str(cell["batch"]),
                figure(cell["us"]),
                f"{interval(cell['faster'])} ×",
            ]
            for cell in report["shared_scan"]["shared"]
        ]
        head = ["permitted", "batch", "µs a question", "times one by one"]
        yield "Questions that share a scan, one thread", head, rows
    if "lexical" in report:
        peers = ["xapian", "decider", "ingested", "best 100"]
        rows = [
            [
                percent(cell["permitted"]),
                figure(cell["cordon"]["us"]),
                *(f"{cell[peer]['ratio']:.2f} ×" for peer in peers),
            ]
            for cell in report["lexical"]
        ]
        yield "Lexical search, one thread", ["permitted", "µs a search", *peers], rows
    if "hybrid" in report:
        rows = [
            [
                percent(cell["permitted"]),
                *(figure(cell[f"{ranking}_us"]) for ranking in ("vector", "lexical", "hybrid")),
                interval(cell["of_sum"]),
            ]
            for cell in report["hybrid"]
        ]
        head = ["permitted", "vector, µs", "lexical, µs", "hybrid, µs", "of the sum"]
        yield "A hybrid question beside its parts, p50 of a call", head, rows
    if "relevance" in report:
        rows = [
            [one["set"], name, f"{one[name]['ndcg_10']:.4f}", f"{one[name]['recall_100']:.4f}"]
            for one in report["relevance"]
            for name in one
            if isinstance(one[name], dict)
        ]
        title = "Relevance; of a fusion the weights of vector:text and how many of each"
        yield title, ["set", "ranking", "nDCG@10", "recall@100"], rows
    if "server" in report:
        names = {"echo": "echo", "echo_queue": "echo by completion queues"}
        names["echo_put"] = "echo and a synced put"
        rows = [
            [
                names.get(cell["peer"], f"cordond {cell['peer']}"),
                percent(cell["permitted"]),
                str(cell["in_flight"]),
                interval(cell["qps"]),
                figure(cell["p50_us"]["median"]),
                figure(cell["p99_us"]["median"]),
                interval(cell["of_echo"]) if "of_echo" in cell else "1",
                interval(cell["of_echo_put"]) if "of_echo_put" in cell else "–",
            ]
            for cell in sorted(report["server"]["cells"], key=order)
        ]
        head = ["server", "permitted", "in flight", "calls/s", "p50 µs", "p99 µs", "of the echo"]
        head += ["of echo and put"]
        yield "Retrieval over gRPC, exact, 10 passages, beside an echo", head, rows
        ingest = report["ingest"]
        rows = [
            ["cordond", interval(ingest["chunks_per_s"]), figure(ingest["chunks_per_s"]["whole"])],
            [
                "RocksDB alone",
                interval(ingest["raw_chunks_per_s"]),
                figure(ingest["raw_chunks_per_s"]["whole"]),
            ],
            ["ratio", interval(ingest["of_raw"]), ""],
        ]
        title = f"Ingest, {ingest['documents']:,} × {ingest['dimension']}, synced"
        yield title, ["", "chunks/s, a slice", "all"], rows
    if "entitlement" in report:
        rows = [
            [
                f"{cell['classes']:,}",
                str(cell["groups"]),
                f"{cell['permitted']:,}",
                interval(cell["entitle_us"]),
                interval(cell["decide_us"]),
                f"{cell['times_faster']['median']:.1f} ×",
            ]
            for cell in report["entitlement"]["cells"]
        ]
        head = ["classes", "groups", "permitted", "Entitle µs", "Decide for each µs", "faster"]
        yield "Everything that a caller may see", head, rows
    if "permissions" in report:
        yield from permissions_report.sections(report["permissions"], figure, interval)
    rows = [
        [
            one["name"],
            f"{one['sign']} {figure(one['asked'])} {one['unit']}".rstrip(),
            f"{figure(one['value'])} {one['unit']}".rstrip(),
            "met" if one["met"] else "MISSED",
        ]
        for one in report["targets"]
    ]
    yield "Targets", ["what", "asked", "measured", ""], rows


def order(cell):
    peers = ["echo", "echo_queue", "echo_put", "buffered", "required"]
    return (cell["in_flight"], peers.index(cell["peer"]), cell["permitted"] or 0)


def main():
    folder = Path(sys.argv[1])
    report = merge(folder)
    (folder / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    described = report["machine"]
    print(f"{described['date']}, {described['cpus']} × {described['cpu']}, {described['system']}")
    print(machine.packages_of(described))
    if described.get("quick"):
        print("a smoke run: its figures mean little")
    print_tables(report)
    (folder / "report.html").write_text(page.make(report, list(sections(report))))
    print(f"{folder}/report.json\n{folder}/report.html")


if __name__ == "__main__":
    main()
