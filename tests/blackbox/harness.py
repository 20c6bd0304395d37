"""The two programs as strangers' scripts use them: cordond as a process, cordon for every request.

CORDON_BIN names the folder of the binaries. Nothing here knows more than the contract says.
"""

import json
import os
import queue
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

BIN = Path(os.environ.get("CORDON_BIN", "build/bin")).resolve()
CORDOND, CORDON = str(BIN / "cordond"), str(BIN / "cordon")
READY_S = 60
COMMAND_S = 60


class Answer:
    """What one run of `cordon` gave: exit code, the JSON lines of stdout, both streams as bytes."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err
        self.lines = []
        for line in out.splitlines():
            try:
                self.lines.append(json.loads(line))
            except ValueError:
                self.lines.append(None)

    @property
    def last(self):
        return self.lines[-1] if self.lines else None

    @property
    def error(self):
        """The first error among the lines; {} if there is none."""
        return next((line["error"] for line in self.lines if line and "error" in line), {})

    def __repr__(self):
        return f"exit {self.code}\nstdout: {self.out[-2000:]!r}\nstderr: {self.err[-2000:]!r}"


def environment(server=None, key=None, **more):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CORDON_")}
    if server:
        kept["CORDON_SERVER"] = server
    if key:
        kept["CORDON_KEY_FILE"] = str(key)
    return {**kept, **more}


def run(command, *, env=None, data=b"", timeout=COMMAND_S):
    done = subprocess.run(
        [str(part) for part in command],
        env=env or environment(),
        input=data,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=timeout,
        check=False,
    )
    return Answer(done.returncode, done.stdout, done.stderr)


def write_lines(path, records):
    """Writes JSON lines; a record that is bytes is written as it is."""
    with open(path, "wb") as file:
        for record in records:
            line = record if isinstance(record, bytes) else json.dumps(record).encode()
            file.write(line + b"\n")
    return path


def write_npy(path, numbers, kind="<f4", shape=None):
    """Writes one vector as numpy's format 1.0 does."""
    numbers = list(numbers)
    shape = shape or f"({len(numbers)},)"
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    code = {"<f2": "e", "<f4": "f", "<f8": "d"}[kind]
    body = struct.pack(f"<{len(numbers)}{code}", *numbers)
    magic = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header))
    Path(path).write_bytes(magic + header.encode() + body)
    return path


