"""A store under measurement: the programs, where their files are, and what of these is cached."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from processes import Failed, Server

REST_S = 7  # index files are looked after each five seconds: a server that rests has written them
REST_LIMIT_S = 1800
READ_BYTES = 1 << 20


def note(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def timed(work):
    began = time.monotonic()
    result = work()
    return result, time.monotonic() - began


def rest(server):
    took_s = server.await_rest(REST_LIMIT_S, REST_S)
    note(f"{server.name}: at rest after {took_s:.0f} s")
    return took_s


class Place:
    """The programs, and where their files are."""

    def __init__(self, programs, folder, data=None):
        self.programs, self.folder = programs, folder
        self.data = data or folder / "data"
        self.backups, self.restored, self.raw = (
            folder / name for name in ("backups", "restored", "raw")
        )
        self.admin_key = None  # of the server that runs
        self.servers = []

    def witnesses(self):
        """Journal and keys, without which a backup is nothing."""
        dev = self.data / "dev"
        return [
            *("--journal-dir", self.data / "journal", "--journal-key", dev / "journal.key"),
            *("--keys-dir", self.data / "keys", "--master-key", dev / "master.key"),
        ]

    def serve(self, name, data, journal="required", options=()):
        config = self.folder / f"{journal}.yaml"
        config.write_text(f"journal: {journal}\n")
        command = [self.programs / "cordond", "--dev", "--data-dir", data, "--config", config]
        command += ["--backup-dir", self.backups, "--listen", "127.0.0.1:0", *options]
        note(f"{name}: starting")
        server = Server(f"cordond {name}", command, self.folder / f"{name}.log")
        self.servers.append(server)
        self.admin_key = data / "dev/admin.key"
        note(f"{name}: ready after {server.ready_s:.1f} s")
        return server

    def cordon(self, server, *words):
        """What one run of the command line answers."""
        kept = {name: text for name, text in os.environ.items() if not name.startswith("CORDON_")}
        environment = {
            **kept,
            "CORDON_SERVER": server.address,
            "CORDON_KEY_FILE": str(self.admin_key),
        }
        command = [self.programs / "cordon", "--json", *words]
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
        if done.returncode != 0:
            raise Failed(f"cordon {' '.join(words)}: {done.stdout[-500:]} {done.stderr[-500:]}")
        return json.loads(done.stdout.splitlines()[-1])

    def chunks(self, server):
        return self.cordon(server, "stats", "bench")["chunks"]


def files_of(folder):
    return [path for path in Path(folder).rglob("*") if path.is_file()]


def bytes_of(folder):
    return sum(path.stat().st_size for path in files_of(folder))


def disk(data):
    parts = {
        path.name: bytes_of(path) if path.is_dir() else path.stat().st_size
        for path in data.iterdir()
    }
    return {"bytes": sum(parts.values()), "parts": parts}


def cache(folder):
    """So that what is read next comes from memory, where that suffices; all is written before."""
    os.sync()
    for path in files_of(folder):
        with open(path, "rb", buffering=0) as file:
            while file.read(READ_BYTES):
                pass


def forget_cached(folder):
    """So that what is read next comes from the disk."""
    os.sync()
    for path in files_of(folder):
        file = os.open(path, os.O_RDONLY)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(file)
