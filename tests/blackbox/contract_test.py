"""Every command with the shape of its answer, its exit code and its defaults."""

import json
import os
import re
import stat
import subprocess

from harness import (
    CORDON,
    CORDOND,
    ServerTest,
    document,
    environment,
    main,
    run,
    write_lines,
    write_npy,
)

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
PUBLIC = {"level": "public", "compartments": [], "tags": []}


def spread(count):
    """Documents d000, d001, … with falling inner products against (1, 0)."""
    return [document(f"d{i:03}", vector=(1 - i / 1000, 0.5)) for i in range(count)]


class Options(ServerTest):
    def test_options_go_before_and_after_the_command(self):
        address, key = self.store.address, str(self.store.admin_key)
        bare = environment()
        shared = ["--server", address, "--key-file", key, "--json"]
        for command in (
            [CORDON, *shared, "key", "list"],
            [CORDON, "key", "list", *shared],
            [CORDON, *shared[:2], "key", *shared[2:4], "list", "--json"],
        ):
            answer = run(command, env=bare)
            self.assertEqual(answer.code, 0, answer)
            self.assertIsInstance(answer.last, dict, answer)

    def test_an_option_overrides_the_environment(self):
        wrong = environment("127.0.0.1:1", self.store.path())
        shared = ["--server", self.store.address, "--key-file", self.store.admin_key]
        answer = run([CORDON, "--json", "key", "list", *shared], env=wrong)
        self.assertEqual(answer.code, 0, answer)

    def test_usage_errors_exit_2_and_tell_why(self):
        for arguments in (
            [],
            ["nonsense"],
            ["retrieve"],
            ["retrieve", "c"],
            ["retrieve", "c", "--text", "x", "--nonsense"],
            ["retrieve", "c", "--text", "x", "--mode", "slow"],
            ["get", "c"],
            ["set-access", "c", "d"],
            ["collection", "create", "c"],
            ["key", "create"],
            ["why", "c", "d"],
            ["tenant"],
        ):
            answer = self.store.cordon(*arguments)
            self.assertEqual(answer.code, 2, f"{arguments}: {answer}")
            self.assertEqual(answer.error.get("code"), "INVALID_ARGUMENT", answer)
            plain = run([CORDON, *arguments], env=environment(self.store.address))
            self.assertEqual((plain.code, plain.out), (2, b""), plain)
            self.assertNotEqual(plain.err, b"", plain)

    def test_help_and_version_exit_0_on_stdout(self):
        for arguments in (["--help"], ["ingest", "--help"], ["key", "create", "--help"]):
            answer = run([CORDON, *arguments])
            self.assertEqual((answer.code, answer.err), (0, b""), answer)
            self.assertIn(b"xample", answer.out, answer)
        for binary in (CORDON, CORDOND):
            answer = run([binary, "--version"])
            self.assertEqual((answer.code, answer.err), (0, b""), answer)
            self.assertIn(b"0.", answer.out, answer)

    def test_without_json_a_failure_is_on_stderr_only(self):
        env = environment(self.store.address, self.store.admin_key)
        answer = run([CORDON, "stats", "absent"], env=env)
        self.assertEqual((answer.code, answer.out), (1, b""), answer)
        self.assertEqual(answer.err.count(b"\n"), 1, answer)

    def test_a_call_without_or_with_a_wrong_key_is_unauthenticated(self):
        name = self.filled(document("a"))
        made = self.store.path(".key")
        made.write_text("cordon_default_0123456789abcdef_" + "0" * 64 + "\n")
        forged = self.make_key("service:x", "admin")
        text = forged.read_text().strip()
        forged.write_text(text[:-1] + ("0" if text[-1] != "0" else "1") + "\n")
        for key in (made, forged):
            for command in (["key", "list"], ["get", name, "a"], ["stats", name]):
                self.refused("UNAUTHENTICATED", *command, key=key)
        bare = environment(self.store.address)
        for command in (["key", "list"], ["get", name, "a"], ["delete", name, "a"]):
            answer = run([CORDON, "--json", *command], env=bare)
            self.assertEqual((answer.code, answer.error.get("code")), (1, "UNAUTHENTICATED"))

    def test_a_key_file_that_is_absent_or_empty_is_an_error(self):
        absent, empty = self.store.path(), self.store.path()
        empty.write_bytes(b"")
        for key in (absent, empty):
            self.refused("INVALID_ARGUMENT", "key", "list", key=key)


