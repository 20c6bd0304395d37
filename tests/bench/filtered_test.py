"""The report of filtered search, made of figures by hand: its verdicts, and that it draws all."""

import sys
import unittest
import xml.etree.ElementTree as xml
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

import filtered
import filtered_targets

PEERS = ("faiss_flat", "faiss_ivf", "hnsw_overfetch", "hnsw_permitted_only")


def estimate(median):
    return {"median": median, "low": median * 0.9, "high": median * 1.1}


def own(**changed):
    method = {"recall": 1.0, "worst": 1.0, "plan": "flat", "qps": 1e4, "us": estimate(100)}
    return {**method, "slower": estimate(1), "p50_us": 99, "p99_us": 120, **changed}


def peer(slower):
    tried = [
        {"setting": setting, "recall": recall, "us": 100 * slower * recall}
        for setting, recall in ((10, 0.42), (20, 0.91), (40, 0.97), (80, 1.0))
    ]
    times = {"us": estimate(100 * slower), "qps": 1e4 / slower, "slower": estimate(slower)}
    return {"recall": 0.97, "worst": 0.95, "setting": 40, "tried": tried, **times}


def cell(permitted=0.1, correlation="none", recall=0.95, **methods):
    return {
        "classes": 1000,
        "correlation": correlation,
        "permitted": permitted,
        "k": 10,
        "recall_asked": recall,
        "rows": 100,
        "methods": {"cordon": own(), **methods},
    }


def report_of(cells, **more):
    described = {"date": "today", "commit": "1", "cpus": 2, "cpu": "none", "load_at_start": 0}
    described |= {"quick": False, "packages": {"libfaiss-dev": "1.7.3"}}
    one = {"data": "synthetic", "rows": 1000, "cells": cells, **more}
    return {"machine": described, "sets": [one]}


def missed(one):
    return [row[0] for row in filtered_targets.verdicts("synthetic", one) if not row[2]]


class Verdicts(unittest.TestCase):
    def test_the_worst_caller_is_promised_nine_tenths(self):
        at_least = cell(cordon=own(recall=0.96, worst=0.855))
        self.assertEqual(missed(at_least), [])
        below = cell(cordon=own(recall=0.96, worst=0.85))
        self.assertEqual(missed(below), ["worst caller ≥ 0.855"])

    def test_where_nothing_else_is_asked_no_peer_is_faster(self):
        for permitted in (0.0001, 0.001):
            for name in PEERS:
                slower = cell(permitted, "negative", **{name: peer(1.01)})
                faster = cell(permitted, "negative", **{name: peer(0.99)})
                self.assertEqual((missed(slower), len(missed(faster))), ([], 1), name)
        self.assertEqual(missed(cell(faiss_flat=peer(0.99))), ["1 × FAISS flat"])

    def test_its_own_target_of_a_peer_stands(self):
        self.assertEqual(len(missed(cell(hnsw_overfetch=peer(5.9)))), 1)
        self.assertEqual(missed(cell(0.01, hnsw_permitted_only=peer(0.5))), [])
        failed = {"recall": 0.5, "failed": True, "setting": 9, "tried": []}
        self.assertEqual(missed(cell(hnsw_overfetch=failed)), [])

    def test_overfetch_is_not_called_a_filter(self):
        asked = [row[0] for row in filtered_targets.verdicts("x", cell(hnsw_overfetch=peer(9)))]
        self.assertIn("4.5 × hnswlib 0.6.2, over-fetch", asked)
        notices = [*filtered_targets.notices(report_of([cell(hnsw_overfetch=peer(9))]))]
        self.assertIn("CORDON_HNSWLIB_DIR", notices[0])
        both = cell(hnsw_overfetch=peer(9), hnsw_filter=peer(9))
        self.assertEqual([*filtered_targets.notices(report_of([both]))], [])


class Page(unittest.TestCase):
    def drawn(self, report):
        """By what each plot is called, the names of its lines."""
        text = filtered.make_page(report)
        figures = [part.split("</figure>")[0] for part in text.split("<figure>")[1:]]
        drawn = {}
        for figure in figures:
            caption, svg = figure.split("</figcaption>")
            title = caption.removeprefix("<figcaption>").split(" <span>")[0]
            labels = [node for node in xml.fromstring(svg) if "label" in node.get("class", "")]
            drawn[title] = {node.text for node in labels}
        return drawn

    def test_all_plots_are_drawn(self):
        parts = (0.001, 0.1, 1.0)
        peers = {name: peer(2 + number) for number, name in enumerate(PEERS)}
        cells = [cell(part, recall=recall, **peers) for recall in (0.95, 0.99) for part in parts]
        points = [{"setting": s, "recall": 1 - s / 10, "us": 5 / s} for s in (0.1, 1, 4)]
        key = {"classes": 1000, "correlation": "none", "k": 10}
        report = report_of(cells, sweeps=[{**key, "permitted": 0.1, "points": points}])
        sizes = [
            {"rows": rows, "permitted": part, "recall": 0.96, "us": estimate(rows * part)}
            for rows in (100_000, 300_000, 1_000_000)
            for part in parts
        ]
        target = {"asked": "a", "measured": "b", "met": "missed"}
        report["costs"] = {"data": "synthetic", "rows": 1_000_000, "dimension": 128}
        report["costs"] |= {"sizes": sizes, "targets": [target]}
        drawn = self.drawn(report)
        latency = drawn["synthetic, 1,000 classes, none, k 10, recall ≥ 0.95"]
        self.assertEqual(latency, {"cordon", *PEERS})
        self.assertEqual(drawn["100 % permitted"], {"cordon", *PEERS})
        self.assertEqual(drawn["10 % permitted"], {"cordon", "cordon, lists", *PEERS})
        growth = next(names for title, names in drawn.items() if "128 dimensions" in title)
        self.assertEqual(growth, {"0.1 %", "10 %", "100 %"})

    def test_what_was_recorded_elsewhere_is_shown_as_that(self):
        text = filtered.make_page(report_of([cell()]))
        self.assertIn("Recorded elsewhere, not in this run", text)
        self.assertIn("pgvector 0.8.6, row-level security, HNSW", text)


if __name__ == "__main__":
    unittest.main()
