"""The report as one self-contained page: plots, tables, light and dark."""

from html import escape

import machine
import permissions_report
from plot import lines

STYLE = """
:root { color-scheme: light dark; --ink: #1c2330; --dim: #5b6472; --paper: #fff; --grid: #e3e6ea;
  --c0: #0b6bcb; --c1: #c2410c; --c2: #15803d; --c3: #7e22ce; --c4: #a16207; --c5: #be185d; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --dim: #9aa4b2; --paper: #14181f;
  --grid: #2b323d; --c0: #6cb2ff; --c1: #ff9b66; --c2: #5fd38a; --c3: #c99bff; --c4: #e3c04f;
  --c5: #ff8fc0; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
p.note { color: var(--dim); margin: .3rem 0; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(26rem, 1fr)); gap: 1rem; }
summary { margin: .8rem 0 .3rem; cursor: pointer; }
figure { margin: 0; } figcaption { font-weight: 600; } figcaption span { color: var(--dim);
  font-weight: 400; }
svg { width: 100%; height: auto; } svg text { fill: var(--dim); font: 12px system-ui, sans-serif; }
svg .name { fill: var(--ink); } svg .label { font-weight: 600; }
svg .grid { stroke: var(--grid); } svg .mark { stroke: var(--dim); stroke-dasharray: 5 4; }
svg .line { fill: none; stroke-width: 2; } svg .bar { stroke-width: 1.5; opacity: .6; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
.wide { overflow-x: auto; } th, td { padding: .2rem .7rem; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--grid); } th:first-child, td:first-child { text-align: left; }
th { color: var(--dim); font-weight: 500; } td.met { color: var(--c2); }
td.missed { color: var(--c1); font-weight: 600; }
"""
COLOURS = "".join(
    f"svg .line.c{i}, svg .bar.c{i} {{ stroke: var(--c{i}); }} "
    f"svg .dot.c{i}, svg .label.c{i} {{ fill: var(--c{i}); }}\n"
    for i in range(6)
)


def percent(fraction):
    return f"{fraction * 100:g} %"


def figure(title, better, drawing):
    caption = f"<figcaption>{escape(title)} <span>— {escape(better)}</span></figcaption>"
    return f"<figure>{caption}{drawing}</figure>"


def around(one):
    return one["median"], one["low"], one["high"]


def exact_plots(report):
    cells = report["exact"]
    ticks = {cell["permitted"]: percent(cell["permitted"]) for cell in cells}
    peers = list(cells[0]["peers"])
    times = [("cordon", [(cell["permitted"], *around(cell["us"])) for cell in cells])]
    for name in peers:
        some = [(cell["permitted"], *around(cell["peers"][name]["us"])) for cell in cells]
        times.append((name, some))
    part = [
        (
            "cordon",
            [
                (
                    cell["permitted"],
                    cell["bandwidth_ratio"],
                    cell["bandwidth_ratio_low"],
                    cell["bandwidth_ratio_high"],
                )
                for cell in cells
            ],
        )
    ]
    yield figure(
        "Exact search, µs",
        "lower is better",
        lines(times, "permitted", "µs a search", ticks),
    )
    yield figure(
        "Exact search, part of the read bandwidth",
        "higher is better; cached rows can pass 1",
        lines(part, "permitted", "part", ticks, log_y=False, y_from=0, mark=(0.8, "0.8 asked")),
    )


def server_plots(report):
    cells = report["server"]["cells"]
    ticks = {cell["in_flight"]: str(cell["in_flight"]) for cell in cells}
    series = {}
    for cell in cells:
        series.setdefault((cell["peer"], cell["permitted"]), []).append(cell)
    narrow = min(permitted for _, permitted in series if permitted)

    def rates(peer, permitted, name="qps"):
        return [(one["in_flight"], *around(one[name])) for one in series[(peer, permitted)]]

    chosen = [
        ("echo", rates("echo", None)),
        ("buffered", rates("buffered", narrow)),
        ("required", rates("required", narrow)),
        ("echo + synced put", rates("echo_put", None)),
    ]
    yield figure(
        f"Calls/s, {percent(narrow)} permitted",
        "higher is better",
        lines(chosen, "calls in flight", "calls/s", ticks),
    )
    parts = [
        (percent(permitted), rates("buffered", permitted, "of_echo"))
        for peer, permitted in series
        if peer == "buffered"
    ]
    yield figure(
        "Buffered, part of the echo's calls/s",
        "higher is better",
        lines(
            parts, "calls in flight", "part", ticks, log_y=False, y_from=0, mark=(0.4, "0.4 asked")
        ),
    )


def entitlement_plots(report):
    cells = report["entitlement"]["cells"]
    ticks = {cell["classes"]: f"{cell['classes']:,}" for cell in cells}
    series = []
    for name, field in (("Entitle", "entitle_us"), ("Decide each", "decide_us")):
        for groups in sorted({cell["groups"] for cell in cells}):
            own = [cell for cell in cells if cell["groups"] == groups]
            some = [(cell["classes"], *around(cell[field])) for cell in own]
            series.append((f"{name}, {groups}", some))
    yield figure(
        "Everything a caller of so many groups may see, µs",
        "lower is better",
        lines(series, "classes", "µs", ticks),
    )


def permission_plots(report):
    yield from permissions_report.plots(report["permissions"], figure, lines, around)


def html_table(title, head, rows):
    def row(cells, tag):
        done = [
            f'<{tag} class="{escape(cell.lower())}">{escape(cell)}</{tag}>'
            if cell in ("met", "MISSED")
            else f"<{tag}>{escape(cell)}</{tag}>"
            for cell in cells
        ]
        return f"<tr>{''.join(done)}</tr>"

    body = "".join(row([str(cell) for cell in cells], "td") for cells in rows)
    return (
        f"<h2>{escape(title)}</h2><div class='wide'><table><thead>{row(head, 'th')}</thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def make(report, sections):
    described = report["machine"]
    plots = []
    for name, draw in (
        ("exact", exact_plots),
        ("server", server_plots),
        ("entitlement", entitlement_plots),
        ("permissions", permission_plots),
    ):
        if name in report:
            plots += draw(report)
    notes = [
        f"{described['date']}, commit {described['commit']}, {described['cpus']} × "
        f"{described['cpu']} ({', '.join(described['simd'])}), {described['memory_gib']} GiB, "
        f"{described['system']}, Linux {described['kernel']}, load {described['load_at_start']}",
        machine.packages_of(described),
        "Medians of interleaved rounds; in brackets, and as bars, where 95 % of bootstrapped "
        "medians lie. Ratios are taken within a round. Servers and clients share the machine.",
    ]
    if described.get("quick"):
        notes.insert(0, "A smoke run: its figures mean little.")
    tables = [html_table(*section) for section in sections]
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width'><title>Cordon: benchmarks</title>"
        f"<style>{STYLE}{COLOURS}</style></head><body><h1>Cordon: benchmarks</h1>"
        + "".join(f"<p class='note'>{escape(note)}</p>" for note in notes)
        + tables[-1]
        + f"<h2>Plots</h2><div class='plots'>{''.join(plots)}</div>"
        + "".join(tables[:-1])
        + "</body></html>\n"
    )
