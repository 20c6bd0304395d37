"""Keys, rights, tenants: who may do what, and nobody raises itself."""

import json
import os

from harness import ServerTest, document, main

ADMIN_CALLS = (
    ["key", "list"],
    ["key", "create", "--principal", "service:new", "--rights", "query"],
    ["key", "revoke", "absent"],
    ["key", "rotate", "absent"],
    ["tenant", "create", "t-refused"],
    ["collection", "create", "refused", "--dim", "2", "--metric", "ip"],
)


class Rights(ServerTest):
    def test_each_call_needs_its_right(self):
        name = self.filled(document("d"))
        policy = self.store.json({"tags": ["x"]})
        directory = self.store.lines({"principal": "group:g", "members": []})
        as_ana = ["--as", "user:ana"]
        bare = document("new", acl=None, label=None)
        calls = {
            "query": [["get", name, "d", *as_ana]],
            "ingest": [["delete", name, "absent"], ["ingest", name, self.store.lines(bare)]],
            "grant": [["set-access", name, "d", "--acl", '{"allow":["everyone"]}']],
            "label": [["set-access", name, "d", "--label", '{"level":"public"}']],
            "audit": [
                ["why", name, "d", *as_ana],
                ["stats", name, *as_ana],
                ["journal", "verify"],
                ["journal", "show"],
            ],
            "admin": [
                *ADMIN_CALLS,
                ["stats", name],
                ["policy", "apply", policy],
                ["directory", "apply", directory],
            ],
        }
        rest = "--collections * --destinations * --as-pattern * --clearance all".split()
        every = {"query", "ingest", "label", "grant", "audit", "erase", "export", "act-as", "admin"}
        for right, commands in calls.items():
            key = self.make_key("service:most", ",".join(sorted(every - {right})), *rest)
            for command in commands:
                self.refused("PERMISSION_DENIED", *command, key=key)
        only = {right: self.make_key("service:one", right, *rest) for right in ("audit", "admin")}
        for command in calls["audit"]:
            self.ok(*command, key=only["audit"])
        self.ok("stats", name, key=only["admin"])

    def test_writing_needs_grant_and_label_for_what_is_explicit(self):
        acl, label = '{"allow":["everyone"]}', '{"level":"public"}'
        name = self.collection("--default-acl", acl, "--default-label", label)
        full, low = document("x"), {"level": "public"}
        cases = {
            "ingest": {"acl": "acl", "label": "label", "chunk": "chunks[0].acl"},
            "ingest,grant": {"label": "label"},
            "ingest,label": {"acl": "acl", "chunk": "chunks[0].acl"},
            "ingest,grant,label": {},
        }
        chunk = {**full["chunks"][0], "acl": {"allow": ["everyone"]}}
        for rights, refused in cases.items():
            key = self.make_key("service:loader", rights, "--collections", "*")
            lines = self.store.lines(
                document("bare", acl=None, label=None),
                document("acl", label=None),
                document("label", acl=None, label=low),
                document("chunk", acl=None, label=None, chunks=[chunk]),
            )
            answer = self.store.cordon("ingest", name, lines, key=key)
            told = {line["id"]: line["field"] for line in answer.lines[:-1]}
            self.assertEqual(told, refused, answer)
            self.assertEqual(answer.last["accepted"], 4 - len(refused))

    def test_an_id_prefix_bounds_every_write(self):
        name = self.filled(document("hr/1"), document("it/1"))
        key = self.make_key(
            "service:hr", "ingest,grant,label", "--collections", name, "--id-prefix", "hr/"
        )
        label = ["--label", '{"level":"public"}']
        for one in ("it/1", "it/absent", "h", "HR/1"):
            self.refused("PERMISSION_DENIED", "delete", name, one, key=key)
            self.refused("PERMISSION_DENIED", "set-access", name, one, *label, key=key)
        lines = self.store.lines(document("hr/2"), document("it/2"))
        answer = self.store.cordon("ingest", name, lines, key=key)
        self.assertEqual((answer.last["accepted"], answer.lines[0]["field"]), (1, "id"), answer)
        self.ok("set-access", name, "hr/1", *label, key=key)
        self.ok("delete", name, "hr/1", key=key)
        self.assertEqual(self.sees(name, "user:a"), ["hr/2", "it/1"])

    def test_a_hidden_collection_is_an_absent_one(self):
        name = self.filled(document("d"))
        rights = "query,ingest,grant,label,audit,admin,act-as"
        key = self.make_key("service:blind", rights, "--destinations", "*", "--as-pattern", "*")
        lines = self.store.lines(document("d"))
        for command in (
            ["get", "{}", "d", "--as", "user:a"],
            ["delete", "{}", "d"],
            ["set-access", "{}", "d", "--label", '{"level":"public"}'],
            ["stats", "{}"],
            ["stats", "{}", "--as", "user:a"],
            ["why", "{}", "d", "--as", "user:a"],
            ["ingest", "{}", lines],
            ["collection", "delete", "{}"],
        ):
            errors = []
            for one in (name, "absent"):
                call = [one if word == "{}" else word for word in command]
                errors.append(self.refused("NOT_FOUND", *call, key=key))
            self.assertEqual(errors[0], errors[1], command)


