"""What was acknowledged survives kill -9; a server that vanishes or stops keeps nobody waiting."""

import json
import os
import random
import re
import signal
import subprocess
import threading
import time
import unittest

from harness import COMMAND_S, CORDON, ServerTest, Store, document, environment, main, write_npy

VANISHED_S = 10  # the contract's bound
STOP_S = 5  # far below the 10 s after which supervisors lose patience
DIMENSION = 32


def wide(number, version, chunks):
    """A document of several chunks, all of which name the version that they belong to."""
    made = [
        {
            "text": f"document {number} version {version} chunk {i} of {chunks}",
            "embedding": [(number * 7 + i * 3 + d) % 11 / 11 for d in range(DIMENSION)],
        }
        for i in range(chunks)
    ]
    return document(f"d{number:06}", title=f"v{version}", chunks=made)


class Ingesting:
    """`cordon ingest` fed over a pipe, so that it can be watched and starved."""

    def __init__(self, store, name):
        env = environment(store.address, store.admin_key)
        command = [CORDON, "--json", "ingest", name, "-"]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, env=env, stdin=pipe, stdout=pipe, stderr=pipe)
        self.lines = []
        for stream, keep in ((self.process.stdout, self.lines), (self.process.stderr, [])):
            threading.Thread(target=self.read, args=(stream, keep), daemon=True).start()

    @staticmethod
    def read(stream, keep):
        with stream:
            for line in stream:
                keep.append(line)

    def feed(self, documents):
        """Writes until all is written or nobody reads."""
        try:
            with self.process.stdin as pipe:
                for one in documents:
                    pipe.write(json.dumps(one).encode() + b"\n")
        except BrokenPipeError:
            pass

    def feed_on(self):
        """Writes as much as is taken, from another thread."""
        documents = (wide(n, 0, 3) for n in range(10**6))
        threading.Thread(target=self.feed, args=(documents,), daemon=True).start()

    def feed_some(self, count):
        """Writes a few documents and keeps the pipe open."""
        for n in range(count):
            self.process.stdin.write(json.dumps(wide(n, 0, 1)).encode() + b"\n")
        self.process.stdin.flush()

    def sums(self, timeout):
        """The exit code and the parsed lines."""
        code = self.process.wait(timeout=timeout)
        time.sleep(0.2)
        return code, [json.loads(line) for line in self.lines]


