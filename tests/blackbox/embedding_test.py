"""Another model for a collection that goes on meanwhile, by the command line alone."""

import time

from harness import ServerTest, document, main
from model_server import DIMENSION, MODEL, Model

WAIT_S = 30


def text_document(name, text, level="internal"):
    return {"id": name, "acl": {"allow": ["everyone"]}, "label": {"level": level}, "text": text}


class Embedding(ServerTest):
    @classmethod
    def setUpClass(cls):
        cls.model = Model()
        cls.addClassCleanup(cls.model.close)
        super().setUpClass()

    @classmethod
    def write_options(cls, store):
        endpoint = {"name": "embed", "kind": "embeddings", "url": cls.model.url, "model": MODEL}
        endpoint.update(dimension=DIMENSION, deadline_ms=1000, pause_ms=100)
        return ["--config", str(store.json({"endpoints": [endpoint]}))]

    def setUp(self):
        self.model.become()
        self.policy(
            default_clearance={"level": "restricted"},
            destinations=[{"name": "embed", "scope": 3, "ceiling": {"level": "internal"}}],
        )

    def built_in(self, *documents):
        name = self.collection("--embedder", "builtin", "--model", "old", dim=64, metric="cosine")
        self.ingest(name, *documents)
        return name

    def begin(self, name):
        return self.ok("embedding", "begin", name, "--embedding-endpoint", "embed")

    def switch(self, name, model):
        return self.ok("embedding", "switch", name, "--model", model, "--reason", "CHG-7")

    def found(self, name, text, *options):
        label = ["--query-label", '{"level":"public"}']  # which an endpoint may have
        answer = self.ok("retrieve", name, "--as", "user:a", "--text", text, *label, *options)
        return [passage["document"] for passage in answer["passages"]]

    def test_a_model_is_changed_and_changed_back(self):
        name = self.built_in(text_document("c", "a cat"), text_document("d", "a dog"))
        before = self.ok("embedding", "status", name)
        self.assertEqual(before["searched"]["model"], "old")
        self.assertNotIn("other", before)
        self.begin(name)
        whole = self.ok("embedding", "status", name, "--wait")
        self.assertEqual((whole["embedded"], whole["documents"]), (2, 2))
        self.assertEqual(whole["other"]["model"], MODEL)
        self.assertEqual(self.config(name)["model"], "old")
        self.switch(name, MODEL)
        self.assertEqual(self.config(name)["model"], MODEL)
        self.assertEqual(self.config(name)["dim"], DIMENSION)
        self.assertEqual(self.found(name, "dog dog dog", "--k", "1"), ["d"])
        self.ingest(name, text_document("e", "cat cat cat cat"))
        self.assertEqual(self.found(name, "cat cat cat", "--k", "1"), ["e"])
        self.ok("embedding", "status", name, "--wait")
        self.switch(name, "old")
        self.assertEqual(sorted(self.found(name, "cat")), ["c", "d", "e"])
        self.switch(name, MODEL)
        self.ok("embedding", "drop", name, "--model", "old")
        clean = self.ok("embedding", "status", name, "--wait")
        self.assertEqual(clean["to_clean"], 0)
        self.assertEqual(sorted(self.found(name, "cat")), ["c", "d", "e"])

    def test_what_the_endpoint_may_not_have_prevents_the_switch(self):
        name = self.built_in(text_document("c", "a cat"), text_document("s", "a dog", "restricted"))
        self.begin(name)
        told = self.store.cordon("embedding", "status", name, "--wait")
        self.assertEqual(told.code, 1, told)
        self.assertEqual(told.last["left_out"], 1)
        options = ["embedding", "switch", name, "--model", MODEL]
        self.refused("FAILED_PRECONDITION", *options, field="collection")
        self.ok(*options, "--allow-missing")
        self.assertEqual(self.found(name, "cat", "--k", "1"), ["c"])
        self.assertIn("s", self.found(name, "dog", "--rank", "lexical"))

    def test_an_endpoint_that_is_down_stops_nobody_else(self):
        name = self.built_in(text_document("c", "a cat"))
        self.model.become(status=503)
        self.begin(name)
        until = time.monotonic() + WAIT_S
        while "waits_for" not in self.ok("embedding", "status", name):
            self.assertLess(time.monotonic(), until)
            time.sleep(0.1)
        self.ingest(name, text_document("d", "a dog"))
        self.assertEqual(sorted(self.found(name, "dog")), ["c", "d"])
        self.refused("FAILED_PRECONDITION", "embedding", "switch", name, "--model", MODEL)
        self.model.become()
        self.ok("embedding", "status", name, "--wait")
        self.switch(name, MODEL)

    def test_vectors_that_clients_brought_are_waited_for_in_vain(self):
        name = self.filled(document("c", vector=(1, 0)))
        self.ok("embedding", "begin", name, "--embedder", "builtin", "--dim", "64", "--model", "n")
        self.ok("embedding", "status", name, "--wait")
        self.switch(name, "n")
        self.ok("embedding", "status", name, "--wait")
        self.ingest(name, text_document("d", "a dog"))
        told = self.store.cordon("embedding", "status", name, "--wait")
        self.assertEqual(told.code, 1, told)
        self.assertEqual(told.last["left_out"], 1)
        self.assertIn("drop it", told.last["waits_for"])

    def test_a_client_brings_the_vectors_of_its_own_model(self):
        name = self.filled(document("c", vector=(1, 0)), document("d", vector=(0, 1)))
        begin = ["embedding", "begin", name, "--embedder", "none"]
        self.ok(*begin, "--dim", "3", "--model", "own")
        lines = [document("c", vector=(0, 0, 1)), document("d", vector=(1, 0, 0))]
        told = self.ok(
            "embedding", "fill", name, self.store.lines(*lines[:1]), "--model", "own"
        )
        self.assertEqual(told["accepted"], 1)
        status = self.store.cordon("embedding", "status", name, "--wait")
        self.assertEqual(status.code, 1, status)
        self.assertEqual((status.last["embedded"], status.last["left_out"]), (1, 1))
        self.refused("FAILED_PRECONDITION", "embedding", "switch", name, "--model", "own")
        self.ok("embedding", "fill", name, self.store.lines(*lines), "--model", "own")
        self.switch(name, "own")
        self.assertEqual(self.config(name)["dim"], 3)

    def test_refusals_name_the_field(self):
        name = self.collection("--embedder", "builtin", "--model", "old")
        begin = ["embedding", "begin", name]
        for options, field in (
            (["--embedding-endpoint", "none"], "space.embedding_endpoint"),
            (["--embedding-endpoint", "embed", "--model", "other"], "space.model"),
            (["--embedder", "builtin", "--dim", "32"], "space.model"),
            (["--embedder", "builtin", "--dim", "32", "--model", "old"], "space.model"),
            (["--embedder", "builtin", "--dim", "4097", "--model", "n"], "space.dimension"),
        ):
            with self.subTest(options=options):
                self.refused("INVALID_ARGUMENT", *begin, *options, field=field)
        options = ["embedding", "drop", name, "--model", "old"]
        self.refused("FAILED_PRECONDITION", *options, field="model")
        key = self.make_key("service:x", "query,ingest")
        self.refused("PERMISSION_DENIED", "embedding", "status", name, key=key)


if __name__ == "__main__":
    main()
