"""What million.py measured, beside what was asked. What is not there yet is left out."""

from statistics import median

READY_S = 5
MEMORY_GIB = 24
STARTS = {"restart": "", "cold_restart": ", nothing cached"}
PEERS = {"hnswlib": 10, "faiss_ivf": 1}  # how many times as fast


def gib(number):
    return f"{number / 2**30:.2f} GiB"


def load_lines(result):
    load, settled_s = result["ingest"], result.get("settled_s", 0)
    yield "load", f"{load['wall_s']:.0f} s, {load['chunks_per_s']:,.0f} chunks/s in streams", None
    yield "at rest after the load", f"{settled_s:.0f} s", None


def memory_lines(result):
    starts = [result[name]["memory_settled"] for name in STARTS if name in result]
    weighed = [*result["memory"].values(), *starts]
    weighed += [result["backup"]["memory"]] if "backup" in result else []
    peak = max(one["peak_bytes"] for one in weighed)
    told = f"{gib(peak)} at the peak, {gib(result['memory']['at_rest']['rss_bytes'])} at rest"
    told += "".join(f", {gib(one['rss_bytes'])} after a restart" for one in starts[:1])
    yield f"memory within {MEMORY_GIB} GiB", told, peak <= MEMORY_GIB * 2**30


def disk_lines(result):
    parts = result["disk"]["parts"]
    told = ", ".join(f"{gib(parts[name])} {name}" for name in ("store", "index", "journal", "keys"))
    yield "disk", f"{gib(result['disk']['bytes'])}: {told}", None
    yield "stop", f"{result['stop_s']:.1f} s", None


def start_lines(result):
    for name, text in STARTS.items():
        if name not in result:
            continue
        start = result[name]
        told = f"{start['ready_s']:.1f} s, {start['rows_from_files']:,} rows of vectors and words "
        told += f"from files; at rest {start['settled_s']:.0f} s later"
        yield f"ready within {READY_S} s{text}", told, start["ready_s"] <= READY_S


def beside_lines(result):
    for journal, cells in result["beside"].items():
        for cell in cells:
            idle, busy = median(cell["idle_p99_us"]), median(cell["busy_p99_us"])
            pairs = zip(cell["busy_p99_us"], cell["idle_p99_us"])
            times = median(one / other for one, other in pairs)
            told = f"{times:.2f} × ({idle / 1000:.1f} → {busy / 1000:.1f} ms), "
            told += f"{cell['chunks_per_s']:,.0f} chunks/s beside"
            asked = f"p99 at half the rate ≤ 2 × idle, {cell['in_flight']} in flight, {journal}"
            yield asked, told, times <= 2


def backup_lines(result):
    backup = result["backup"]
    told = f"{backup['create_s']:.0f} s, {gib(backup['bytes'])}; again {backup['again_s']:.1f} s; "
    yield "backup", told + f"verified in {backup['verify_s']:.0f} s", None


def restore_lines(result):
    restored = result["restore"]
    told = f"{restored['restore_s']:.0f} s, first start {restored['first_ready_s']:.0f} s"
    yield "restore", told + f", at rest {restored['settled_s']:.0f} s later", None


def peer_lines(result):
    """Documents are found once they are acknowledged; quickly once their lists are made."""
    found_s = result["ingest"]["wall_s"]
    for peer, built in result["peers"].items():
        part = "" if built["rows"] == result["documents"] else f" by {built['rows']:,} rows"
        for until, took_s in (("found", found_s), ("lists made", found_s + result["settled_s"])):
            times = built["all_s"] / took_s
            told = f"{times:.2f} ×: {took_s:.0f} s, {peer} {built['all_s']:.0f} s{part}"
            asked = f"searchable {PEERS[peer]} × as fast as {peer}, until {until}"
            yield asked, told, times >= PEERS[peer]


PARTS = {
    "ingest": load_lines,
    "disk": disk_lines,
    "restart": start_lines,
    "beside": beside_lines,
    "backup": backup_lines,
    "restore": restore_lines,
    "peers": peer_lines,
}


def show(result):
    """Prints the table."""
    verdict = {None: "", True: "met", False: "missed"}
    title = f"{result['documents']:,} × {result['dimension']}, {result['took_s']:.0f} s"
    print(f"{title}\n\n| asked | measured | |\n|---|---|---|")
    for part, told in PARTS.items():
        if part not in result:
            continue
        for asked, measured, met in told(result):
            print(f"| {asked} | {measured} | {verdict[met]} |")
        if part == "ingest" and "at_rest" in result.get("memory", {}):
            for asked, measured, met in memory_lines(result):
                print(f"| {asked} | {measured} | {verdict[met]} |")
