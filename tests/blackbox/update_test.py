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
