"""What is erased is gone for good: from answers, files and backups; what is held stays."""

import gzip
import shutil
import time
import unittest
from pathlib import Path

from harness import CORDON, CORDOND, ServerTest, Store, document, main, run, write_npy

RETENTION_S = 60  # an erasure that is due comes within a second or two; a busy machine takes longer
ALL = "--collections * --destinations * --as-pattern * --clearance all".split()


def about(name, *subjects, source=None, **more):
    """A document about people, perhaps from a source."""
    if source:
        more["provenance"] = {"source": source}
    return document(name, subjects=list(subjects), **more)


class Erase(ServerTest):
    def test_by_document_subject_or_source(self):
        name = self.filled(
            about("one", "person:1"),
            about("two", "person:1", "person:2", source="hris"),
            about("three", "person:3", source="hris"),
            about("four", source="wiki"),
        )
        answer = self.ok("erase", name, "one", "--wait")
        self.assertEqual((answer["erased"], answer["verified"]), (1, True))
        self.assertEqual(self.sees(name, "user:a"), ["four", "three", "two"])
        answer = self.ok("erase", name, "--subject", "person:1")
        self.assertEqual(answer["erased"], 1)
        self.assertNotIn("verified", answer)
        self.assertEqual(self.sees(name, "user:a"), ["four", "three"])
        self.assertEqual(self.ok("erase", name, "--subject", "person:1")["erased"], 0)
        answer = self.ok("erase", name, "--source", "hris", "--wait")
        self.assertEqual((answer["erased"], answer["verified"]), (1, True))
        self.assertEqual(self.sees(name, "user:a"), ["four"])
        self.refused("NOT_FOUND", "get", name, "one", "--as", "user:a")
        self.assertEqual(self.ok("stats", name)["documents"], 1)
        self.assertIn("ErasureVerified", str(self.store.cordon("journal", "show").lines))
        self.ingest(name, document("one"))  # the id is free again
        self.assertEqual(self.sees(name, "user:a"), ["four", "one"])

    def test_what_to_erase_must_be_one_thing(self):
        name = self.filled(document("d"))
        self.refused("INVALID_ARGUMENT", "erase", name, field="document")
        both = ["d", "--subject", "person:1"]
        self.refused("INVALID_ARGUMENT", "erase", name, *both, field="document")
        self.refused("INVALID_ARGUMENT", "erase", name, "d", "--source", "s", field="source")
        hold = ["hold", "set", name, "--name", "case"]
        self.refused("INVALID_ARGUMENT", *hold, field="document")
        for usage in (["erase"], ["hold"], ["hold", "set", name, "d"], ["hold", "list"]):
            self.assertEqual(self.store.cordon(*usage).code, 2, usage)
        self.refused("NOT_FOUND", "erase", "absent", "d")
        self.assertEqual(self.sees(name, "user:a"), ["d"])

    def test_it_needs_its_right_and_tells_no_more_than_that(self):
        name = self.filled(document("a"), document("b"))
        every = "query,ingest,grant,label,audit,export,act-as,admin"
        key = self.make_key("service:most", every, *ALL)
        self.refused("PERMISSION_DENIED", "erase", name, "a", key=key)
        eraser = self.make_key("service:eraser", "erase", "--collections", name)
        for one in ("a", "absent"):
            self.assertEqual(set(self.ok("erase", name, one, key=eraser)), {"revision"})
        hold = ["hold", "set", name, "b", "--name", "case"]
        self.refused("PERMISSION_DENIED", *hold, key=eraser)
        self.refused("PERMISSION_DENIED", "hold", "list", name, key=eraser)
        prefixed = self.make_key("service:p", "erase", "--collections", name, "--id-prefix", "x/")
        self.refused("PERMISSION_DENIED", "erase", name, "b", key=prefixed)
        self.refused("PERMISSION_DENIED", "erase", name, "--subject", "person:1", key=prefixed)
        self.assertEqual(self.sees(name, "user:a"), ["b"])

    def test_what_is_held_is_not_erased(self):
        name = self.filled(
            about("case", "person:9"),
            about("other", "person:8", source="crm"),
            about("zebra", source="crm"),
        )
        self.ok("hold", "set", name, "--subject", "person:9", "--name", "case-7")
        self.ok("hold", "set", name, "other", "--name", "case-8")
        holds = self.ok("hold", "list", name)["holds"]
        told = {(hold["name"], hold["kind"]) for hold in holds}
        self.assertEqual(told, {("case-7", "subject"), ("case-8", "document")})
        self.assertNotIn("person:9", str(holds))
        error = self.refused("FAILED_PRECONDITION", "erase", name, "--source", "crm")
        self.assertIn("1 documents", error["message"], "what is behind it stays")
        self.assertEqual(self.sees(name, "user:a"), ["case", "other"])
        for which in (["case"], ["--subject", "person:9"], ["other"], ["--source", "crm"]):
            error = self.refused("FAILED_PRECONDITION", "erase", name, *which)
            self.assertIn("case-", error["message"], which)
        self.refused("FAILED_PRECONDITION", "collection", "delete", name)
        self.assertEqual(self.sees(name, "user:a"), ["case", "other"])
        self.ok("hold", "release", name, "--subject", "person:9", "--name", "case-7")
        self.assertEqual(self.ok("erase", name, "case")["erased"], 1)
        self.assertEqual(self.sees(name, "user:a"), ["other"])

    def test_why_is_in_the_journal(self):
        name = self.filled(about("kept", "person:7"))
        self.ok("ingest", name, self.store.lines(about("gone")), "--reason", "why-ingest")
        hold = [name, "kept", "--name", "case-9", "--reason"]
        self.ok("hold", "set", *hold, "why-hold")
        self.ok("hold", "release", *hold, "why-release")
        self.ok("erase", name, "gone", "--reason", "why-erase")
        lines = self.ok("journal", "query", "-n", 50)["lines"]
        told = [(each["call"], each["reason"]) for each in lines if "why-" in each["reason"]]
        calls = ["Ingest", "SetHold", "SetHold", "Erase"]
        whys = ["why-ingest", "why-hold", "why-release", "why-erase"]
        self.assertEqual(told, list(zip(calls, whys)))
        self.refused("INVALID_ARGUMENT", "erase", name, "kept", "--reason", "x" * 1025,
                     field="reason")

    def wait_for(self, name, expected):
        until = time.monotonic() + RETENTION_S
        while self.ok("stats", name)["documents"] != expected:
            self.assertLess(time.monotonic(), until, self.store.log_text()[-2000:])
            time.sleep(0.2)

    def test_what_is_due_goes_by_itself(self):
        past = "2020-01-01T00:00:00Z"
        name = self.collection("--erase-after", 0)
        self.ingest(name, document("kept"), document("ended", valid_until=past))
        self.wait_for(name, 1)
        self.ingest(name, document("due", erase_after=past))
        self.wait_for(name, 1)
        self.assertEqual(self.sees(name, "user:a"), ["kept"])
        self.assertIn("retention", str(self.store.cordon("journal", "show").lines))
        self.assertEqual(self.config(name)["erase_after_s"], 0)
        slow = self.collection("--erase-after", 86400 * 365 * 50)
        self.ingest(slow, document("ended", valid_until=past))
        held = self.filled(about("held", "person:7"))
        self.ok("hold", "set", held, "--subject", "person:7", "--name", "case")
        due = about("held", "person:7", erase_after=past)
        self.ingest(held, due, document("free", erase_after=past))
        self.wait_for(held, 1)
        self.assertEqual(self.sees(held, "user:a"), ["held"])
        self.assertEqual(self.ok("stats", slow)["documents"], 1)

    def test_backups_without_a_place_are_refused(self):
        self.refused("FAILED_PRECONDITION", "backup", "create")


