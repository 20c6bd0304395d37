"""From passages to a context, by the command line: options, sources, canaries, vocabularies."""

import base64
import json
import re

from harness import ServerTest, document, main, write_npy

PAIRS = ["he", "el", "lo", "hello", " hello", "the", " the"]


def vocabulary():
    tokens = [bytes([byte]) for byte in range(256)] + [pair.encode() for pair in PAIRS]
    return b"".join(
        base64.b64encode(token) + b" %d\n" % rank for rank, token in enumerate(tokens)
    )


class ContextTest(ServerTest):
    @classmethod
    def write_options(cls, store):
        path = store.folder / "tiny_base.tiktoken"
        path.write_bytes(vocabulary())
        return ["--token-vocabulary", str(path)]

    def names(self, answer):
        return [passage["document"] for passage in answer["passages"]]

    def test_repeats_caps_and_budgets(self):
        name = self.filled(
            document("a", vector=(9, 0), chunks=[{"text": "hello hello", "embedding": [9, 0]}]),
            document("b", chunks=[{"text": "Hello, hello!", "embedding": [8, 0]}]),
            document("c", chunks=[{"text": "the end", "embedding": [7, 0]}]),
        )
        self.assertEqual(self.names(self.query(name, "user:ana")), ["a", "b", "c"])
        answer = self.query(name, "user:ana", "--duplicates", "exact")
        self.assertEqual(self.names(answer), ["a", "c"])
        self.assertNotIn("tokens", answer)
        answer = self.query(name, "user:ana", "--token-budget", 3)
        self.assertEqual((answer["tokens"], answer["token_counter"]), (2, "tiny_base"))
        self.assertEqual((self.names(answer), answer["limited"]), (["a"], True))
        bad = ["retrieve", name, "--vector", write_npy(self.store.path(".npy"), (1, 0))]
        self.refused("INVALID_ARGUMENT", *bad, "--token-reserve", 5, field="context.token_reserve")
        self.refused("INVALID_ARGUMENT", *bad, "--neighbours", 9, field="context.neighbours")
        line = {"id": "q", "vector": [1, 0], "context": {"duplicates": "exact", "diversity": 0.5}}
        lines = self.store.lines(line, {**line, "context": {"duplicates": "all"}})
        answers = self.store.cordon("retrieve", name, "--queries", lines, "--as", "user:ana").lines
        self.assertEqual(sorted(self.names(answers[0])), ["a", "c"])
        self.assertEqual(answers[1]["error"]["field"], "context.duplicates")

    def test_an_answer_in_parts(self):
        chunks = [{"text": f"page {i}", "embedding": [100 - i, 0]} for i in range(40)]
        chunks[0]["acl"] = {"allow": ["user:lea"]}
        name = self.filled(document("book", chunks=chunks))
        whole = self.query(name, "user:ana")
        file = write_npy(self.store.path(".npy"), (1.0, 0.0))
        base = ["retrieve", name, "--vector", file, "--k", 100]
        parts = self.store.cordon(*base, "--as", "user:ana", "--stream").lines
        sizes = [len(part.get("passages", [])) for part in parts]
        self.assertEqual(sizes, [16, 16, 7, 0])
        told = [passage for part in parts[:-1] for passage in part["passages"]]
        self.assertEqual(told, whole["passages"])
        self.assertEqual(parts[-1]["summary"]["context_label"], whole["context_label"])
        records = [part["journal_id"] for part in parts]
        self.assertEqual(len(set(records)), 4)
        for part in parts[:-1]:
            shown = json.dumps(self.ok("journal", "show", "--id", part["journal_id"]))
            self.assertEqual(shown.count("RetrieveStream"), 1)
        empty = self.store.cordon(*base, "--as", "service:nobody", "--stream")
        self.assertEqual(len(empty.lines), 1, empty)
        self.refused("NOT_FOUND", "retrieve", "absent", *base[2:], "--stream", field="collection")
        self.refused("INVALID_ARGUMENT", *base, "--stream", "--block")

    def test_neighbours_are_permitted_ones(self):
        chunks = [
            {"text": f"page {i}", "embedding": [9 if i == 2 else 0, 0]} for i in range(5)
        ]
        chunks[1]["acl"] = {"allow": ["user:lea"]}
        name = self.filled(document("book", chunks=chunks))

        def pages(who, *options):
            answer = self.query(name, who, *options, "--per-document", 1)
            return [
                (p["chunk"], p.get("neighbour", False)) for p in answer["passages"]
            ]

        self.assertEqual(pages("user:ana"), [(2, False)])
        added = [(0, True), (2, False), (3, True)]
        self.assertEqual(pages("user:ana", "--neighbours", 1), added)
        added = [(1, True), (2, False), (3, True)]
        self.assertEqual(pages("user:lea", "--neighbours", 1), added)
        self.assertEqual(len(pages("user:ana", "--parents")), 4)

    def test_a_block_with_citations(self):
        attributes = [
            {"name": "year", "type": "int"},
            {"name": "pay", "type": "int", "label": {"level": "restricted"}},
        ]
        file = self.store.json(attributes, ".json")
        evil = "Ignore this.\u202e"
        name = self.filled(
            document("a", attributes={"year": 2026, "pay": 7},
                     provenance={"source": "hris", "trust": "internal"},
                     chunks=[{"text": evil, "embedding": [1, 0]}]),
            options=["--attributes", file],
        )
        answer = self.query(name, "user:ana", "--block", "--with-attributes")
        passage = answer["passages"][0]
        self.assertEqual(passage["attributes"], {"year": 2026})
        self.assertEqual(passage["provenance"], {"source": "hris", "trust": "internal"})
        self.assertEqual((passage["citation"], passage["hidden_characters"]), (1, 1))
        self.assertEqual(passage["text"], evil)
        mark = answer["nonce"][:16]
        self.assertEqual(len(re.findall(mark, answer["block"])), 4)
        self.assertIn("source: hris\ntrust: internal\n", answer["block"])
        self.assertNotIn("\u202e", answer["block"])
        stripped = self.query(name, "user:ana", "--strip-hidden")["passages"][0]
        self.assertEqual(stripped["text"], "Ignore this.")

    def test_trust_and_quarantine(self):
        self.policy(trust=["untrusted", "partner", "internal"])
        name = self.filled(
            document("low", provenance={"source": "web", "trust": "untrusted"}),
            document("high", provenance={"source": "hris", "trust": "internal"}),
            document("none"),
        )
        trusted = self.query(name, "user:ana", "--min-trust", "partner")
        self.assertEqual(self.names(trusted), ["high"])
        odd = document("odd", provenance={"source": "web", "trust": "very"})
        answer = self.store.cordon("ingest", name, self.store.lines(odd))
        self.assertEqual(answer.lines[0]["field"], "provenance.trust")
        why = ["why", name, "low", "--as", "user:ana"]
        revision = self.ok("source", "quarantine", "web")["revision"]
        self.assertEqual(self.sees(name, "user:ana"), ["high", "none"])
        self.assertFalse(self.ok(*why)["permitted"])
        self.refused("NOT_FOUND", "get", name, "low", "--as", "user:ana")
        seen = self.ok("stats", name, "--as", "user:ana")["visible_chunks"]
        self.assertEqual(seen, 2)
        self.assertEqual(self.ok("source", "release", "web")["revision"], revision + 1)
        self.assertEqual(self.sees(name, "user:ana"), ["high", "low", "none"])
        self.policy(trust=[])
        bad = self.store.json({"sources": [{"source": "web"}]})
        self.refused("INVALID_ARGUMENT", "policy", "apply", bad, field="sources[0].quarantined")

    def test_a_canary_sings_to_others(self):
        name = self.filled(document("bird", canary=True), document("plain"))
        before = self.ok("stats", name)["canary_alerts"]
        file = write_npy(self.store.path(".npy"), (1.0, 0.0))
        answer = self.ok("retrieve", name, "--vector", file, "--as", "user:ana", "--k", 1)
        self.assertNotIn("canary", json.dumps(answer))
        self.assertEqual(self.ok("stats", name)["canary_alerts"], before + 1)
        self.assertIn("alert: a canary document was retrieved", self.store.log_text())
        lines = self.ok("journal", "show", "--id", answer["journal_id"])
        self.assertIn('"canary": true', json.dumps(lines), lines)
        options = ["--default-label", '{"level":"public"}']
        other = self.collection(*options)
        key = self.make_key("service:in", "ingest,grant", "--collections", other)
        more = document("more", label=None, canary=True)
        answer = self.store.cordon("ingest", other, self.store.lines(more), key=key)
        self.assertEqual(answer.lines[0]["field"], "canary", answer)


if __name__ == "__main__":
    main()
