"""cordond starts, or says in one clear line why not; the journal verifies, online and offline."""

import os
import re
import shutil
import stat
import unittest
from pathlib import Path

from harness import CORDON, CORDOND, ServerTest, Store, document, environment, main, run

START_S = 30


class StartTest(unittest.TestCase):
    def store(self, **options):
        store = Store(**options)
        self.addCleanup(store.close)
        return store

    def refuse(self, *arguments, names=""):
        """cordond must end by itself with exit 1 and one line on stderr that says `names`."""
        answer = run([CORDOND, *arguments], timeout=START_S)
        self.assertNotIn(answer.code, (0, None), answer)
        self.assertGreater(answer.code, 0, answer)
        self.assertEqual(answer.out, b"", answer)
        lines = [line for line in answer.err.decode("utf-8").splitlines() if line.strip()]
        self.assertEqual(len(lines), 1, answer)
        self.assertIn(names, lines[0], answer)
        return lines[0]

    def serve(self, store, *options, names=""):
        return self.refuse(
            "--data-dir", store.data, "--listen", "127.0.0.1:0", *options, names=names
        )


class Init(StartTest):
    def test_init_makes_a_store_with_one_private_key(self):
        store = self.store(dev=False)
        key = store.data / "admin.key"
        self.assertEqual(stat.S_IMODE(key.stat().st_mode), 0o600)
        self.assertTrue((store.data / "FORMAT").read_text().strip())
        for path in store.data.rglob("*.key"):
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600, path)
        store.start()
        self.assertEqual(store.cordon("key", "list").code, 0)
        self.assertEqual(store.stop(), 0)

    def test_init_refuses_what_holds_something(self):
        store = self.store(dev=False)
        before = sorted(path.name for path in store.data.iterdir())
        self.refuse("init", "--data-dir", store.data, names=str(store.data))
        self.assertEqual(sorted(path.name for path in store.data.iterdir()), before)
        foreign = store.path()
        foreign.mkdir()
        (foreign / "thesis.txt").write_text("mine")
        self.refuse("init", "--data-dir", foreign, names=str(foreign))
        self.refuse("--dev", "--data-dir", foreign, "--listen", "127.0.0.1:0", names=str(foreign))

    def test_a_directory_that_cannot_be_made_is_refused(self):
        store = self.store(dev=False)
        file = store.path()
        file.write_text("a file")
        for path in (file, file / "below", Path("/proc/cordon")):
            self.refuse("init", "--data-dir", path, names=str(path))
            self.refuse("--dev", "--data-dir", path, "--listen", "127.0.0.1:0", names=str(path))
        if os.geteuid() != 0:
            closed = store.path()
            closed.mkdir(mode=0o500)
            self.refuse("init", "--data-dir", closed / "data", names=str(closed))

    def test_the_journal_may_live_elsewhere(self):
        store = self.store()
        journal, key = store.path(), store.path(".key")
        where = ["--data-dir", store.data, "--journal-dir", journal, "--journal-key", key]
        self.assertEqual(run([CORDOND, "init", *where]).code, 0)
        self.assertEqual(stat.S_IMODE(key.stat().st_mode), 0o600)
        store.dev, store.options = False, ["--journal-dir", str(journal), "--journal-key", str(key)]
        store.start()
        self.assertEqual(store.cordon("key", "list").code, 0)
        self.assertEqual(store.stop(), 0)
        self.assertTrue(any(journal.rglob("*.log")))
        self.assertFalse(any(store.data.rglob("journal/*/*.log")))
        offline = run([CORDON, "--json", "journal", "verify", *where])
        self.assertEqual((offline.code, offline.last["ok"]), (0, True), offline)


