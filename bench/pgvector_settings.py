"""How pgvector may be asked under row-level security, and which way is its quickest.

Whoever asks sees the rows of some classes. A policy can say of which in several wordings; the rows
can be read by what the policy says and sorted (exact), or a graph is walked in the order of
nearness and what the policy refuses is passed over, until there are enough (hnsw.iterative_scan).
"""

from collections import namedtuple

MINE = "SELECT e.class FROM entitlements e WHERE e.principal = current_user"
WORDINGS = {
    "a list in each caller's policy": "class = ANY ($classes)",
    "a list in a setting": "class = ANY ((SELECT current_setting('bench.classes')::int[])::int[])",
    "a table, as a list": f"class = ANY (ARRAY({MINE}))",
    "a table, hashed": f"class IN ({MINE})",
}
GRAPH = "chunks_hnsw"  # the index
ORDERS = ("strict_order", "relaxed_order")
WIDTHS = (20, 40, 70, 100, 150, 220, 320, 460, 680, 1000)  # hnsw.ef_search, of which 1,000 is most
FIRST = ("strict_order", 100)  # by which wordings are compared

# A look is of few questions. What it finds slower than this many times the best is not tried.
LOOK_ERROR = 1.3

# A way to ask. `order` and `width` are None where all that is permitted is read.
Way = namedtuple("Way", "wording order width")


def name_of(way):
    how = "exact" if way.order is None else f"HNSW {way.order}, ef_search {way.width}"
    return f"{how}; {way.wording}"


def statements(way, rows):
    """What a session is told."""
    if way.order is None:
        planner = {"indexscan": "off", "seqscan": "on", "bitmapscan": "on", "sort": "on"}
        return "; ".join(f"SET enable_{name} = {value}" for name, value in planner.items())
    planner = {"indexscan": "on", "seqscan": "off", "bitmapscan": "off", "sort": "off"}
    words = [f"SET enable_{name} = {value}" for name, value in planner.items()]
    words.append(f"SET hnsw.iterative_scan = {way.order}")
    words.append(f"SET hnsw.ef_search = {way.width}")
    # By default a scan ends early, and answers less than there is, without an error.
    words.append(f"SET hnsw.max_scan_tuples = {max(rows, 1) * 2}")
    words.append("SET hnsw.scan_mem_multiplier = 16")
    return "; ".join(words)


def walks_graph(plan):
    return any(GRAPH in line for line in plan)


def ways(look, widths=WIDTHS):
    """All ways worth a try, each with the µs that a look at it found: {way: µs}."""
    looked = {way: look(way) for way in (Way(wording, None, None) for wording in WORDINGS)}
    graph = {way: look(way) for way in (Way(wording, *FIRST) for wording in WORDINGS)}
    looked |= graph
    wording = min(graph, key=graph.get).wording
    for order in ORDERS:
        for width in widths:
            way = Way(wording, order, width)
            if way not in looked:
                looked[way] = look(way)
    return looked


def quickest(looked, ask_all, recall, in_time=lambda: True):
    """The quickest way that reaches the recall, with what `ask_all` found of it, and all that was
    tried; (None, the best recall's, tried) if none does. `ask_all` gives recall, worst and us.
    """
    best, tried = None, {}
    for way, glance in sorted(looked.items(), key=lambda item: item[1]):
        if best is not None and (glance > LOOK_ERROR * tried[best]["us"] or not in_time()):
            break
        tried[way] = ask_all(way)
        reached = tried[way]["recall"] >= recall
        if reached and (best is None or tried[way]["us"] < tried[best]["us"]):
            best = way
    if best is None:
        nearest = max(tried, key=lambda way: tried[way]["recall"])
        return None, tried[nearest], tried
    return best, tried[best], tried