class Retrieve(ServerTest):
    def test_the_answer_has_the_shape_of_the_contract(self):
        name = self.filled(document("a", uri="https://x/a"), document("b", vector=(0.5, 0.1)))
        answer = self.query(name, "user:ana")
        expected = {"id", "passages", "context_label", "destinations", "limited", "revision"}
        self.assertGreaterEqual(set(answer), expected | {"as_of", "journal_id"})
        first = answer["passages"][0]
        self.assertEqual(first["document"], "a")
        self.assertEqual((first["chunk"], first["score"]), (0, 1))
        self.assertEqual((first["text"], first["title"]), ("text of a", "title of a"))
        self.assertEqual((first["uri"], first["label"]), ("https://x/a", PUBLIC))
        self.assertEqual(answer["context_label"], PUBLIC)
        self.assertEqual(answer["destinations"], ["dev"])
        self.assertIs(answer["limited"], False)
        self.assertIsInstance(answer["revision"], int)
        self.assertRegex(answer["as_of"], TIME)
        self.assertIsInstance(answer["journal_id"], str)
        self.assertNotEqual(answer["journal_id"], self.query(name, "user:ana")["journal_id"])

    def test_nothing_found_is_an_empty_list_and_no_label(self):
        empty = self.collection()
        hidden = self.filled(document("h", ["user:eve"]))
        for name in (empty, hidden):
            answer = self.query(name, "user:ana")
            self.assertEqual((answer["passages"], answer["context_label"]), ([], None))

    def test_k_is_10_unless_given(self):
        name = self.filled(*spread(30))
        vector = write_npy(self.store.path(".npy"), (1.0, 0.0))
        base = ["retrieve", name, "--vector", vector, "--as", "user:a"]
        self.assertEqual(len(self.ok(*base)["passages"]), 10)
        for k in (1, 7, 30, 31, 10000):
            self.assertEqual(len(self.ok(*base, "--k", k)["passages"]), min(k, 30))
        for k in (0, -1, 10001, 2**32, 2**33 + 5):
            self.refused("INVALID_ARGUMENT", *base, "--k", k, field="k")

    def test_fast_and_no_mode_find_what_exact_finds_here(self):
        name = self.filled(*spread(30))
        vector = write_npy(self.store.path(".npy"), (0.9, 0.1))
        base = ["retrieve", name, "--vector", vector, "--as", "user:a"]
        exact = self.ok(*base, "--mode", "exact")["passages"]
        self.assertEqual(self.ok(*base)["passages"], exact)
        self.assertEqual(self.ok(*base, "--mode", "fast", "--rank", "vector")["passages"], exact)

    def test_no_text_leaves_out_the_text_only(self):
        name = self.filled(document("a"))
        with_text = self.query(name, "user:a")["passages"][0]
        without = self.query(name, "user:a", "--no-text")["passages"][0]
        self.assertEqual(without.pop("text", ""), "")
        self.assertEqual(with_text.pop("text"), "text of a")
        self.assertEqual(without, with_text)

    def test_scores_are_cosine_inner_product_and_negated_squared_distance(self):
        found = {}
        for metric in ("cosine", "ip", "l2"):
            name = self.collection(metric=metric)
            three = (document("far", vector=(0, 2)), document("near", vector=(3, 0)))
            self.ingest(name, *three, document("zero", vector=(0, 0)))
            passages = self.query(name, "user:a", vector=(1, 0))["passages"]
            found[metric] = [(p["document"], p["score"]) for p in passages]
        self.assertEqual(found["cosine"], [("near", 1), ("far", 0), ("zero", 0)])
        self.assertEqual(found["ip"], [("near", 3), ("far", 0), ("zero", 0)])
        self.assertEqual(found["l2"], [("zero", -1), ("near", -4), ("far", -5)])

    def test_equal_scores_go_by_document_then_chunk(self):
        chunks = [{"text": "t", "embedding": [1, 0], "ordinal": n} for n in (30, 4, 100)]
        names = ["b", "a/9", "a/10", "Z", "ä", "a"]
        name = self.filled(*(document(n, chunks=chunks) for n in names))
        passages = self.query(name, "user:a")["passages"]
        order = sorted(names, key=str.encode)
        expected = [(n, chunk) for n in order for chunk in (4, 30, 100)]
        self.assertEqual([(p["document"], p["chunk"]) for p in passages], expected)

    def test_scores_are_printed_as_shortest_round_trip_doubles(self):
        name = self.filled(*(document(f"d{i}", vector=(1 / (i + 3), 0.1)) for i in range(20)))
        file = write_npy(self.store.path(".npy"), (0.3, 0.7))
        asked = ["retrieve", name, "--vector", file, "--k", 20, "--as", "user:a"]
        answer = self.store.cordon(*asked)
        shown = re.findall(rb'"score":([^,}]+)', answer.out)
        self.assertEqual(len(shown), 20, answer)
        for text in shown:
            self.assertLessEqual(len(text), len(repr(float(text))), text)

    def test_npy_of_every_width_and_shape_is_read(self):
        name = self.filled(document("a"))
        for kind in ("<f2", "<f4", "<f8"):
            for shape in (None, "(1, 2)"):
                file = write_npy(self.store.path(".npy"), (1, 0.5), kind, shape)
                passages = self.ok("retrieve", name, "--vector", file, "--as", "user:a")["passages"]
                self.assertEqual(passages[0]["score"], 1)

    def test_embedder_none_refuses_bare_text_and_builtin_refuses_vectors(self):
        none = self.filled(document("a"))
        self.refused("INVALID_ARGUMENT", "retrieve", none, "--text", "x", "--as", "user:a")
        both = ["--text", "x", "--vector", write_npy(self.store.path(".npy"), (1, 0))]
        self.ok("retrieve", none, *both, "--as", "user:a")
        builtin = self.collection("--embedder", "builtin", dim=64)
        wide = write_npy(self.store.path(".npy"), [1.0] * 64)
        self.refused("INVALID_ARGUMENT", "retrieve", builtin, "--vector", wide, "--as", "user:a")

    def test_builtin_embeds_chunks_and_whole_texts(self):
        name = self.collection("--embedder", "builtin", dim=256, metric="cosine")
        label = {"level": "public"}
        acl = {"allow": ["everyone"]}
        leave = {"id": "leave", "acl": acl, "label": label, "text": "Parental leave lasts long."}
        chunk = {"text": "Database servers replicate logs."}
        logs = {"id": "logs", "acl": acl, "label": label, "chunks": [chunk]}
        self.ingest(name, leave, logs)
        for text, best in (("parental leave", "leave"), ("replicated database", "logs")):
            answer = self.ok("retrieve", name, "--text", text, "--as", "user:a")
            self.assertEqual(answer["passages"][0]["document"], best)

    def test_the_context_label_is_the_join(self):
        self.policy(compartments=["people", "merger"], tags=["pii", "draft"])
        self.directory({"principal": "user:cleared", "clearance": "all"})
        labels = (
            {"level": "internal", "compartments": ["people"], "tags": ["pii"]},
            {"level": "restricted", "compartments": ["merger"], "tags": ["draft"]},
            {"level": "public"},
        )
        name = self.filled(*(document(f"d{i}", label=label) for i, label in enumerate(labels)))
        answer = self.query(name, "user:cleared")
        self.assertEqual(len(answer["passages"]), 3)
        joined = answer["context_label"]
        self.assertEqual(joined["level"], "restricted")
        self.assertEqual(sorted(joined["compartments"]), ["merger", "people"])
        self.assertEqual(sorted(joined["tags"]), ["draft", "pii"])


