"""What is asked of filtered search beside its peers, and which cells of a report meet it.

A ratio is how many times a peer is slower in the same run; a peer that never reaches the recall is
beaten. The planner is asked to be within 1.3 times of the better of its two plans.
"""

CLUSTERED = ("synthetic",)
PEERS = {  # by what the methods of filtered_search are called
    "hnsw_overfetch": "hnswlib, filtered",
    "hnsw_filter": "hnswlib, filtered",
    "faiss_ivf": "FAISS IVF",
    "hnsw_permitted_only": "hnswlib over only the permitted",
}
PLANNER = 1.3
SLACK = 5e-4  # of a recall, as it is printed


def asked(data, cell):
    """By peer, how many times slower it is to be; empty where nothing is asked."""
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
    return {
        "hnswlib, filtered": hnsw,
        "FAISS IVF": ivf,
        "hnswlib over only the permitted": only,
    }


def verdicts(data, cell):
    """(what is asked, what was measured, whether it is met) of one cell."""
    methods = cell["methods"]
    own = methods["cordon"]
    at_least = cell["recall_asked"]
    if cell["permitted"] <= 0.001 and cell["correlation"] != "negative":
        at_least = 1
    yield f"recall ≥ {at_least:g}", f"{own['recall']:.3f}", own["recall"] >= at_least - SLACK
    by_peer = asked(data, cell)
    for method, peer in PEERS.items():
        if method not in methods or peer not in by_peer:
            continue
        wanted = f"{by_peer[peer]:g} × {peer}"
        if methods[method].get("failed"):
            yield wanted, f"it stays at a recall of {methods[method]['recall']:.2f}", True
        elif "slower" in methods[method]:
            slower = methods[method]["slower"]["median"]
            yield wanted, f"{slower:.1f} ×", slower >= by_peer[peer]
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
