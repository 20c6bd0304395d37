"""A server that starts from files of its index answers as the one that was killed."""

import os
import random
import re
import time
import unittest

from harness import CORDON, Store, document, main, run, write_npy

DOCUMENTS = 3_000  # more than the 2,048 rows from which on a segment has a file
DIMENSION = 8


class IndexFiles(unittest.TestCase):
    def setUp(self):
        self.store = Store()
        self.addCleanup(self.store.close)
        self.store.start()
        seed = int(os.environ.get("CORDON_SEED", time.time_ns() % 2**31))
        print(f"CORDON_SEED={seed}", flush=True)
        self.random = random.Random(seed)
        self.ok("collection", "create", "docs", "--dim", DIMENSION, "--metric", "l2")

    def ok(self, *arguments):
        answer = self.store.cordon(*arguments)
        self.assertEqual(answer.code, 0, answer)
        return answer.last

    def offline(self, *command):
        """A check of the files while no server runs."""
        answer = run([CORDON, "--json", *command, "--data-dir", self.store.data], timeout=60)
        self.assertIn(answer.code, (0, 1), answer)
        return answer.last

    def files(self):
        folder = self.store.data / "index"
        return sorted(path.name for path in folder.glob("*")) if folder.exists() else []

    def wait_for_files(self):
        """Until vectors and words have files; the server looks every few seconds."""
        for _ in range(600):
            kinds = {name.rsplit(".", 1)[-1] for name in self.files()}
            if {"vectors", "words"} <= kinds and "tmp" not in kinds:
                return
            time.sleep(0.1)
        self.fail(f"no files after a minute: {self.files()}")

    def told(self):
        """What two users are told by vectors and by words, with scores."""
        answers = []
        for who in ("user:ana", "user:bo"):
            for _, vector in self.questions:
                asked = ("retrieve", "docs", "--vector", vector, "--as", who, "--k", 50)
                answers.append(self.ok(*asked, "--mode", "exact")["passages"])
            for word, _ in self.questions:
                asked = ("retrieve", "docs", "--text", word, "--rank", "lexical", "--as", who)
                answers.append(self.ok(*asked, "--k", 50)["passages"])
        return [
            [(found["document"], found["text"], found["score"]) for found in answer]
            for answer in answers
        ]

    def rows_from_files(self):
        said = re.findall(r"index: (\d+) rows of vectors and words came from files",
                          self.store.log_text())
        return int(said[-1]) if said else 0

    def test_a_killed_and_a_stopped_server_start_from_files(self):
        records = [
            document(
                f"d{i}",
                allow=("user:ana",) if i % 5 == 0 else ("everyone",),
                chunks=[{
                    "text": f"number{i} and word{self.random.randrange(40)}",
                    "embedding": [self.random.random() for _ in range(DIMENSION)],
                }],
            )
            for i in range(DOCUMENTS)
        ]
        self.questions = [
            (f"word{i}", write_npy(self.store.path(".npy"),
                                   [self.random.random() for _ in range(DIMENSION)]))
            for i in range(2)
        ]
        load = ("ingest", "docs", self.store.lines(*records), "--run", "load")
        self.ok(*load)
        self.wait_for_files()
        # Of after the files: whoever was to see it does not, what is new is there, and old is gone.
        self.ok("set-access", "docs", "d1", "--acl", '{"allow":["user:ana"]}')
        self.ok("update", "docs", "d2", "--set", '{"title":"changed"}')
        self.ok("ingest", "docs", self.store.lines(document("new", vector=[0.5] * DIMENSION)))
        self.ok("delete", "docs", "d3")
        told = self.told()
        self.store.kill()
        self.store.start()
        self.assertGreater(self.rows_from_files(), DOCUMENTS)
        self.assertEqual(self.told(), told)
        hidden = self.store.cordon("get", "docs", "d1", "--as", "user:bo")
        self.assertEqual(hidden.error.get("code"), "NOT_FOUND", hidden)
        # What is erased is in no file that opens, from the answer on.
        self.ok("erase", "docs", "d7", "--wait")
        told = self.told()
        self.store.kill()
        needle = self.store.path()
        needle.write_bytes(b"number7 and")
        searched = self.offline("erase", "verify", "--needle", needle)
        self.assertEqual(searched["ok"], True, searched)
        self.store.start()
        self.assertEqual(self.told(), told)
        # Without any file it is the same, and the run stands where it stood.
        self.assertEqual(self.store.stop(), 0)
        verified = self.offline("store", "verify")
        self.assertEqual((verified["ok"], verified["derived"]), (True, []), verified)
        for name in self.files():
            (self.store.data / "index" / name).unlink()
        self.store.start()
        self.assertEqual(self.told(), told)
        revision = self.ok("stats", "docs")["revision"]
        self.assertEqual(self.ok(*load)["accepted"], DOCUMENTS)
        self.assertEqual(self.ok("stats", "docs")["revision"], revision)


if __name__ == "__main__":
    main()