class MasterKeyCommand(StartTest):
    def script(self, store, lines, mode=0o700):
        path = store.path()
        path.write_text("#!/bin/sh\n" + lines)
        path.chmod(mode)
        return path

    def test_the_master_key_may_come_from_a_program(self):
        store = self.store()
        key = store.path(".key")
        key.write_text("ab" * 32 + "\n")
        program = self.script(store, f"cat {key}\n")
        where = ["--data-dir", store.data, "--master-key-command", program]
        made = run([CORDOND, "init", *where])
        self.assertEqual(made.code, 0, made)
        self.assertFalse((store.data / "master.key").exists())
        config = store.json({"master_key_command": str(program)})
        store.dev, store.options = False, ["--config", str(config)]
        store.start()
        self.assertEqual(store.cordon("key", "list").code, 0)
        self.assertEqual(store.stop(), 0)
        checked = run([CORDON, "--json", "store", "verify", *where])
        self.assertEqual((checked.code, checked.last["ok"]), (0, True), checked)
        key.write_text("cd" * 32 + "\n")
        self.serve(store, "--config", config, names="master_key")

    def test_a_program_without_a_key_is_refused_with_what_to_do(self):
        store = self.store(dev=False)
        good = self.script(store, f"cat {store.data / 'master.key'}\n")
        for refused, remedy in (
            ("echo key", "absolute"),
            (store.path(), "cannot be run"),
            (self.script(store, "exit 7\n"), "ended with 7"),
            (self.script(store, "echo key\n"), "64 hexadecimal digits"),
            (self.script(store, f"cat {store.data / 'master.key'}\n", 0o777), "chmod go-w"),
        ):
            line = self.serve(store, "--master-key-command", refused, names="master_key_command")
            self.assertIn(remedy, line)
        both = ["--master-key", store.data / "master.key", "--master-key-command", good]
        self.serve(store, *both, names="master_key_command")
        self.refuse("init", "--data-dir", store.path(), *both, names="master_key_command")
        store.options = ["--master-key-command", str(good)]
        store.start()
        self.assertEqual(store.stop(), 0)


class Refusals(StartTest):
    def test_a_port_in_use(self):
        first, second = self.store().start(), self.store()
        second.data.parent.mkdir(exist_ok=True)
        self.refuse(
            "--dev", "--data-dir", second.data, "--listen", first.address, names=first.address
        )

    def test_a_second_server_on_one_directory(self):
        store = self.store().start()
        self.serve(store, "--dev", names="data_dir")
        self.assertEqual(store.cordon("key", "list").code, 0)

    def test_no_store_is_refused_without_dev(self):
        store = self.store()
        self.serve(store, names=str(store.data))
        self.assertFalse(store.data.exists())
        self.refuse("--listen", "127.0.0.1:0", names="data")

    def test_beyond_loopback(self):
        store = self.store(dev=False)
        for host in (
            "0.0.0.0:0",
            "[::]:0",
            "10.0.0.1:0",
            "128.0.0.1:0",
            "example.org:0",
            "127.0.0.1.example.org:0",
            "*:0",
            ":0",
            "127.0.0.1",
            "127.0.0.1:x",
            "127.0.0.1:70000",
        ):
            for dev in ([], ["--dev"]):
                self.refuse("--data-dir", store.data, "--listen", host, *dev, names="listen")

    def test_another_format(self):
        store = self.store(dev=False)
        for text in ("cordon 1\n", "cordon 3\n", "", "\x00\xff", "cordon 2 beta\n", "x" * 10000):
            (store.data / "FORMAT").write_text(text, encoding="latin-1")
            self.serve(store, names="data_dir")
            self.refuse("upgrade", "--data-dir", store.data, names="data_dir")
        (store.data / "FORMAT").unlink()
        self.serve(store, names="data_dir")
        self.serve(store, "--dev", names="data_dir")

    def test_a_missing_or_wrong_journal_key(self):
        store = self.store(dev=False)
        store.start()
        store.cordon("key", "list")
        self.assertEqual(store.stop(), 0)
        key = next(store.data.rglob("journal.key"))
        kept = key.read_bytes()
        key.unlink()
        self.serve(store, names="journal_key")
        self.serve(store, "--journal-key", store.path(), names="journal_key")
        for text in (b"", b"short", b"\x00" * 100):
            key.write_bytes(text)
            key.chmod(0o600)
            self.serve(store)
        other = self.store(dev=False)
        shutil.copy(next(other.data.rglob("journal.key")), key)
        self.serve(store)
        key.write_bytes(kept)
        store.start()
        self.assertEqual(store.stop(), 0)

    def test_config_typos(self):
        store = self.store(dev=False)
        config = store.path(".yaml")
        for text in (
            "listn: 127.0.0.1:0\n",
            "journal: sometimes\n",
            "threads: 0\n",
            "threads: many\n",
            "threads: 2\nthreads: 2\nque: 1\n",
            "queue: [1]\n",
            "- listen\n",
            "listen: [\n",
            "just text\n",
            "? [a, b]\n: 1\n",
        ):
            config.write_text(text)
            self.serve(store, "--config", config, names=str(config))
        self.serve(store, "--config", store.path(), names="config")
        self.serve(store, "--config", store.folder, names="config")

    def test_a_config_file_sets_what_flags_do_not(self):
        store = self.store(dev=False)
        config = store.path(".yaml")
        config.write_text(
            f"data_dir: {store.data}\nlisten: 127.0.0.1:0\njournal: buffered\nthreads: 2\n"
        )
        store.command = lambda: [CORDOND, "--config", str(config)]
        store.start()
        self.assertEqual(store.cordon("key", "list").code, 0)
        self.assertEqual(store.stop(), 0)

    def test_unknown_flags_are_usage_errors(self):
        answer = run([CORDOND, "--nonsense"])
        self.assertGreater(answer.code, 0, answer)
        self.assertEqual(answer.out, b"", answer)
        self.assertIn(b"--nonsense", answer.err)


