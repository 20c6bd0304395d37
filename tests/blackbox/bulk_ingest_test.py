"""Files made elsewhere: vectors beside their lines, and refused lines that are mended."""

import json
import pathlib
import struct

from harness import ServerTest, document, main, write_npy


class BulkIngest(ServerTest):
    def test_vectors_beside_lines_and_refused_lines_mended(self):
        name = self.collection()
        records = [document(f"d{i}") for i in range(4)]
        for record in records:
            record["text"] = record.pop("chunks")[0]["text"]
        records[2]["acl"] = {}
        vectors, mend = self.store.path(".fvecs"), self.store.path(".jsonl")
        rows = [struct.pack("<iff", 2, 1.0, float(i)) for i in range(4)]
        vectors.write_bytes(b"".join(rows[:3]))
        arguments = [self.store.lines(*records), "--vectors", vectors, "--refused", mend]
        self.refused("INVALID_ARGUMENT", "ingest", name, *arguments, field="vectors")
        self.assertEqual(self.ok("stats", name)["documents"], 0)
        vectors.write_bytes(b"".join(rows))
        answer = self.store.cordon("ingest", name, *arguments)
        self.assertEqual((answer.code, answer.last["accepted"]), (1, 3), answer)
        why = pathlib.Path(f"{mend}.why").read_text()
        self.assertEqual([json.loads(line) for line in why.splitlines()], answer.lines[:-1])
        beside = pathlib.Path(f"{mend}.fvecs")
        self.assertEqual(beside.read_bytes(), rows[2])
        mended = {**json.loads(mend.read_text()), "acl": {"allow": ["everyone"]}}
        again = [self.store.lines(mended), "--vectors", beside]
        self.assertEqual(self.ok("ingest", name, *again)["accepted"], 1)
        vector = write_npy(self.store.path(".npy"), (0.0, 1.0))
        asked = ["retrieve", name, "--vector", vector, "--as", "user:a"]
        found = [passage["document"] for passage in self.ok(*asked)["passages"]]
        self.assertEqual(found, ["d3", "d2", "d1", "d0"])


if __name__ == "__main__":
    main()
