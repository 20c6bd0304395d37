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
        both = asked("hybrid", "--text", "xz", "--vector", vector)
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


if __name__ == "__main__":
    main()
