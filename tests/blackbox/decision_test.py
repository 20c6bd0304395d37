"""Who sees what, as DESIGN §2 decides it, seen from outside: search, get, stats and why agree."""

import json
import re
import time

from harness import ServerTest, document, main

POLICY = {
    "levels": ["public", "internal", "confidential", "restricted"],
    "compartments": ["people", "merger"],
    "tags": ["pii", "no-external-model", "region:eu", "region:us"],
    "default_clearance": {"level": "internal"},
    "scopes": {"1": {"ceiling": {"level": "public"}, "forbidden_tags": ["pii"]}},
    "containers": [
        {"name": "folder:/hr", "allow": ["group:hr"], "deny": ["group:contractors"]},
        {"name": "folder:/hr/pay", "allow": ["group:pay"], "inherit": ["folder:/hr"]},
        {"name": "folder:/all", "allow": ["everyone", "service:bot"]},
    ],
    "destinations": [
        {"name": "chat-public", "scope": 1, "ceiling": {"level": "public", "compartments": []}},
        {"name": "chat-eu", "scope": 3, "ceiling": {"level": "confidential"}, "region": "eu"},
        {
            "name": "chat-us",
            "scope": 3,
            "ceiling": "all",
            "forbidden_tags": ["no-external-model"],
            "region": "us",
        },
        {
            "name": "tuned",
            "scope": 4,
            "ceiling": "all",
            "model_label": {"level": "confidential", "compartments": ["merger"]},
        },
    ],
}
DIRECTORY = [
    {"principal": "group:hr", "members": ["user:hana", "group:pay", "user:carl"]},
    {"principal": "group:pay", "members": ["user:pam"]},
    {"principal": "group:contractors", "members": ["user:carl"]},
    {"principal": "group:ring-a", "members": ["group:ring-b"]},
    {"principal": "group:ring-b", "members": ["group:ring-a", "user:ring"]},
    {"principal": "role:auditor", "members": ["user:rolf"]},
    {"principal": "user:boss", "clearance": {"level": "restricted", "compartments": ["people"]}},
    {"principal": "user:merge", "clearance": {"level": "confidential", "compartments": ["merger"]}},
    {"principal": "user:intern", "clearance": {"level": "public"}},
]


def at(seconds):
    """The RFC 3339 time so many seconds from now."""
    now = time.time() + seconds
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03}Z"


