"""The part of the report about permissions: figures, targets, tables and plots."""

from estimate import estimate, ratio


COUNTED = ("users", "groups", "lists", "entries", "classes")
WEIGHED = ("policy_bytes", "postings_bytes", "roaring_bytes")
REMEMBERED = ("counted_bytes", "heap_bytes")


def cells_of(world):
    return [
        {
            **{name: cell[name] for name in ("principals", "permitted")},
            **{
                name: estimate(cell[name])
                for name in ("resolve_us", "cold_us", "roaring_us", "scan_us", "cached_us")
            },
            "of_roaring": ratio(cell["cold_us"], cell["roaring_us"]),
            "of_scan": ratio(cell["cold_us"], cell["scan_us"]),
        }
        for cell in sorted(world["cells"], key=lambda cell: cell["principals"])
    ]


def merge(part):
    merged = {name: part[name] for name in ("left_out", "revoke") if name in part}
    merged["worlds"] = [
        {**world, "cells": cells_of(world)} for world in part.get("worlds", [])
    ]
    merged["decide"] = [
        {**one, "per_s": estimate(one["per_s"])} for one in part.get("decide", [])
    ]
    merged["churn"] = part.get("churn", [])
    merged["real"] = part.get("real", [])
    if "bulk" in part:
        bulk = part["bulk"]
        merged["bulk"] = {
            **{
                name: estimate(values) if isinstance(values, list) else values
                for name, values in bulk.items()
            },
            "p99_ratio": ratio(bulk["busy_p99_us"], bulk["idle_p99_us"]),
        }
    return merged


def targets(merged, target):
    """What was asked for; `target` makes one."""
    for world in merged["worlds"]:
        if world["classes"] < 100_000:
            continue
        cell = world["cells"][-1]
        name = f"all that a caller of {cell['principals']:,} may see of {world['classes']:,}"
        yield target(f"{name}, cold", cell["cold_us"]["median"], 250, "µs", at_least=False)
    worst = [cell["cached_us"]["median"] for world in merged["worlds"] for cell in world["cells"]]
    if worst:
        yield target("the same, remembered, worst", max(worst), 1, "µs", at_least=False)
    for one in merged["decide"]:
        name = f"decisions a second, 8 entries, {one['principals']:,} principals, "
        name += f"{one['classes']:,} classes"
        yield target(name, one["per_s"]["median"], 5e6, "/s")
    if "bulk" in merged:
        bulk = merged["bulk"]
        name = f"lists changed a second, {bulk['batch']:,} a mutation"
        yield target(name, bulk["paced_per_s"]["median"], 15_000 * 0.97, "/s")
        yield target("meanwhile retrieval's p99", bulk["p99_ratio"]["median"], 1.5, "× idle", False)
    if "revoke" in merged:
        kinds = [merged["revoke"], *(world["revoke"] for world in merged["real"])]
        late = sum(one["late"] for kind in kinds for one in kind.values())
        yield target("retrieved after its revocation", late, 0, "times", at_least=False)


def memory_section(worlds):
    """What permissions take, in KiB; of a remembered caller as counted and as the heap has it."""
    rows = []
    for world in worlds:
        memory = world["memory"]
        remembered = memory["remembered"]
        each = [remembered[name] / max(remembered["callers"], 1) for name in REMEMBERED]
        rows.append(
            [
                world["name"],
                *(f"{world[name]:,}" for name in COUNTED),
                *(f"{memory[name] / 1024:,.0f}" for name in WEIGHED),
                *(f"{one / 1024:,.1f}" for one in each),
            ]
        )
    head = ["permissions", *COUNTED, "all of it, KiB"]
    head += ["postings", "roaring", "a caller, counted", "of the heap"]
    return "What permissions take of memory", head, rows


def sections(merged, figure, interval):
    rows = []
    for world in merged["worlds"]:
        for cell in (world["cells"][0], world["cells"][-1]):
            rows.append(
                [
                    world["name"],
                    f"{world['classes']:,}",
                    f"{cell['principals']:,}",
                    f"{cell['permitted']:,}",
                    interval(cell["cold_us"]),
                    interval(cell["roaring_us"]),
                    interval(cell["scan_us"]),
                    figure(cell["cached_us"]["median"]),
                    figure(cell["resolve_us"]["median"]),
                ]
            )
    head = ["permissions", "classes", "principals", "permitted", "cold µs", "roaring µs"]
    yield (
        "All that a caller may see, of few principals and of many",
        [*head, "each list µs", "remembered µs", "resolved µs"],
        rows,
    )
    if any("memory" in world for world in merged["worlds"]):
        yield memory_section(merged["worlds"])
    for one in merged["churn"]:
        rows = [
            ["look-ups remembered", f"{100 * one['hit_rate']:.1f} %"],
            ["made of what was remembered", f"{100 * one['followed_rate']:.1f} %"],
            ["look-up p50, p99, µs", f"{figure(one['p50_us'])}, {figure(one['p99_us'])}"],
            ["look-ups a second", figure(one["lookups_per_s"])],
            ["bytes, as counted", f"{one['counted_bytes']:,}"],
            ["bytes, of the heap", f"{one['heap_bytes']:,}"],
        ]
        title = f"{one['callers']:,} callers, {one['classes']:,} classes, "
        yield title + f"{figure(one['changes_per_s'])} policy changes a second", ["", ""], rows
    if "revoke" in merged:
        rows = [
            [kind, *(figure(one[name]) for name in ("times", "p50_us", "p100_us", "late"))]
            for kind, one in merged["revoke"].items()
        ]
        head = ["taken away by", "times", "p50 µs", "p100 µs", "seen after"]
        yield "From a revocation's submission until nobody gets the document", head, rows
    rows = [
        [
            world["name"],
            f"{world['documents']:,}",
            kind,
            *(figure(one[name]) for name in ("times", "p50_us", "p100_us", "late")),
        ]
        for world in merged["real"]
        for kind, one in world["revoke"].items()
    ]
    if rows:
        head = ["permissions", "documents", "taken away by", "times", "p50 µs", "p100 µs"]
        yield "The same of real permissions", [*head, "seen after"], rows
    if "bulk" in merged:
        bulk = merged["bulk"]
        rows = [
            ["lists changed a second, paced", interval(bulk["paced_per_s"])],
            ["retrieval p50 µs, idle", interval(bulk["idle_p50_us"])],
            ["retrieval p99 µs, idle", interval(bulk["idle_p99_us"])],
            ["retrieval p50 µs, meanwhile", interval(bulk["busy_p50_us"])],
            ["retrieval p99 µs, meanwhile", interval(bulk["busy_p99_us"])],
            ["p99, of idle", interval(bulk["p99_ratio"])],
            ["lists changed a second, nothing else", interval(bulk["alone_per_s"])],
        ]
        title = f"Lists changed, {bulk['documents']:,} × {bulk['dimension']}"
        yield title, ["", ""], rows


def plots(merged, figure, lines, around):
    series = []
    worlds = [world for world in merged["worlds"] if world["classes"] >= 100_000]
    for world in worlds:
        for label, field in (
            ("cold", "cold_us"),
            ("roaring", "roaring_us"),
            ("each list", "scan_us"),
            ("remembered", "cached_us"),
        ):
            some = [(cell["principals"], *around(cell[field])) for cell in world["cells"]]
            series.append((label, some))
        ticks = {cell["principals"]: f"{cell['principals']:,}" for cell in world["cells"]}
        yield figure(
            f"All that a caller may see of {world['classes']:,} classes, µs",
            "lower is better",
            lines(series, "principals", "µs", ticks),
        )