class Listening(StartTest):
    def test_the_port_is_told_and_dev_inits_itself(self):
        store = self.store().start()
        self.assertRegex(store.address, r"^127\.0\.0\.1:[1-9]\d*$")
        self.assertEqual(stat.S_IMODE(store.admin_key.stat().st_mode), 0o600)
        (dev,) = store.cordon("capabilities").lines
        self.assertIs(dev["dev"], True)
        self.assertEqual(store.stop(), 0)
        key = store.admin_key.read_text()
        store.start()
        self.assertEqual(store.admin_key.read_text(), key)
        self.assertEqual(store.cordon("key", "list").code, 0)

    def test_the_dev_key_is_worth_nothing_without_dev(self):
        store = self.store().start()
        self.assertEqual(store.cordon("key", "list").code, 0)
        self.assertEqual(store.stop(), 0)
        key, store.dev = store.admin_key, False
        store.start()
        answer = store.cordon("key", "list", key=key)
        self.assertEqual(answer.error.get("code"), "UNAUTHENTICATED", answer)
        self.assertEqual(store.cordon("key", "list").code, 0)


class Offline(StartTest):
    def cordond(self, folder, says):
        """A cordond in `folder` that says this and its arguments, and ends with 7."""
        folder.mkdir(exist_ok=True)
        (folder / "cordond").write_text(f"#!/bin/sh\necho {says} \"$@\"\nexit 7\n")
        (folder / "cordond").chmod(0o700)

    def test_cordon_runs_the_cordond_beside_it_or_the_one_in_the_path(self):
        store = self.store()
        own, path = store.path(), store.path()
        own.mkdir()
        cordon = shutil.copy(CORDON, own / "cordon")
        where = ["--data-dir", store.data, "--master-key-command", "-x y"]
        asked = [cordon, "store", "verify", "--json", "--server", "127.0.0.1:1", *where]
        told = f"store verify --data-dir {store.data} --master-key-command -x y --json\n"
        env = environment(PATH=str(path))
        missing = run(asked, env=env)
        self.assertEqual((missing.code, missing.error.get("code")), (1, "FAILED_PRECONDITION"))
        self.assertIn("install it beside", missing.error["message"])
        for folder in (path, own):
            self.cordond(folder, folder.name)
            answer = run(asked, env=env)
            self.assertEqual(answer.code, 7, answer)
            self.assertEqual(answer.out.decode(), f"{folder.name} {told}")

    def test_cordond_answers_by_itself(self):
        store = self.store(dev=False).start()
        self.assertEqual(store.cordon("key", "list").code, 0)
        self.assertEqual(store.stop(), 0)
        for family in ("journal", "erase", "store"):
            asked = [family, "verify", "--data-dir", store.data, "--json"]
            answer = run([CORDOND, *asked])
            self.assertEqual((answer.code, answer.last["ok"]), (0, True), answer)
            self.assertEqual(run([CORDON, *asked]).out, answer.out)
            self.assertEqual(run([CORDOND, family, "verify"]).code, 2)


