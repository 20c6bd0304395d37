"""What million.py measured, beside what was asked. What is not there says so."""

from statistics import median

RAW_PART = 0.3
READY_S = 5
MEMORY_GIB = 24
HALF_MIN = 0.45  # of the ingest's rate; documents that come slower than this are no half of it
JOURNALS = ("required", "buffered")
IN_FLIGHT = (1, 4)
FIGURES = [f"{state}_{name}" for state in ("idle", "busy") for name in ("qps", "p50_us", "p99_us")]
STARTS = {"cached": "all files cached", "uncached": "nothing cached"}
PEERS = {"hnswlib": 10, "faiss_ivf": 1}  # how many times as fast
UNTIL = ("found", "lists made")
STORE_PARTS = ("store", "index", "journal", "keys")
LAST_WEIGHED = "cordond restored"  # of all servers


def percent(part):
    return f"{part * 100:.0f} %"


def gib(number):
    return f"{number / 2**30:.2f} GiB"


def load_lines(result):
    if "ingest" in result:
        load = result["ingest"]
        told = f"{load['wall_s']:.0f} s, {load['chunks_per_s']:,.0f} chunks/s in streams"
        yield "load", told, None
    if "settled_s" in result:
        yield "at rest after the load", f"{result['settled_s']:.0f} s", None


RAW = f"ingest at least {percent(RAW_PART)} of raw RocksDB"


def raw_lines(result):
    """Both by the same slices, as far as RocksDB alone came."""
    raw = result.get("raw", {"slice_s": []})
    if not raw["slice_s"]:
        return
    ours_s = sum(result["ingest"]["slice_s"][: len(raw["slice_s"])])
    alone_s, documents = sum(raw["slice_s"]), raw["documents"]
    part = alone_s / ours_s
    told = f"{percent(part)}: {documents / ours_s:,.0f} of {documents / alone_s:,.0f} chunks/s"
    whole = documents == result["documents"]
    yield RAW, told + ("" if whole else f", the first {documents:,}"), judged(
        part >= RAW_PART, whole
    )


MEMORY = f"memory within {MEMORY_GIB} GiB"


def memory_lines(result):
    """Each server is weighed last before it stops; the kernel keeps its peak."""
    if not result["memory"]:
        return
    peak = max(one["peak_bytes"] for one in result["memory"].values())
    told = f"{gib(peak)} at the peak"
    if "at_rest" in result:
        told += f", {gib(result['at_rest']['rss_bytes'])} at rest"
    for starts in list(result.get("starts", {}).values())[:1]:
        if starts:
            after = median(start["memory_settled"]["rss_bytes"] for start in starts)
            told += f", {gib(after)} after a restart"
    yield MEMORY, told, judged(peak <= MEMORY_GIB * 2**30, LAST_WEIGHED in result["memory"])


def judged(met, whole):
    """Of a part only what is missed is known."""
    return met if whole or not met else None


def disk_lines(result):
    if "disk" in result:
        parts = result["disk"]["parts"]
        told = ", ".join(f"{gib(parts.get(name, 0))} {name}" for name in STORE_PARTS)
        yield "disk", f"{gib(result['disk']['bytes'])}: {told}", None
    if "stop_s" in result:
        yield "stop", f"{result['stop_s']:.1f} s", None


def ready(kind):
    return f"ready within {READY_S} s, its index from files, {STARTS[kind]}"


def start_lines(result):
    for kind, starts in result.get("starts", {}).items():
        if not starts:
            continue
        ready_s = median(start["ready_s"] for start in starts)
        rows = min(start["rows_from_files"] for start in starts)
        each = ", ".join(f"{start['ready_s']:.1f}" for start in starts)
        cpu_s = median(sum(start["ready_times_s"]) for start in starts)
        settled_s = median(start["settled_s"] for start in starts)
        told = f"{ready_s:.1f} s ({each}), {cpu_s:.1f} s of processors, {rows:,} rows of vectors "
        told += f"and words from files; at rest {settled_s:.0f} s later"
        whole = len(starts) == result["starts_asked"]
        yield ready(kind), told, judged(ready_s <= READY_S and rows > 0, whole)


