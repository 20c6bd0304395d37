"""Endpoints that embed and rerank: what they are sent, what they answer, what if they fail."""

import subprocess
import threading
import time

from harness import ServerTest, main
from model_server import DIMENSION, MODEL, Model

KEY = "a-key-that-nobody-else-knows"
DEADLINE_MS = 4000
PAUSE_MS = 1000


def text_document(name, text, level="internal", **more):
    acl = {"allow": ["everyone"]}
    return {"id": name, "acl": acl, "label": {"level": level}, "text": text, **more}


class EndpointTest(ServerTest):
    @classmethod
    def setUpClass(cls):
        cls.model, cls.ranker = Model(), Model()
        for model in (cls.model, cls.ranker):
            cls.addClassCleanup(model.close)
        super().setUpClass()

    @classmethod
    def write_options(cls, store):
        key = store.path(".key")
        key.write_text(KEY + "\n")
        key.chmod(0o600)
        certificate = [str(store.folder / name) for name in ("tls.pem", "tls.key")]
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
            + ["-nodes", "-days", "1", "-subj", "/CN=model", "-addext"]
            + ["subjectAltName=IP:127.0.0.1", "-out", certificate[0], "-keyout", certificate[1]],
            check=True,
            stderr=subprocess.PIPE,
        )
        cls.secure = Model(certificate)
        cls.addClassCleanup(cls.secure.close)
        base = {"model": MODEL, "deadline_ms": DEADLINE_MS, "pause_ms": PAUSE_MS, "batch": 3}
        embed = {**base, "kind": "embeddings", "dimension": DIMENSION, "key_file": str(key)}
        endpoints = [
            {**embed, "name": "embed", "url": cls.model.url},
            {**embed, "name": "unknown", "url": cls.model.url},
            {**embed, "name": "secure", "url": cls.secure.url, "ca_file": certificate[0]},
            {**embed, "name": "stranger", "url": cls.secure.url},
            {**embed, "name": "keyless", "url": cls.model.url, "key_file": "/nowhere"},
            {**base, "name": "rank", "kind": "rerank", "url": cls.ranker.url},
        ]
        return ["--config", str(store.json({"endpoints": endpoints}))]

    def setUp(self):
        self.model.become()
        self.ranker.become()
        ceilings = {"embed": "internal", "secure": "internal", "stranger": "internal"}
        ceilings.update(keyless="internal", rank="internal")
        self.policy(
            default_clearance={"level": "restricted"},
            destinations=[
                {"name": name, "scope": 3, "ceiling": {"level": level}}
                for name, level in ceilings.items()
            ]
        )

    def tearDown(self):
        """No circuit stays open for the next test."""
        for model in (self.model, self.ranker):
            if model.status != 200 or model.how:
                model.become()
                time.sleep(PAUSE_MS / 1000 + 0.1)

    def embedded(self, *documents, endpoint="embed"):
        options = ["--embedder", "http", "--embedding-endpoint", endpoint]
        name = self.collection(*options, dim=DIMENSION, metric="cosine")
        if documents:
            self.ingest(name, *documents)
        return name

    def ask(self, name, text, *options, label="internal"):
        label = f'{{"level":"{label}"}}'
        asked = ["retrieve", name, "--text", text, "--as", "user:ana", "--query-label", label]
        return self.ok(*asked, *options)

    def found(self, *arguments, **more):
        return [passage["document"] for passage in self.ask(*arguments, **more)["passages"]]

    def test_a_model_embeds(self):
        documents = [text_document(f"d{i}", f"a dog number {i}") for i in range(6)]
        name = self.embedded(*documents, text_document("cat", "one cat here"))
        sizes = [len(body["input"]) for body, _ in self.model.asked()]
        self.assertEqual(sum(sizes), 7)
        self.assertLessEqual(max(sizes), 3)
        self.assertEqual({key for _, key in self.model.asked()}, {f"Bearer {KEY}"})
        self.assertEqual({body["model"] for body, _ in self.model.asked()}, {MODEL})
        self.assertEqual(self.found(name, "cat", "--k", 1), ["cat"])
        listed = {c["name"]: c for c in self.ok("collection", "list")["collections"]}
        self.assertEqual(listed[name]["model"], MODEL)
        self.assertEqual(listed[name]["embedding_endpoint"], "embed")
        self.assertNotIn(KEY, self.store.log_text())

    def test_vectors_of_two_models_meet(self):
        name = self.embedded(text_document("a", "cat"))
        chunks = [{"text": "t", "embedding": [1.0] * DIMENSION}]
        own = {**text_document("b", ""), "chunks": chunks}
        del own["text"]
        refused = self.store.cordon("ingest", name, self.store.lines(own)).lines[0]
        self.assertEqual(refused["field"], "chunks[0].embedding")
        base = ["collection", "create", "x", "--metric", "ip", "--embedder", "http"]
        at = ["--embedding-endpoint", "embed"]
        invalid = "INVALID_ARGUMENT"
        self.refused(invalid, *base, "--dim", 5, *at, field="model")
        self.refused(invalid, *base, "--dim", 4, *at, "--model", "other", field="model")
        self.refused(invalid, *base, "--dim", 4, field="embedding_endpoint")
        at[1] = "rank"
        self.refused(invalid, *base, "--dim", 4, *at, field="embedding_endpoint")
        plain = ["collection", "create", "x", "--metric", "ip", "--dim", 4]
        at[1] = "embed"
        self.refused(invalid, *plain, *at, field="embedding_endpoint")

    def test_what_it_may_not_have_is_sent(self):
        name = self.embedded(text_document("fine", "a cat"))
        self.model.become()
        lines = self.store.lines(
            text_document("open", "a dog"),
            text_document("closed", "a secret dog", level="confidential"),
            {
                **{k: v for k, v in text_document("mixed", "").items() if k != "text"},
                "chunks": [{"text": "so so"}, {"text": "hush", "label": {"level": "restricted"}}],
            },
        )
        answer = self.store.cordon("ingest", name, lines)
        self.assertEqual(answer.last["accepted"], 1, answer)
        fields = [(line["id"], line["field"]) for line in answer.lines[:-1]]
        self.assertEqual(fields, [("closed", "chunks[0].label"), ("mixed", "chunks[1].label")])
        self.assertEqual(self.model.texts(), ["a dog"])
        self.model.become()
        asked = ["retrieve", name, "--text", "whom shall we fire"]
        secret = ["--query-label", '{"level":"confidential"}']
        self.refused("PERMISSION_DENIED", *asked, *secret, field="query_label")
        self.refused("INVALID_ARGUMENT", *asked, field="query_label")
        self.assertEqual(self.model.asked(), [])
        unknown = self.embedded(endpoint="unknown")
        asked[1] = unknown
        level = ["--query-label", '{"level":"public"}']
        self.refused("FAILED_PRECONDITION", *asked, *level, field="collection")
        answer = self.store.cordon("ingest", unknown, self.store.lines(text_document("a", "b")))
        self.assertEqual(answer.lines[0]["field"], "chunks[0].destination", answer)
        self.assertEqual(self.model.asked(), [])

    def test_it_fails(self):
        name = self.embedded(text_document("a", "cat"))
        asked = ["retrieve", name, "--text", "cat", "--query-label", '{"level":"public"}']
        for how in ("dimension", "nan", "model", "nameless", "few"):
            self.model.become(how=how)
            error = self.refused("FAILED_PRECONDITION", *asked, field="endpoint")
            self.assertNotIn("secret words", str(error))
            self.model.become()  # five in a row would open the circuit
            self.assertEqual(self.found(name, "cat"), ["a"])
        self.model.become(statuses=[500, 503])
        self.assertEqual(self.found(name, "cat"), ["a"])
        self.assertEqual(len(self.model.asked()), 3)
        self.model.become(statuses=[429])
        begun = time.monotonic()
        self.assertEqual(self.found(name, "cat"), ["a"])
        self.assertGreaterEqual(time.monotonic() - begun, 1, "before Retry-After")
        self.model.become(status=400)
        self.refused("FAILED_PRECONDITION", *asked, field="endpoint")
        self.assertEqual(len(self.model.asked()), 1)
        documents = self.store.lines(text_document("b", "dog"))
        answer = self.store.cordon("ingest", name, documents)
        self.assertEqual(answer.error["code"], "FAILED_PRECONDITION", answer)
        self.model.become(how="slow")
        self.assertEqual(self.found(name, "cat"), ["a"])

    def test_it_hangs(self):
        name = self.embedded(text_document("a", "cat"))
        plain = self.collection("--embedder", "builtin", dim=64, metric="cosine")
        self.model.become(how="hang")
        asked = ["retrieve", name, "--text", "cat", "--query-label", '{"level":"public"}']
        waiting = [
            threading.Thread(target=self.store.cordon, args=asked, daemon=True) for _ in range(8)
        ]
        for thread in waiting:
            thread.start()
        time.sleep(0.3)
        begun = time.monotonic()
        self.ok("stats", plain)
        self.ok("retrieve", plain, "--text", "others are not held up")
        self.assertLess(time.monotonic() - begun, DEADLINE_MS / 1000)
        for thread in waiting:
            thread.join()
        self.model.become(status=500)

    def test_the_circuit_opens(self):
        name = self.embedded(text_document("a", "cat"))
        self.model.become(status=500)
        asked = ["retrieve", name, "--text", "cat", "--query-label", '{"level":"public"}']
        for _ in range(5):
            self.refused("UNAVAILABLE", *asked, field="endpoint")
        count = len(self.model.asked())
        self.refused("UNAVAILABLE", *asked, field="endpoint")
        self.assertEqual(len(self.model.asked()), count, "asked through an open circuit")
        self.model.become()
        time.sleep(PAUSE_MS / 1000 + 0.1)
        self.assertEqual(self.found(name, "cat"), ["a"])

    def test_the_circuit_opens_for_answers_that_are_none(self):
        name = self.embedded(text_document("a", "cat"))
        self.model.become(how="few")
        asked = ["retrieve", name, "--text", "cat", "--query-label", '{"level":"public"}']
        for _ in range(5):
            self.refused("FAILED_PRECONDITION", *asked, field="endpoint")
        count = len(self.model.asked())
        self.refused("UNAVAILABLE", *asked, field="endpoint")
        self.assertEqual(len(self.model.asked()), count, "asked through an open circuit")

    def test_tls_is_verified(self):
        name = self.embedded(text_document("a", "cat"), endpoint="secure")
        self.assertEqual(self.found(name, "cat"), ["a"])
        self.secure.become()
        stranger = self.embedded(endpoint="stranger")
        asked = ["retrieve", stranger, "--text", "cat", "--query-label", '{"level":"public"}']
        self.refused("UNAVAILABLE", *asked, field="endpoint")
        self.assertEqual(self.secure.asked(), [])
        keyless = self.embedded(endpoint="keyless")
        asked[1] = keyless
        self.refused("FAILED_PRECONDITION", *asked, field="endpoint")
        self.assertEqual(self.model.asked(), [])

    def test_a_reranker_orders(self):
        texts = {"a": "cat", "b": "cat and more cat", "c": "a cat that is the longest"}
        documents = [text_document(name, text) for name, text in texts.items()]
        name = self.embedded(*documents)
        plain = self.found(name, "cat")
        answer = self.ask(name, "cat", "--rerank", "rank")
        self.assertEqual(answer["rerank"], "reranked")
        order = [passage["document"] for passage in answer["passages"]]
        self.assertEqual(order, ["c", "b", "a"])
        scores = [passage["rerank_score"] for passage in answer["passages"]]
        self.assertEqual(scores, sorted(scores, reverse=True))
        self.assertEqual(self.found(name, "cat", "--rerank", "rank", "--k", 1), ["c"])
        for how, status in (("few", 200), ("twice", 200), ("", 500), ("hang", 200)):
            self.ranker.become(status=status, how=how)
            answer = self.ask(name, "cat", "--rerank", "rank")
            self.assertEqual(answer["rerank"], "unavailable")
            self.assertEqual([p["document"] for p in answer["passages"]], plain)

    def test_a_canary_goes_to_a_reranker_and_is_cut(self):
        canary = text_document("bird", "cat", canary=True)
        others = [text_document(f"o{i}", "a cat that is much longer " * i) for i in range(1, 4)]
        name = self.embedded(canary, *others)
        before = self.ok("stats", name)["canary_alerts"]
        self.assertNotIn("bird", self.found(name, "cat", "--rerank", "rank", "--k", 1))
        self.assertIn("cat", self.ranker.asked()[-1][0]["documents"])
        self.assertEqual(self.ok("stats", name)["canary_alerts"], before + 1)
        lines = self.ok("journal", "show", "-n", 20)["lines"]
        sent = [line for line in lines if line["call"] == "SendToEndpoint"]
        self.assertEqual([line["destination"] for line in sent if line["canary"]], ["rank"])

    def test_a_reranker_may_not_have_it(self):
        options = ["--embedder", "builtin", "--default-label", '{"level":"internal"}']
        name = self.collection(*options, dim=64, metric="cosine")
        self.ingest(name, text_document("a", "cat"), text_document("b", "cat", level="restricted"))
        answer = self.ask(name, "cat", "--rerank", "rank")
        self.assertEqual(answer["rerank"], "not allowed")
        self.assertEqual(len(answer["passages"]), 2)
        self.assertEqual(self.ask(name, "cat", "--rerank", "rank", label="restricted")["rerank"],
                         "not allowed")
        self.assertEqual(self.ranker.asked(), [])
        asked = ["retrieve", name, "--text", "cat", "--rerank"]
        denied = "PERMISSION_DENIED"
        error = self.refused(denied, *asked, "absent", field="context.rerank")
        key = self.make_key("service:app", "query", "--collections", "*", "--destinations", "embed")
        hidden = self.refused(denied, *asked, "rank", field="context.rerank", key=key)
        self.assertEqual(error, hidden)
        # A registered destination that is no endpoint of this server.
        self.policy(destinations=[{"name": "off", "scope": 3, "ceiling": "all"}])
        self.assertEqual(self.ask(name, "cat", "--rerank", "off")["rerank"], "unavailable")


if __name__ == "__main__":
    main()
