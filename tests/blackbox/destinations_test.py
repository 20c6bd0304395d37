"""What leaves for models, in emergencies and by quotas: export, destinations, usage."""

import datetime
import json

from harness import ServerTest, document, main

ALL = "--collections * --as-pattern * --clearance all --destinations".split()


def in_hours(hours):
    time = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=hours)
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


class Destinations(ServerTest):
    def export(self, key, name, *options):
        """The exported lines, and what was said beside them."""
        call = ["export", name, "--destination", "tuned", "--as", "user:ana", *options]
        answer = self.store.cordon(*call, key=key)
        self.assertEqual(answer.code, 0, answer)
        out = answer.out if isinstance(answer.out, str) else answer.out.decode()
        return [json.loads(line) for line in out.splitlines()], str(answer.err)

    def receivers(self, who):
        label = ["--label", '{"level":"public"}']
        return self.ok("destinations", *label, "--as", who)["destinations"]

    def test_an_export_can_be_ingested_again_and_raises_the_models_label(self):
        name = self.filled(
            document("a", level="internal", vector=(1.0, 0.25), version=7),
            document("b", allow=("user:bo",)),
            document("c/1", subjects=["person:1"]),
        )
        self.directory({"principal": "user:ana", "clearance": {"level": "restricted"}})
        self.policy(destinations=[{"name": "tuned", "scope": 4, "ceiling": "all"}])
        key = self.make_key("service:t", "export,act-as,audit", *ALL, "tuned")
        exported, said = self.export(key, name, "--vectors")
        self.assertEqual([each["id"] for each in exported], ["a", "c/1"])
        self.assertEqual([each.get("version") for each in exported], [7, None])
        self.assertIn("internal", said)
        again = self.filled(*exported)
        self.assertEqual(self.sees(again, "user:ana"), ["a", "c/1"])
        self.assertEqual([d["id"] for d in self.export(key, name, "--prefix", "c/")[0]], ["c/1"])
        call = ["export", name, "--destination", "tuned", "--as", "user:ana", "--document"]
        hidden = self.refused("NOT_FOUND", *call, "b", key=key)
        self.assertEqual(hidden, self.refused("NOT_FOUND", *call, "absent", key=key))
        # Eve has the lowest clearance: the model knows more than she may.
        self.assertEqual(self.receivers("user:ana"), ["dev", "tuned"])
        self.assertEqual(self.receivers("user:eve"), ["dev"])
        lower = {"name": "tuned", "scope": 4, "ceiling": "all", "model_label": {"level": "public"}}
        file = self.store.json({"destinations": [lower]})
        self.refused("FAILED_PRECONDITION", "policy", "apply", file)
        self.policy(destinations=[{**lower, "retrained": "thrown away"}])
        self.assertEqual(self.receivers("user:eve"), ["dev", "tuned"])
        self.policy(destinations=[{"name": "tuned", "delete": True, "retrained": "gone"}])

    def test_a_scope_asks_for_what_its_destinations_state(self):
        rule = {"ceiling": "all", "regions": ["eu"], "trains_on_input": False}
        rule["terms_reviewed_until"] = in_hours(2)
        chat = {"name": "chat", "scope": 2, "ceiling": "all", "region": "eu"}
        chat |= {"trains_on_input": False, "terms_reviewed_until": in_hours(1)}
        for missing in ("region", "trains_on_input", "terms_reviewed_until"):
            less = {key: value for key, value in chat.items() if key != missing}
            file = self.store.json({"scopes": {2: rule}, "destinations": [less]})
            field = f"destinations[chat].{missing}"
            self.refused("INVALID_ARGUMENT", "policy", "apply", file, field=field)
        self.policy(scopes={2: rule}, destinations=[chat])
        self.policy(scopes={}, destinations=[{"name": "chat", "delete": True}])

    def test_break_glass_opens_for_one_key_one_user_and_a_while(self):
        pay = document("pay", allow=("group:hr",))
        feud = document("feud", acl={"allow": ["group:hr"], "deny": ["user:ana"]})
        name = self.filled(pay, feud)
        key = self.make_key("service:o", "query,act-as,break-glass", *ALL, "dev")
        opens = ["break-glass", "open", "--as", "user:ana", "--reason", "fire", "--until"]
        self.refused("INVALID_ARGUMENT", *opens, in_hours(9), key=key, field="until")
        access = self.ok(*opens, in_hours(1), key=key)["id"]
        under = ["--as", "user:ana", "--break-glass", access]
        self.refused("NOT_FOUND", "get", name, "pay", "--as", "user:ana", key=key)
        answer = self.ok("get", name, "pay", *under, key=key)
        self.assertEqual(answer["break_glass"], access)
        self.refused("NOT_FOUND", "get", name, "feud", *under, key=key)
        self.refused("PERMISSION_DENIED", "get", name, "pay", *under)
        why = self.ok("why", name, "pay", *under)
        self.assertTrue(why["permitted"])
        self.assertTrue(any("fire" in clause["because"] for clause in why["clauses"]))
        listed = self.ok("break-glass", "list")["open"]
        self.assertEqual([(each["id"], each["reason"]) for each in listed], [(access, "fire")])
        shown = json.dumps(self.ok("journal", "show", "--id", answer["journal_id"]))
        self.assertIn(access, shown)
        self.ok("break-glass", "close", access, "--reason", "put out")
        told = self.ok("policy", "history", "-n", 2)["changes"]
        opened, closed = "OpenBreakGlass", "CloseBreakGlass"
        whys = [(each["call"], each["reason"]) for each in told]
        self.assertEqual(whys, [(opened, "fire"), (closed, "put out")])
        self.refused("PERMISSION_DENIED", "get", name, "pay", *under, key=key)

    def test_quotas_hold_and_are_told(self):
        name = self.filled(document("a"), document("b"))
        quota = '{"passages_per_day":3,"requests_per_minute":100}'
        key = self.make_key("service:q", "query,act-as", *ALL, "dev", "--quota", quota)
        self.query(name, "user:ana", key=key)
        refused = self.store.cordon("get", name, "absent", "--as", "user:ana", key=key)
        self.assertEqual(refused.error["code"], "NOT_FOUND")
        self.ok("get", name, "a", "--as", "user:ana", key=key)
        over = ["get", name, "a", "--as", "user:ana"]
        self.refused("RESOURCE_EXHAUSTED", *over, key=key, field="quota.passages_per_day")
        used = [each for each in self.ok("key", "usage")["keys"] if each["quota"]]
        self.assertEqual([each["passages"] for each in used], [3])
        create = ["key", "create", "--principal", "service:q", "--rights", "query", "--quota"]
        field = "quota.tokens_per_day"
        self.refused("INVALID_ARGUMENT", *create, '{"tokens_per_day":0}', field=field)


if __name__ == "__main__":
    main()
