"""Filtered search beside its peers: runs bench/bin/filtered_search on each data set, and makes
filtered.json and filtered.html of it: what `make bench-filtered` calls.

    filtered.py --build build [--bounded | --quick] [--data a,b]

--bounded is the part of `make bench`: some sets and cells, a few minutes; it leaves
filtered-bounded.json and .html, and --quick filtered-quick.*, beside those of the whole grid.
Data sets that are not there are left out with a notice; CORDON_SHARED_DATA says where they are.
"""

import argparse
import json
import os
import subprocess
import sys
from html import escape
from pathlib import Path

import machine
import page
from plot import lines
from report import table

HERE = Path(__file__).resolve().parent
SETS = ["synthetic", "text-lsa384", "mnist784", "stackexchange-bge-base", "bible-bge-large"]
BOUNDED = {
    "stackexchange-bge-base": ["--classes", "1000", "--k", "10"],
    "text-lsa384": ["--rows", "50000", "--classes", "20000", "--k", "10", "--recall", "0.95"],
}
QUICK = {
    "synthetic": ["--rows", "20000", "--classes", "1000", "--k", "10", "--recall", "0.95"]
    + ["--rounds", "3", "--queries-of-caller", "10", "--seconds", "0.01"]
}
WHOLE = ["--classes", "1000,20000,100000", "--k", "10,100"]

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


def measure(programs, name, path, arguments):
    """What was measured on one set; None if it is not there."""
    path.unlink(missing_ok=True)
    command = [programs / "filtered_search", "--data", name, "--out", path, *arguments]
    if subprocess.run([str(word) for word in command], check=False).returncode:
        sys.exit(f"filtered search on {name} failed")
    return json.loads(path.read_text()) if path.exists() else None


def percent(part):
    return f"{part * 100:g} %"


def groups(report):
    """Cells that make one plot: by data, classes, correlation, k and recall."""
    by_key = {}
    for one in report["sets"]:
        for cell in one["cells"]:
            key = (one["data"], cell["classes"], cell["correlation"], cell["k"])
            by_key.setdefault((*key, cell["recall_asked"]), []).append(cell)
    return by_key


def plots(report):
    for (data, classes, correlation, k, recall), cells in groups(report).items():
        series = {}
        for cell in cells:
            for name, method in cell["methods"].items():
                if name in ("cordon_flat", "cordon_lists") or "us" not in method:
                    continue
                us = method["us"]
                point = (cell["permitted"], us["median"], us["low"], us["high"])
                series.setdefault(name, []).append(point)
        ticks = {cell["permitted"]: percent(cell["permitted"]) for cell in cells}
        title = f"{data}, {classes:,} classes, {correlation}, k {k}, recall ≥ {recall:g}"
        drawing = lines(list(series.items()), "permitted", "µs a search", ticks)
        yield page.figure(title, "lower is better", drawing)


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
    for title, head, rows in recorded():
        yield page.html_table(title, head, rows)


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
        "One thread, one query at a time, processor time. Ratios are medians of interleaved rounds "
        "with the interval of their bootstrapped medians; ✗: the recall was not reached. "
        "A peer has the quickest setting that reaches it. Debian's FAISS is without AVX2.",
    ]
    if described["quick"]:
        notes.insert(0, "A smoke run: its figures mean little.")
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width'><title>Cordon: filtered search</title>"
        f"<style>{page.STYLE}{page.COLOURS}</style></head><body><h1>Filtered search</h1>"
        + "".join(f"<p class='note'>{escape(note)}</p>" for note in notes)
        + f"<h2>Plots</h2><div class='plots'>{''.join(plots(report))}</div>"
        + "".join(tables(report))
        + "</body></html>\n"
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--bounded", action="store_true", help="a few minutes")
    parser.add_argument("--quick", action="store_true", help="a smoke run; its figures mean little")
    parser.add_argument("--data", help="only these sets, by comma")
    options = parser.parse_args()
    out = options.build / "bench"
    if not (out / "bin/filtered_search").exists():
        sys.exit("filtered search is left out: hnswlib is missing")
    if "CORDON_SHARED_DATA" not in os.environ:
        print("CORDON_SHARED_DATA is not set: only made vectors are searched", file=sys.stderr)
    chosen = QUICK if options.quick else BOUNDED if options.bounded else dict.fromkeys(SETS, WHOLE)
    names = options.data.split(",") if options.data else list(chosen)
    kind = "-quick" if options.quick else "-bounded" if options.bounded else ""
    stem = f"filtered{kind}"
    report = {"machine": machine.describe(HERE.parent), "sets": [], "recorded_elsewhere": RECORDED}
    report["machine"]["quick"] = options.quick
    for number, name in enumerate(names):
        # Sets may be files of the same name in two folders.
        path = out / f"{stem}-{number}-{Path(name).stem}.json"
        measured = measure(out / "bin", name, path, chosen.get(name, WHOLE))
        if measured:
            report["sets"].append(measured)
    (out / f"{stem}.json").write_text(json.dumps(report, indent=1) + "\n")
    (out / f"{stem}.html").write_text(make_page(report))
    for title, head, rows in recorded():
        table(title, head, rows)
    print(f"{out}/{stem}.json\n{out}/{stem}.html")


if __name__ == "__main__":
    main()