class Entrance(ServerTest):
    """Nothing comes in unjudged, and no refusal of a known caller goes unrecorded."""

    def test_a_stream_without_documents_is_judged_too(self):
        name, empty = self.collection(), self.store.path(".jsonl")
        open(empty, "w").close()
        forged = self.store.path(".key")
        with open(forged, "w") as file:
            file.write("default.0123456789abcdef." + "A" * 43 + "\n")
        os.chmod(forged, 0o600)
        reader = self.make_key("service:r", "query", "--collections", "*")
        self.refused("UNAUTHENTICATED", "ingest", name, empty, key=forged)
        self.refused("PERMISSION_DENIED", "ingest", name, empty, key=reader)
        self.refused("NOT_FOUND", "ingest", "nowhere", empty)
        self.assertEqual(self.ok("ingest", name, empty)["accepted"], 0)

    def test_a_message_that_is_too_large_has_its_record(self):
        name = self.filled(document("a"))
        line = json.dumps({"id": "q", "vector": [1, 0], "text": "x" * (5 << 20)})
        asked = self.store.path(".jsonl")
        with open(asked, "w") as file:
            file.write(line + "\n")
        answer = self.store.cordon("retrieve", name, "--queries", asked)
        self.assertEqual(answer.code, 1, answer)
        (record,) = self.ok("journal", "show", "-n", 1)["lines"]
        self.assertEqual((record["call"], record["outcome"]), ("Retrieve", "INVALID_ARGUMENT"))


class Keys(ServerTest):
    def test_a_revoked_key_is_refused_at_once(self):
        name = self.filled(document("d", ["service:k"]))
        made = self.ok(
            "key", "create", "--principal", "service:k", "--rights", "query",
            "--collections", "*", "--destinations", "dev",
        )
        key = self.store.path(".key")
        key.write_text(made["key"] + "\n")
        self.ok("get", name, "d", key=key)
        self.assertIsInstance(self.ok("key", "revoke", made["id"])["revision"], int)
        self.refused("UNAUTHENTICATED", "get", name, "d", key=key)
        self.refused("NOT_FOUND", "key", "revoke", made["id"])

    def test_bad_grants_are_refused(self):
        base = ["key", "create", "--principal", "service:k", "--rights", "query"]
        for options in (
            ["--clearance", '{"level":"absent"}'],
            ["--clearance", '{"level":"public","compartments":["absent"]}'],
            ["--clearance", "everything"],
            ["--clearance", "{"],
            ["--as-pattern", "us*r:a"],
            ["--as-pattern", "group:hr"],
            ["--as-pattern", ""],
        ):
            self.refused("INVALID_ARGUMENT", *base, *options)
        for principal in ("group:g", "role:r", "everyone", "app", "service:", "service:a\u0007"):
            create = ["key", "create", "--principal", principal, "--rights", "query"]
            self.refused("INVALID_ARGUMENT", *create)
        for rights in ("everything", "query,fly", ""):
            create = ["key", "create", "--principal", "service:k", "--rights", rights]
            answer = self.store.cordon(*create)
            self.assertIn(answer.code, (1, 2), answer)

    def test_no_key_makes_a_stronger_one_for_its_own_principal(self):
        key = self.make_key("service:a", "admin,query", "--collections", "one")
        base = ["key", "create", "--principal", "service:a", "--rights"]
        for options in (
            ["admin,query,audit"],
            ["admin", "--clearance", "all"],
            ["admin", "--collections", "one,two"],
            ["admin", "--collections", "*"],
            ["admin", "--destinations", "dev"],
            ["admin", "--as-pattern", "user:a"],
            ["query,act-as", "--as-pattern", "*"],
        ):
            self.refused("PERMISSION_DENIED", *base, *options, key=key)
        self.ok(*base, "query", "--collections", "one", key=key)
        self.ok("key", "create", "--principal", "service:b", "--rights", "audit", key=key)


