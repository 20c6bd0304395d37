"""Keys, tenants, collections, policy and directory files: who may, all or nothing, no self-raise."""

import json
import unittest

from harness import ServerTest, document, main

ADMIN_CALLS = (
    ["key", "list"],
    ["key", "create", "--principal", "service:new", "--rights", "query"],
    ["key", "revoke", "absent"],
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
        defaults = ["--default-acl", '{"allow":["everyone"]}', "--default-label", '{"level":"public"}']
        name = self.collection(*defaults)
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
            errors = [
                self.refused("NOT_FOUND", *(one if word == "{}" else word for word in command), key=key)
                for one in (name, "absent")
            ]
            self.assertEqual(errors[0], errors[1], command)


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
            answer = self.store.cordon("key", "create", "--principal", "service:k", "--rights", rights)
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
        for key in (theirs, None):
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


class Policy(ServerTest):
    def refuse_policy(self, **parts):
        answer = self.store.cordon("policy", "apply", self.store.json(parts))
        self.assertEqual(answer.code, 1, f"{parts}: {answer}")
        self.assertIn("error", answer.last, answer)
        return answer.error

    def test_all_or_nothing(self):
        name = self.collection()
        before = self.ok("stats", name)["revision"]
        good = {"name": "folder:/good", "allow": ["everyone"]}
        self.refuse_policy(containers=[good, {"name": "folder:/bad", "allow": ["nobody"]}])
        self.refuse_policy(tags=["t"], destinations=[{"name": "x", "scope": 3}])
        self.assertEqual(self.ok("stats", name)["revision"], before)
        acl = json.dumps({"inherit": ["folder:/good"]})
        self.refused("INVALID_ARGUMENT", "set-access", name, "d", "--acl", acl)

    def test_bad_parts_are_refused(self):
        low = {"level": "public"}
        for parts in (
            {"level": ["public"]},
            {"levels": []},
            {"levels": ["a", "a"]},
            {"levels": "public"},
            {"compartments": ["x", "x"]},
            {"default_clearance": {"level": "absent"}},
            {"default_clearance": {"level": "public", "compartments": ["absent"]}},
            {"scopes": {"6": {"ceiling": low}}},
            {"scopes": {"0": {"ceiling": low}}},
            {"scopes": {"1": {"ceiling": {"level": "absent"}}}},
            {"scopes": {"1": {"ceiling": low, "forbidden_tags": ["absent"]}}},
            {"scopes": {"1": {}}},
            {"containers": [{"name": "c"}]},
            {"containers": [{"name": "c", "allow": [], "inherit": []}]},
            {"containers": [{"name": "c", "inherit": ["absent"]}]},
            {"containers": [{"name": "c", "allow": ["user:a"], "inherit": ["c"]}]},
            {"containers": [{"name": "c", "delete": True}]},
            {"containers": [{"allow": ["user:a"]}]},
            {"containers": [{"name": "c", "allow": ["user:a"]}] * 2},
            {"destinations": [{"name": "d", "scope": 3}]},
            {"destinations": [{"name": "d", "ceiling": low}]},
            {"destinations": [{"name": "d", "scope": 0, "ceiling": low}]},
            {"destinations": [{"name": "d", "scope": 6, "ceiling": low}]},
            {"destinations": [{"name": "d", "scope": 3, "ceiling": {}}]},
            {"destinations": [{"name": "d", "scope": 3, "ceiling": low, "forbidden_tags": ["no"]}]},
            {"destinations": [{"name": "d", "scope": 3, "ceiling": low, "delete": "yes"}]},
            {"destinations": [{"name": "d", "scope": 3, "ceiling": low, "colour": "red"}]},
            {"destinations": [{"name": "absent", "delete": True}]},
        ):
            self.refuse_policy(**parts)

    def test_a_name_in_use_cannot_be_dropped(self):
        # Each user of a name is made, dropping is refused, then the user goes and dropping works.
        names = {"compartments": ["c"], "tags": ["t", "other"], "scopes": {}}
        empty = {"compartments": [], "tags": ["other"], "scopes": {}, "default_clearance": {"level": "public"}}
        label = {"level": "public", "compartments": ["c"], "tags": ["t"]}
        clearance = {"level": "public", "compartments": ["c"]}
        some = self.collection()
        made_key = []

        def create_key():
            made_key.append(self.ok(
                "key", "create", "--principal", "service:k", "--rights", "query",
                "--clearance", json.dumps(clearance))["id"])

        users = {
            "stored label": (
                lambda: self.ingest(some, document("d", label=label)),
                lambda: self.ok("delete", some, "d"),
            ),
            "chunk label": (
                lambda: self.ingest(some, document("d", chunks=[
                    {"text": "t", "embedding": [1, 0], "label": label}])),
                lambda: self.ok("delete", some, "d"),
            ),
            "clearance": (
                lambda: self.directory({"principal": "user:c", "clearance": clearance}),
                lambda: self.directory({"principal": "user:c", "clearance": "all"}),
            ),
            "key": (create_key, lambda: self.ok("key", "revoke", made_key[-1])),
            "ceiling": (
                lambda: self.policy(destinations=[{"name": "d", "scope": 3, "ceiling": clearance}]),
                lambda: self.policy(destinations=[{"name": "d", "delete": True}]),
            ),
            "forbidden tag": (
                lambda: self.policy(destinations=[
                    {"name": "d", "scope": 3, "ceiling": "all", "forbidden_tags": ["t"]}]),
                lambda: self.policy(destinations=[{"name": "d", "delete": True}]),
            ),
            "collection default": (
                lambda: self.ok("collection", "create", "default", "--dim", 2, "--metric", "ip",
                                "--default-label", json.dumps(label)),
                lambda: self.ok("collection", "delete", "default"),
            ),
        }
        for user, (make, unmake) in users.items():
            with self.subTest(user):
                self.policy(**names)
                make()
                try:
                    self.refuse_policy(**empty)
                finally:
                    unmake()
                self.policy(**empty)

    def test_the_whole_file_is_judged_by_its_result(self):
        self.policy(compartments=["old"], scopes={"2": {"ceiling": {"level": "public", "compartments": ["old"]}}})
        self.refuse_policy(compartments=["new"])
        self.policy(compartments=["new"], scopes={"2": {"ceiling": {"level": "public", "compartments": ["new"]}}})
        self.policy(scopes={}, compartments=[])
        self.policy(levels=["low", "high"], default_clearance={"level": "low"})
        self.policy(levels=["public", "internal", "confidential", "restricted"],
                    default_clearance={"level": "public"})

    def test_a_container_in_use_stays(self):
        self.policy(containers=[
            {"name": "folder:/a", "allow": ["everyone"]},
            {"name": "folder:/b", "allow": ["everyone"], "inherit": ["folder:/a"]},
        ])
        name = self.filled(document("d", acl={"inherit": ["folder:/b"]}))
        for one in ("folder:/a", "folder:/b"):
            self.refuse_policy(containers=[{"name": one, "delete": True}])
        self.ok("delete", name, "d")
        self.refuse_policy(containers=[{"name": "folder:/a", "delete": True}])
        self.policy(containers=[{"name": n, "delete": True} for n in ("folder:/a", "folder:/b")])

    def test_the_dev_destination_survives(self):
        name = self.filled(document("d", level="restricted"))
        ceiling = {"level": "public", "compartments": []}
        self.policy(scopes={"5": {"ceiling": ceiling}}, destinations=[])
        self.directory({"principal": "user:all", "clearance": "all"})
        self.assertEqual(self.sees(name, "user:all"), ["d"])
        self.refuse_policy(destinations=[{"name": "dev", "scope": 1, "ceiling": ceiling}])
        self.refuse_policy(destinations=[{"name": "dev", "delete": True}])
        self.policy(scopes={})

    def test_a_destination_never_widens_its_scope(self):
        rule = {"ceiling": {"level": "internal", "compartments": []}, "forbidden_tags": []}
        self.policy(scopes={"2": rule})
        for ceiling in ({"level": "restricted"}, "all"):
            self.refuse_policy(destinations=[{"name": "d", "scope": 2, "ceiling": ceiling}])
        self.policy(destinations=[{"name": "d", "scope": 2, "ceiling": {"level": "public"}}])
        self.policy(destinations=[{"name": "d", "delete": True}], scopes={})


class Directory(ServerTest):
    def test_all_or_nothing_with_the_line(self):
        name = self.filled(document("d", ["group:g"]))
        good = {"principal": "group:g", "members": ["user:a"]}
        bad = (
            {"principal": "group:h", "members": ["nobody"]},
            {"principal": "group:h", "clearance": {"level": "public"}},
            {"principal": "role:h", "clearance": "all"},
            {"principal": "user:b", "members": ["user:a"]},
            {"principal": "user:b", "clearance": {"level": "absent"}},
            {"principal": "user:b", "clearance": {"level": "public", "compartments": ["no"]}},
            {"principal": "user:b"},
            {"principal": "everyone", "members": ["user:a"]},
            {"principal": "group:h", "members": [{"principal": "user:a", "until": "tomorrow"}]},
            {"principal": "group:e\u0301", "members": []},
            {"principal": "group:" + "x" * 251, "members": []},
            {"members": ["user:a"]},
            {"principal": "group:h", "members": ["user:a"], "colour": 1},
        )
        for record in bad:
            file = self.store.lines(good, record)
            error = self.refused("INVALID_ARGUMENT", "directory", "apply", file)
            self.assertIn("line 2", error["message"], error)
        for line in (b"{", b"[]", b"\xff", b"null"):
            file = self.store.lines(good, line)
            self.refused("INVALID_ARGUMENT", "directory", "apply", file)
        self.assertEqual(self.sees(name, "user:a"), [])

    def test_members_replace_members_and_a_clearance_keeps_them(self):
        name = self.filled(document("d", ["group:g"]))
        self.directory({"principal": "group:g", "members": ["user:a", "user:b"]})
        self.directory({"principal": "group:g", "members": ["user:c", "user:b"]})
        seen = [self.sees(name, who) for who in ("user:a", "user:b", "user:c")]
        self.assertEqual(seen, [[], ["d"], ["d"]])
        self.directory({"principal": "user:b", "clearance": {"level": "restricted"}})
        self.assertEqual(self.sees(name, "user:b"), ["d"])

    def test_undefined_principals_become_defined(self):
        name = self.collection()
        sums = self.ingest(name, document("d", ["group:late", "role:late", "user:late"]))
        self.assertEqual(sums["undefined_principals"], 2)
        self.directory({"principal": "role:late", "members": []})
        self.assertEqual(self.ok("stats", name)["undefined_principals"], 1)
        self.directory({"principal": "group:late", "members": ["user:late"]})
        self.assertEqual(self.ok("stats", name)["undefined_principals"], 0)


class Collections(ServerTest):
    def test_bad_collections_are_refused(self):
        for options in (
            ["--dim", 0, "--metric", "ip"],
            ["--dim", 4097, "--metric", "ip"],
            ["--dim", 2, "--metric", "ip", "--default-label", '{"level":"absent"}'],
            ["--dim", 2, "--metric", "ip", "--default-label", "{}"],
            ["--dim", 2, "--metric", "ip", "--default-acl", '{"allow":["nobody"]}'],
            ["--dim", 2, "--metric", "ip", "--default-acl", '{"inherit":["absent"]}'],
            ["--dim", 2, "--metric", "ip", "--default-acl", '{}'],
            ["--dim", 2, "--metric", "ip", "--attributes", "absent.json"],
        ):
            self.refused("INVALID_ARGUMENT", "collection", "create", "c", *options)
        self.assertEqual(self.store.cordon("collection", "create", "c", "--dim", 2, "--metric", "x").code, 2)
        for name in ("", "x" * 65, "a\u0007"):
            self.refused("INVALID_ARGUMENT", "collection", "create", name, "--dim", 2, "--metric", "ip")

    def test_a_name_is_taken_until_it_is_deleted(self):
        name = self.filled(document("d"))
        again = ["collection", "create", name, "--dim", 3, "--metric", "l2"]
        self.refused("ALREADY_EXISTS", *again)
        self.ok("collection", "delete", name)
        self.refused("NOT_FOUND", "stats", name)
        self.ok(*again)
        self.assertEqual(self.ok("stats", name)["documents"], 0)
        self.refused("NOT_FOUND", "get", name, "d", "--as", "user:a")

    def test_attributes_are_typed(self):
        kinds = ("int", "float", "bool", "string", "time")
        specs = self.store.json([{"name": kind, "type": kind} for kind in kinds], ".json")
        name = self.collection("--attributes", specs)
        good = {"int": 7, "float": 1, "bool": True, "string": "s", "time": "2026-01-01T00:00:00Z"}
        self.ingest(name, document("good", attributes=good))
        bad = [("int", 1.5), ("int", "1"), ("float", "x"), ("bool", 1), ("string", 1),
               ("time", "today"), ("time", 5), ("other", 1), ("int", None), ("string", ["a"])]
        lines = self.store.lines(*(document("bad", attributes={k: v}) for k, v in bad))
        answer = self.store.cordon("ingest", name, lines)
        fields = [line["field"] for line in answer.lines[:-1]]
        self.assertEqual(fields, [f"attributes.{k}" for k, _ in bad], answer)


if __name__ == "__main__":
    main()
