"""The programs under measurement: servers that listen, and tools that obey lines on stdin."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

STOP_S = 30

# A server is at rest when it uses less than this part of one processor for so many seconds, without
# a call. What it does by itself, such as training lists, merging them or compacting files, takes a
# whole one, and begins as soon as what was before it has ended.
REST_PART = 0.05
REST_S = 2
NOTE_S = 10  # between two lines of progress


class Failed(Exception):
    """A program did not do what the benchmark needs."""


class Server:
    """A process that prints "listening on HOST:PORT" once it serves."""

    def __init__(self, name, command, log):
        self.name = name
        self.log = Path(log)
        started = time.monotonic()
        with open(self.log, "ab") as errors:
            self.process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        try:
            self.address = self._await_address()
        except BaseException:  # nobody has it yet who would stop it
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            raise
        self.ready_s = time.monotonic() - started
        if self.address is None:
            self.process.wait()
            raise Failed(f"{name} does not serve:\n{self.log.read_text()[-2000:]}")

    def _await_address(self):
        for line in self.process.stdout:
            found = re.match(r"listening on (\S+)", line)
            if found:
                return found.group(1)
        return None

    def memory(self):
        """Resident bytes now and at the peak, as the kernel counts them."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        return {
            "rss_bytes": int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) * 1024,
            "peak_bytes": int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) * 1024,
        }

    def times_s(self):
        """Processor seconds used so far: by its own code, and by the kernel for it."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8")
        after_name = fields.rpartition(")")[2].split()
        return [int(ticks) / os.sysconf("SC_CLK_TCK") for ticks in after_name[11:13]]

    def cpu_s(self):
        """Processor seconds used so far."""
        return sum(self.times_s())

    def await_rest(self, limit_s, rest_s=REST_S):
        """Waits until it does nothing by itself; the seconds until then. Failed after limit_s."""
        started = since = noted = time.monotonic()
        used = self.cpu_s()
        while time.monotonic() - since < rest_s:
            if self.process.poll() is not None:
                raise Failed(f"{self.name} ended:\n{self.log.read_text()[-2000:]}")
            if time.monotonic() - started > limit_s:
                raise Failed(f"{self.name} still works by itself after {limit_s} s")
            time.sleep(REST_S / 8)
            now, total = time.monotonic(), self.cpu_s()
            if total - used > REST_PART * rest_s:
                since, used = now, total
            if now - noted > NOTE_S:
                noted = now
                print(f"  {self.name} works by itself, {now - started:.0f} s", file=sys.stderr)
        return since - started

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()


class Tool:
    """A program that answers every line on stdin with one line of JSON."""

    def __init__(self, command):
        self.name = Path(command[0]).name
        self.process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def __call__(self, *words):
        self.process.stdin.write(" ".join(str(word) for word in words) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        answer = json.loads(line) if line else {"error": "it ended"}
        if "error" in answer:
            raise Failed(f"{self.name} {' '.join(map(str, words))}: {answer['error']}")
        return answer

    def stop(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