class Kill(unittest.TestCase):
    ROUNDS = 5
    DOCUMENTS = 30000
    CHUNKS = 3

    def setUp(self):
        seed = int(os.environ.get("CORDON_SEED", time.time_ns() % 2**31))
        print(f"CORDON_SEED={seed}", flush=True)
        self.random = random.Random(seed)
        self.store = Store()
        self.addCleanup(self.store.close)
        self.store.start()
        answer = self.store.cordon(
            "collection", "create", "c", "--dim", DIMENSION, "--metric", "cosine"
        )
        self.assertEqual(answer.code, 0, answer)

    def round(self, version):
        """Ingests all documents as `version` and kills the server meanwhile; what was accepted."""
        ingesting = Ingesting(self.store, "c")
        documents = (wide(n, version, self.CHUNKS) for n in range(self.DOCUMENTS))
        feeder = threading.Thread(target=ingesting.feed, args=(documents,), daemon=True)
        feeder.start()
        time.sleep(self.random.uniform(0.5, 2.0))
        self.store.process.send_signal(signal.SIGKILL)
        self.store.process.wait()
        code, lines = ingesting.sums(VANISHED_S + 5)
        feeder.join()
        if code == 0:
            return self.DOCUMENTS
        self.assertEqual(code, 1, lines)
        self.assertIn("error", lines[-2], lines)
        return lines[-1]["accepted"]

    def stored(self):
        """{document number: version}; fails on a half document or figures that disagree."""
        vector = write_npy(self.store.path(".npy"), [1.0] + [0.0] * (DIMENSION - 1))
        seen = {}
        stats = self.store.cordon("stats", "c").last
        self.assertEqual(stats["chunks"], stats["documents"] * self.CHUNKS)
        ask = ["retrieve", "c", "--vector", vector, "--as", "user:a", "--k", 10000]
        for passage in self.store.cordon(*ask, "--mode", "exact").last["passages"]:
            number, version, chunk = map(int, re.findall(r"\d+", passage["text"])[:3])
            self.assertEqual(passage["document"], f"d{number:06}")
            self.assertEqual((passage["title"], passage["chunk"]), (f"v{version}", chunk))
            seen.setdefault(number, set()).add(version)
        for number, versions in seen.items():
            self.assertEqual(len(versions), 1, f"document {number} is half replaced")
        return stats["documents"], {number: max(versions) for number, versions in seen.items()}

    def check_sample(self, acknowledged):
        """Documents at and around the last acknowledged one, by get."""
        for number, version in acknowledged:
            got = self.store.cordon("get", "c", f"d{number:06}", "--as", "user:a")
            self.assertEqual(got.code, 0, f"document {number} is lost: {got}")
            self.assertEqual(len(got.last["chunks"]), self.CHUNKS)
            stored = int(got.last["title"][1:])
            self.assertGreaterEqual(stored, version, f"document {number} went back")

    def test_kill_in_mid_ingest_loses_nothing_acknowledged(self):
        newest = {}  # document number → the newest version that was acknowledged
        broken_off = 0
        for version in range(self.ROUNDS):
            accepted = self.round(version)
            broken_off += accepted < self.DOCUMENTS
            newest.update(dict.fromkeys(range(accepted), version))
            self.store.start()
            documents, seen = self.stored()
            self.assertGreaterEqual(documents, len(newest))
            for number, stored in seen.items():
                self.assertGreaterEqual(stored, newest.get(number, 0))
            edges = {0, accepted // 2, accepted - 1} | set(self.random.sample(sorted(newest), 3))
            self.check_sample([(n, newest[n]) for n in sorted(edges) if n in newest])
            verified = self.store.cordon("journal", "verify")
            self.assertIs(verified.last["ok"], True, verified)
        self.assertGreater(broken_off, 0, "no kill hit an ingest; make the rounds longer")

    def test_changes_of_access_survive_too(self):
        self.store.cordon("ingest", "c", self.store.lines(wide(1, 0, 1), wide(2, 0, 1)))
        revoked = self.store.lines({"principal": "group:g", "members": []})
        steps = (
            ["set-access", "c", "d000001", "--acl", '{"allow":["group:g"]}'],
            ["directory", "apply", revoked],
            ["delete", "c", "d000002"],
            ["policy", "apply", self.store.json({"tags": ["t"]})],
            ["tenant", "create", "acme"],
            ["key", "create", "--principal", "service:k", "--rights", "admin"],
        )
        made = []
        for step in steps:
            answer = self.store.cordon(*step)
            self.store.process.send_signal(signal.SIGKILL)
            self.store.process.wait()
            self.assertEqual(answer.code, 0, answer)
            made.append(answer.last.get("key"))
            self.store.start()
            keys = self.store.cordon("key", "list").last
            self.assertEqual(keys["revision"], answer.last["revision"], step)
        for one in ("d000001", "d000002"):
            got = self.store.cordon("get", "c", one, "--as", "user:a")
            self.assertEqual(got.error.get("code"), "NOT_FOUND", got)
        for secret in filter(None, made):
            key = self.store.path(".key")
            key.write_text(secret + "\n")
            self.assertEqual(self.store.cordon("key", "list", key=key).code, 0)
        self.assertIs(self.store.cordon("journal", "verify").last["ok"], True)


class Half(ServerTest):
    def test_a_document_that_is_replaced_is_never_seen_half(self):
        name = self.collection(dim=DIMENSION)
        self.ingest(name, *(wide(n, 0, 4) for n in range(5)))
        vector = write_npy(self.store.path(".npy"), [1.0] * DIMENSION)
        vectors = [{"id": "q", "as": "user:a", "vector": [1.0] * DIMENSION, "k": 100}] * 200
        queries = self.store.lines(*vectors)
        ingesting = Ingesting(self.store, name)
        versions = (wide(n, v, 2 + v % 3) for v in range(1, 2000) for n in range(5))
        feeder = threading.Thread(target=ingesting.feed, args=(versions,), daemon=True)
        feeder.start()
        seen = set()
        while feeder.is_alive():
            answer = self.store.cordon("retrieve", name, "--queries", queries)
            self.assertEqual(answer.code, 0, answer.error)
            for line in answer.lines:
                found = {}
                for passage in line["passages"]:
                    found.setdefault(passage["document"], []).append(passage["text"])
                self.assertEqual(len(found), 5)
                for texts in found.values():
                    (total,) = {text.split(" of ")[1] for text in texts}
                    (version,) = {text.split()[3] for text in texts}
                    self.assertEqual(len(texts), int(total))
                    seen.add(version)
        self.assertEqual(ingesting.sums(COMMAND_S)[0], 0)
        self.assertGreater(len(seen), 2, "nothing changed meanwhile; write more versions")
        self.assertEqual(self.ok("stats", name)["documents"], 5)
        self.assertEqual(self.sees_by(name, vector), {"v1999"})

    def sees_by(self, name, vector):
        """The titles of all documents."""
        ask = ["retrieve", name, "--vector", vector, "--as", "user:a", "--k", 100]
        return {passage["title"] for passage in self.ok(*ask)["passages"]}


class Vanish(ServerTest):
    def vanish(self, how, idle=False):
        """Vanishes in mid-ingest; idle: while no more input comes and its end neither."""
        name = self.collection(dim=DIMENSION)
        ingesting = Ingesting(self.store, name)
        if idle:
            ingesting.feed_some(600)
        else:
            ingesting.feed_on()
        time.sleep(1.5)
        self.store.process.send_signal(how)
        begun = time.monotonic()
        code, lines = ingesting.sums(VANISHED_S + 10)
        took = time.monotonic() - begun
        self.assertEqual(code, 1, lines)
        self.assertIn("error", lines[-2], lines)
        self.assertIn(lines[-2]["error"]["code"], ("UNAVAILABLE", "DEADLINE_EXCEEDED"))
        self.assertIn("accepted", lines[-1])
        self.assertLess(took, VANISHED_S)
        return name, lines[-1]["accepted"]

    def test_1_a_server_that_hangs_ends_the_run(self):
        name, accepted = self.vanish(signal.SIGSTOP)
        begun = time.monotonic()
        answer = self.store.cordon("ingest", name, self.store.lines(wide(1, 0, 1)))
        self.assertLess(time.monotonic() - begun, VANISHED_S + 1)
        self.assertEqual((answer.code, answer.last["accepted"]), (1, 0), answer)
        self.store.process.send_signal(signal.SIGCONT)
        self.assertGreaterEqual(self.ok("stats", name)["documents"], accepted)

    def test_2_a_server_that_hangs_ends_a_run_that_awaits_input(self):
        self.vanish(signal.SIGSTOP, idle=True)
        self.store.process.send_signal(signal.SIGCONT)

    def test_3_a_server_that_dies_ends_a_run_that_awaits_input(self):
        name, accepted = self.vanish(signal.SIGKILL, idle=True)
        self.store.process.wait()
        self.store.start()
        self.assertGreaterEqual(self.ok("stats", name)["documents"], accepted)

    def test_4_a_server_that_dies_ends_the_run(self):
        name, accepted = self.vanish(signal.SIGKILL)
        self.store.process.wait()
        self.store.start()
        self.assertGreaterEqual(self.ok("stats", name)["documents"], accepted)


class Stop(unittest.TestCase):
    def setUp(self):
        self.store = Store()
        self.addCleanup(self.store.close)
        self.store.start()
        dim = ["--dim", DIMENSION, "--metric", "cosine"]
        self.assertEqual(self.store.cordon("collection", "create", "c", *dim).code, 0)

    def test_sigterm_drains_and_exits_0(self):
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            self.store.process.send_signal(signal_number)
            self.assertEqual(self.store.process.wait(timeout=5), 0, self.store.log_text())
            self.store.start()

    def test_sigterm_in_mid_ingest_loses_nothing_acknowledged(self):
        for idle in (False, True):
            ingesting = Ingesting(self.store, "c")
            if idle:
                ingesting.feed_some(600)
            else:
                ingesting.feed_on()
            time.sleep(1.5)
            begun = time.monotonic()
            self.assertEqual(self.store.stop(timeout=20), 0, self.store.log_text())
            self.assertLess(time.monotonic() - begun, STOP_S)
            code, lines = ingesting.sums(VANISHED_S + 5)
            self.assertEqual((code, lines[-2]["error"]["code"]), (1, "UNAVAILABLE"), lines)
            accepted = lines[-1]["accepted"]
            self.assertGreater(accepted, 0)
            self.store.start()
            self.assertGreaterEqual(self.store.cordon("stats", "c").last["documents"], accepted)
            last = self.store.cordon("get", "c", f"d{accepted - 1:06}", "--as", "user:a")
            self.assertEqual(last.code, 0, last)
            self.assertIs(self.store.cordon("journal", "verify").last["ok"], True)

    def test_answers_are_the_same_bytes_after_a_restart(self):
        chooser = random.Random(7)
        records = []
        for n in range(300):
            record = wide(n, 0, 1 + n % 3)
            record["acl"] = {"allow": [f"user:{chooser.choice('abc')}", f"group:g{n % 5}"]}
            record["label"] = {"level": chooser.choice(["public", "internal"])}
            records.append(record)
        self.assertEqual(self.store.cordon("ingest", "c", self.store.lines(*records)).code, 0)
        groups = [
            {"principal": f"group:g{n}", "members": [f"user:{'abc'[n % 3]}"]} for n in range(5)
        ]
        levels = [{"principal": f"user:{who}", "clearance": {"level": "internal"}} for who in "ab"]
        self.store.cordon("directory", "apply", self.store.lines(*groups, *levels))
        for n in range(0, 60, 3):
            self.store.cordon("delete", "c", f"d{n:06}")
        queries = [
            {
                "id": f"q{n}",
                "as": f"user:{'abcd'[n % 4]}",
                "vector": [chooser.gauss(0, 1) for _ in range(DIMENSION)],
                "k": 1 + n * 7 % 200,
                "mode": "exact",
            }
            for n in range(60)
        ]
        file = self.store.lines(*queries)
        answers = []
        for how in (signal.SIGTERM, signal.SIGKILL, None):
            answer = self.store.cordon("retrieve", "c", "--queries", file)
            self.assertEqual(answer.code, 0, answer)
            fixed = re.sub(rb'"(revision|as_of|journal_id)":("[^"]*"|\d+)', b"", answer.out)
            answers.append(fixed)
            if how:
                self.store.process.send_signal(how)
                self.store.process.wait(timeout=20)
                self.store.start()
        self.assertEqual(answers[0], answers[1])
        self.assertEqual(answers[0], answers[2])
        self.assertGreater(len(answers[0]), 10000)


class JournalTail(unittest.TestCase):
    """A cut tail shows, also while another tenant keeps the writer busy."""

    def test_a_quiet_tenants_tail_is_remembered_while_another_writes(self):
        store = Store()
        self.addCleanup(store.close)
        store.start()
        key = store.path(".key")
        self.assertEqual(store.cordon("tenant", "create", "acme", "--out", key).code, 0)
        log = store.data / "journal/acme/000001.log"
        size = os.path.getsize(log)
        store.cordon("collection", "create", "docs", "--dim", "2", "--metric", "ip")
        self.assertEqual(store.cordon("key", "list", key=key).code, 0)  # its record is the tail
        until = time.monotonic() + 3
        while time.monotonic() < until:
            store.cordon("delete", "docs", "nobody")
        store.kill()
        self.assertGreater(os.path.getsize(log), size)
        os.truncate(log, size)
        with self.assertRaisesRegex(AssertionError, "cut or replaced journal tail"):
            store.start()


if __name__ == "__main__":
    main()
