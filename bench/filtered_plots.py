"""The plots of filtered search: latency over what is permitted, queries/s over recall, growth."""

import math
from html import escape

import page
from plot import lines

FORCED = ("cordon_flat", "cordon_lists")  # one plan or the other: in the tables
RECALLS = [0, 0.5, 0.8, 0.9, 0.95, 0.99, 0.999, 1]
LATENCY = (
    "As served, beside the quickest setting of each peer that reaches the recall; a peer that does "
    "not reach it has no point. Bars: the interval of the bootstrapped medians."
)
RECALL = (
    "Each point of a peer is one setting that was tried, up to the first that reaches what was "
    "asked: one pass over all queries, not interleaved. cordon: as served for each recall that was "
    "asked, interleaved with the peers. cordon, lists: lists alone, searched less or more far, "
    "where a sweep was asked for. The scale of the recall is that of its nines."
)
GROWTH = (
    "The same part of a tenth, three tenths and all of the vectors, one index of each, as served "
    "for a recall of 0.95. No peers."
)


def percent(part):
    return f"{part * 100:g} %"


def groups(report):
    """Cells that make one plot: by data, classes, correlation, k and recall."""
    by_key = {}
    for one in report["sets"]:
        for cell in one["cells"]:
            key = (one["data"], cell["classes"], cell["correlation"], cell["k"])
            by_key.setdefault((*key, cell["recall_asked"]), []).append(cell)
    for cells in by_key.values():
        cells.sort(key=lambda cell: cell["permitted"])
    return by_key


def latency_plots(report):
    for (data, classes, correlation, k, recall), cells in groups(report).items():
        series = {}
        for cell in cells:
            for name, method in cell["methods"].items():
                if name in FORCED or "us" not in method:
                    continue
                us = method["us"]
                point = (cell["permitted"], us["median"], us["low"], us["high"])
                series.setdefault(name, []).append(point)
        ticks = {cell["permitted"]: percent(cell["permitted"]) for cell in cells}
        title = f"{data}, {classes:,} classes, {correlation}, k {k}, recall ≥ {recall:g}"
        drawing = lines(list(series.items()), "permitted", "µs a search", ticks)
        yield page.figure(title, "µs a search, lower is better", drawing)


def nines(recall):
    return -math.log10(max(1 - recall, 3e-4))


def per_second(us):
    """(median, low, high) queries a second."""
    return 1e6 / us["median"], 1e6 / us["high"], 1e6 / us["low"]


def tried(points):
    """Each setting once, by recall: (recall, queries/s…)."""
    rates = {one["setting"]: (one["recall"], *[1e6 / one["us"]] * 3) for one in points}
    return sorted(rates.values())


def recall_series(cells, sweep):
    """By name, the points of all cells that differ only in the recall that was asked."""
    served, peers = [], {}
    for cell in cells:
        for name, method in cell["methods"].items():
            if name == "cordon":
                served.append((method["recall"], *per_second(method["us"])))
            elif "tried" in method:
                peers.setdefault(name, []).extend(method["tried"])
    series = [("cordon", sorted(served))]
    series += [(name, tried(points)) for name, points in sorted(peers.items())]
    # The last, so that the others have the colours that they have in the plots of latency.
    return series + ([("cordon, lists", tried(sweep))] if sweep else [])


def recall_ticks(series):
    """From the last tick that no point is below."""
    lowest = min(point[0] for _, points in series for point in points)
    first = max(tick for tick in RECALLS[:-1] if tick <= lowest)
    return {tick: f"{tick:g}" for tick in RECALLS if tick >= first}


def recall_plots(report):
    """(what they have in common, its plots, one for each part that is permitted)."""
    for one in report["sets"]:
        by_key = {}
        for cell in one["cells"]:
            key = (cell["classes"], cell["correlation"], cell["k"])
            by_key.setdefault(key, {}).setdefault(cell["permitted"], []).append(cell)
        sweeps = {
            (each["classes"], each["correlation"], each["k"], each["permitted"]): each["points"]
            for each in one.get("sweeps", [])
        }
        for (classes, correlation, k), by_part in by_key.items():
            drawn = []
            for part, cells in sorted(by_part.items()):
                series = recall_series(cells, sweeps.get((classes, correlation, k, part)))
                ticks = recall_ticks(series)
                drawing = lines(series, f"recall@{k}", "queries/s", ticks, scale=nines)
                title = f"{percent(part)} permitted"
                drawn.append(page.figure(title, "queries/s, higher is better", drawing))
            yield f"{one['data']}, {classes:,} classes, {correlation}, k {k}", drawn


def growth_plot(costs):
    series, ticks = {}, {}
    for one in costs["sizes"]:
        us = one["us"]
        point = (one["rows"], us["median"], us["low"], us["high"])
        series.setdefault(one["permitted"], []).append(point)
        ticks[one["rows"]] = f"{one['rows']:,}"
    named = [(percent(part), points) for part, points in series.items()]
    worst = min(one["recall"] for one in costs["sizes"])
    title = f"{costs['data']}, {costs['dimension']} dimensions, k 10, recall ≥ {worst:.3f} measured"
    return page.figure(title, "µs a search", lines(named, "rows", "µs a search", ticks))


def section(title, note, figures):
    return f"<h2>{escape(title)}</h2><p class='note'>{escape(note)}</p>{figures}"


def side_by_side(figures):
    return f"<div class='plots'>{''.join(figures)}</div>"


def plots(report):
    """All of them, as HTML."""
    yield section("Latency over what is permitted", LATENCY, side_by_side(latency_plots(report)))
    folded = "".join(
        f"<details open><summary>{escape(title)}</summary>{side_by_side(figures)}</details>"
        for title, figures in recall_plots(report)
    )
    yield section("Queries a second over recall", RECALL, folded)
    if report.get("costs"):
        growth = side_by_side([growth_plot(report["costs"])])
        yield section("Growth over the number of vectors", GROWTH, growth)
