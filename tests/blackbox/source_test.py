"""What a source has, by its full listing: what differs is written, what is gone goes last."""

from harness import ServerTest, document, main


class Source(ServerTest):
    def sync(self, name, source, *documents, options=(), key=None):
        file = self.store.lines(*documents)
        return self.ok("source", "sync", name, source, file, *options, key=key)

    def counts(self, *arguments, **more):
        told = self.sync(*arguments, **more)
        kinds = ("added", "changed", "redescribed", "unchanged", "removed")
        return [told[each] for each in kinds]

    def test_only_what_differs_is_written(self):
        name = self.collection()
        docs = [document(f"d{i}") for i in range(20)]
        self.assertEqual(self.counts(name, "wiki", *docs), [20, 0, 0, 0, 0])
        self.assertEqual(self.counts(name, "wiki", *docs), [0, 0, 0, 20, 0])
        docs[0] = document("d0", allow=["user:ana"])
        docs[1] = document("d1", title="another")
        docs[2] = document("d2", vector=(0.5, 0.5))
        self.assertEqual(self.counts(name, "wiki", *docs[:19]), [0, 1, 2, 16, 1])
        self.assertEqual(self.sees(name, "user:bo"), sorted(f"d{i}" for i in range(1, 19)))
        self.assertEqual(self.sees(name, "user:ana"), sorted(f"d{i}" for i in range(19)))
        self.assertEqual(self.ok("get", name, "d1", "--as", "user:ana")["document"], "d1")

    def test_a_dry_run_tells_and_changes_nothing(self):
        name = self.collection()
        self.sync(name, "wiki", document("a"), document("b"))
        told = self.sync(
            name, "wiki", document("b", level="internal"), document("c"),
            options=["--dry-run", "--allow-removals"],
        )
        self.assertEqual(told["added_ids"], ["c"])
        self.assertEqual(told["redescribed_ids"], ["b"])
        self.assertEqual(told["removed_ids"], ["a"])
        self.assertTrue(told["dry_run"])
        self.assertEqual(self.sees(name, "user:ana"), ["a", "b"])

    def test_a_listing_that_is_cut_off_deletes_nothing(self):
        name = self.collection()
        docs = [document(f"d{i}") for i in range(20)]
        self.sync(name, "wiki", *docs)
        few = self.store.lines(*docs[:3])
        error = self.refused("FAILED_PRECONDITION", "source", "sync", name, "wiki", few)
        self.assertIn("17 of 20", error["message"])
        broken = self.store.lines(*docs[:19])
        with open(broken, "a", encoding="utf-8") as out:
            out.write('{"id":"d20","chunks":[{"te')
        answer = self.store.cordon("source", "sync", name, "wiki", broken)
        self.assertEqual(answer.code, 1, answer)
        self.assertEqual(answer.lines[0]["line"], 20, answer)
        self.assertEqual((answer.last["refused"], answer.last["removed"]), (1, 0), answer)
        self.assertEqual(len(self.sees(name, "user:ana")), 20)
        told = self.sync(name, "wiki", *docs[:3], options=["--allow-removals"])
        self.assertEqual(told["removed"], 17)

    def test_a_refused_document_stays(self):
        name = self.collection()
        self.sync(name, "wiki", document("a"), document("b"))
        file = self.store.lines(document("a", level="absent"), document("b"))
        answer = self.store.cordon("source", "sync", name, "wiki", file)
        self.assertEqual(answer.code, 1, answer)
        told = answer.lines[0]
        self.assertEqual((told["line"], told["id"], told["field"]), (1, "a", "label.level"))
        self.assertEqual((answer.last["unchanged"], answer.last["removed"]), (1, 0), answer)
        self.assertEqual(self.sees(name, "user:ana"), ["a", "b"])

    def test_what_is_said_to_be_unchanged_stays(self):
        name = self.collection()
        self.sync(name, "wiki", document("a"), document("b"))
        told = self.sync(
            name, "wiki", {"id": "a", "unchanged": True}, {"id": "z", "unchanged": True},
            options=["--removals-max", "50"],
        )
        self.assertEqual((told["unchanged"], told["removed"]), (1, 1))
        self.assertEqual(told["missing_ids"], ["z"])
        self.assertEqual(self.sees(name, "user:ana"), ["a"])

    def test_a_killed_server_finds_the_same_again(self):
        name = self.collection()
        self.sync(name, "wiki", *(document(f"d{i}") for i in range(10)))
        docs = [document("d0", allow=["user:ana"], title="moved"), *(document(f"d{i}")
                for i in range(1, 9))]
        self.sync(name, "wiki", *docs)
        self.store.kill()
        self.store.start()
        self.assertEqual(self.sees(name, "user:bo"), [f"d{i}" for i in range(1, 9)])
        self.assertEqual(self.sees(name, "user:ana"), [f"d{i}" for i in range(9)])
        self.assertEqual(self.ok("get", name, "d0", "--as", "user:ana")["document"], "d0")
        self.assertEqual(self.counts(name, "wiki", *docs), [0, 0, 0, 9, 0])

    def test_who_may_not_audit_is_told_no_counts(self):
        name = self.collection()
        key = self.make_key("service:wiki", "ingest,grant,label", "--collections", name)
        file = self.store.lines(document("a"))
        call = ["source", "sync", name, "wiki", file]
        self.refused("PERMISSION_DENIED", *call, field="begin.allow_removals", key=key)
        told = self.ok(*call, "--allow-removals", key=key)
        self.assertEqual(set(told), {"listed", "refused", "dry_run", "revision"})
        self.refused("NOT_FOUND", "source", "sync", "none", "wiki", file, field="begin.collection")


if __name__ == "__main__":
    main()
