"""The table of a million documents, made of figures by hand: its verdicts, and what it says of a
run that was broken off; how documents are paced; and that a server is not left behind."""

import signal
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

import million
import million_table
from processes import Server

GIB = 2**30


def weight(peak=6):
    return {"rss_bytes": 5 * GIB, "peak_bytes": peak * GIB}


def start(ready_s):
    weights = {"memory_ready": weight(), "memory_settled": weight()}
    times = {"ready_times_s": [1, 1], "settled_s": 7, "settled_times_s": [2, 2]}
    return {"ready_s": ready_s, "rows_from_files": 2_000_000, **times, **weights}


def cell(in_flight, busy_ms=9, chunks_per_s=2500):
    figures = {name: [1.0] * 4 for name in million_table.FIGURES}
    figures |= {"idle_p99_us": [5000] * 4, "busy_p99_us": [busy_ms * 1000] * 4}
    return {"in_flight": in_flight, "rounds": 4, "chunks_per_s": [chunks_per_s] * 4, **figures}


def steps():
    """What each step of a run adds, in their order."""
    slices = [4.0] * 50
    loaded = {"streams_s": 200, "wall_s": 250, "slice_s": slices, "chunks_per_s": 5000}
    yield {"ingest": loaded}
    yield {"memory": {"after the load": weight()}}
    yield {"settled_s": 100, "at_rest": weight()}
    yield {"stop_s": 0.5}
    yield {"disk": {"bytes": 8 * GIB, "parts": {"store": 4 * GIB}}}
    yield {"raw": {"documents": 0, "slice_s": []}}
    yield {"raw": {"documents": 1_000_000, "slice_s": [2.0] * 50}}
    yield {"starts": {"cached": [], "uncached": []}, "starts_asked": 3}
    yield {"starts": {"cached": [start(4.5)] * 3, "uncached": [start(4.9)] * 3}}
    yield {"beside": {}}
    yield {"beside": {journal: [cell(1), cell(4)] for journal in million_table.JOURNALS}}
    yield {"backup": {"create_s": 9, "verify_s": 9, "again_s": 1, "bytes": GIB, "chunks": 10**6}}
    yield {"restore": {"restore_s": 9, "first_ready_s": 9, "settled_s": 9}}
    yield {"memory": {"after the load": weight(), million_table.LAST_WEIGHED: weight()}}
    faiss = {"rows": 1_000_000, "seconds": 400, "all_s": 400}
    yield {"peers": {"faiss_ivf": faiss}}
    hnswlib = {"rows": 50_000, "seconds": 200, "all_s": 4000}
    yield {"peers": {"faiss_ivf": faiss, "hnswlib": hnswlib}}


def run(**changed):
    """A whole one that met everything."""
    result = {"documents": 1_000_000, "memory": {}}
    for step in steps():
        result |= step
    return result | changed


def missed(**changed):
    return [asked for asked, _, met in million_table.rows(run(**changed)) if met is False]


def told(asked, **changed):
    return next(row for row in million_table.rows(run(**changed)) if asked in row[0])


