"""What a change would do, asked before it is made: every kind of change that the contract names."""

import datetime

from harness import ServerTest, document, main

EVERYONE = '{"allow":["everyone"]}'
RESTRICTED = '{"level":"restricted"}'


def in_an_hour():
    time = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


class Simulate(ServerTest):
    def told(self, *change, who="user:ana"):
        """How many documents `who` would gain and lose."""
        answer = self.ok("simulate", *change, "--as", who)
        self.assertEqual([each["principal"] for each in answer["principals"]], [who])
        return answer["principals"][0]["gained"], answer["principals"][0]["lost"]

    def test_each_change_is_told_and_none_is_made(self):
        name = self.filled(
            document("open"),
            document("hr/1", allow=("group:hr",), subjects=["person:1"]),
            document("hr/2", allow=("group:hr",)),
            document("job", allow=("service:x",), level="restricted"),
        )
        access = ["set-access", name]
        self.assertEqual(self.told(*access, "hr/1", "--acl", EVERYONE), (1, 0))
        self.assertEqual(self.told(*access, "--prefix", "hr/", "--acl", EVERYONE), (2, 0))
        lists = self.store.lines(
            {"id": "hr/1", "acl": {"allow": ["everyone"]}},
            {"id": "open", "acl": {"allow": ["group:hr"]}},
        )
        self.assertEqual(self.told(*access, "--file", lists), (1, 1))
        for removal in (["delete", name, "open"], ["erase", name, "open"]):
            self.assertEqual(self.told(*removal), (0, 1))
        self.assertEqual(self.told("erase", name, "--subject", "person:1"), (0, 0))
        self.assertEqual(self.told("collection-delete", name), (0, 1))
        group = self.store.lines({"principal": "group:hr", "members": ["user:ana"]})
        self.assertEqual(self.told("directory", group), (2, 0))
        self.assertEqual(self.told("directory-sync", "hris", group), (2, 0))
        glass = ["break-glass-open", "--for", "user:ana", "--reason", "fire", "--until"]
        self.assertEqual(self.told(*glass, in_an_hour()), (2, 0))
        self.assertEqual(self.sees(name, "user:ana"), ["open"])

        create = ["key-create", "--principal", "service:x", "--clearance", RESTRICTED]
        self.assertEqual(self.told(*create, who="service:x"), (1, 0))
        self.make_key("service:x", "query", "--clearance", RESTRICTED)
        keys = self.ok("key", "list")["keys"]
        key = next(each["id"] for each in keys if each["principal"] == "service:x")
        self.assertEqual(self.told("key-revoke", key, who="service:x"), (0, 1))

        opened = [*glass[1:], in_an_hour()]
        opened[0] = "--as"
        made = self.ok("break-glass", "open", *opened)["id"]
        self.assertEqual(self.told("break-glass-close", made), (0, 2))

        new = [document("new"), document("open", allow=("group:hr",)), document("hr/1")]
        for each in new:
            del each["chunks"][0]["embedding"]
        self.assertEqual(self.told("ingest", name, self.store.lines(*new)), (2, 1))
        bad = self.store.lines(document("x", level="none"), {"id": "y", "frob": 1}, new[0])
        answer = self.store.cordon("simulate", "ingest", name, bad, "--as", "user:ana")
        self.assertEqual(answer.code, 1)
        told = [(each["line"], each["id"], each["field"]) for each in answer.lines[:-1]]
        self.assertEqual(told, [(1, "x", "label.level"), (2, "y", "frob")])
        self.assertEqual(answer.last["principals"][0]["gained"], 1)
        self.assertEqual(self.sees(name, "user:ana"), ["open"])

        self.refused("INVALID_ARGUMENT", "simulate", *access, "--acl", EVERYONE, field="document")
        late = ["simulate", "delete", name, "open", "--at-least-revision", 10**6]
        self.refused("FAILED_PRECONDITION", *late, field="at_least_revision")

    def test_a_listing_is_told_and_not_made(self):
        name = self.collection()
        self.ok("source", "sync", name, "wiki", self.store.lines(document("a"), document("b")))
        change = ["simulate", "source-sync", name, "wiki"]
        lines = self.store.lines(document("b"), document("c"), document("d", level="absent"))
        answer = self.store.cordon(*change, lines, "--allow-removals", "--as", "user:ana")
        self.assertEqual(answer.code, 1, answer)
        told = [(each["line"], each["id"], each["field"]) for each in answer.lines[:-1]]
        self.assertEqual(told, [(3, "d", "label.level")])
        told = answer.last["principals"][0]
        self.assertEqual((told["gained"], told["lost"]), (1, 1))
        self.refused("FAILED_PRECONDITION", *change, lines, field="begin.removals_max_percent")
        broken = self.store.lines(document("c"), {"id": "y", "frob": 1})
        answer = self.store.cordon(*change, broken, "--as", "user:ana")
        told = answer.last["principals"][0]
        self.assertEqual((answer.code, told["gained"], told["lost"]), (1, 1, 0), answer)
        self.assertEqual(self.sees(name, "user:ana"), ["a", "b"])


if __name__ == "__main__":
    main()
