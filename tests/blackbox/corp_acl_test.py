"""49,077 real chunks with real readers or markings: 470 filtered answers come out exactly.

CORDON_SHARED_DATA names the folder that holds the data sets corp-acl-lsa256 and k8s-keps; without
it the test says that it was skipped. All documents live in one collection: design documents of a
software project with the people and groups that may read them, and declassified documents with
their markings, here level × compartment (the agency that made them).
"""

import array
import gzip
import json
import os
import struct
import sys
import time
from collections import defaultdict
from pathlib import Path

from harness import ServerTest, main

DATA = Path(os.environ.get("CORDON_SHARED_DATA") or "/nonexistent")
SET, MEMBERS = DATA / "corp-acl-lsa256", DATA / "k8s-keps" / "group_members.tsv"
SKIPPED = 77  # what CTest takes for "skipped"
DIMENSION = 256
K = 10
TOLERANCE = 2e-6
LEVELS = ["NONE", "OFFICIAL USE ONLY", "CONFIDENTIAL", "SECRET", "TOP SECRET"]

# Each binary16 number as JSON text; a file's numbers are then looked up.
HALF_TEXT = [
    repr(number) if number == number and abs(number) != float("inf") else "null"
    for (number,) in (struct.unpack("<e", struct.pack("<H", bits)) for bits in range(65536))
]


def read_halves(path):
    """The bits of a [n, 256] file of little-endian binary16 numbers, row after row."""
    content = path.read_bytes()
    assert content[:6] == b"\x93NUMPY" and content[6] == 1, path
    (length,) = struct.unpack("<H", content[8:10])
    header = content[10 : 10 + length].decode()
    assert "'<f2'" in header and "'fortran_order': False" in header, header
    bits = array.array("H")
    bits.frombytes(content[10 + length :])
    if sys.byteorder == "big":
        bits.byteswap()
    assert len(bits) % DIMENSION == 0
    return bits


