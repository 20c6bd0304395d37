"""A PostgreSQL of the bench's own: a cluster in a folder, on a Unix socket there, with pgvector."""

import os
import pwd
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

from processes import Failed

READY_S = 60
STOP_S = 60
MIB = 1 << 20
GRAPH_BYTES = 1500  # of a row while the graph is built, beside its vector
STORED_BYTES = 800  # of a row in table and indexes, beside two copies of its vector
HOW = (
    "PostgreSQL: apt-get install postgresql-15 postgresql-server-dev-15 libpq-dev; pgvector, which "
    "Debian 12 has not: make && make install in its sources (github.com/pgvector/pgvector, 0.8 or "
    "later); then build the bench anew"
)


def programs(given=None):
    """The folder of the newest PostgreSQL here, or of the one that is given; None."""
    if given:
        return given if (given / "postgres").exists() else None
    found = list(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if found:
        return max(found, key=lambda path: float(path.parts[-3])).parent
    path = shutil.which("postgres")
    return Path(path).resolve().parent if path else None


def unavailable(folder):
    """Why there can be no server by the programs in a folder; None: there can."""
    if folder is None:
        return f"there is no PostgreSQL here. {HOW}"
    libraries = [folder.parent / place / "vector.so" for place in ("lib", "lib/postgresql")]
    if not any(path.exists() for path in libraries):
        return f"{folder} has no pgvector. {HOW}"
    if os.geteuid() == 0 and not runs_as():
        return "PostgreSQL does not run as root, and there is no user postgres that it could run as"
    return None


def runs_as():
    """What makes a process that of the user postgres, if this is root; PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return {}
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        return {}
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def settings(rows, dimension, cpus, shared_bytes):
    """What a careful administrator would set: all of it in memory, and nothing that writing costs.

    `shared_bytes` is what /dev/shm has room for, where the processes that build a graph share it.
    """
    vectors = rows * dimension * 4
    buffers = max(256 * MIB, 2 * vectors + rows * STORED_BYTES)
    building = max(256 * MIB, vectors + rows * GRAPH_BYTES)
    return {
        "listen_addresses": "",
        "shared_buffers": f"{buffers // MIB}MB",
        "effective_cache_size": f"{2 * buffers // MIB}MB",
        "maintenance_work_mem": f"{building // MIB}MB",
        "work_mem": "256MB",
        "random_page_cost": "1.1",
        "dynamic_shared_memory_type": "posix" if shared_bytes > 1.2 * building else "mmap",
        "max_parallel_maintenance_workers": str(max(cpus - 1, 0)),
        "max_parallel_workers_per_gather": "0",  # a question has one processor; so has Cordon's
        "jit": "off",
        "plan_cache_mode": "force_generic_plan",  # no question is planned anew
        "session_preload_libraries": "vector",
        "autovacuum": "off",
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "max_wal_size": "8GB",
        "checkpoint_timeout": "1h",
    }


def shared_room():
    try:
        return shutil.disk_usage("/dev/shm").free
    except OSError:
        return 0


class Postgres:
    """A server in `folder`, which it takes for itself; its socket is there."""

    def __init__(self, binaries, folder, set_to):
        self.folder = Path(folder)
        self.log = self.folder / "log"
        self.how = runs_as()
        self.process = None
        if self.how:
            os.chown(self.folder, self.how["user"], self.how["group"])
        data = self.folder / "data"
        command = [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-N"]
        made = subprocess.run(
            [*map(str, command), "--no-locale", "-E", "UTF8"],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            **self.how,
        )
        if made.returncode != 0:
            raise Failed(f"initdb: {made.stderr[-1000:]}")
        command = [binaries / "postgres", "-D", data, "-k", self.folder]
        for name, value in set_to.items():
            command += ["-c", f"{name}={value}"]
        with open(self.log, "wb") as errors:
            self.process = subprocess.Popen(
                [str(word) for word in command],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                **self.how,
            )
        self.await_ready()

    def await_ready(self):
        started = time.monotonic()
        while "ready to accept connections" not in self.log.read_text(errors="replace"):
            ended = self.process.poll() is not None
            if ended or time.monotonic() - started > READY_S:
                self.stop()
                raise Failed(f"PostgreSQL does not serve:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.1)

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGINT)  # whoever is connected is sent away
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGQUIT)  # ends its children, which a kill would leave
            self.process.wait()


def version_of(answer):
    """`15.20` of what `SHOW server_version` says."""
    found = re.match(r"[\d.]+", answer)
    return found.group(0) if found else answer
