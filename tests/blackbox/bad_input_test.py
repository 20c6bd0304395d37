"""Bad input is refused with its line, field and remedy; the good documents around it land."""

import gzip
import json
import math
import os
import struct

from harness import ServerTest, document, main, write_npy

GOOD = document("good")


def chunk(**more):
    return {"text": "t", "embedding": [1, 0], **more}


def chunks(*all_of_them):
    return {"chunks": list(all_of_them)}


def label(level="public", **more):
    return {"label": {"level": level, **more}}


def acl(**parts):
    return {"acl": parts}


def until(time):
    return acl(allow=[{"principal": "everyone", "until": time}])


def since(start, end=None):
    return acl(allow=[{"principal": "everyone", "from": start, "until": end}])


LONG = "x" * 70000

# What is wrong with a document → the field that must be named.
BAD_DOCUMENTS = [
    ({"acl": None}, "acl"),
    ({"label": None}, "label"),
    (acl(), "acl.allow"),
    (acl(allow=[]), "acl.allow"),
    (acl(deny=["user:a"]), "acl.allow"),
    (acl(allow=["everyone"], inherit=["folder:/absent"]), "acl.inherit[0]"),
    (acl(allow=["everyone", "hr"]), "acl.allow[1]"),
    (acl(allow=["everyone"], deny=["User:a"]), "acl.deny[0]"),
    (acl(allow=["group:"]), "acl.allow[0]"),
    (acl(allow=[""]), "acl.allow[0]"),
    (acl(allow=["*"]), "acl.allow[0]"),
    (acl(allow=["Everyone"]), "acl.allow[0]"),
    (acl(allow=["user:" + "x" * 252]), "acl.allow[0]"),
    (acl(allow=["user:e\u0301"]), "acl.allow[0]"),
    (acl(allow=["user:a\u0000"]), "acl.allow[0]"),
    (acl(allow=["user:a\u009f"]), "acl.allow[0]"),
    (acl(allow="everyone"), "acl.allow"),
    (acl(allow=[7]), "acl.allow[0]"),
    (acl(allow=[{"until": "2030-01-01T00:00:00Z"}]), "acl.allow[0].principal"),
    (acl(allow=[{"from": "2030-01-01T00:00:00Z"}]), "acl.allow[0].principal"),
    (acl(allow=["user:a", {}]), "acl.allow[1].principal"),
    (acl(allow=["user:a"], deny=[{"principal": ""}]), "acl.deny[0].principal"),
    (acl(allow=["user:a"] * 10001), "acl.allow"),
    ({"acl": {"allow": ["user:a"], "permit": ["user:b"]}}, "acl.permit"),
    ({"acl": ["everyone"]}, "acl"),
    (until("tomorrow"), "acl.allow[0].until"),
    (until(""), "acl.allow[0].until"),
    (until(1893456000), "acl.allow[0].until"),
    (until("2030-02-30T00:00:00Z"), "acl.allow[0].until"),
    (until("2030-01-01"), "acl.allow[0].until"),
    (until("2030-01-01T00:00:00"), "acl.allow[0].until"),
    (since("tomorrow"), "acl.allow[0].from"),
    (since("2030-02-30T00:00:00Z"), "acl.allow[0].from"),
    (since(1893456000), "acl.allow[0].from"),
    (since("2030-01-01T00:00:00Z", "2030-01-01T00:00:00Z"), "acl.allow[0].until"),
    (since("2030-01-01T00:00:00+01:00", "2029-12-31T22:59:59Z"), "acl.allow[0].until"),
    (label("secret"), "label.level"),
    (label(""), "label.level"),
    (label("Public"), "label.level"),
    ({"label": {}}, "label.level"),
    ({"label": {"compartments": []}}, "label.level"),
    ({"label": "public"}, "label"),
    (label(compartments=["absent"]), "label.compartments"),
    (label(tags=["absent"]), "label.tags"),
    (label(tag=["pii"]), "label.tag"),
    (chunks(chunk(embedding=[1])), "chunks[0].embedding"),
    (chunks(chunk(), chunk(embedding=[1, 2, 3])), "chunks[1].embedding"),
    (chunks(chunk(embedding=[])), "chunks[0].embedding"),
    (chunks({"text": "no vector"}), "chunks[0].embedding"),
    (chunks(chunk(embedding=[1, 1e39])), "chunks[0].embedding[1]"),
    (chunks(chunk(embedding=[1, None])), "chunks[0].embedding[1]"),
    (chunks(chunk(embedding=[1, "2"])), "chunks[0].embedding[1]"),
    (chunks(chunk(embedding="1,0")), "chunks[0].embedding"),
    (chunks(chunk(ordinal=3), chunk(ordinal=3)), "chunks[1].ordinal"),
    (chunks(chunk(ordinal=1), chunk()), "chunks[1].ordinal"),
    (chunks(chunk(ordinal=-1)), "chunks[0].ordinal"),
    (chunks(chunk(ordinal=2**32)), "chunks[0].ordinal"),
    (chunks(chunk(ordinal=1.5)), "chunks[0].ordinal"),
    (chunks(chunk(text=LONG)), "chunks[0].text"),
    (chunks(chunk(text=None)), "chunks[0].text"),
    (chunks(chunk(text="a\u0000b")), "chunks[0].text"),
    (chunks(chunk(acl={"allow": []})), "chunks[0].acl.allow"),
    (chunks(chunk(label={"level": "absent"})), "chunks[0].label.level"),
    (chunks(chunk(embeding=[1, 0])), "chunks[0].embeding"),
    ({**label("internal"), **chunks(chunk(label={"level": "public"}))}, "chunks[0].label.level"),
    (chunks(), "chunks"),
    ({"chunks": None}, "chunks"),
    ({"chunks": None, "text": "   "}, "chunks"),
    ({"text": "beside chunks"}, "text"),
    ({"chunks": {"text": "x"}}, "chunks"),
    ({"valid_from": "yesterday"}, "valid_from"),
    ({"valid_until": 5}, "valid_until"),
    ({"valid_from": "2030-01-01T00:00:00Z", "valid_until": "2029-01-01T00:00:00Z"}, "valid_until"),
    ({"title": "t" * 5000}, "title"),
    ({"title": 5}, "title"),
    ({"uri": "u" * 5000}, "uri"),
    ({"subjects": "person:1"}, "subjects"),
    ({"subjects": [""]}, "subjects[0]"),
    ({"subjects": ["p"] * 257}, "subjects"),
    ({"attributes": {"year": 2026}}, "attributes.year"),
    ({"attributes": []}, "attributes"),
    ({"provenance": {"source": "s", "who": "x"}}, "provenance.who"),
    ({"acls": {"allow": ["user:a"]}}, "acls"),
]

