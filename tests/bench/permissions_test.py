"""The report of permissions, made of figures by hand: every world, and every way of revoking."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

import permissions_report
from report import figure, interval

TIMES = ("resolve_us", "cold_us", "roaring_us", "scan_us", "cached_us")


def world(name):
    cell = {"principals": 3, "permitted": 2, **{time: [1.0, 2.0, 3.0] for time in TIMES}}
    counts = dict.fromkeys(permissions_report.COUNTED, 1000)
    memory = dict.fromkeys(permissions_report.WEIGHED, 2048)
    memory["remembered"] = {"callers": 2, "counted_bytes": 4096, "heap_bytes": 8192}
    return {"name": name, "cells": [cell], **counts, "memory": memory}


def revoked(late=0):
    return {"times": 200, "late": late, "p50_us": 600.0, "p100_us": 5800.0}


def part(late=0):
    real = [{"name": "teams", "documents": 631, "revoke": {"group": revoked(late)}}]
    return {
        "worlds": [world("teams"), world("made")],
        "revoke": {"list": revoked()},
        "real": real,
    }


def tables(of):
    merged = permissions_report.merge(of)
    return {title: rows for title, _, rows in permissions_report.sections(merged, figure, interval)}


class Report(unittest.TestCase):
    def test_memory_of_every_world(self):
        rows = tables(part())["What permissions take of memory"]
        self.assertEqual([row[0] for row in rows], ["teams", "made"])
        self.assertEqual(rows[0][-5:], ["2", "2", "2", "2.0", "4.0"])

    def test_revocations_of_real_permissions_by_kind(self):
        rows = tables(part())["The same of real permissions"]
        self.assertEqual(rows, [["teams", "631", "group", "200", "600", "5,800", "0"]])
        self.assertNotIn("The same of real permissions", tables({"revoke": {"list": revoked()}}))

    def test_a_late_one_of_a_real_world_misses_the_target(self):
        def target(name, value, *_, **__):
            return name, value

        found = dict(permissions_report.targets(permissions_report.merge(part(late=1)), target))
        self.assertEqual(found["retrieved after its revocation"], 1)


if __name__ == "__main__":
    unittest.main()
