"""What is said of a document, changed without its content."""

import json

from harness import ServerTest, document, main


class Updates(ServerTest):
    def update(self, name, identifier, patch, **more):
        return self.ok("update", name, identifier, "--set", json.dumps(patch), **more)

    def test_what_is_named_changes_and_the_rest_stays(self):
        attributes = self.store.json([{"name": "year", "type": "int"}], ".json")
        name = self.collection("--attributes", attributes)
        self.ingest(name, document("d", uri="u", attributes={"year": 2025}))
        asked = [name, "d", "--as", "user:a"]
        before = self.ok("get", *asked)
        changed = self.update(name, "d", {"title": "new", "attributes": {"year": 2026}})
        self.assertEqual(changed["existed"], True)
        after = self.ok("get", *asked)
        self.assertEqual((after["title"], after["uri"]), ("new", "u"))
        self.assertEqual(after["chunks"], before["chunks"])
        for year, found in ((2025, []), (2026, ["d"])):
            equal = json.dumps({"attr": "year", "eq": year})
            with self.subTest(year=year):
                self.assertEqual(self.sees(name, "user:a", "--filter", equal), found)
        self.update(name, "d", {"uri": None})
        self.assertEqual(self.ok("get", *asked)["uri"], "")

    def test_validity_and_source_decide_at_once(self):
        name = self.filled(document("d"), document("e"))
        self.update(name, "d", {"valid_from": None, "valid_until": "2020-01-01T00:00:00Z"})
        self.assertEqual(self.sees(name, "user:a"), ["e"])
        self.update(name, "d", {"valid_from": None, "valid_until": None})
        self.assertEqual(self.sees(name, "user:a"), ["d", "e"])
        self.ok("source", "quarantine", "found-out")
        patch = {"provenance": {"source": "found-out"}}
        change = ["update", name, "e", "--set", json.dumps(patch)]
        told = self.ok("simulate", *change, "--as", "user:a")
        self.assertEqual(told["principals"][0]["lost"], 1)
        self.update(name, "e", patch)
        self.assertEqual(self.sees(name, "user:a"), ["d"])

    def test_subjects_are_found_by_an_erasure(self):
        name = self.filled(document("d", subjects=["person:1"]))
        self.update(name, "d", {"subjects": ["person:2"]})
        self.ok("erase", name, "--subject", "person:1", "--wait")
        self.assertEqual(self.sees(name, "user:a"), ["d"])
        self.ok("erase", name, "--subject", "person:2", "--wait")
        self.assertEqual(self.sees(name, "user:a"), [])

    def test_what_is_out_of_date_changes_nothing_and_auditors_alone_are_told(self):
        name = self.filled(document("d", title="five", version=5))
        asked = ["get", name, "d", "--as", "user:a"]
        late = [document("d", allow=("user:eve",), version=4), document("e", version=4)]
        writer = self.make_key("service:w", "ingest,grant,label", "--collections", name)
        for key, stale in ((writer, None), (None, 1)):
            with self.subTest(key=key):
                self.assertEqual(self.ingest(name, *late, key=key).get("stale"), stale)
                stored = self.ok(*asked)
                self.assertEqual((stored["title"], stored["version"]), ("five", 5))
        self.assertEqual(self.sees(name, "user:a"), ["d", "e"])
        # The same version replaces; one that states none is not late, and leaves none.
        self.ingest(name, document("d", title="again", version=5))
        self.assertEqual(self.ok(*asked)["title"], "again")
        self.ingest(name, document("d", title="plain"))
        self.assertNotIn("version", self.ok(*asked))
        self.assertNotIn("stale", self.ingest(name, document("d", title="one", version=1)))
        self.assertEqual(self.ok(*asked)["title"], "one")
        answer = self.store.cordon("ingest", name, self.store.lines(document("d", version=-1)))
        self.assertEqual(answer.lines[0]["field"], "version", answer)

    def test_refusals_name_the_field(self):
        name = self.filled(document("d"))
        for patch, field in (
            ({}, "update_mask"),
            ({"acl": {}}, "set.acl"),
            ({"valid_until": "2030-01-01T00:00:00Z"}, "update_mask"),
            ({"attributes": {"none": 1}}, "metadata.attributes.none"),
            ({"title": 7}, "set.title"),
        ):
            with self.subTest(patch=patch):
                given = json.dumps(patch)
                self.refused("INVALID_ARGUMENT", "update", name, "d", "--set", given, field=field)


if __name__ == "__main__":
    main()
