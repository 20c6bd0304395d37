"""Filtered search beside its peers: runs bench/bin/filtered_search on each data set, and makes
filtered.json and filtered.html of it: what `make bench-filtered` calls.

    filtered.py --build build [--claims | --bounded | --quick] [--data a,b] [--minutes 25]

--bounded is the part of `make bench`: some sets and cells, a few minutes; it leaves
filtered-bounded.json and .html, and --quick filtered-quick.*, beside those of the whole grid.
--claims (`make bench-claims`) measures the cells that the claims stand on, the most important
first, for --minutes in all, and leaves filtered-claims.*; it prints what of the whole grid it left
out. Whatever is measured is held against its targets (filtered_targets.py).
Data sets that are not there are left out with a notice; CORDON_SHARED_DATA says where they are.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import time
from html import escape
from pathlib import Path

import filtered_targets
import machine
import page
from filtered_plots import groups, percent, plots
from report import table

HERE = Path(__file__).resolve().parent
SETS = ["synthetic", "text-lsa384", "mnist784", "stackexchange-bge-base", "bible-bge-large"]
BOUNDED = {
    # The only one of who has no real vectors.
    "synthetic": ["--rows", "50000", "--classes", "20000", "--k", "10", "--recall", "0.95"]
    + ["--correlations", "none", "--permitted", "0.01,0.1,0.5,1", "--peers", "faiss_ivf,hnsw"],
    "stackexchange-bge-base": ["--classes", "1000", "--k", "10"],
    "text-lsa384": ["--rows", "50000", "--classes", "20000", "--k", "10", "--recall", "0.95"],
}
QUICK = {
    "synthetic": ["--rows", "20000", "--classes", "1000", "--k", "10", "--recall", "0.95"]
    + ["--rounds", "3", "--queries-of-caller", "10", "--seconds", "0.01", "--sweep"]
}
WHOLE = ["--classes", "1000,20000,100000", "--k", "10,100", "--sweep"]
# The cells of WHOLE and of filtered_search's own defaults; 100 % permitted is no correlation's.
PERMITTED = [0.0001, 0.001, 0.01, 0.1, 0.5, 1.0]
GRID = [
    cell
    for cell in itertools.product(
        [1000, 20000, 100000], ["none", "positive", "negative"], PERMITTED, [10, 100], [0.95, 0.99]
    )
    if cell[2] < 1 or cell[1] == "none"
]
# In the order of their weight: real text, images, made clusters, neural embeddings. The number is a
# set's share of the time, that of its peers' building included; what one leaves goes to the next.
# A graph of only what each caller may see is built where that takes seconds.
CLAIM = ["--k", "10", "--rounds", "10", "--permitted", "0.1,1,0.5,0.01,0.001,0.0001"]
LARGE = [*CLAIM, "--classes", "20000", "--peers", "faiss_ivf,hnsw"]
CLAIMS = {
    "text-lsa384": (10, [*LARGE, "--rows", "100000", "--correlations", "none,negative"]),
    "mnist784": (5, [*LARGE, "--correlations", "none"]),
    "synthetic": (7, [*LARGE, "--rows", "200000"]),
    "stackexchange-bge-base": (
        3,
        [*CLAIM, "--classes", "1000", "--correlations", "none,negative"],
    ),
}

# Growth over the number of vectors, and the other costs of an index: by the kind of run. Only made
# vectors are as many as one likes.
GROWING = "synthetic"
COSTS = {"": [], "quick": ["--quick"]}

# What was recorded on another machine (2 cores, AVX2, one thread), not by these programs: queries a
# second at recall@10 of 0.95. ✗: the recall was never reached; None: not measured.
PARTS = ["0.01 %", "0.1 %", "1 %", "10 %", "50 %", "100 %"]
RECORDED = {
    "1,000,000 × 128 synthetic, 1,000 classes": {
        "pgvector 0.8.6, row-level security, HNSW": [1, 6, 74, 367, 617, 713],
        "pgvector 0.8.6, row-level security, exact": [2959, 333, 40, 5.6, 2, 1.7],
        "hnswlib with a filter functor": [7, 56, 708, 4054, 9264, 8922],
        "FAISS 1.15 IVF-Flat + IDSelector": [489, 1051, 6569, 7106, 7212, 9863],
        "FAISS 1.15 IVF-PQ FastScan + refine": [585, 1316, 5827, 9674, 6508, 6009],
        "FAISS 1.15 IVF-RaBitQ FastScan + refine": [364, 874, 5697, 7498, 9141, 8904],
        "FAISS 1.15 HNSW + IDSelector": ["✗ 0.53", "✗ 0.94", 302, 4017, 5737, 6193],
        "LanceDB IVF-PQ prefilter": [27, 24, 80, 126, 73, 60],
        "FAISS flat + IDSelector": [367, 294, 142, 42, 20, 37],
        "scan of only the permitted, contiguous floats": [303512, 67658, 5681, 484, 73, 39],
        "HNSW over only the permitted": [None, 80334, 29913, 25429, None, None],
    },
    "1,000,000 × 128 synthetic, the query far from what is permitted": {
        "pgvector 0.8.6, row-level security, HNSW": [0.1, 0.3, 0.8, "✗", 85, None],
        "hnswlib with a filter functor": [1, 3, 8, 42, 751, None],
        "FAISS 1.15 IVF-Flat + IDSelector": [131, 116, 235, 543, 2049, None],
        "FAISS 1.15 HNSW + IDSelector": ["✗ < 0.2", "✗ < 0.2", "✗ < 0.2", None, None, None],
    },
    "150,000 × 384 text, 20,000 classes": {
        "hnswlib with a filter functor": [9, 39, 385, 2800, 7400, 7700],
    },
    "150,000 × 384 text, the query far from what is permitted": {
        "hnswlib with a filter functor": [10, 35, "✗", "✗", 1600, None],
    },
    "60,000 × 784 images": {
        "hnswlib with a filter functor": [None, None, 400, 2300, 6800, 9000],
    },
}


def measure(program, name, path, arguments):
    """What a program measured on one set; None if it is not there."""
    path.unlink(missing_ok=True)
    command = [program, "--data", name, "--out", path, *arguments]
    if subprocess.run([str(word) for word in command], check=False).returncode:
        sys.exit(f"{program.name} on {name} failed")
    return json.loads(path.read_text()) if path.exists() else None


def measure_claims(names, minutes, run):
    """Gives each set its share of what is left; `run` takes a number, a name and arguments."""
    deadline = time.monotonic() + minutes * 60
    sets = []
    for number, name in enumerate(names):
        of_rest = sum(CLAIMS[other][0] for other in names[number:])
        seconds = (deadline - time.monotonic()) * CLAIMS[name][0] / of_rest
        measured = run(number, name, [*CLAIMS[name][1], "--budget", f"{seconds:.0f}"])
        if measured:
            sets.append(measured)
    return sets


def left_out(report):
    """(title, head, rows) of what the whole grid has beyond this report."""
    rows = [
        [f"{one['data']}, {one['rows']:,} rows", *group]
        for one in report["sets"]
        for group in filtered_targets.left_out(one, GRID)
    ]
    absent = [name for name in SETS if name not in {one["data"] for one in report["sets"]}]
    rows += [[name, "all", "the set is absent, or not of the claims"] for name in absent]
    return "Left out of the whole grid", ["data", "of", "correlation and permitted"], rows


def held_against_targets(report):
    head = ["data", "cell", "asked", "measured", ""]
    return "Targets", head, [list(row) for row in filtered_targets.rows(report)]


def rows_of(cells):
    for cell in cells:
        own = cell["methods"]["cordon"]
        row = [percent(cell["permitted"]), own["plan"], f"{own['qps']:,.0f}"]
        row.append(f"{own['recall']:.3f} / {own['worst']:.3f}")
        row.append(f"{own['p50_us']:.0f} / {own['p99_us']:.0f}")
        for name in peers(cells):
            method = cell["methods"].get(name, {})
            if "slower" in method:
                slower = method["slower"]
                row.append(f"{slower['median']:.2f} ({slower['low']:.2f}–{slower['high']:.2f})")
            else:
                row.append(f"✗ {method['recall']:.2f}" if "recall" in method else "")
        yield row


def peers(cells):
    return sorted({name for cell in cells for name in cell["methods"]} - {"cordon"})


def tables(report):
    for (data, classes, correlation, k, recall), cells in groups(report).items():
        head = ["permitted", "plan", "queries/s", "recall / worst caller", "p50 / p99 µs"]
        head += [f"{name}, slower by" for name in peers(cells)]
        title = f"{data}, {classes:,} classes, {correlation}, k {k}, recall ≥ {recall:g}"
        yield page.html_table(title, head, list(rows_of(cells)))
    yield page.html_table(*held_against_targets(report))
    if report.get("costs"):
        yield page.html_table(*costs_of_index(report["costs"]))
    yield page.html_table(*left_out(report))
    for title, head, rows in recorded():
        yield page.html_table(title, head, rows)


def costs_of_index(costs):
    title = f"Costs of an index of {costs['rows']:,} × {costs['dimension']}, {costs['data']}"
    verdict = {"missed": "MISSED"}
    rows = [
        [one["asked"], one["measured"], verdict.get(one["met"], one["met"])]
        for one in costs["targets"]
    ]
    return title, ["asked", "measured", ""], rows


def recorded():
    """(title, head, rows) of what was recorded elsewhere."""
    for data, by_peer in RECORDED.items():
        rows = [[name, *map(recorded_figure, values)] for name, values in by_peer.items()]
        title = f"Recorded elsewhere, not in this run: queries/s, {data}"
        yield title, ["peer", *PARTS], rows


def recorded_figure(value):
    if value is None:
        return "–"
    return value if isinstance(value, str) else f"{value:,}"


def make_page(report):
    described = report["machine"]
    notes = [
        f"{described['date']}, commit {described['commit']}, {described['cpus']} × "
        f"{described['cpu']}, load {described['load_at_start']}",
        machine.packages_of(described),
        "One thread, one query at a time, processor time. Ratios are medians of interleaved rounds "
        "with the interval of their bootstrapped medians; ✗: the recall was not reached. "
        "A peer has the quickest setting that reaches it. Debian's FAISS is without AVX2.",
    ]
    notes += filtered_targets.notices(report)
    if described["quick"]:
        notes.insert(0, "A smoke run: its figures mean little.")
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width'><title>Cordon: filtered search</title>"
        f"<style>{page.STYLE}{page.COLOURS}</style></head><body><h1>Filtered search</h1>"
        + "".join(f"<p class='note'>{escape(note)}</p>" for note in notes)
        + "".join(plots(report))
        + "".join(tables(report))
        + "</body></html>\n"
    )


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, default=Path("build"))
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--claims", action="store_true", help="the most important cells")
    kind.add_argument("--bounded", action="store_true", help="a few minutes")
    kind.add_argument("--quick", action="store_true", help="a smoke run; its figures mean little")
    parser.add_argument("--data", help="only these sets, by comma")
    parser.add_argument("--minutes", type=float, default=25, help="of --claims, about")
    options = parser.parse_args()
    options.kind = next((k for k in ("claims", "bounded", "quick") if getattr(options, k)), "")
    return options


def main():
    options = parse()
    out = options.build / "bench"
    if not (out / "bin/filtered_search").exists():
        sys.exit("filtered search is left out: hnswlib is missing")
    if "CORDON_SHARED_DATA" not in os.environ:
        print("CORDON_SHARED_DATA is not set: only made vectors are searched", file=sys.stderr)
    chosen = {"claims": CLAIMS, "bounded": BOUNDED, "quick": QUICK}.get(
        options.kind, dict.fromkeys(SETS, WHOLE)
    )
    names = options.data.split(",") if options.data else list(chosen)
    if options.claims and not set(names) <= set(CLAIMS):
        sys.exit(f"--claims has only {', '.join(CLAIMS)}")
    stem = f"filtered-{options.kind}" if options.kind else "filtered"
    report = {"machine": machine.describe(HERE.parent), "sets": [], "recorded_elsewhere": RECORDED}
    report["machine"]["quick"] = options.quick

    def run(number, name, arguments):
        # Sets may be files of the same name in two folders.
        path = out / f"{stem}-{number}-{Path(name).stem}.json"
        return measure(out / "bin/filtered_search", name, path, arguments)

    if options.claims:
        report["sets"] = measure_claims(names, options.minutes, run)
    else:
        measured = [run(n, name, chosen.get(name, WHOLE)) for n, name in enumerate(names)]
        report["sets"] = [one for one in measured if one]
    if options.kind in COSTS and GROWING in names:
        path = out / f"{stem}-costs.json"
        costs = COSTS[options.kind]
        report["costs"] = measure(out / "bin/index_costs", GROWING, path, costs)
    (out / f"{stem}.json").write_text(json.dumps(report, indent=1) + "\n")
    (out / f"{stem}.html").write_text(make_page(report))
    print(machine.packages_of(report["machine"]))
    missing = [left_out(report)] if options.claims else []
    for title, head, rows in [held_against_targets(report), *missing, *recorded()]:
        table(title, head, rows)
    for notice in filtered_targets.notices(report):
        print(notice)
    print(f"{out}/{stem}.json\n{out}/{stem}.html")


if __name__ == "__main__":
    main()