class Raise(ServerTest):
    dev = False

    def test_no_admin_raises_itself(self):
        apply = ["directory", "apply"]
        grow = {"principal": "group:in", "members": ["service:admin"]}
        self.refused("PERMISSION_DENIED", *apply, self.store.lines(grow))
        self.directory({"principal": "group:in", "members": ["user:a", "group:deep"]})
        deep = {"principal": "group:deep", "members": ["service:admin"]}
        self.refused("PERMISSION_DENIED", *apply, self.store.lines(deep))
        role = {"principal": "role:in", "members": ["group:deep", "service:admin"]}
        other = {"principal": "user:b", "clearance": {"level": "restricted"}}
        self.refused("PERMISSION_DENIED", *apply, self.store.lines(other, role))
        for clearance in ({"level": "internal"}, "all"):
            own = {"principal": "service:admin", "clearance": clearance}
            self.refused("PERMISSION_DENIED", *apply, self.store.lines(own))
        self.directory({"principal": "service:admin", "clearance": {"level": "public"}})
        self.directory({"principal": "group:in", "members": ["user:b"]})
        self.policy(levels=["zero", "public", "internal", "confidential", "restricted"])

    def test_the_first_key_is_admin_only(self):
        name = self.collection()
        for command in (
            ["get", name, "d"],
            ["delete", name, "d"],
            ["journal", "verify"],
            ["stats", name, "--as", "user:a"],
            ["why", name, "d", "--as", "user:a"],
            ["set-access", name, "d", "--label", '{"level":"public"}'],
        ):
            self.refused("PERMISSION_DENIED", *command)
        listed = self.ok("key", "list")["keys"]
        first = next(key for key in listed if key["principal"] == "service:admin")
        self.assertEqual(first["rights"], ["admin"])

    def test_dev_is_no_destination_outside_dev(self):
        name = self.collection()
        key = self.make_key("service:q", "query", "--collections", "*", "--destinations", "*")
        self.refused("PERMISSION_DENIED", "get", name, "d", "--destination", "dev", key=key)
        self.refused("PERMISSION_DENIED", "get", name, "d", key=key)


class Tenants(ServerTest):
    def test_walls_between_tenants(self):
        mine = self.filled(document("d"))
        self.policy(compartments=["ours"])
        self.directory({"principal": "group:g", "members": ["user:a"]})
        file = self.store.path(".key")
        self.assertIn("id", self.ok("tenant", "create", "acme", "--out", file))
        self.refused("ALREADY_EXISTS", "tenant", "create", "acme")
        for command in (["stats", mine], ["collection", "delete", mine]):
            self.refused("NOT_FOUND", *command, key=file)
        self.refused("PERMISSION_DENIED", "tenant", "create", "sub", key=file)
        create = ["key", "create", "--principal", "service:x", "--rights", "query"]
        level = json.dumps({"level": "public", "compartments": ["ours"]})
        self.refused("INVALID_ARGUMENT", *create, "--clearance", level, key=file)
        revision = self.ok("stats", mine)["revision"]
        self.ok("collection", "create", mine, "--dim", 2, "--metric", "ip", key=file)
        self.assertEqual(self.ok("stats", mine)["revision"], revision)
        every = "query,ingest,grant,label,audit,admin,act-as"
        rest = "--collections * --destinations dev --as-pattern * --clearance all".split()
        theirs = self.make_key("service:x", every, *rest, key=file)
        self.ingest(mine, document("t", ["group:g", "user:b"]), key=theirs)
        self.assertEqual(self.sees(mine, "user:b", key=theirs), ["t"])
        self.assertEqual(self.sees(mine, "user:a", key=theirs), [])
        self.assertEqual(self.sees(mine, "user:a"), ["d"])
        stats = self.ok("stats", mine, key=theirs)
        self.assertEqual((stats["documents"], stats["undefined_principals"]), (1, 1), stats)
        ids = [{key["id"] for key in self.ok("key", "list", key=k)["keys"]} for k in (file, None)]
        self.assertFalse(ids[0] & ids[1])
        one = next(iter(ids[1]))
        self.refused("NOT_FOUND", "key", "revoke", one, key=file)
        journal = [self.query(mine, "user:a", key=k)["journal_id"] for k in (theirs, None)]
        self.refused("NOT_FOUND", "journal", "show", "--id", journal[1], key=theirs)
        narrow = self.make_key("service:narrow", "audit", "--collections", "elsewhere")
        self.refused("NOT_FOUND", "journal", "show", "--id", journal[1], key=narrow)
        shown = self.ok("journal", "show", "-n", 1000, key=narrow)["lines"]
        self.assertEqual({line["collection"] for line in shown}, {""}, shown)
        for key in (theirs, narrow, None):
            self.assertIs(self.ok("journal", "verify", key=key)["ok"], True)

    def test_the_seeds_of_a_fresh_tenant_do_not_count(self):
        file = self.store.path(".key")
        self.ok("tenant", "create", "fresh", "--out", file)
        self.ok("policy", "apply", self.store.json({"levels": ["low", "high"]}), key=file)
        create = ["collection", "create", "c", "--dim", 2, "--metric", "ip", "--default-label"]
        self.refused("INVALID_ARGUMENT", *create, '{"level":"public"}', key=file)
        self.ok(*create, '{"level":"high"}', key=file)

    def test_bad_tenant_names_are_refused(self):
        for name in ("", "..", "a/b", "../x", "default", "a b", "a\u0000b"[:1] * 500):
            answer = self.store.cordon("tenant", "create", name, "--out", self.store.path(".key"))
            self.assertEqual(answer.code, 1, f"{name!r}: {answer}")


if __name__ == "__main__":
    main()
