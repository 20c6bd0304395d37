"""The comparison with pgvector, on figures made by hand: its arguments, how pgvector's way is
chosen, and what is made of what was measured. No server is started.
"""

import contextlib
import io
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

import pgvector
import postgres_server
from pgvector_settings import ORDERS, WORDINGS, Way, name_of, quickest
from pgvector_settings import statements, walks_graph, ways


def effort(*words):
    return pgvector.Effort(pgvector.parse(["--out", "x.json", *words]))


def estimate(median):
    return {"median": median, "low": median * 0.9, "high": median * 1.1}


def cell(permitted, slower, recall=0.96):
    own = {"recall": recall, "worst": 0.9, "qps": estimate(4000)}
    peer = {"recall": 0.97, "worst": 0.95, "way": "exact", "qps": estimate(4000 / slower)}
    made = {"permitted": permitted, "rows": [10, 12], "cordon": own, "pgvector": peer}
    made["ratio"] = estimate(slower)
    return {**made, **pgvector.verdict(made)}


def shown(result):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        pgvector.show(result)
    return out.getvalue()


class Arguments(unittest.TestCase):
    def test_what_is_given_stands(self):
        usual, quick = effort(), effort("--quick")
        self.assertEqual((usual.documents, usual.minutes), (100_000, 15))
        self.assertEqual(sorted(usual.permitted), [0.0001, 0.001, 0.01, 0.1, 0.5, 1.0])
        self.assertLess(quick.documents, usual.documents)
        given = effort("--quick", "--rows", "9", "--minutes", "0.5", "--ef-construction", "70")
        self.assertEqual((given.documents, given.minutes, given.building), (9, 0.5, 70))

    def test_only_known_correlations(self):
        with self.assertRaises(SystemExit), contextlib.redirect_stderr(io.StringIO()):
            effort("--correlation", "some")


class Ways(unittest.TestCase):
    def test_widths_and_orders_by_the_best_wording_alone(self):
        best = list(WORDINGS)[2]
        looked = ways(lambda way: 5 if way.wording == best else 9, (40, 100))
        for way in looked:
            if way.order is not None and (way.order, way.width) != ("strict_order", 100):
                self.assertEqual(way.wording, best)
        self.assertEqual({way.wording for way in looked if way.order is None}, set(WORDINGS))
        self.assertEqual({way.order for way in looked}, {None, *ORDERS})

    def test_a_scan_does_not_end_before_all_is_seen(self):
        told = statements(Way("a table, hashed", "strict_order", 40), 1000)
        self.assertIn("hnsw.max_scan_tuples = 2000", told)
        self.assertIn("hnsw.ef_search = 40", told)
        self.assertNotIn("\n", told + "".join(WORDINGS.values()))  # a line is a command

    def test_the_plan_is_looked_at(self):
        self.assertTrue(walks_graph(["Limit", "  ->  Index Scan using chunks_hnsw on chunks"]))
        self.assertFalse(walks_graph(["Limit", "  ->  Sort", "        ->  Seq Scan on chunks"]))


class Choice(unittest.TestCase):
    def choose(self, figures, in_time=lambda: True):
        """Of {name: (look, recall, us)}; all that were asked, too."""
        asked = []

        def ask_all(way):
            asked.append(way)
            return {"recall": figures[way][1], "us": figures[way][2]}

        looked = {way: figure[0] for way, figure in figures.items()}
        return quickest(looked, ask_all, 0.95, in_time)[0], asked

    def test_the_quickest_that_reaches_the_recall(self):
        figures = {"a": (9, 1.0, 9), "b": (3, 0.94, 3), "c": (5, 0.95, 5), "d": (20, 1.0, 1)}
        self.assertEqual(self.choose(figures), ("c", ["b", "c"]))

    def test_a_look_may_be_wrong_by_a_little(self):
        figures = {"a": (10, 0.96, 10), "b": (12, 0.96, 8), "c": (14, 0.96, 1)}
        self.assertEqual(self.choose(figures), ("b", ["a", "b"]))

    def test_without_any_all_are_tried(self):
        figures = {"a": (1, 0.5, 1), "b": (100, 0.9, 100)}
        self.assertEqual(self.choose(figures), (None, ["a", "b"]))
        looked = {way: figure[0] for way, figure in figures.items()}
        found = quickest(looked, lambda way: {"recall": figures[way][1]}, 0.95)[1]
        self.assertEqual(found["recall"], 0.9)

    def test_out_of_time_the_first_that_reaches_it_stands(self):
        figures = {"a": (1, 0.5, 1), "b": (10, 0.96, 10), "c": (11, 0.96, 1)}
        self.assertEqual(self.choose(figures, lambda: False), ("b", ["a", "b"]))