class Verdicts(unittest.TestCase):
    def test_a_whole_run(self):
        rows = list(million_table.rows(run()))
        self.assertEqual([row for row in rows if row[1] == "not measured"], [])
        self.assertEqual(missed(), [])
        self.assertEqual(sum(met is True for *_, met in rows), 1 + 1 + 2 + 4 + 4)

    def test_ingest_beside_raw(self):
        raw = {"documents": 1_000_000, "slice_s": [1.19] * 50}
        self.assertEqual(missed(raw=raw), ["ingest at least 30 % of raw RocksDB"])
        raw["slice_s"] = [1.21] * 50
        self.assertEqual(missed(raw=raw), [])
        _, text, _ = told("raw RocksDB", raw={**raw, "slice_s": [2.0] * 50})
        self.assertEqual(text, "50 %: 5,000 of 10,000 chunks/s")

    def test_a_part_of_raw_is_held_against_the_same_part_and_not_called_met(self):
        part = {"documents": 20_000, "slice_s": [2.0]}
        loaded = {**run()["ingest"], "slice_s": [2.5] + [9.0] * 49}
        _, text, met = told("raw RocksDB", raw=part, ingest=loaded)
        self.assertEqual(text, "80 %: 8,000 of 10,000 chunks/s, the first 20,000")
        self.assertIsNone(met)

    def test_any_server_may_have_the_peak(self):
        memory = {"cordond beside-required": weight(25), million_table.LAST_WEIGHED: weight()}
        self.assertEqual(missed(memory=memory), ["memory within 24 GiB"])

    def test_a_start_without_files_is_not_what_was_asked(self):
        without = {**start(1), "rows_from_files": 0}
        found = missed(starts={"cached": [start(1), without], "uncached": [start(5.1)] * 3})
        self.assertEqual(found, [million_table.ready(kind) for kind in million_table.STARTS])

    def test_half_the_rate_must_have_come(self):
        self.assertEqual(len(missed(beside={"required": [cell(1, busy_ms=11)]})), 1)
        slow = {"required": [cell(4, chunks_per_s=2000)]}
        self.assertEqual(missed(beside=slow), [million_table.half(4, "required")])

    def test_until_searchable(self):
        faiss = {"rows": 1_000_000, "seconds": 300, "all_s": 300}
        found = missed(peers={"faiss_ivf": faiss})
        self.assertEqual(found, [million_table.searchable("faiss_ivf", "lists made")])
        _, text, _ = told("faiss_ivf, until found", peers={"faiss_ivf": faiss})
        self.assertEqual(text, "1.20 ×: 4,000 chunks/s, 250 s; faiss_ivf 3,333 chunks/s, 300 s")


class BrokenOff(unittest.TestCase):
    def test_after_each_step_what_is_there_is_told_and_the_rest_is_not(self):
        result, whole = {"documents": 1_000_000, "memory": {}}, len(list(million_table.rows(run())))
        before = whole + 1
        for step in [{}, *steps()]:
            result |= step
            rows = list(million_table.rows(result))
            unmeasured = sum(text == "not measured" for _, text, _ in rows)
            self.assertEqual(len(rows), whole)
            self.assertLessEqual(unmeasured, before)
            self.assertTrue(all(met is None for _, text, met in rows if text == "not measured"))
            before = unmeasured
        self.assertEqual(before, 0)

    def test_a_round_that_lacks_the_others_is_not_judged(self):
        one = {**cell(1), **{name: [1.0] for name in million_table.FIGURES}, "rounds": 4}
        _, text, met = told("half the rate", beside={"required": [one]})
        self.assertIn("1 of 4 rounds", text)
        self.assertIsNone(met)

    def test_memory_is_not_within_before_all_servers_were_weighed(self):
        self.assertIsNone(told("memory", memory={"after the load": weight()})[2])
        self.assertIs(told("memory", memory={"after the load": weight(25)})[2], False)

    def test_restarts_alone_have_a_table_of_their_own(self):
        starts = {"cached": [start(1)] * 2, "uncached": [start(1)]}
        result = {"only": "starts", "memory": {}, "starts": starts, "starts_asked": 2}
        rows = [(asked, met) for asked, _, met in million_table.rows(result)]
        kinds = [million_table.ready(kind) for kind in million_table.STARTS]
        self.assertEqual(rows, list(zip(kinds, [True, None])))


class Pace(unittest.TestCase):
    def test_never_above_the_rate_and_enough_documents(self):
        for documents in (1_000, 20_000, 1_000_000):
            effort = million.Effort(documents, quick=False)
            for rate in (100.0, 3390.6, 20_000.0):
                count, seconds = million.pace(rate, effort)
                self.assertEqual(count % million.BATCH, 0)
                self.assertAlmostEqual(count / seconds, rate)
                self.assertLessEqual(count * effort.cells * 2, effort.extra)
                self.assertTrue(seconds <= effort.seconds or count == million.BATCH)


class Interrupted(unittest.TestCase):
    def test_a_server_that_does_not_listen_yet_is_not_left(self):
        def interrupt(*_):
            raise InterruptedError

        signal.signal(signal.SIGALRM, interrupt)
        with tempfile.TemporaryDirectory() as folder:
            number = Path(folder) / "number"
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            with self.assertRaises(InterruptedError):
                Server("slow", ["sh", "-c", f"echo $$ >{number}; exec sleep 60"], f"{folder}/log")
            self.assertFalse(Path(f"/proc/{number.read_text().strip()}").exists())


if __name__ == "__main__":
    unittest.main()