class Journal(ServerTest):
    def offline(self, data):
        return run([CORDON, "--json", "journal", "verify", "--data-dir", data])

    def test_verify_online_and_offline_and_what_it_finds(self):
        name = self.filled(document("d"), document("e", ["user:b"]))
        for _ in range(20):
            self.query(name, "user:a")
        self.refused("NOT_FOUND", "get", name, "e", "--as", "user:a")
        online = self.ok("journal", "verify")
        self.assertEqual((online["ok"], online["first_bad"]), (True, None))
        self.assertEqual(self.store.stop(), 0)
        offline = self.offline(self.store.data)
        self.assertEqual((offline.code, offline.last["ok"]), (0, True), offline)
        self.assertGreater(offline.last["records"], online["records"])
        (log,) = self.store.data.glob("journal/*/*.log")
        whole = log.read_bytes()
        head, middle = 100, len(whole) // 2
        damaged = {
            "flipped": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
            "flipped early": whole[:head] + bytes([whole[head] ^ 0x80]) + whole[head + 1 :],
            "dropped": whole[:middle] + whole[middle + 400 :],
            "cut": whole[:middle],
            "emptied": b"",
        }
        for what, content in damaged.items():
            with self.subTest(what):
                log.write_bytes(content)
                answer = self.offline(self.store.data)
                self.assertEqual(answer.code, 1, answer)
                self.assertIs(answer.last.get("ok", False), False, answer)
                started = run([*self.store.command()], timeout=START_S)
                self.assertGreater(started.code, 0, started)
                self.assertEqual(started.out, b"", started)
        with self.subTest("gone"):
            log.unlink()
            self.assertEqual(self.offline(self.store.data).code, 1)
            self.assertGreater(run([*self.store.command()], timeout=START_S).code, 0)
        log.write_bytes(whole)
        self.assertEqual(self.offline(self.store.data).code, 0)
        self.store.start()
        self.assertIs(self.ok("journal", "verify")["ok"], True)
        self.assertEqual(self.sees(name, "user:a"), ["d"])

    def test_online_verify_sees_damage_too(self):
        store = Store()
        self.addCleanup(store.close)
        store.start()
        for _ in range(5):
            store.cordon("key", "list")
        (log,) = store.data.glob("journal/*/*.log")
        with open(log, "r+b") as file:
            file.seek(200)
            byte = file.read(1)
            file.seek(200)
            file.write(bytes([byte[0] ^ 4]))
        answer = store.cordon("journal", "verify")
        self.assertEqual((answer.code, answer.last["ok"]), (1, False), answer)
        self.assertIsInstance(answer.last["first_bad"], int)

    def test_offline_verify_of_nothing_is_an_error(self):
        for path in (self.store.path(), self.store.folder):
            answer = self.offline(path)
            self.assertEqual(answer.code, 1, answer)
            self.assertIn("code", answer.error, answer)

    def test_every_answer_has_its_record(self):
        name = self.filled(document("secret-id"), document("e", ["user:b"]))
        answer = self.query(name, "user:a", "--purpose", "testing")
        (line,) = self.ok("journal", "show", "--id", answer["journal_id"])["lines"]
        self.assertEqual((line["journal_id"], line["call"]), (answer["journal_id"], "Retrieve"))
        self.assertEqual((line["outcome"], line["collection"]), ("OK", name))
        self.assertEqual((line["purpose"], line["revision"]), ("testing", answer["revision"]))
        self.assertEqual((len(line["documents"]), line["destination"]), (1, "dev"))
        self.assertNotIn("secret-id", str(line))
        self.assertNotIn("user:a", str(line))
        before = self.ok("journal", "verify")["records"]
        self.refused("NOT_FOUND", "get", name, "e", "--as", "user:a")
        self.refused("INVALID_ARGUMENT", "get", name, "e", "--as", "nobody")
        queries = [{"id": str(i), "as": "user:a", "vector": [1, 0]} for i in range(7)]
        self.store.cordon("retrieve", name, "--queries", self.store.lines(*queries))
        after = self.ok("journal", "verify")["records"]
        self.assertEqual(after - before, 1 + 2 + 7)  # the first verify's own, gets, queries

    def test_journal_files_hold_no_names_or_texts(self):
        name = self.filled(document("very-secret-id", ["user:very-secret-user"]))
        self.query(name, "user:very-secret-user")
        (log,) = self.store.data.glob("journal/*/*.log")
        self.assertIsNone(re.search(b"very-secret", log.read_bytes()))


if __name__ == "__main__":
    main()