class DecisionTest(ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for command, file in (
            ("policy", cls.store.json(POLICY)),
            ("directory", cls.store.lines(*DIRECTORY)),
        ):
            answer = cls.store.cordon(command, "apply", file)
            if answer.code != 0:
                raise AssertionError(answer)

    def check(self, name, who, expected, *options):
        """Search, get, stats and why all say that `who` sees exactly `expected` of `name`."""
        self.assertEqual(self.sees(name, who, *options), sorted(expected), f"{who} {options}")
        for one in self.ids[name]:
            got = self.store.cordon("get", name, one, "--as", who, *options)
            self.assertEqual(got.code == 0, one in expected, f"{who} {one}: {got}")
            why = self.ok("why", name, one, "--as", who, *options)
            self.assertEqual(why["permitted"], one in expected, f"{who} {one}: {why}")
        stats = self.ok("stats", name, "--as", who, *options)
        self.assertEqual(stats["visible_chunks"], len(expected), f"{who} {options}")

    ids = {}

    def with_documents(self, *documents):
        name = self.filled(*documents)
        self.ids[name] = [one["id"] for one in documents]
        return name


class Lists(DecisionTest):
    def test_users_groups_roles_nesting_and_denies(self):
        name = self.with_documents(
            document("user", ["user:hana"]),
            document("group", ["group:hr"]),
            document("nested", ["group:pay"]),
            document("role", ["role:auditor"]),
            document("all", ["everyone"]),
            document("cycle", ["group:ring-a"]),
            document("denied", acl={"allow": ["everyone"], "deny": ["group:contractors"]}),
            document("both", acl={"allow": ["user:pam"], "deny": ["group:hr"]}),
            document("gone", ["group:nobody-made-this"]),
        )
        self.check(name, "user:hana", ["user", "group", "all", "denied"])
        self.check(name, "user:pam", ["group", "nested", "all", "denied"])
        self.check(name, "user:carl", ["group", "all"])
        self.check(name, "user:rolf", ["role", "all", "denied"])
        self.check(name, "user:ring", ["cycle", "all", "denied"])
        self.check(name, "user:unknown", ["all", "denied"])
        self.check(name, "user:HANA", ["all", "denied"])

    def test_everyone_is_not_services(self):
        name = self.with_documents(
            document("all", ["everyone"]),
            document("bot", ["service:bot"]),
            document("not", acl={"allow": ["service:bot"], "deny": ["everyone"]}),
        )
        self.check(name, "service:bot", ["bot", "not"])
        self.check(name, "user:a", ["all"])

    def test_containers_all_permit(self):
        name = self.with_documents(
            document("hr", acl={"inherit": ["folder:/hr"]}),
            document("pay", acl={"inherit": ["folder:/hr/pay"]}),
            document("two", acl={"inherit": ["folder:/hr", "folder:/all"]}),
            document("own", acl={"allow": ["user:hana"], "inherit": ["folder:/hr"]}),
            document("less", acl={"deny": ["user:hana"], "inherit": ["folder:/hr"]}),
            document("wide", acl={"allow": ["everyone"], "inherit": ["folder:/hr"]}),
        )
        self.check(name, "user:hana", ["hr", "two", "own", "wide"])
        self.check(name, "user:pam", ["hr", "pay", "two", "less", "wide"])
        self.check(name, "user:carl", [])
        self.check(name, "user:a", [])

    def test_a_chunk_only_narrows(self):
        def chunk(text, **more):
            return {"text": text, "embedding": [1, 0], **more}

        chunks = [
            chunk("plain"),
            chunk("wider", acl={"allow": ["everyone"]}),
            chunk("pam", acl={"allow": ["user:pam"]}),
            chunk("no pam", acl={"allow": ["everyone"], "deny": ["user:pam"]}),
            chunk("people", label={"level": "internal", "compartments": ["people"]}),
        ]
        name = self.filled(document("d", ["group:hr"], level="internal", chunks=chunks))

        def texts(who):
            return [passage["text"] for passage in self.query(name, who)["passages"]]

        self.assertEqual(texts("user:hana"), ["plain", "wider", "no pam"])
        self.assertEqual(texts("user:pam"), ["plain", "wider", "pam"])
        self.assertEqual(texts("user:boss"), [])
        got = self.ok("get", name, "d", "--as", "user:pam")
        self.assertEqual([chunk["chunk"] for chunk in got["chunks"]], [0, 1, 2])

    def test_set_access_joins_chunk_labels_and_never_looks(self):
        label = {"level": "confidential"}
        chunks = [{"text": "t", "embedding": [1, 0], "label": label}]
        name = self.with_documents(document("d", level="internal", chunks=chunks))
        self.check(name, "user:merge", ["d"])
        self.ok("set-access", name, "d", "--label", '{"level":"restricted"}')
        self.check(name, "user:merge", [])
        self.ok("set-access", name, "d", "--label", '{"level":"public"}')
        self.check(name, "user:merge", ["d"])
        self.check(name, "user:hana", [])


class Labels(DecisionTest):
    def test_levels_and_compartments(self):
        name = self.with_documents(
            *(document(level, level=level) for level in POLICY["levels"]),
            document("people", label={"level": "public", "compartments": ["people"]}),
            document("both", label={"level": "public", "compartments": ["people", "merger"]}),
        )
        self.check(name, "user:intern", ["public"])
        self.check(name, "user:unknown", ["public", "internal"])
        self.check(name, "user:merge", ["public", "internal", "confidential"])
        self.check(name, "user:boss", POLICY["levels"] + ["people"])
        self.check(name, "service:other", [])

    def test_destinations_bound_what_leaves(self):
        name = self.with_documents(
            document("plain"),
            document("internal", level="internal"),
            document("restricted", level="restricted"),
            document("pii", label={"level": "public", "tags": ["pii"]}),
            document("local", label={"level": "public", "tags": ["no-external-model"]}),
            document("eu", label={"level": "public", "tags": ["region:eu"]}),
            document("either", label={"level": "public", "tags": ["region:eu", "region:us"]}),
        )
        every = self.ids[name]
        expected = {
            "chat-public": ["plain", "local"],
            "chat-eu": [one for one in every if one != "restricted"],
            "chat-us": [one for one in every if one not in ("local", "eu")],
            "dev": [one for one in every if one not in ("eu", "either")],
        }
        for destination, permitted in expected.items():
            self.check(name, "user:boss", permitted, "--destination", destination)

    def test_a_scope_4_model_needs_the_users_clearance(self):
        name = self.with_documents(document("plain"))
        for who, permitted in (("user:merge", ["plain"]), ("user:boss", []), ("user:a", [])):
            self.check(name, who, permitted, "--destination", "tuned")

    def test_destinations_of_an_answer_may_receive_all_of_it(self):
        name = self.filled(
            document("eu", label={"level": "public", "tags": ["region:eu"]}),
            document("pii", label={"level": "internal", "tags": ["pii"]}, vector=(0.5, 0)),
        )
        answer = self.query(name, "user:boss", "--destination", "chat-eu")
        self.assertEqual(len(answer["passages"]), 2)
        self.assertEqual(answer["destinations"], ["chat-eu"])
        answer = self.query(name, "user:boss", "--destination", "chat-us")
        self.assertEqual([p["document"] for p in answer["passages"]], ["pii"])
        self.assertEqual(sorted(answer["destinations"]), ["chat-eu", "chat-us", "dev"])

    def test_collection_defaults_stand_in_for_what_is_missing(self):
        defaults = ["--default-acl", '{"allow":["group:hr"]}']
        name = self.collection(*defaults, "--default-label", '{"level":"internal"}')
        self.ids[name] = ["bare", "list", "label"]
        self.ingest(
            name,
            document("bare", acl=None, label=None),
            document("list", ["everyone"], label=None),
            document("label", acl=None, level="public"),
        )
        self.check(name, "user:hana", ["bare", "list", "label"])
        self.check(name, "user:intern", [])
        self.check(name, "user:unknown", ["list"])

    def test_all_follows_later_schemes(self):
        self.policy(
            levels=POLICY["levels"] + ["ultra"], compartments=POLICY["compartments"] + ["new"]
        )
        label = {"level": "ultra", "compartments": ["new"]}
        name = self.filled(document("top", ["service:dev", "user:vip"], label=label))
        self.assertEqual(self.sees(name, None), ["top"])
        self.assertEqual(self.sees(name, "user:vip"), [])
        self.directory({"principal": "user:vip", "clearance": "all"})
        self.assertEqual(self.sees(name, "user:vip"), ["top"])


class Applications(DecisionTest):
    def key(self, principal="service:app", rights="query,act-as", **options):
        spread = []
        for option, value in {"collections": "*", "destinations": "*", **options}.items():
            if value is not None:
                spread += ["--" + option.replace("_", "-"), value]
        return self.make_key(principal, rights, *spread)

    def test_the_key_is_a_ceiling(self):
        name = self.filled(
            document("low"),
            document("high", level="confidential"),
            document("people", label={"level": "public", "compartments": ["people"]}),
        )
        lowest = self.key(as_pattern="user:*")
        people = json.dumps({"level": "internal", "compartments": ["people"]})
        some = self.key(as_pattern="user:*", clearance=people)
        every = self.key(as_pattern="user:*", clearance="all")
        ask = ["--destination", "dev"]
        self.assertEqual(self.sees(name, "user:boss", *ask, key=lowest), ["low"])
        self.assertEqual(self.sees(name, "user:boss", *ask, key=some), ["low", "people"])
        self.assertEqual(self.sees(name, "user:boss", *ask, key=every), ["high", "low", "people"])
        self.assertEqual(self.sees(name, "user:a", *ask, key=every), ["low"])

    def test_whom_a_key_may_act_for(self):
        name = self.filled(document("d", ["everyone", "service:app", "service:x"]))
        ask = ["get", name, "d", "--destination", "dev", "--as"]
        cases = {
            "user:*": (["user:a", "user:b", "service:app"], ["service:x"]),
            "user:a": (["user:a"], ["user:ab", "user:b"]),
            "user:a*": (["user:a", "user:ab"], ["user:b"]),
            "*": (["user:a", "service:x"], []),
            None: (["service:app"], ["user:a", "service:x"]),
        }
        for pattern, (permitted, refused) in cases.items():
            key = self.key(as_pattern=pattern)
            for who in permitted:
                self.ok(*ask, who, key=key)
            for who in refused:
                self.refused("PERMISSION_DENIED", *ask, who, key=key)
        without = self.key(rights="query", as_pattern="*")
        self.refused("PERMISSION_DENIED", *ask, "user:a", key=without)
        for nobody in ("group:hr", "role:auditor", "everyone", "ana", "user:"):
            self.refused("INVALID_ARGUMENT", *ask, nobody)

    def test_the_application_is_denied_but_never_allows(self):
        name = self.filled(
            document("not-app", acl={"allow": ["everyone"], "deny": ["service:app"]}),
            document("not-apps", acl={"allow": ["everyone"], "deny": ["group:apps"]}),
            document("app-only", ["service:app"]),
            document("all"),
        )
        self.directory({"principal": "group:apps", "members": ["service:app"]})
        app, other = self.key(as_pattern="*"), self.key("service:other", as_pattern="*")
        ask = ["--destination", "dev"]
        self.assertEqual(self.sees(name, "user:a", *ask, key=app), ["all"])
        self.assertEqual(
            self.sees(name, "user:a", *ask, key=other), ["all", "not-app", "not-apps"]
        )
        self.assertEqual(self.sees(name, None, *ask, key=app), ["app-only"])

    def test_destinations_of_a_key(self):
        name = self.filled(document("plain"), document("internal", level="internal"))
        both = self.key(
            as_pattern="*", clearance="all", destinations="chat-public,chat-eu"
        )
        self.assertEqual(self.sees(name, "user:a", key=both), ["plain"])
        ask = ["--destination", "chat-eu"]
        self.assertEqual(self.sees(name, "user:a", *ask, key=both), ["internal", "plain"])
        get = ["get", name, "plain", "--as", "user:a", "--destination"]
        errors = [
            self.refused("PERMISSION_DENIED", *get, where, key=both)
            for where in ("chat-us", "absent")
        ]
        self.assertEqual(errors[0], errors[1])
        none = self.key(as_pattern="*", destinations=None)
        self.refused("PERMISSION_DENIED", *get[:-1], key=none)
        self.refused("PERMISSION_DENIED", *get, "chat-eu", key=none)

    def test_collections_of_a_key(self):
        mine, other = self.filled(document("d")), self.filled(document("d"))
        key = self.key(as_pattern="*", collections=mine)
        self.ok("get", mine, "d", "--as", "user:a", "--destination", "dev", key=key)
        errors = [
            self.refused("NOT_FOUND", "get", name, "d", "--as", "user:a", key=key)
            for name in (other, "absent")
        ]
        self.assertEqual(errors[0], errors[1])
        none = self.key(as_pattern="*", collections=None)
        self.refused("NOT_FOUND", "get", mine, "d", "--as", "user:a", key=none)

    def test_a_service_asks_for_itself(self):
        name = self.filled(document("low", ["service:app"]), document("other", ["service:x"]))
        key = self.key()
        self.assertEqual(self.sees(name, None, "--destination", "dev", key=key), ["low"])


class Time(DecisionTest):
    def sees_until(self, name, who, expected, seconds):
        """Waits until `who` sees `expected`; fails when it takes longer."""
        end = time.monotonic() + seconds
        while self.sees(name, who) != expected:
            self.assertLess(time.monotonic(), end, self.sees(name, who))
            time.sleep(0.05)

    def test_things_start_and_end_on_time_without_any_write(self):
        member = {"principal": "user:timed", "until": at(6)}
        self.directory({"principal": "group:timed", "members": [member]})
        later = {"principal": "user:timed", "from": at(4)}
        self.directory({"principal": "group:later", "members": [later]})
        name = self.filled(
            document("starts", valid_from=at(4), valid_until=at(8)),
            document("ends", valid_until=at(6)),
            document("entry", acl={"allow": [{"principal": "everyone", "until": at(6)}]}),
            document("deny", acl={"allow": ["everyone"],
                                  "deny": [{"principal": "everyone", "until": at(6)}]}),
            document("member", ["group:timed"]),
            document("entry-starts", acl={"allow": [{"principal": "everyone", "from": at(4)}]}),
            document("deny-starts", acl={"allow": ["everyone"],
                                         "deny": [{"principal": "everyone", "from": at(4)}]}),
            document("member-starts", ["group:later"]),
            document("past", valid_until="2020-01-01T00:00:00Z"),
            document("future", valid_from="2999-01-01T00:00:00Z"),
            document("null", valid_from=None, valid_until=None),
        )
        who = "user:timed"
        begun = self.ok("stats", name)["revision"]
        begun_later = ["entry-starts", "member-starts"]
        at_first = ["ends", "entry", "member", "null"]
        self.assertEqual(self.sees(name, who), ["deny-starts", *at_first])
        self.sees_until(name, who, sorted([*at_first, *begun_later, "starts"]), 8)
        self.sees_until(name, who, sorted(["deny", "null", *begun_later, "starts"]), 8)
        self.assertEqual(self.ok("stats", name, "--as", who)["visible_chunks"], 5)
        self.sees_until(name, who, sorted(["deny", "null", *begun_later]), 8)
        self.assertEqual(self.ok("stats", name)["revision"], begun)


class Revocation(DecisionTest):
    def test_the_next_request_obeys(self):
        self.directory({"principal": "group:r", "members": ["user:r"]})
        name = self.with_documents(
            document("d", ["group:r"]), document("c", ["group:r", "user:z"])
        )
        self.check(name, "user:r", ["c", "d"])
        self.directory({"principal": "group:r", "members": []})
        self.check(name, "user:r", [])
        self.directory({"principal": "group:r", "members": ["user:r"]})
        self.check(name, "user:r", ["c", "d"])
        self.ok("set-access", name, "d", "--acl", '{"allow":["everyone"],"deny":["user:r"]}')
        self.check(name, "user:r", ["c"])
        self.directory({"principal": "user:r", "clearance": {"level": "public"}})
        self.ok("set-access", name, "c", "--label", '{"level":"internal"}')
        self.check(name, "user:r", [])

    def test_a_container_changes_all_that_inherits(self):
        self.policy(containers=[{"name": "folder:/v", "allow": ["user:v"]}])
        names = [f"d{i}" for i in range(20)]
        name = self.filled(*(document(n, acl={"inherit": ["folder:/v"]}) for n in names))
        self.assertEqual(self.sees(name, "user:v"), sorted(names))
        self.policy(containers=[{"name": "folder:/v", "allow": ["user:w"]}])
        self.assertEqual(self.sees(name, "user:v"), [])
        self.assertEqual(self.sees(name, "user:w"), sorted(names))


class Hiding(DecisionTest):
    def test_hidden_and_absent_give_the_same_bytes(self):
        name = self.filled(document("hidden", ["user:eve"]), document("seen"))
        reader = self.make_key(
            "service:reader", "query,act-as,ingest,grant,label", "--as-pattern", "user:*",
            "--collections", name, "--destinations", "*",
        )

        def both(*command, options=()):
            answers = []
            for one in ("hidden", "absent"):
                answer = self.store.cordon(*command, name, one, *options, key=reader)
                said = answer.out.replace(one.encode(), b"ID")
                answers.append((answer.code, re.sub(rb'"revision":\d+', b"", said), answer.err))
            self.assertEqual(answers[0], answers[1], command)
            return answers[0]

        scope = ["--as", "user:ana", "--destination", "dev"]
        self.assertEqual(both("get", options=scope)[0], 1)
        for change in (
            ["--acl", '{"allow":["user:eve"]}'],
            ["--label", '{"level":"restricted"}'],
            ["--acl", '{"inherit":["folder:/nowhere"]}'],
            ["--label", '{"level":"nowhere"}'],
        ):
            both("set-access", options=change)
        self.assertEqual(both("delete")[0], 0)
        seen = self.store.cordon("delete", name, "seen", key=reader)
        self.assertEqual(set(seen.last), {"revision"})

    def test_every_delete_and_set_access_takes_a_revision(self):
        name = self.filled(document("d"))
        revision = self.ok("stats", name)["revision"]
        label = ["--label", '{"level":"public"}']
        calls = (["set-access", name, "absent", *label], ["set-access", name, "d", *label],
                 ["delete", name, "absent"], ["delete", name, "d"], ["delete", name, "d"])
        existed = []
        for call in calls:
            answer = self.ok(*call)
            revision += 1
            self.assertEqual(answer["revision"], revision, call)
            existed.append(answer["existed"])
        self.assertEqual(existed, [False, True, False, True, False])


if __name__ == "__main__":
    main()