class Queries(ServerTest):
    def test_answers_come_one_a_line_and_in_order(self):
        name = self.filled(*spread(40))
        queries = [
            {"id": f"q{i}", "as": "user:a", "vector": [1, i / 100], "k": 1 + i % 20}
            for i in range(300)
        ]
        answer = self.store.cordon(
            "retrieve", name, "--queries", self.store.lines(*queries), "--mode", "exact"
        )
        self.assertEqual(answer.code, 0, answer)
        self.assertEqual([line["id"] for line in answer.lines], [q["id"] for q in queries])
        for line, query in zip(answer.lines, queries):
            self.assertEqual(len(line["passages"]), query["k"])

    def test_a_bad_query_fails_alone_in_its_place(self):
        name = self.filled(document("a"), document("s", ["user:b"]))
        good = {"as": "user:a", "vector": [1, 0]}
        bad = {
            "k": {**good, "k": 10001},
            "zero": {**good, "k": 0},
            "mode": {**good, "mode": "slow"},
            "rank": {**good, "rank": "best"},
            "vector": {**good, "vector": [1, 2, 3]},
            "nan": {**good, "vector": [1, 1e39]},
            "as": {**good, "as": "ana"},
            "group": {**good, "as": "group:hr"},
            "key": {**good, "kk": 3},
            "type": {**good, "vector": "1,0"},
            "none": {"as": "user:a"},
        }
        queries = []
        for code, query in bad.items():
            queries += [{"id": code, **query}, {"id": "ok-" + code, **good}]
        answer = self.store.cordon("retrieve", name, "--queries", self.store.lines(*queries))
        self.assertEqual(answer.code, 1, answer)
        self.assertEqual([line["id"] for line in answer.lines], [q["id"] for q in queries])
        for line in answer.lines:
            if line["id"].startswith("ok-"):
                self.assertEqual([p["document"] for p in line["passages"]], ["a"], line)
            else:
                self.assertEqual(line["error"]["code"], "INVALID_ARGUMENT", line)
                self.assertNotIn("passages", line)

    def test_what_is_no_json_fails_alone_too(self):
        name = self.filled(document("a"))
        good = {"id": "q", "as": "user:a", "vector": [1, 0]}
        nan = b'{"id":"n","as":"user:a","vector":[NaN,0]}'
        lines = self.store.lines(good, b"{", nan, b"[]", b'{"id":"\xff"}', b"", good)
        answer = self.store.cordon("retrieve", name, "--queries", lines)
        self.assertEqual(answer.code, 1, answer)
        self.assertEqual(["error" in line for line in answer.lines], [False] + [True] * 4 + [False])

    def test_a_query_overrides_the_options(self):
        name = self.filled(*spread(20), document("s", ["user:b"], vector=(2, 0)))
        lines = self.store.lines(
            {"id": "1", "vector": [1, 0]}, {"id": "2", "vector": [1, 0], "as": "user:b", "k": 2}
        )
        answer = self.store.cordon(
            "retrieve", name, "--queries", lines, "--as", "user:a", "--k", 5, "--no-text"
        )
        first, second = (line["passages"] for line in answer.lines)
        self.assertEqual([len(first), len(second)], [5, 2])
        self.assertEqual([first[0]["document"], second[0]["document"]], ["d000", "s"])
        self.assertEqual(first[0].get("text", ""), "")

    def test_no_queries_are_no_answers(self):
        name = self.filled(document("a"))
        answer = self.store.cordon("retrieve", name, "--queries", self.store.lines())
        self.assertEqual((answer.code, answer.out), (0, b""), answer)


