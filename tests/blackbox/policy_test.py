"""Policy, directory and collection files: all or nothing, names in use, types and limits."""

import json

from harness import ServerTest, document, main


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
        low = {"level": "public"}
        empty = {"compartments": [], "tags": ["other"], "scopes": {}, "default_clearance": low}
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
        def rule(compartment):
            ceiling = {"level": "public", "compartments": [compartment]}
            return {"2": {"ceiling": ceiling}}

        self.policy(compartments=["old"], scopes=rule("old"))
        self.refuse_policy(compartments=["new"])
        self.refuse_policy(scopes=rule("new"))
        self.policy(compartments=["new"], scopes=rule("new"))
        self.policy(scopes={}, compartments=[])

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
        unknown = ["collection", "create", "c", "--dim", 2, "--metric", "x"]
        self.assertEqual(self.store.cordon(*unknown).code, 2)
        for name in ("", "x" * 65, "a\u0007"):
            create = ["collection", "create", name, "--dim", 2, "--metric", "ip"]
            self.refused("INVALID_ARGUMENT", *create)

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