BAD_IDS = [None, "", "x" * 513, "e\u0301", "a\u0000b", "a\nb", 7, ["a"]]

BAD_LINES = [
    b"{",
    b"not json",
    b"[]",
    b"7",
    b"null",
    b'"text"',
    b'{"id":"a","id":"b"}',
    b'{"id":"\xff\xfe"}',
    b'{"id":"\xed\xa0\x80"}',
    b'{"id":"a","chunks":[{"embedding":[NaN,1]}]}',
    b'{"id":"a","chunks":[{"embedding":[Infinity,1]}]}',
    b'{"id":"a","chunks":[{"embedding":[1e999,1]}]}',
    b'{"id":"a"} trailing',
    b'{"id":"a"}{"id":"b"}',
    b"{" * 2000,
]


class Ingest(ServerTest):
    def check_refusals(self, lines, fields):
        """Ingests a good document after each bad one: line and field are told, the good land."""
        name = self.collection()
        mixed = []
        for number, line in enumerate(lines):
            mixed += [line, {**GOOD, "id": f"good-{number}"}]
        answer = self.store.cordon("ingest", name, self.store.lines(*mixed))
        self.assertEqual(answer.code, 1, answer)
        refused, sums = answer.lines[:-1], answer.last
        self.assertEqual((sums["accepted"], sums["refused"]), (len(lines), len(lines)), answer)
        for number, (line, field, told) in enumerate(zip(lines, fields, refused)):
            told = dict(told)
            self.assertEqual(told["line"], 2 * number + 1, f"{line!r:.200}: {told}")
            self.assertNotEqual(told["message"], "", told)
            if field is not None:
                with self.subTest(field=field):
                    self.assertEqual(told["field"], field, f"{line!r:.200}: {told}")
            if isinstance(line, dict) and isinstance(line.get("id"), str):
                self.assertEqual(told["id"], line["id"])
        self.assertEqual(self.ok("stats", name)["documents"], len(lines))

    def test_bad_documents(self):
        lines = []
        for number, (wrong, _) in enumerate(BAD_DOCUMENTS):
            lines.append({**document(f"bad-{number}", **wrong)})
        self.check_refusals(lines, [field for _, field in BAD_DOCUMENTS])

    def test_bad_ids(self):
        lines = [{**GOOD, "id": one} for one in BAD_IDS]
        del lines[0]["id"]
        self.check_refusals(lines, ["id"] * len(lines))

    def test_bad_lines(self):
        self.check_refusals(BAD_LINES, [None] * len(BAD_LINES))

    def test_what_is_at_the_limit_is_accepted(self):
        name = self.collection()
        self.ingest(
            name,
            document("x" * 512, title="t" * 4096, uri="u" * 4096),
            document("user", ["user:" + "x" * 251]),
            document("text", chunks=[chunk(text="x" * 65536)]),
            document("ordinal", chunks=[chunk(ordinal=2**32 - 1), chunk(ordinal=0)]),
            document("zero", vector=(0, 0)),
            document("denormal", vector=(1e-45, 3.4e38)),
            document("empty text", chunks=[chunk(text="")]),
            document("offset", valid_until="2999-01-01T00:00:00.123456+02:00"),
            document("tabs\u00a0and ünïcode 漢字 🎉"),
        )
        self.assertEqual(len(self.query(name, "user:" + "x" * 251)["passages"]), 10)

    def test_max_errors_stops_early(self):
        name = self.collection()
        bad = {**GOOD, "label": {"level": "secret"}}
        lines = [{**GOOD, "id": f"g{i}"} if i % 2 == 0 else bad for i in range(4000)]
        answer = self.store.cordon("ingest", name, self.store.lines(*lines), "--max-errors", 3)
        self.assertEqual(answer.code, 1, answer)
        self.assertEqual(answer.lines[-2]["error"]["field"], "max-errors", answer.lines[-2])
        sums = answer.last
        self.assertLess(sums["accepted"], 2000, sums)
        self.assertGreaterEqual(sums["refused"], 3)
        self.assertEqual(self.ok("stats", name)["documents"], sums["accepted"])
        few = self.store.lines(*[{"id": "bad"}] * 20, *[document(f"g{i}") for i in range(5)])
        answer = self.store.cordon("ingest", name, few, "--max-errors", 1)
        self.assertEqual(answer.code, 1)
        self.assertEqual(answer.lines[-2]["error"]["field"], "max-errors", "the file ended first")
        self.assertEqual(self.store.cordon("ingest", name, "x", "--max-errors", 0).code, 2)

    def test_an_unreadable_file_is_one_error(self):
        name = self.collection()
        for path in (self.store.path(), self.store.folder):
            self.refused("INVALID_ARGUMENT", "ingest", name, path)
        if os.geteuid() != 0:
            secret = self.store.lines(GOOD)
            secret.chmod(0)
            self.refused("INVALID_ARGUMENT", "ingest", name, secret)
        self.refused("NOT_FOUND", "ingest", "absent", self.store.lines(GOOD))

    def test_half_a_gzip_file_lands_what_it_holds_and_fails(self):
        name = self.collection()
        lines = [
            json.dumps({**GOOD, "id": f"d{i}", "title": os.urandom(99).hex()}) for i in range(2000)
        ]
        packed = gzip.compress("\n".join(lines).encode())
        for cut, most in ((len(packed) // 2, 1500), (5, 0), (len(packed) - 4, 2000)):
            file = self.store.path(".jsonl.gz")
            file.write_bytes(packed[:cut])
            answer = self.store.cordon("ingest", name, file)
            self.assertEqual(answer.code, 1, answer)
            self.assertIn("code", answer.error, answer)
            if cut > 5:
                self.assertLessEqual(answer.last["accepted"], most)
                self.assertEqual(self.ok("stats", name)["documents"], answer.last["accepted"])
        broken = bytearray(packed)
        broken[len(packed) // 2] ^= 0xFF
        file.write_bytes(bytes(broken))
        answer = self.store.cordon("ingest", name, file)
        self.assertEqual(answer.code, 1, answer)
        self.assertNotEqual(answer.error, {}, answer)

    def test_the_last_line_needs_no_line_end_and_blank_lines_count(self):
        name = self.collection()
        good = json.dumps({**GOOD, "id": "a"}).encode()
        bad = json.dumps({**GOOD, "id": "b", "acl": {}}).encode()
        data = b"\r\n  \n" + good + b"\r\n\n" + bad
        answer = self.store.cordon("ingest", name, "-", data=data)
        self.assertEqual((answer.code, answer.lines[0]["line"]), (1, 5), answer)
        self.assertEqual((answer.last["accepted"], answer.last["refused"]), (1, 1), answer)

    def test_a_document_beyond_a_message_is_refused_alone(self):
        name = self.collection()
        text = "word " * 12000
        huge = document("huge", chunks=[chunk(text=text) for _ in range(300)])
        lines = self.store.lines(GOOD, huge, {**GOOD, "id": "z"})
        answer = self.store.cordon("ingest", name, lines)
        self.assertEqual((answer.code, answer.last["accepted"], answer.last["refused"]), (1, 2, 1))
        self.assertEqual((answer.lines[0]["line"], answer.lines[0]["id"]), (2, "huge"))


class Directories(ServerTest):
    def folder_of(self, **files):
        folder = self.store.path()
        folder.mkdir()
        for name, content in files.items():
            path = folder / name.replace("__", "/").replace("_", ".")
            path.parent.mkdir(exist_ok=True, parents=True)
            path.write_bytes(content)
        return folder

    def test_bad_files_are_refused_by_name_and_the_good_land(self):
        packed = gzip.compress(b"Half a gzipped text file. " * 100)
        folder = self.folder_of(
            good_txt=b"A good file.",
            half_txt_gz=packed[: len(packed) // 2],
            binary_txt=b"\x00\x01\x02\xff" * 100,
            latin_md=b"caf\xe9 \xff\xfe",
            empty_md=b"",
        )
        rule = {"glob": "**", "allow": ["everyone"], "level": "public"}
        rules = self.store.json({"rules": [rule]})
        name = self.collection("--embedder", "builtin", dim=64)
        answer = self.store.cordon("ingest", name, folder, "--rules", rules)
        self.assertEqual(answer.code, 1, answer)
        refused = {line["file"] for line in answer.lines[:-1]}
        self.assertLessEqual({"half.txt.gz", "binary.txt", "latin.md", "empty.md"}, refused)
        self.assertEqual(answer.last["accepted"], 1, answer)

    def test_bad_rules_are_refused_as_a_whole(self):
        folder = self.folder_of(a_txt=b"text")
        name = self.collection("--embedder", "builtin", dim=64)
        good = {"glob": "**", "allow": ["everyone"], "level": "public"}
        for rules in (
            {"rules": [{**good, "levle": "public"}]},
            {"rule": [good]},
            {"rules": good},
            {"rules": [{"allow": ["everyone"], "level": "public"}]},
            [],
        ):
            answer = self.store.cordon("ingest", name, folder, "--rules", self.store.json(rules))
            self.assertEqual(answer.code, 1, f"{rules}: {answer}")
            self.assertNotEqual(answer.error, {}, f"{rules}: {answer}")
        for rule in ({"glob": "**", "level": "public"}, {"glob": "**", "allow": ["everyone"]},
                     {**good, "level": "absent"}, {**good, "inherit": ["absent"]},
                     {**good, "allow": ["nobody"]}):
            answer = self.store.cordon(
                "ingest", name, folder, "--rules", self.store.json({"rules": [rule]}))
            self.assertEqual(answer.code, 1, f"{rule}: {answer}")
        self.refused("INVALID_ARGUMENT", "ingest", name, folder)
        self.refused("INVALID_ARGUMENT", "ingest", name, folder, "--rules", self.store.path())
        self.assertEqual(self.ok("stats", name)["documents"], 0)


class Queries(ServerTest):
    def test_bad_vectors(self):
        name = self.filled(GOOD)
        ask = ["retrieve", name, "--as", "user:a", "--vector"]
        for numbers in ((1,), (1, 2, 3), (math.nan, 1), (math.inf, 1)):
            file = write_npy(self.store.path(".npy"), numbers)
            self.refused("INVALID_ARGUMENT", *ask, file)
        whole = write_npy(self.store.path(".npy"), (1, 0)).read_bytes()
        file = self.store.path(".npy")
        for content in (
            b"",
            b"\x93NUMPY",
            whole[:-1],
            whole + b"\0" * 4,
            whole.replace(b"<f4", b"<i4"),
            whole.replace(b"<f4", b">f4"),
            whole.replace(b"False", b"True "),
            whole.replace(b"(2,)", b"(9,)"),
            whole[:8] + struct.pack("<H", 65535) + whole[10:],
            b"[1, 0]",
        ):
            file.write_bytes(content)
            self.refused("INVALID_ARGUMENT", *ask, file)
        self.refused("INVALID_ARGUMENT", *ask, self.store.path())
        self.refused("INVALID_ARGUMENT", *ask, self.store.folder)

    def test_bad_scopes(self):
        name = self.filled(GOOD)
        get = ["get", name, "good"]
        for who in ("", "ana", "group:g", "role:r", "everyone", "user:", "user:" + "x" * 252):
            self.refused("INVALID_ARGUMENT", *get, "--as", who)
        self.refused("INVALID_ARGUMENT", *get, "--as", "user:a", "--destination", "")
        for one in (get, ["export", name, "--destination", "tuned"]):
            empty = [*one, "--as", "user:a", "--purpose", ""]
            self.refused("INVALID_ARGUMENT", *empty, field="purpose")
        long = ["--purpose", "x" * 1025]
        self.refused("INVALID_ARGUMENT", *get, "--as", "user:a", *long)
        for one in ("", "x" * 513):
            self.refused("INVALID_ARGUMENT", "get", name, one, "--as", "user:a")

    def test_text_beyond_the_limit_is_refused_not_cut(self):
        name = self.collection("--embedder", "builtin", dim=64)
        query = {"id": "q", "as": "user:a", "text": "x" * 65537}
        answer = self.store.cordon("retrieve", name, "--queries", self.store.lines(query))
        self.assertEqual(answer.lines[0]["error"]["field"], "text", answer)

    def test_a_revision_that_does_not_come_fails_in_bounded_time(self):
        name = self.filled(GOOD)
        ask = ["retrieve", name, "--as", "user:a", "--queries"]
        queries = self.store.lines({"id": "q", "vector": [1, 0], "at_least_revision": 10**6})
        answer = self.store.cordon(*ask, queries, timeout=20)
        self.assertEqual(answer.lines[0]["error"]["code"], "FAILED_PRECONDITION", answer)

    def test_bad_access_options(self):
        name = self.filled(GOOD)
        for option in ("--acl", "--label"):
            for value in ("", "{", "[]", "{}", "null", '{"allow":5}', '{"level":"absent"}'):
                self.refused("INVALID_ARGUMENT", "set-access", name, "good", option, value)
        self.assertEqual(self.sees(name, "user:a"), ["good"])


class Unreachable(ServerTest):
    def test_no_server_is_one_clear_error(self):
        self.store.address, address = "127.0.0.1:1", self.store.address
        self.addCleanup(setattr, self.store, "address", address)
        lines = self.store.lines(GOOD)
        for command in (["key", "list"], ["ingest", "c", lines], ["get", "c", "d"]):
            answer = self.store.cordon(*command)
            self.assertEqual((answer.code, answer.error["code"]), (1, "UNAVAILABLE"), answer)
        queries = self.store.lines(*({"id": str(i), "vector": [1, 0]} for i in range(100)))
        answer = self.store.cordon("retrieve", "c", "--queries", queries, timeout=20)
        self.assertEqual(answer.code, 1, answer)
        self.assertEqual(len(answer.lines), 100)
        for wrong in ("nonsense", "127.0.0.1", ":7420", "127.0.0.1:x", "127.0.0.1:99999", "a b:1"):
            self.store.address = wrong
            self.refused("INVALID_ARGUMENT", "key", "list", field="server")


if __name__ == "__main__":
    main()