class Store:
    """One store in a folder of its own and the cordond that serves it."""

    def __init__(self, dev=True, options=()):
        self.folder = Path(tempfile.mkdtemp(prefix="cordon-"))
        self.data, self.log = self.folder / "data", self.folder / "cordond.log"
        self.dev, self.options = dev, list(options)
        self.process, self.address = None, None
        self.printed = queue.Queue()  # the lines of its stdout behind the first
        self.written = 0
        if not dev:
            made = run([CORDOND, "init", "--data-dir", self.data])
            if made.code != 0:
                raise AssertionError(f"init failed: {made}")

    @property
    def admin_key(self):
        return self.data / "dev/admin.key" if self.dev else self.data / "admin.key"

    def command(self):
        dev = ["--dev"] if self.dev else []
        listen = ["--listen", "127.0.0.1:0"]
        return [CORDOND, "--data-dir", str(self.data), *listen, *dev, *self.options]

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log
            )
        self.printed = printed = queue.Queue()
        threading.Thread(
            target=self.read, args=(self.process.stdout, printed), daemon=True
        ).start()
        line = printed.get(timeout=READY_S)
        if not line.startswith(b"listening on "):
            raise AssertionError(f"cordond said {line!r}:\n{self.log_text()}")
        self.address = line[len(b"listening on ") :].decode().strip()
        return self

    @staticmethod
    def read(stream, printed):
        with stream:
            for line in stream:
                printed.put(line)
        printed.put(b"")

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def stop(self, timeout=30):
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=timeout)
        finally:
            self.kill()

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()

    def close(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def cordon(self, *arguments, key=None, data=b"", timeout=COMMAND_S):
        env = environment(self.address, key or self.admin_key)
        return run([CORDON, "--json", *arguments], env=env, data=data, timeout=timeout)

    def path(self, suffix=""):
        """A fresh name for a file."""
        self.written += 1
        return self.folder / f"{self.written}{suffix}"

    def lines(self, *records):
        return write_lines(self.path(".jsonl"), records)

    def json(self, value, suffix=".yaml"):
        path = self.path(suffix)
        path.write_text(json.dumps(value))
        return path


def document(name, allow=("everyone",), level="public", vector=(1.0, 0.0), **more):
    """A document of one chunk with the text "text of NAME"; `more` adds to it or replaces."""
    record = {
        "id": name,
        "title": f"title of {name}",
        "acl": {"allow": list(allow)},
        "label": {"level": level},
        "chunks": [{"text": f"text of {name}", "embedding": list(vector)}],
    }
    record.update(more)
    return {key: value for key, value in record.items() if value is not None}


class ServerTest(unittest.TestCase):
    """Tests that share one server; each works in collections of its own."""

    dev = True
    options = ()

    @classmethod
    def setUpClass(cls):
        cls.store = Store(cls.dev, cls.options)
        cls.addClassCleanup(cls.store.close)
        cls.store.options += cls.write_options(cls.store)
        cls.store.start()

    @classmethod
    def write_options(cls, _store):
        """More options of the server, for files that it is given."""
        return []

    def ok(self, *arguments, key=None, data=b""):
        """The last line of an answer that must be free of errors."""
        answer = self.store.cordon(*arguments, key=key, data=data)
        self.assertEqual(answer.code, 0, answer)
        self.assertEqual(answer.error, {}, answer)
        return answer.last

    def refused(self, code, *arguments, field=None, key=None, data=b""):
        """The error of a call that must be refused as `code`, at `field` if one is given."""
        answer = self.store.cordon(*arguments, key=key, data=data)
        self.assertEqual(answer.code, 1, answer)
        self.assertEqual(set(answer.error) >= {"code", "message", "field"}, True, answer)
        self.assertEqual(answer.error["code"], code, answer)
        self.assertNotEqual(answer.error["message"], "", answer)
        if field is not None:
            self.assertEqual(answer.error["field"], field, answer)
        return answer.error

    def collection(self, *options, dim=2, metric="ip"):
        """Creates a collection and returns its name."""
        self.store.written += 1
        name = f"c{self.store.written}"
        self.ok("collection", "create", name, "--dim", dim, "--metric", metric, *options)
        return name

    def config(self, name):
        """What the list of collections says of one."""
        listed = self.ok("collection", "list")["collections"]
        return next(collection for collection in listed if collection["name"] == name)

    def ingest(self, name, *documents, key=None):
        """The summary of an ingest in which every document must be accepted."""
        answer = self.store.cordon("ingest", name, self.store.lines(*documents), key=key)
        self.assertEqual(answer.code, 0, answer)
        self.assertEqual(answer.last["accepted"], len(documents), answer)
        self.assertEqual(answer.last["refused"], 0, answer)
        return answer.last

    def filled(self, *documents, options=()):
        """A new collection that holds `documents`."""
        name = self.collection(*options)
        self.ingest(name, *documents)
        return name

    def query(self, name, who, *options, vector=(1.0, 0.0), key=None):
        """The answer to `who`, exact, at most 100 passages; None asks as the key itself."""
        file = write_npy(self.store.path(".npy"), vector)
        asked = ["retrieve", name, "--vector", file, "--mode", "exact", "--k", 100, *options]
        return self.ok(*asked, *(["--as", who] if who else []), key=key)

    def sees(self, name, who, *options, key=None):
        """The documents that `who` gets, sorted; the same by every way to see one."""
        answer = self.query(name, who, *options, key=key)
        return sorted({passage["document"] for passage in answer["passages"]})

    def make_key(self, principal, rights, *options, key=None):
        """The file of a new key."""
        file = self.store.path(".key")
        base = ["key", "create", "--principal", principal, "--rights", rights]
        self.ok(*base, "--out", file, *options, key=key)
        return file

    def policy(self, **parts):
        return self.ok("policy", "apply", self.store.json(parts))

    def directory(self, *records):
        return self.ok("directory", "apply", self.store.lines(*records))


def main():
    for binary in (CORDOND, CORDON):
        if not os.access(binary, os.X_OK):
            sys.exit(f"{binary} is missing; build it, and name its folder in CORDON_BIN")
    unittest.main(module="__main__", verbosity=2)