class Offline(unittest.TestCase):
    """A store with a policy, its backups, and what is left when its server has ended."""

    def setUp(self):
        self.store = Store(dev=False)
        self.addCleanup(self.store.close)
        self.backups = self.store.folder / "backups"
        self.store.options = ["--backup-dir", str(self.backups)]
        self.store.start()
        chat = {"name": "chat", "scope": 3, "ceiling": "all"}
        self.ok("policy", "apply", self.store.json({"destinations": [chat]}))
        self.ok("collection", "create", "docs", "--dim", 2, "--metric", "ip")
        self.key = self.store.folder / "app.key"
        rights = ["--rights", "query,ingest,grant,label,erase,audit,act-as", "--clearance", "all"]
        where = ["--collections", "docs", "--destinations", "chat", "--as-pattern", "*"]
        made = ["key", "create", "--principal", "service:app", "--out", self.key]
        self.ok(*made, *rights, *where)

    def ok(self, *arguments, key=None):
        answer = self.store.cordon(*arguments, key=key)
        self.assertEqual(answer.code, 0, answer)
        return answer.last

    def ingest(self, *documents):
        self.ok("ingest", "docs", self.store.lines(*documents), key=self.key)

    def sees(self, who):
        vector = write_npy(self.store.path(".npy"), (1.0, 0.0))
        asked = ["retrieve", "docs", "--vector", vector, "--as", who, "--k", 100]
        return sorted({p["document"] for p in self.ok(*asked, key=self.key)["passages"]})

    def offline(self, *command, data=None):
        return run([CORDON, "--json", *command, "--data-dir", data or self.store.data])

    def search(self, *needles):
        """`erase verify` for these bytes."""
        options = []
        for needle in needles:
            path = self.store.path(".needle")
            path.write_bytes(needle)
            options += ["--needle", path]
        return self.offline("erase", "verify", *options)

    def test_no_byte_of_what_was_erased_is_left(self):
        self.ingest(about("gone", "person:secret"), document("kept"))
        running = self.search(b"text of gone")
        self.assertEqual((running.code, "error" in running.last), (1, True), running)
        erased = self.ok("erase", "docs", "gone", "--wait", key=self.key)
        self.assertEqual((erased["erased"], erased["verified"]), (1, True))
        self.assertEqual(self.store.stop(), 0)
        answer = self.search(b"text of gone", b"title of gone", b"person:secret")
        self.assertEqual((answer.code, answer.last["ok"]), (0, True), answer)
        self.assertEqual((answer.last["found"], answer.last["records_left"]), ([], 0), answer)
        self.assertGreater(answer.last["files"], 0)
        self.assertGreater(answer.last["decrypted"], 0, "nothing was looked into")
        answer = self.search(b"text of kept")
        self.assertEqual((answer.code, answer.last["ok"]), (1, False), answer)
        self.assertIn("decrypted", answer.last["found"][0]["where"])
        # The file's own bytes count: nothing is unpacked, trimmed or decoded.
        for near in (gzip.compress(b"text of kept"), b"text of kept\n", b" text of kept"):
            self.assertEqual(self.search(near).code, 0, near)
        empty = self.search(b"")
        self.assertEqual((empty.code, empty.error["field"]), (1, "needle"), empty)
        missing = self.offline("erase", "verify", "--needle", self.store.path())
        self.assertEqual((missing.code, missing.error["field"]), (1, "needle"), missing)

    def test_a_whole_store_and_a_damaged_one(self):
        self.ingest(*(document(f"d{i}") for i in range(20)))
        self.ok("backup", "create")
        self.assertEqual(self.store.stop(), 0)
        answer = self.offline("store", "verify")
        self.assertEqual((answer.code, answer.last["ok"]), (0, True), answer)
        self.assertEqual((answer.last["documents"], answer.last["chunks"]), (20, 20), answer)
        self.assertEqual(answer.last["damage"], [])
        for count in ("records", "keys", "journal_records"):
            self.assertGreater(answer.last[count], 0, count)
        tables = list(Path(self.store.data, "store").glob("*.sst"))
        self.assertTrue(tables, "the backup has flushed")
        for table in tables:
            whole = table.read_bytes()
            table.write_bytes(bytes(byte ^ 255 for byte in whole[:200]) + whole[200:])
        answer = self.offline("store", "verify")
        self.assertEqual(answer.code, 1, answer)
        self.assertTrue(answer.error or answer.last["damage"], answer)

    def test_the_copy_of_the_keys_is_the_newest(self):
        copy = self.store.folder / "copy"
        copy.mkdir(mode=0o700)
        self.ingest(document("gone"), document("kept"))
        self.assertEqual(self.store.stop(), 0)
        options = list(self.store.options)
        self.store.options += ["--keys-copy-dir", str(copy)]
        self.store.start()
        self.ok("erase", "docs", "gone", "--wait", key=self.key)
        self.assertEqual(self.store.stop(), 0)
        checked = self.offline("store", "verify", "--keys-dir", copy)
        self.assertEqual((checked.code, checked.last["documents"]), (0, 1), checked)
        shutil.rmtree(self.store.data / "keys")
        refused = run([*self.store.command()])
        self.assertEqual((refused.code, refused.out), (1, b""), refused)
        self.assertIn(b"--keys-dir", refused.err)
        self.assertTrue((copy / "root").exists(), "a start without keys has emptied the copy")
        self.store.options = [*options, "--keys-dir", str(copy)]
        self.store.start()
        self.assertEqual(self.sees("user:a"), ["kept"])

    def restore(self, *options, **other):
        """`cordond restore` to a new directory, with this store's journal and keys or `other`."""
        old, new = self.store.data, self.store.folder / "new"
        witnesses = {
            "--journal-dir": old / "journal",
            "--journal-key": old / "journal.key",
            "--keys-dir": old / "keys",
            "--master-key": old / "master.key",
        }
        witnesses.update({f"--{name.replace('_', '-')}": path for name, path in other.items()})
        where = [str(part) for pair in witnesses.items() for part in pair]
        command = ["restore", "--from", self.backups, "--data-dir", new, *where, *options]
        return run([CORDOND, *command]), new, where

    def test_a_backup_brings_nothing_back(self):
        names = ("gone", "kept", "narrowed", "deleted")
        self.ingest(*(document(name) for name in names), document("hr", allow=["group:hr"]))
        members = {"principal": "group:hr", "members": ["user:a"]}
        self.ok("directory", "apply", self.store.lines(members))
        self.assertEqual(self.sees("user:a"), ["deleted", "gone", "hr", "kept", "narrowed"])
        made = self.ok("backup", "create", "--keep", 2)
        self.assertEqual((made["id"], made["revision"] > 0, made["bytes"] > 0), (1, True, True))
        self.ok("erase", "docs", "gone", "--wait", key=self.key)
        only_b = ["--acl", '{"allow":["user:b"]}']
        self.ok("set-access", "docs", "narrowed", *only_b, key=self.key)
        self.ok("delete", "docs", "deleted", key=self.key)
        last = self.ok("directory", "apply", self.store.lines({**members, "members": []}))
        busy, new, _ = self.restore()
        self.assertEqual((busy.code, busy.out, new.exists()), (1, b"", False), busy)
        self.assertEqual(self.store.stop(), 0)
        nowhere = self.store.path()
        for refused, new, _ in (
            self.restore("--backup", 9),
            self.restore(keys_dir=nowhere),
            self.restore(journal_dir=nowhere),
            self.restore(master_key=nowhere),
        ):
            self.assertEqual((refused.code, new.exists()), (1, False), refused)
            self.assertEqual(len(refused.err.splitlines()), 1, refused)
        done, new, where = self.restore()
        self.assertEqual(done.code, 0, done)
        self.assertIn(b"restored to", done.out)
        again, _, _ = self.restore()
        self.assertEqual(again.code, 1, again)
        key, self.store.options = self.store.admin_key, [*self.store.options, *where]
        self.store.data = new
        self.store.start()
        self.assertEqual(self.sees("user:a"), ["kept"])
        self.assertEqual(self.sees("user:b"), ["kept", "narrowed"])
        stats = self.store.cordon("stats", "docs", key=key).last
        self.assertEqual((stats["documents"], stats["revision"]), (3, last["revision"]), stats)

    def test_backups_end_and_are_verified(self):
        for number in range(3):
            self.ingest(document(f"d{number}"))
            self.ok("backup", "create", "--keep", 2)
        kept = self.ok("backup", "list")["backups"]
        self.assertEqual([backup["id"] for backup in kept], [2, 3])
        self.assertNotIn("whole", kept[0])
        verified = self.ok("backup", "verify")["backups"]
        self.assertEqual([backup["whole"] for backup in verified], [True, True])
        key = self.store.cordon("backup", "list", key=self.key)
        self.assertEqual((key.code, key.error["code"]), (1, "PERMISSION_DENIED"), key)
        for table in self.backups.rglob("*.sst"):
            table.write_bytes(table.read_bytes()[:-1] + b"\x00")
        damaged = self.store.cordon("backup", "verify")
        self.assertEqual(damaged.code, 1, damaged)
        self.assertIn(False, [backup["whole"] for backup in damaged.last["backups"]])


if __name__ == "__main__":
    main()
