"""Rankings by text and by both, and filters, as a script uses them."""

import json

from harness import ServerTest, document, main, write_npy


class Ranking(ServerTest):
    def test_lexical_ranks_by_the_text_and_hybrid_by_both(self):
        name = self.filled(
            document("a", chunks=[{"text": "wal_level and checkpoints", "embedding": [1, 0]}]),
            document("b", chunks=[{"text": "CVE-2024-3094 in xz", "embedding": [0, 1]}]),
        )

        def asked(rank, *more):
            answer = self.ok("retrieve", name, "--as", "user:a", "--rank", rank, *more)
            return answer["passages"]

        for text, expected in (
            ("level", ["a"]),
            ("checkpoint", ["a"]),
            ("cve-2024-3094", ["b"]),
            ("3094", ["b"]),
            ('"checkpoints and"', []),
            ('"and checkpoints"', ["a"]),
            ("nowhere", []),
        ):
            found = [passage["document"] for passage in asked("lexical", "--text", text)]
            self.assertEqual(found, expected, text)
        vector = write_npy(self.store.path(".npy"), (0.9, 0.1))
        question = ("hybrid", "--text", "xz", "--vector", vector)
        found = [(passage["document"], passage["score"]) for passage in asked(*question)]
        self.assertEqual(found, [("a", 1), ("b", 1)])
        both = asked(*question, "--fusion", '{"method":"rrf"}')
        self.assertEqual([passage["document"] for passage in both], ["b", "a"])
        self.assertEqual(both[0]["lexical_rank"], 1)
        self.assertEqual(both[0]["vector_rank"], 2)
        self.assertIsNone(both[1]["lexical_rank"])
        self.assertEqual(both[0]["score"], 1 / 62 + 1 / 61)
        bare = ["retrieve", name, "--as", "user:a", "--rank"]
        self.refused("INVALID_ARGUMENT", *bare, "lexical", "--vector", vector)
        self.refused("INVALID_ARGUMENT", *bare, "hybrid", "--text", "xz")
        fusion = ["--text", "xz", "--fusion", '{"method":"rrf"}']
        self.refused("INVALID_ARGUMENT", *bare, "lexical", *fusion)

    def test_numbered_things_are_found(self):
        texts = {
            "a": "as § 12.3(a) has it",
            "b": "as § 12.3(b) has it",
            "code": "it says ERR\u20114711",
            "word": "the driver\u2019s licence",
        }
        name = self.filled(
            *(
                document(key, chunks=[{"text": text, "embedding": [1, 0]}])
                for key, text in texts.items()
            )
        )
        for text, expected in (
            ("§ 12.3(a)", ["a", "b"]),
            ("12.3(b)", ["b", "a"]),
            ('"§ 12.3(b)"', ["b"]),
            ("ERR-4711", ["code"]),
            ("driver", ["word"]),
            ('"driver\'s licence"', ["word"]),
        ):
            asked = ["retrieve", name, "--as", "user:a", "--rank", "lexical", "--text", text]
            found = [passage["document"] for passage in self.ok(*asked)["passages"]]
            self.assertEqual(found, expected, text)

    def test_a_collection_says_how_its_texts_are_scored(self):
        def scores(text, *options):
            name = self.collection(*options)
            chunks = [
                {"text": "checkpoint checkpoint checkpoint", "embedding": [1, 0]},
                {"text": "checkpoints follow", "embedding": [1, 0]},
                {"text": "a checkpoint of a page of a table and of much more", "embedding": [1, 0]},
            ]
            self.ingest(name, document("d", chunks=chunks))
            asked = ["retrieve", name, "--as", "user:a", "--rank", "lexical", "--text", text]
            config = self.config(name)
            found = {p["chunk"]: p["score"] for p in self.ok(*asked)["passages"]}
            return found, (config["language"], config["bm25"]["k1"], config["bm25"]["b"])

        usual, settings = scores("checkpoint")
        self.assertEqual(settings, ("en", 1.2, 0.75))
        self.assertEqual(sorted(usual), [0, 1, 2])
        self.assertEqual(len(set(usual.values())), 3)
        as_written, settings = scores("checkpoint", "--language", "none")
        self.assertEqual((sorted(as_written), settings), ([0, 2], ("none", 1.2, 0.75)))
        flat, settings = scores("checkpoint", "--k1", 0)
        self.assertEqual((len(set(flat.values())), settings), (1, ("en", 0, 0.75)))
        long, settings = scores("checkpoint", "--b", 0)
        self.assertEqual((long[1], settings), (long[2], ("en", 1.2, 0)))
        create = ["collection", "create", "refused", "--dim", 2, "--metric", "ip"]
        for option, value, field in (
            ("--language", "klingon", "language"),
            ("--k1", -1, "k1"),
            ("--k1", 11, "k1"),
            ("--b", 2, "b"),
        ):
            error = self.refused("INVALID_ARGUMENT", *create, option, value)
            self.assertTrue(error["field"].endswith(field), error)
            self.assertEqual(self.store.cordon("stats", "refused").error["code"], "NOT_FOUND")

    def test_recall_is_asked_for_and_explain_needs_audit(self):
        name = self.filled(document("a"), document("b", vector=(0, 1)), options=["--pin-geometry"])
        self.assertTrue(self.config(name)["pin_geometry"])
        vector = write_npy(self.store.path(".npy"), (1, 0))
        asked = ["retrieve", name, "--as", "user:a", "--vector", vector]
        plain = self.ok(*asked)
        self.assertNotIn("explain", plain)
        told = self.ok(*asked, "--recall", 0.9, "--explain")
        self.assertEqual(told["passages"], plain["passages"])
        self.assertIsInstance(told["explain"]["plan"], str)
        counts = ("lists_seen", "lists_scanned", "rows_scanned", "rows_reranked", "geometry")
        self.assertEqual({type(told["explain"][count]) for count in counts}, {int})
        for recall in (0.4, 1, -1):
            self.refused("INVALID_ARGUMENT", *asked, "--recall", recall, field="recall_target")
        rest = "--collections * --destinations dev --as-pattern * --clearance all".split()
        key = self.make_key("service:app", "query,act-as", *rest)
        self.assertEqual(self.ok(*asked, key=key)["passages"], plain["passages"])
        self.refused("PERMISSION_DENIED", *asked, "--explain", key=key)

    def test_filters_narrow_and_a_hidden_attribute_is_an_unknown_one(self):
        schema = self.store.path(".json")
        specs = [
            {"name": "year", "type": "int"},
            {"name": "case", "type": "string", "label": {"level": "restricted"}},
        ]
        with open(schema, "w", encoding="utf-8") as file:
            json.dump(specs, file)
        name = self.collection("--attributes", schema)
        lines = [
            document("old", attributes={"year": 2019, "case": "x"}),
            document("new", attributes={"year": 2024}),
            document("none"),
        ]
        self.ingest(name, *lines)
        vector = write_npy(self.store.path(".npy"), (1, 0))
        asked = ["retrieve", name, "--as", "user:a", "--vector", vector, "--filter"]

        def found(condition):
            answer = self.ok(*asked, json.dumps(condition))
            return sorted(passage["document"] for passage in answer["passages"])

        self.assertEqual(found({"attr": "year", "gte": 2020}), ["new"])
        self.assertEqual(found({"not": {"attr": "year", "gte": 2020}}), ["none", "old"])
        self.assertEqual(found({"attr": "year", "exists": True}), ["new", "old"])
        self.assertEqual(
            found({"or": [{"attr": "year", "in": [2019]}, {"attr": "year", "gt": 2023}]}),
            ["new", "old"],
        )
        hidden = self.refused("INVALID_ARGUMENT", *asked, '{"attr":"case","eq":"x"}')
        absent = self.refused("INVALID_ARGUMENT", *asked, '{"attr":"nope","eq":"x"}')
        self.assertEqual(hidden, absent)

    def test_filters_of_every_type(self):
        types = {"lang": "string", "price": "float", "draft": "bool", "seen": "time"}
        specs = [{"name": attribute, "type": kind} for attribute, kind in types.items()]
        name = self.collection("--attributes", self.store.json(specs, ".json"))
        day = "2026-01-0{}T00:00:00Z".format
        one = {"lang": "de", "price": 1.5, "draft": True, "seen": day(1)}
        two = {"lang": "de-AT", "price": 2, "draft": False, "seen": day(2)}
        self.ingest(name, document("a", attributes=one), document("b", attributes=two))
        vector = write_npy(self.store.path(".npy"), (1, 0))
        asked = ["retrieve", name, "--as", "user:a", "--vector", vector, "--filter"]
        for condition, expected in (
            ({"attr": "lang", "prefix": "de"}, ["a", "b"]),
            ({"attr": "lang", "prefix": "de-"}, ["b"]),
            ({"attr": "lang", "in": ["de", "fr"]}, ["a"]),
            ({"attr": "lang", "gt": "de"}, ["b"]),
            ({"attr": "price", "in": [2, 3]}, ["b"]),
            ({"attr": "price", "gte": 1.5, "lt": 2}, ["a"]),
            ({"attr": "draft", "eq": False}, ["b"]),
            ({"attr": "seen", "lte": "2026-01-01T02:00:00+02:00"}, ["a"]),
            ({"attr": "seen", "in": [day(2)]}, ["b"]),
        ):
            answer = self.ok(*asked, json.dumps(condition))
            found = sorted(passage["document"] for passage in answer["passages"])
            self.assertEqual(found, expected, condition)
        for condition, field in (
            ({"attr": "draft", "gt": False}, "filter.attr"),
            ({"attr": "price", "prefix": "1"}, "filter.prefix"),
            ({"attr": "seen", "eq": "yesterday"}, "filter.eq"),
            ({"attr": "lang", "eq": 1}, "filter.eq"),
        ):
            self.refused("INVALID_ARGUMENT", *asked, json.dumps(condition), field=field)


if __name__ == "__main__":
    main()
