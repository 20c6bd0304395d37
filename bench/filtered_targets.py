"""What is asked of filtered search beside its peers, and which cells of a report meet it.

A ratio is how many times a peer is slower in the same run; a peer that never reaches the recall is
beaten. Where a peer has no target of its own, Cordon is not to be the slower one. The planner is
asked to be within 1.3 times of the better of its two plans.
"""

CLUSTERED = ("synthetic",)
HNSW, IVF, ONLY = "hnswlib, filtered", "FAISS IVF", "hnswlib over only the permitted"
# By what the methods of filtered_search are called: the peer that a target is set for, and what
# this one is. hnswlib 0.6.2 takes no filter; what it fetches too many of stands in for one.
PEERS = {
    "hnsw_overfetch": (HNSW, "hnswlib 0.6.2, over-fetch"),
    "hnsw_filter": (HNSW, "hnswlib, filter functor"),
    "faiss_ivf": (IVF, IVF),
    "faiss_flat": (None, "FAISS flat"),
    "hnsw_permitted_only": (ONLY, ONLY),
}
NO_FUNCTOR = (
    "hnswlib with a filter functor is skipped: cmake -B build -DCORDON_HNSWLIB_DIR=DIR takes the "
    "folder of a newer hnswlib. In its place stands hnswlib 0.6.2, which fetches too many and "
    "filters afterwards; targets beside it say over-fetch."
)
OVERFETCH, FUNCTOR = "hnsw_overfetch", "hnsw_filter"
NOT_SLOWER = 1
WORST = 0.9  # of the recall that is asked, for the worst caller
PLANNER = 1.3
SLACK = 5e-4  # of a recall, as it is printed


def asked(data, cell):
    """By peer, how many times slower it is to be; empty where nothing but not being slower is."""
    permitted, correlation = cell["permitted"], cell["correlation"]
    clustered = data in CLUSTERED
    if correlation == "negative":
        if permitted < 0.01 or permitted > 0.5:
            return {}
        hnsw, ivf, only = (10, 5, 3) if permitted <= 0.1 else (2.5, 5, 3)
    elif permitted <= 0.001:
        hnsw, ivf, only = (500 if correlation == "none" else 250, 40, 1)
    elif permitted <= 0.01:
        hnsw, ivf, only = (30 if correlation == "none" else 3, 4, 0.4)
    elif permitted <= 0.1:
        hnsw, ivf, only = (6 if clustered else 4.5, 3, 1.1)
    elif clustered:
        hnsw, ivf, only = (3.5, 2.5, 2)
    else:
        hnsw, ivf, only = (2 if cell["recall_asked"] >= 0.99 else 3, 3, 3)
    return {HNSW: hnsw, IVF: ivf, ONLY: only}


def beside_peers(methods, by_peer):
    for method, (peer, shown) in PEERS.items():
        if method not in methods:
            continue
        at_least = by_peer.get(peer, NOT_SLOWER)
        wanted = f"{at_least:g} × {shown}"
        if methods[method].get("failed"):
            recall = methods[method]["recall"]
            yield wanted, f"no setting reaches it: a recall of {recall:.2f}", True
        elif "slower" in methods[method]:
            slower = methods[method]["slower"]["median"]
            # Near the target, so many digits that one can see on which side.
            yield wanted, f"{slower:.{1 if slower >= 10 else 2}f} ×", slower >= at_least


def verdicts(data, cell):
    """(what is asked, what was measured, whether it is met) of one cell."""
    methods = cell["methods"]
    own = methods["cordon"]
    at_least = cell["recall_asked"]
    if cell["permitted"] <= 0.001 and cell["correlation"] != "negative":
        at_least = 1
    yield f"recall ≥ {at_least:g}", f"{own['recall']:.3f}", own["recall"] >= at_least - SLACK
    worst = WORST * cell["recall_asked"]
    yield f"worst caller ≥ {worst:.3f}", f"{own['worst']:.3f}", own["worst"] >= worst - SLACK
    yield from beside_peers(methods, asked(data, cell))
    forced = [
        methods[name]["slower"]["median"]
        for name in ("cordon_flat", "cordon_lists")
        # A plan that misses the recall is no better one.
        if "slower" in methods.get(name, {})
        and methods[name]["recall"] >= cell["recall_asked"] - SLACK
    ]
    if forced:
        behind = 1 / min(forced)
        yield f"within {PLANNER} × of the better plan", f"{behind:.2f} ×", behind <= PLANNER


def notices(report):
    """What the peers of a report are not."""
    methods = {name for one in report["sets"] for cell in one["cells"] for name in cell["methods"]}
    if OVERFETCH in methods and FUNCTOR not in methods:
        yield NO_FUNCTOR


def name_of(cell):
    return (
        f"{cell['correlation']}, {cell['permitted'] * 100:g} %, {cell['classes']:,} classes, "
        f"k {cell['k']}, recall {cell['recall_asked']:g}"
    )


def rows(report):
    """(data, cell, asked, measured, verdict), the missed ones first."""
    found = [
        (one["data"], name_of(cell), wanted, measured, "met" if met else "MISSED")
        for one in report["sets"]
        for cell in one["cells"]
        for wanted, measured, met in verdicts(one["data"], cell)
    ]
    return sorted(found, key=lambda row: row[-1] == "met")


def key(cell):
    names = ("classes", "correlation", "permitted", "k", "recall_asked")
    return tuple(cell[name] for name in names)


def left_out(one, grid):
    """What a set has not of the whole grid: (classes, k, recall) and the cells of it."""
    measured = {key(cell) for cell in one["cells"]}
    groups, missing = {}, {}
    for cell in grid:
        classes, correlation, permitted, k, recall = cell
        group = (classes, k, recall)
        groups.setdefault(group, []).append(cell)
        if cell not in measured:
            by_correlation = missing.setdefault(group, {})
            by_correlation.setdefault(correlation, []).append(f"{permitted * 100:g} %")
    for group, by_correlation in missing.items():
        classes, k, recall = group
        cells = "; ".join(f"{name} {', '.join(parts)}" for name, parts in by_correlation.items())
        whole = sum(map(len, by_correlation.values())) == len(groups[group])
        yield f"{classes:,} classes, k {k}, recall {recall:g}", "all" if whole else cells
