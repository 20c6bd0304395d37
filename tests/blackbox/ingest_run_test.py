"""Loads that break off: clients and servers killed on the way, and the same command again."""

import os
import pathlib
import random
import subprocess
import time
import unittest

from harness import CORDON, Store, document, environment, main


class IngestRuns(unittest.TestCase):
    def setUp(self):
        self.store = Store()
        self.addCleanup(self.store.close)
        self.store.start()
        seed = int(os.environ.get("CORDON_SEED", time.time_ns() % 2**31))
        print(f"CORDON_SEED={seed}", flush=True)
        self.random = random.Random(seed)
        made = self.ok("collection", "create", "docs", "--dim", "2", "--metric", "l2")
        self.assertGreater(made["revision"], 0)

    def ok(self, *arguments):
        answer = self.store.cordon(*arguments)
        self.assertEqual(answer.code, 0, answer)
        return answer.last

    def refused(self, code, field, *arguments):
        answer = self.store.cordon(*arguments)
        self.assertEqual((answer.code, answer.error.get("code")), (1, code), answer)
        self.assertEqual(answer.error.get("field"), field, answer)

    def begin(self, *arguments):
        """Starts `cordon` without waiting for it."""
        env = environment(self.store.address, self.store.admin_key)
        pipe = subprocess.DEVNULL
        command = [CORDON, "--json", *map(str, arguments)]
        return subprocess.Popen(command, env=env, stdin=pipe, stdout=pipe, stderr=pipe)

    def test_killed_clients_and_servers(self):
        loads = []
        for name in ("a", "b"):
            records = [document(f"{name}/{i}", vector=(float(i), 1.0)) for i in range(20_000)]
            loads.append(("ingest", "docs", self.store.lines(*records), "--run", f"load-{name}"))
        first = self.ok("stats", "docs")["revision"]
        look = ("get", "docs", "a/0", "--as", "user:x")
        newer = 0
        for _ in range(8):
            running = [self.begin(*load) for load in loads]
            time.sleep(self.random.uniform(0.05, 0.6))
            victim = self.random.choice(running + [self.store.process])
            victim.kill()
            for process in running:
                process.wait(timeout=30) if victim is self.store.process else process.kill()
                process.wait()
            if victim is self.store.process:
                self.store.kill()
                self.store.start()
            # Written over by somebody else: a batch that comes again must not undo it.
            if newer == 0 and self.store.cordon(*look).code == 0:
                lines = self.store.lines(document("a/0", title="newer"))
                newer = self.ok("ingest", "docs", lines)["accepted"]
        for load in loads:
            self.assertEqual(self.ok(*load)["accepted"], 20_000)
        stats = self.ok("stats", "docs")
        self.assertEqual(stats["documents"], 40_000)
        # Each batch took one revision, however often it was sent: 40 of 512 documents, and the end
        # of each run.
        self.assertEqual(stats["revision"] - first, 2 * (40 + 1) + newer)
        self.assertEqual(self.ok("journal", "verify")["ok"], True)
        expected = "newer" if newer else "title of a/0"
        self.assertEqual(self.ok(*look)["title"], expected)
        # Once more: nothing is left to do.
        revision = stats["revision"]
        for load in loads:
            self.assertEqual(self.ok(*load)["accepted"], 20_000)
        self.assertEqual(self.ok("stats", "docs")["revision"], revision)

    def test_another_input_under_the_name_of_a_run(self):
        records = [document(f"d{i}") for i in range(3)]
        whole = self.store.lines(*records)
        self.assertEqual(self.ok("ingest", "docs", whole, "--run", "r")["accepted"], 3)
        for other in (records[:2], [*records[:2], document("x")]):
            lines = self.store.lines(*other)
            self.refused("FAILED_PRECONDITION", "run", "ingest", "docs", lines, "--run", "r")
        longer = self.store.lines(*records, document("d3"))
        self.refused("FAILED_PRECONDITION", "run", "ingest", "docs", longer, "--run", "r")
        self.assertEqual(self.ok("stats", "docs")["documents"], 3)
        self.assertEqual(self.ok("ingest", "docs", longer, "--run", "s")["accepted"], 4)

    def test_refused_lines_of_a_run_that_goes_on(self):
        lines = self.store.lines(document("a"), b"{", document("b", acl={}), document("c"))
        arguments = ("ingest", "docs", lines, "--run", "r")
        text = pathlib.Path(lines).read_bytes().splitlines()
        for _ in range(2):
            # As after a kill: nobody has what the first start wrote.
            mend = self.store.path(".jsonl")
            answer = self.store.cordon(*arguments, "--refused", mend)
            self.assertEqual(answer.code, 1, answer)
            self.assertEqual((answer.last["accepted"], answer.last["refused"]), (2, 2), answer)
            self.assertEqual([told["line"] for told in answer.lines[:-1]], [2, 3], answer)
            self.assertEqual(pathlib.Path(mend).read_bytes().splitlines(), text[1:3])

    def test_two_clients_of_one_run_at_once(self):
        records = [document(f"d{i}", vector=(float(i), 1.0)) for i in range(6_000)]
        load = ("ingest", "docs", self.store.lines(*records), "--run", "r")
        first = self.ok("stats", "docs")["revision"]
        running = [self.begin(*load) for _ in range(3)]
        # Whoever comes second waits for a while, and is told then.
        codes = [process.wait(timeout=60) for process in running]
        self.assertIn(0, codes)
        self.assertEqual(self.ok(*load)["accepted"], 6_000)
        stats = self.ok("stats", "docs")
        self.assertEqual(stats["documents"], 6_000)
        self.assertEqual(stats["revision"] - first, 12 + 1)  # of 512 documents, and the end


if __name__ == "__main__":
    main()
