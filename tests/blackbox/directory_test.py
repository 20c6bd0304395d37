"""The directory from elsewhere: aliases, sources that come late, snapshots; policy shown again."""


from harness import ServerTest, document, main


def group(name, *members, **more):
    return {"principal": f"group:{name}", "members": list(members), **more}


class Directory(ServerTest):
    def sync(self, source, *records, options=()):
        file = self.store.lines(*records)
        return self.ok("directory", "sync", source, file, *options)

    def refuse_sync(self, code, source, *records, field=None, options=()):
        file = self.store.lines(*records)
        return self.refused(code, "directory", "sync", source, file, *options, field=field)

    def groups(self, principal):
        told = self.ok("directory", "get", principal)
        return {each["group"]: each["path"] for each in told["groups"]}

    def test_an_alias_is_the_one(self):
        self.directory(
            {"principal": "user:ann@x.org", "alias_of": "user:ann"},
            {"principal": "user:ann", "clearance": {"level": "public"}},
            group("ann-in", "user:ann@x.org"),
            group("ann-out", "group:ann-in"),
        )
        docs = [document("d", allow=["group:ann-out"]), document("e", allow=["user:ann"])]
        name = self.filled(*docs)
        self.assertEqual(self.sees(name, "user:ann@x.org"), ["d", "e"])
        self.assertEqual(self.sees(name, "user:ann"), ["d", "e"])
        told = self.ok("directory", "get", "user:ann@x.org")
        self.assertEqual(told["principal"], "user:ann")
        self.assertEqual(told["aliases"], ["user:ann@x.org"])
        path = ["user:ann", "user:ann@x.org", "group:ann-in", "group:ann-out"]
        self.assertEqual(self.groups("user:ann")["group:ann-out"], path)
        chain = self.store.lines({"principal": "user:b", "alias_of": "user:ann@x.org"})
        error = self.refused("INVALID_ARGUMENT", "directory", "apply", chain, field="alias_of")
        self.assertIn("line 1", error["message"])

    def test_what_comes_late_is_refused(self):
        at = lambda n: {"source": "events", "sequence": n}
        self.directory(group("late", "user:new", **at(5)))
        file = self.store.lines(group("fine"), group("late", "user:old", **at(4)))
        error = self.refused("ABORTED", "directory", "apply", file, field="sequence")
        self.assertIn("group:late", error["message"])
        self.assertIn("line 2", error["message"])
        self.assertIsNone(self.ok("directory", "get", "group:fine")["record"])
        self.assertIn("group:late", self.groups("user:new"))
        self.directory({"principal": "group:late", "delete": True, **at(6)})
        self.assertNotIn("group:late", self.groups("user:new"))
        again = self.store.lines(group("late", "user:new", **at(5)))
        self.refused("ABORTED", "directory", "apply", again, field="sequence")
        other = self.store.lines(group("late", "user:new"))
        self.refused("FAILED_PRECONDITION", "directory", "apply", other, field="source")

    def test_a_snapshot_is_one_change(self):
        people = [group(f"s{i}", f"user:s{i}") for i in range(30)]
        before = self.sync("snap", *people, options=["--dry-run"])
        self.assertEqual((before["added"], len(before["added_names"])), (30, 30))
        self.assertEqual(self.groups("user:s1"), {})
        done = self.sync("snap", *people, options=["--reason", "CHG-7"])
        self.assertEqual(done["revision"], before["revision"] + 1)
        self.assertIn("group:s1", self.groups("user:s1"))
        fewer = self.sync("snap", *people[:28], group("s28", "user:other"))
        counts = [fewer[each] for each in ("added", "changed", "removed", "unchanged")]
        self.assertEqual(counts, [0, 1, 1, 28])
        self.assertEqual(self.groups("user:s29"), {})
        self.refuse_sync("FAILED_PRECONDITION", "snap", *people[:3])
        self.assertIn("group:s9", self.groups("user:s9"))
        self.sync("snap", *people[:3], options=["--allow-removals", "--sequence", "40"])
        self.assertEqual(self.groups("user:s9"), {})
        self.refuse_sync("ABORTED", "snap", *people[:3], options=["--sequence", "40"])
        error = self.refuse_sync("INVALID_ARGUMENT", "snap", people[0], people[1], people[0])
        self.assertIn("line 3", error["message"])

    def test_a_large_snapshot_is_many_messages(self):
        people = [{"principal": f"user:l{i}@example.com", "clearance": {"level": "public"}}
                  for i in range(20000)]
        people.append(group("everybody", *(each["principal"] for each in people)))
        self.assertEqual(self.sync("large", *people)["added"], 20001)
        self.assertIn("group:everybody", self.groups("user:l19999@example.com"))
        told = self.ok("directory", "get", "group:everybody", "--limit", 5)
        self.assertEqual((told["members"], len(told["record"]["members"])), (20000, 5))
        self.assertTrue(told["more"])
        self.assertEqual(self.sync("large", *people)["unchanged"], 20001)

    def test_policy_shown_is_policy_applied(self):
        self.policy(tags=["t"], containers=[{"name": "folder:/shown", "allow": ["group:g"]}])
        for options in (["--yaml"], []):
            shown = self.store.cordon("policy", "show", *options)
            self.assertEqual(shown.code, 0, shown)
            file = self.store.path(".yaml")
            with open(file, "w", encoding="utf-8") as out:
                out.write(shown.out if isinstance(shown.out, str) else shown.out.decode())
            self.ok("policy", "apply", file, "--reason", "CHG-8")
        told = self.ok("policy", "history", "-n", 2)["changes"]
        self.assertEqual([each["reason"] for each in told], ["CHG-8", "CHG-8"])
        self.assertEqual({each["call"] for each in told}, {"ApplyPolicy"})
        lines = self.ok("journal", "query", "-n", 50)["lines"]
        self.assertIn("CHG-8", [each["reason"] for each in lines])


if __name__ == "__main__":
    main()