def half(in_flight, journal):
    return f"p99 at half the rate ≤ 2 × idle, {in_flight} in flight, {journal}"


def beside_lines(result):
    for journal, cells in result.get("beside", {}).items():
        for cell in cells:
            rounds = len(cell["busy_p99_us"])
            if not rounds:
                continue
            idle, busy = median(cell["idle_p99_us"]), median(cell["busy_p99_us"])
            pairs = zip(cell["busy_p99_us"], cell["idle_p99_us"])
            times = median(one / other for one, other in pairs)
            rate = median(cell["chunks_per_s"])
            part = rate / result["ingest"]["chunks_per_s"]
            told = f"{times:.2f} × ({idle / 1000:.1f} → {busy / 1000:.1f} ms), "
            told += f"{rate:,.0f} chunks/s beside, {part * 100:.1f} % of the rate"
            whole = rounds == cell["rounds"]
            told += "" if whole else f", {rounds} of {cell['rounds']} rounds"
            met = times <= 2 and part >= HALF_MIN
            yield half(cell["in_flight"], journal), told, met if whole else None


def backup_lines(result):
    if "backup" in result:
        backup = result["backup"]
        told = f"{backup['create_s']:.0f} s, {gib(backup['bytes'])}, {backup['chunks']:,} chunks; "
        told += f"again {backup['again_s']:.1f} s; verified in {backup['verify_s']:.0f} s"
        yield "backup", told, None


def restore_lines(result):
    if "restore" in result:
        restored = result["restore"]
        told = f"{restored['restore_s']:.0f} s, first start {restored['first_ready_s']:.0f} s"
        yield "restore", told + f", at rest {restored['settled_s']:.0f} s later", None


def searchable(peer, until):
    return f"searchable {PEERS[peer]} × as fast as {peer}, until {until}"


def peer_lines(result):
    """Documents are found once they are acknowledged; quickly once their lists are made."""
    for peer, built in result.get("peers", {}).items():
        documents, found_s = result["documents"], result["ingest"]["wall_s"]
        part = "" if built["rows"] == documents else f" by {built['rows']:,} rows"
        for until, took_s in zip(UNTIL, (found_s, found_s + result["settled_s"])):
            times = built["all_s"] / took_s
            told = f"{times:.2f} ×: {documents / took_s:,.0f} chunks/s, {took_s:.0f} s; {peer} "
            told += f"{documents / built['all_s']:,.0f} chunks/s, {built['all_s']:.0f} s{part}"
            yield searchable(peer, until), told, times >= PEERS[peer]


# (name, what is asked, what gives its lines)
PARTS = [
    ("load", ["load", "at rest after the load"], load_lines),
    ("raw", [RAW], raw_lines),
    ("memory", [MEMORY], memory_lines),
    ("disk", ["disk", "stop"], disk_lines),
    ("starts", [ready(kind) for kind in STARTS], start_lines),
    ("beside", [half(at, journal) for journal in JOURNALS for at in IN_FLIGHT], beside_lines),
    ("backup", ["backup"], backup_lines),
    ("restore", ["restore"], restore_lines),
    ("peers", [searchable(peer, until) for peer in PEERS for until in UNTIL], peer_lines),
]


def rows(result):
    """(asked, told, whether it is met or None) of all that was asked; `only` names one part."""
    for name, asked, lines in PARTS:
        if name != result.get("only", name):
            continue
        given = {line[0]: line for line in lines(result)}
        for one in asked:
            yield given.get(one, (one, "not measured", None))


def show(result):
    """Prints the table."""
    verdict = {None: "", True: "met", False: "missed"}
    described, documents = result["machine"], result.get("documents", 0)
    title = f"{documents:,} × {result['dimension']}, {described['cpus']} processors, "
    title += f"load {described['load_at_start']} at the start, {result['took_s']:.0f} s"
    if "stopped" in result:
        title += f"\n\nNot whole: {result['stopped']}"
    print(f"{title}\n\n| asked | measured | |\n|---|---|---|")
    for asked, told, met in rows(result):
        print(f"| {asked} | {told} | {verdict[met]} |")
