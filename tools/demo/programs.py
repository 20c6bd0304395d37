"""The two programs as anybody would run them: cordond as a process, cordon for every request."""

import json
import os
import queue
import subprocess
import threading
from pathlib import Path

READY_S = 60
STOP_S = 15
COMMAND_S = 120


class Failed(Exception):
    """A program did not do what the demo needs; says which and what it printed."""


def tail(path, lines=15):
    return "\n".join(Path(path).read_text(errors="replace").splitlines()[-lines:])


class Server:
    """A cordond on a store of its own; always stopped at the end of a `with` block."""

    def __init__(self, binary, store, log):
        self.binary, self.store, self.log = binary, Path(store), Path(log)
        self.address = None

    def arguments(self):
        key = str(self.store.parent / "journal.key")
        return ["--data-dir", str(self.store), "--journal-key", key]

    def init(self):
        command = [self.binary, "init", *self.arguments()]
        answer = subprocess.run(command, check=False, capture_output=True, text=True)
        if answer.returncode != 0:
            raise Failed(f"cordond init failed: {answer.stderr.strip() or answer.stdout.strip()}")

    def __enter__(self):
        command = [self.binary, *self.arguments(), "--listen", "127.0.0.1:0"]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True
            )
        self.printed = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()
        try:
            self.address = self.wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def read(self):
        for line in self.process.stdout:
            self.printed.put(line)
        self.printed.put(None)

    def wait_until_ready(self):
        while True:
            try:
                line = self.printed.get(timeout=READY_S)
            except queue.Empty:
                raise Failed(f"cordond did not serve within {READY_S} s:\n{tail(self.log)}")
            if line is None:
                raise Failed(f"cordond ended before it served:\n{tail(self.log)}")
            if line.startswith("listening on "):
                return line.removeprefix("listening on ").strip()

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __exit__(self, *_):
        self.stop()


class Cordon:
    """The command line with one key."""

    def __init__(self, binary, server, key_file):
        self.binary, self.server, self.key_file = binary, server, key_file

    def lines(self, *arguments, show_progress=False):
        """All lines of an answer, refusals included; Failed only where there is no answer."""
        command = [self.binary, "--json", *map(str, arguments)]
        answer = subprocess.run(
            command,
            env={**os.environ, "CORDON_SERVER": self.server, "CORDON_KEY_FILE": str(self.key_file)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None if show_progress else subprocess.PIPE,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )
        try:
            found = [json.loads(line) for line in answer.stdout.splitlines() if line.strip()]
        except json.JSONDecodeError:
            raise Failed(f"no JSON from `cordon {' '.join(command[2:])}`: {answer.stdout[:500]}")
        if answer.returncode not in (0, 1) or not found:
            printed = (answer.stderr or "").strip() or f"exit {answer.returncode}, nothing printed"
            raise Failed(f"`cordon {' '.join(command[2:])}` failed: {printed}")
        return found

    def all(self, *arguments, **options):
        """All lines of an answer without an error."""
        found = self.lines(*arguments, **options)
        for line in found:
            if "error" in line:
                error = line["error"]
                reason = " ".join(filter(None, map(error.get, ("code", "field", "message"))))
                raise Failed(f"`cordon {' '.join(map(str, arguments))}` was refused: {reason}")
        return found

    def one(self, *arguments, **options):
        """The last line of an answer without an error."""
        return self.all(*arguments, **options)[-1]

    def error(self, *arguments):
        """The error that is expected; {} if there was none."""
        return self.lines(*arguments)[-1].get("error", {})