def read_jsonl(name):
    with gzip.open(SET / name, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def row_text(bits, row):
    numbers = bits[row * DIMENSION : (row + 1) * DIMENSION]
    return "[" + ",".join(map(HALF_TEXT.__getitem__, numbers)) + "]"


def row_numbers(bits, row):
    part = bits[row * DIMENSION : (row + 1) * DIMENSION]
    return struct.unpack(f"<{DIMENSION}e", part.tobytes())


class Corpus:
    """The data set, read once, and who sees what by a reading of its own."""

    def __init__(self):
        self.vectors = read_halves(SET / "vectors.f16.npy")
        self.queries = read_halves(SET / "queries.f16.npy")
        self.truth = read_jsonl("acl_groundtruth_top10.jsonl.gz")
        self.documents = {(d["source"], d["doc_id"]): d for d in read_jsonl("doc_acl.jsonl.gz")}
        self.rows = defaultdict(list)  # document → its rows, in order
        with gzip.open(SET / "items.tsv.gz", "rt", encoding="utf-8") as file:
            next(file)
            for line in file:
                row, source, document, _ = line.rstrip("\n").split("\t")
                self.rows[source, document].append(int(row))
        self.groups = defaultdict(set)
        for line in MEMBERS.read_text(encoding="utf-8").splitlines()[1:]:
            group, user, _ = line.split("\t", 2)
            self.groups["group:" + group].add("user:" + user)
        self.agencies = sorted({d["agency"] for d in self.documents.values() if "agency" in d})
        self.viewers = {}  # what the truth calls a principal → the user who stands for it
        for answer in self.truth:
            principal = answer["principal"]
            self.viewers.setdefault(json.dumps(principal), self.name_of(principal))

    @staticmethod
    def name_of(principal):
        if principal["source"] == "kep":
            return "user:" + principal["user"]
        agency = principal["agency"] or "all agencies"
        return f"user:jfk/{principal['clearance']}/{agency}"

    def policy(self):
        return {
            "levels": LEVELS,
            "compartments": self.agencies,
            "default_clearance": {"level": LEVELS[0], "compartments": []},
        }

    def directory(self):
        for group, members in self.groups.items():
            yield {"principal": group, "members": sorted(members)}
        readers = []
        for text, user in self.viewers.items():
            principal = json.loads(text)
            if principal["source"] == "jfk":
                agency = principal["agency"]
                held = [agency] if agency else self.agencies
                clearance = {"level": principal["clearance"], "compartments": held}
                yield {"principal": user, "clearance": clearance}
                readers.append(user)
        yield {"principal": "group:archive-readers", "members": readers}

    def lines(self):
        """One line a document; the numbers are pasted in as text."""
        for (source, name), rows in self.rows.items():
            facts = self.documents[source, name]
            label = {"level": LEVELS[0]}
            if source == "kep":
                allow = facts["readers"]
            else:
                allow = ["group:archive-readers"]
                label = {"level": facts["level"], "compartments": [facts["agency"]]}
            head = {"id": f"{source}/{name}", "acl": {"allow": allow}, "label": label}
            vectors = (row_text(self.vectors, row) for row in rows)
            chunks = ",".join(f'{{"text":"","embedding":{vector}}}' for vector in vectors)
            yield f'{json.dumps(head)[:-1]},"chunks":[{chunks}]}}'.encode()

    def sees(self, principal, row_source, document):
        facts = self.documents[row_source, document]
        if row_source != principal["source"]:
            return False
        if row_source == "jfk":
            level = LEVELS.index(facts["level"]) <= LEVELS.index(principal["clearance"])
            return level and principal["agency"] in (None, facts["agency"])
        user = "user:" + principal["user"]
        return any(one == user or user in self.groups.get(one, ()) for one in facts["readers"])


class CorpAcl(ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.corpus = Corpus()
        begun = time.monotonic()
        store, corpus = cls.store, cls.corpus
        for command in (
            ["policy", "apply", store.json(corpus.policy())],
            ["directory", "apply", store.lines(*corpus.directory())],
            ["collection", "create", "corp", "--dim", DIMENSION, "--metric", "ip"],
        ):
            answer = store.cordon(*command)
            assert answer.code == 0, answer
        cls.ingested = store.cordon("ingest", "corp", store.lines(*corpus.lines()), timeout=300)
        assert cls.ingested.code == 0, cls.ingested
        print(f"ingested in {time.monotonic() - begun:.1f} s", flush=True)

    def test_1_everything_landed(self):
        stats = self.ok("stats", "corp")
        self.assertEqual(stats["documents"], len(self.corpus.rows))
        self.assertEqual(stats["chunks"], len(self.corpus.vectors) // DIMENSION)
        named = {
            one
            for (source, _), facts in self.corpus.documents.items()
            if source == "kep"
            for one in facts["readers"]
            if one.startswith("group:")
        }
        dangling = named - set(self.corpus.groups)
        self.assertGreater(len(dangling), 0)
        self.assertEqual(stats["undefined_principals"], len(dangling))

    def test_2_visible_chunks_are_those_of_the_truth(self):
        visible = {
            json.dumps(answer["principal"]): answer["visible_rows"] for answer in self.corpus.truth
        }
        for text, user in self.corpus.viewers.items():
            stats = self.ok("stats", "corp", "--as", user)
            self.assertEqual(stats["visible_chunks"], visible[text], text)

    def check_answer(self, truth, passages):
        rows = []
        query = row_numbers(self.corpus.queries, truth["query"])
        for passage in passages:
            source, _, document = passage["document"].partition("/")
            self.assertTrue(
                self.corpus.sees(truth["principal"], source, document),
                f"LEAK: {truth['principal']} got {passage['document']}",
            )
            rows.append(self.corpus.rows[source, document][passage["chunk"]])
            own = row_numbers(self.corpus.vectors, rows[-1])
            score = sum(a * b for a, b in zip(query, own))
            self.assertAlmostEqual(passage["score"], score, delta=1e-12)
        scores = [passage["score"] for passage in passages]
        self.assertEqual(len(rows), min(K + 1, truth["visible_rows"]))
        self.assertEqual(len(set(rows)), len(rows))
        for place, (row, score) in enumerate(zip(truth["rows"], truth["scores"])):
            self.assertAlmostEqual(scores[place], score, delta=TOLERANCE)
            near = scores[max(0, place - 1) : place + 2]
            if all(abs(score - other) > TOLERANCE for other in near if other != scores[place]):
                if near.count(scores[place]) == 1:
                    self.assertEqual(rows[place], row, f"place {place} of {truth}")

    def test_3_all_answers_come_out_exactly(self):
        truths = self.corpus.truth
        self.assertEqual(len(truths), 470)
        queries = []
        for number, truth in enumerate(truths):
            user = self.corpus.viewers[json.dumps(truth["principal"])]
            head = json.dumps({"id": str(number), "as": user, "k": K + 1, "mode": "exact"})
            vector = row_text(self.corpus.queries, truth["query"])
            queries.append(f'{head[:-1]},"vector":{vector}}}'.encode())
        begun = time.monotonic()
        answer = self.store.cordon(
            "retrieve", "corp", "--queries", self.store.lines(*queries), "--no-text"
        )
        print(f"asked in {time.monotonic() - begun:.1f} s", flush=True)
        self.assertEqual(answer.code, 0, answer.error)
        self.assertEqual([line["id"] for line in answer.lines], [str(n) for n in range(470)])
        for truth, line in zip(truths, answer.lines):
            self.check_answer(truth, line["passages"])

    def test_4_a_restart_changes_nothing(self):
        who = ["--as", self.corpus.viewers[json.dumps(self.corpus.truth[0]["principal"])]]
        before = self.ok("stats", "corp", *who)
        self.assertEqual(self.store.stop(), 0)
        self.store.start()
        after = self.ok("stats", "corp", *who)
        for figure in ("documents", "chunks", "visible_chunks", "revision", "undefined_principals"):
            self.assertEqual(before[figure], after[figure])
        self.test_3_all_answers_come_out_exactly()


if __name__ == "__main__":
    if not SET.is_dir() or not MEMBERS.is_file():
        print("skipped: CORDON_SHARED_DATA names no folder with corp-acl-lsa256 and k8s-keps")
        sys.exit(SKIPPED)
    main()