class Verdicts(unittest.TestCase):
    def test_twenty_times_at_the_recall(self):
        self.assertTrue(cell(0.1, 20)["met"])
        self.assertFalse(cell(0.1, 19.9)["met"])
        self.assertFalse(cell(0.1, 30, recall=0.94)["met"])

    def test_a_peer_without_a_way_is_beaten(self):
        self.assertTrue(pgvector.verdict({"cordon": {"recall": 0.96}})["met"])

    def test_the_table_has_each_cell_and_what_is_missing(self):
        machine = {"packages": {"libpq-dev": "15"}}
        result = {"machine": machine, "data": "synthetic", "rows": 1000, "dimension": 128}
        result |= {"classes": 100, "correlation": "none", "left_out": [0.0001]}
        result["cells"] = [cell(1.0, 40), cell(0.01, 3)]
        text = shown(result)
        self.assertLess(text.index("MISSED"), text.index("40 [36–44]"))  # by what is permitted
        self.assertIn("left out for lack of time: 0.01 % permitted", text)

    def test_what_was_built_has_rows_of_its_own(self):
        own = {"documents_s": 20.0, "lists_s": 30.0, "memory_bytes": 2**28, "disk_bytes": 2**27}
        peer = {"rows_s": 8.0, "class_index_s": 1.0, "graph_s": 60.0, "chunks_bytes": 2**26}
        peer |= {"chunks_class_bytes": 2**20, "chunks_hnsw_bytes": 2**26}
        peer["settings"] = {"shared_buffers": "256MB"}
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            pgvector.builds({"cordon": own, "pgvector": peer})
        self.assertRegex(out.getvalue(), r"index, s +30 +61")
        self.assertRegex(out.getvalue(), r"on disk, MiB +128 +129")

    def test_skipped_says_why(self):
        self.assertIn("no PostgreSQL", shown({"skipped": postgres_server.unavailable(None)}))
        absent = postgres_server.unavailable(Path("nowhere/bin"))
        self.assertIn("github.com/pgvector/pgvector", absent)


class Budget(unittest.TestCase):
    def test_no_cell_begins_that_may_not_end(self):
        now = [0]
        clock = pgvector.Time(2, lambda: now[0])
        self.assertTrue(clock.for_another())
        now[0] = 50
        clock.took(50)
        self.assertTrue(clock.for_another())
        now[0] = 75
        clock.took(25)  # the longest counts
        self.assertFalse(clock.for_another())


class Settings(unittest.TestCase):
    def test_all_is_in_memory(self):
        set_to = postgres_server.settings(1_000_000, 128, 2, 0)
        vectors = 1_000_000 * 128 * 4 / 2**20
        self.assertGreater(int(set_to["shared_buffers"].removesuffix("MB")), 2 * vectors)
        self.assertGreater(int(set_to["maintenance_work_mem"].removesuffix("MB")), vectors)
        self.assertEqual(set_to["dynamic_shared_memory_type"], "mmap")
        roomy = postgres_server.settings(1000, 128, 2, 1 << 40)
        self.assertEqual(roomy["dynamic_shared_memory_type"], "posix")

    def test_names(self):
        self.assertEqual(name_of(Way("w", None, None)), "exact; w")
        self.assertEqual(postgres_server.version_of("15.20 (Debian 15.20-0+deb12u1)"), "15.20")


if __name__ == "__main__":
    unittest.main()
