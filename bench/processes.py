"""The programs under measurement: servers that listen, and tools that obey lines on stdin."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

STOP_S = 30


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
        self.address = None
        for line in self.process.stdout:
            found = re.match(r"listening on (\S+)", line)
            if found:
                self.address = found.group(1)
                break
        self.ready_s = time.monotonic() - started
        if self.address is None:
            self.process.wait()
            raise Failed(f"{name} does not serve:\n{self.log.read_text()[-2000:]}")

    def memory(self):
        """Resident bytes now and at the peak, as the kernel counts them."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        return {
            "rss_bytes": int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) * 1024,
            "peak_bytes": int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) * 1024,
        }

    def cpu_s(self):
        """Processor seconds used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8")
        after_name = fields.rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")

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