class Documents(ServerTest):
    def test_ingest_tells_the_sums_last(self):
        name = self.collection()
        bad = document("bad", level="secret")
        answer = self.store.cordon(
            "ingest", name, self.store.lines(document("a", ["group:gone"]), bad, document("c"))
        )
        self.assertEqual(answer.code, 1, answer)
        line = answer.lines[0]
        self.assertEqual((line["line"], line["id"], line["field"]), (2, "bad", "label.level"))
        self.assertIn("secret", line["message"])
        self.assertGreater(answer.last.pop("revision"), 0)
        sums = {"accepted": 2, "refused": 1, "undefined_principals": 1}
        self.assertEqual({key: answer.last[key] for key in sums}, sums)
        self.assertEqual(self.sees(name, "user:a"), ["c"])

    def test_a_replaced_document_counts_and_loses_its_old_chunks(self):
        chunks = [{"text": f"old {i}", "embedding": [1, 0]} for i in range(5)]
        name = self.filled(document("a", chunks=chunks))
        sums = self.ingest(name, document("a"), document("b"))
        self.assertEqual(sums["accepted"], 2)
        got = self.ok("get", name, "a", "--as", "user:a")
        self.assertEqual([chunk["text"] for chunk in got["chunks"]], ["text of a"])
        stats = self.ok("stats", name)
        self.assertEqual((stats["documents"], stats["chunks"]), (2, 2))
        repeated = self.ingest(name, *(document("a", title=f"v{i}") for i in range(9)))
        self.assertEqual(repeated["accepted"], 9)
        self.assertEqual(self.ok("get", name, "a", "--as", "user:a")["title"], "v8")

    def test_ingest_reads_gzip_and_standard_input(self):
        name = self.collection()
        plain = self.store.lines(document("a"), document("b"))
        with open(plain, "rb") as file:
            text = file.read()
        self.assertEqual(self.ok("ingest", name, "-", data=text)["accepted"], 2)
        subprocess.run(["gzip", "-k", plain], check=True)
        self.assertEqual(self.ok("ingest", name, f"{plain}.gz")["accepted"], 2)

    def test_an_empty_file_is_no_failure(self):
        name = self.collection()
        answer = self.store.cordon("ingest", name, self.store.lines())
        self.assertEqual((answer.code, answer.last["accepted"]), (0, 0), answer)

    def test_a_directory_is_ingested_by_rules(self):
        folder = self.store.path()
        (folder / "hr").mkdir(parents=True)
        (folder / "hr/leave.md").write_text("# Leave\n\nParental leave lasts twelve months.\n")
        (folder / "open.html").write_text("<html><title>T</title><body><p>Open house</p></body>")
        subprocess.run(["gzip", folder / "hr/leave.md"], check=True)
        (folder / "stray.txt").write_text("nobody named me")
        rules = [
            {"glob": "hr/**", "allow": ["group:hr"], "level": "internal"},
            {"glob": "*.html", "allow": ["everyone"], "level": "public"},
        ]
        self.directory({"principal": "group:hr", "members": ["user:hana"]})
        self.directory({"principal": "user:hana", "clearance": {"level": "internal"}})
        name = self.collection("--embedder", "builtin", dim=64)
        file = self.store.json({"rules": rules})
        answer = self.store.cordon("ingest", name, folder, "--rules", file)
        self.assertEqual(answer.code, 1, answer)
        self.assertEqual((answer.last["accepted"], answer.last["refused"]), (2, 1), answer)
        text = ["retrieve", name, "--text", "parental leave"]
        hana = self.ok(*text, "--as", "user:hana")["passages"]
        self.assertIn("twelve months", hana[0]["text"])
        eve = self.ok(*text, "--as", "user:eve")["passages"]
        self.assertEqual(len(eve), 1)
        self.assertIn("Open house", eve[0]["text"])

    def test_get_gives_the_permitted_chunks_by_ordinal(self):
        chunks = [
            {"text": "nine", "embedding": [1, 0], "ordinal": 9},
            {"text": "secret", "embedding": [1, 0], "ordinal": 5, "acl": {"allow": ["user:b"]}},
            {"text": "two", "embedding": [1, 0], "ordinal": 2, "label": {"level": "public"}},
        ]
        name = self.filled(document("a", chunks=chunks))
        got = self.ok("get", name, "a", "--as", "user:a")
        self.assertGreaterEqual(set(got), {"document", "title", "chunks", "revision"})
        self.assertEqual((got["document"], got["title"]), ("a", "title of a"))
        expected = [
            {"chunk": 2, "text": "two", "label": PUBLIC},
            {"chunk": 9, "text": "nine", "label": PUBLIC},
        ]
        self.assertEqual(got["chunks"], expected)

    def test_set_access_keeps_the_other_half(self):
        self.policy(compartments=["people", "merger"], tags=["pii", "draft"])
        self.directory({"principal": "user:in", "clearance": {"level": "internal"}})
        name = self.filled(document("a", ["user:in"], level="internal"))
        self.assertEqual(self.sees(name, "user:in"), ["a"])
        self.ok("set-access", name, "a", "--label", json.dumps({"level": "restricted"}))
        self.assertEqual(self.sees(name, "user:in"), [])
        self.ok("set-access", name, "a", "--acl", json.dumps({"allow": ["everyone"]}))
        self.assertEqual(self.sees(name, "user:in"), [])
        self.ok("set-access", name, "a", "--label", json.dumps({"level": "internal"}))
        self.assertEqual(self.sees(name, "user:in"), ["a"])
        self.assertEqual(self.sees(name, "user:low"), [])
        both = ["--acl", '{"allow":["user:low"]}', "--label", '{"level":"public"}']
        self.ok("set-access", name, "a", *both)
        self.assertEqual((self.sees(name, "user:in"), self.sees(name, "user:low")), ([], ["a"]))

    def test_delete_takes_the_document_away(self):
        name = self.filled(document("a"), document("b"))
        before = self.ok("stats", name)["revision"]
        answer = self.ok("delete", name, "a")
        self.assertEqual(answer["revision"], before + 1)
        self.assertEqual(self.sees(name, "user:a"), ["b"])
        self.refused("NOT_FOUND", "get", name, "a", "--as", "user:a")
        stats = self.ok("stats", name)
        self.assertEqual((stats["documents"], stats["chunks"]), (1, 1))

    def test_stats_count_all_and_with_as_what_is_visible(self):
        name = self.filled(
            document("a", ["group:undefined-1", "user:x"]), document("b"), document("c", ["user:b"])
        )
        plain = self.ok("stats", name)
        self.assertNotIn("visible_chunks", plain)
        counts = (plain["documents"], plain["chunks"], plain["undefined_principals"])
        self.assertEqual(counts, (3, 3, 1))
        self.assertIsInstance(plain["revision"], int)
        for who, visible in (("user:x", 2), ("user:b", 2), ("user:none", 1), ("service:s", 0)):
            self.assertEqual(self.ok("stats", name, "--as", who)["visible_chunks"], visible)

    def test_why_names_each_clause(self):
        name = self.filled(document("a", ["group:readers"], level="public"))
        self.directory({"principal": "group:readers", "members": ["user:r"]})
        answer = self.ok("why", name, "a", "--as", "user:r")
        self.assertIs(answer["permitted"], True)
        for clause in answer["clauses"]:
            self.assertGreaterEqual(set(clause), {"name", "permitted", "because"})
        self.assertTrue(any("group:readers" in c["because"] for c in answer["clauses"]), answer)
        answer = self.ok("why", name, "a", "--as", "user:other")
        self.assertIs(answer["permitted"], False)
        self.assertFalse(all(clause["permitted"] for clause in answer["clauses"]))
        self.refused("NOT_FOUND", "why", name, "absent", "--as", "user:r")

    def test_apply_tells_how_many_parts(self):
        answer = self.policy(
            containers=[{"name": "folder:/x", "allow": ["group:x"]}],
            destinations=[{"name": "chat", "scope": 3, "ceiling": {"level": "internal"}}],
        )
        self.assertEqual((answer["applied"], answer["refused"]), (2, 0))
        answer = self.directory(
            {"principal": "group:x", "members": ["user:a", {"principal": "group:y"}]},
            {"principal": "user:a", "clearance": {"level": "restricted"}},
        )
        self.assertEqual((answer["applied"], answer["refused"]), (2, 0))
        self.assertIsInstance(answer["revision"], int)

    def test_a_policy_file_may_be_yaml(self):
        file = self.store.path(".yaml")
        file.write_text(
            "default_clearance: {level: public}\n"
            "containers:\n- name: folder:/yaml\n  allow: [group:hr]\n"
        )
        self.assertEqual(self.ok("policy", "apply", file)["applied"], 2)
        text = file.read_bytes()
        self.assertEqual(self.ok("policy", "apply", write_lines(file, [text]))["applied"], 2)

    def test_a_new_key_is_printed_once_or_written_for_its_owner_only(self):
        base = ["key", "create", "--principal", "service:k", "--rights", "query"]
        printed = self.ok(*base)
        self.assertGreaterEqual(set(printed), {"id", "key"})
        file = self.store.path(".key")
        written = self.ok(*base, "--out", file)
        self.assertNotIn("key", written)
        self.assertEqual(stat.S_IMODE(os.stat(file).st_mode), 0o600)
        secret = file.read_text().strip()
        listing = self.store.cordon("key", "list")
        self.assertNotIn(secret.encode(), listing.out)
        self.assertNotIn(printed["key"].encode(), listing.out)
        ids = {key["id"] for key in listing.last["keys"]}
        self.assertLessEqual({printed["id"], written["id"]}, ids)
        self.refused("ALREADY_EXISTS", *base, "--out", file)
        self.assertEqual(file.read_text().strip(), secret)


if __name__ == "__main__":
    main()
