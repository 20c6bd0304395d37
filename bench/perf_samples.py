"""Where a server's own processor time goes: perf's samples, each with the calls that led there."""

import os
import shutil
import signal
import subprocess
from contextlib import suppress

from processes import Failed

# Of time on a processor, in the program's own code: whoever may run perf at all may see that, and
# every machine has it.
EVENT = "cpu-clock:u"
STACK_BYTES = 4096  # copied for each sample, as releases keep no frame pointers
FRAMES_MAX = 24  # from what runs; who called it is next to it
END_S = 60


def recording(data, *more):
    return ["perf", "record", "-q", "-N", "-e", EVENT, "-o", str(data), *map(str, more)]


def unavailable(folder):
    """Why nothing can be sampled here; None if it can."""
    if shutil.which("perf") is None:
        return "perf is missing (Debian: linux-perf)"
    tried = folder / "tried.data"
    done = subprocess.run(recording(tried, "true"), capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"perf cannot record: {done.stderr.strip()}"


def plain(text):
    """With the names of the source: some perfs leave them as the linker has them."""
    if shutil.which("c++filt") is None:
        return text
    done = subprocess.run(["c++filt"], input=text, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def name_of(symbol):
    """A function's name without what it takes, which may name others."""
    return symbol.replace("(anonymous namespace)::", "").partition("(")[0]


def stacks(text):
    """(names, file) of each sample: who runs, who called it and so on; the file that holds it."""
    for sample in text.split("\n\n"):
        frames = [line.strip().rpartition(" (") for line in sample.splitlines() if line.strip()]
        if frames:
            names = [name_of(symbol.partition(" ")[2]) for symbol, _, _ in frames]
            yield names, frames[0][2].rstrip(")")


class Samples:
    """Taken of a server from here to stop()."""

    def __init__(self, server, data, hertz):
        self.data = data
        command = recording(data, "-F", hertz, "--call-graph", f"dwarf,{STACK_BYTES}")
        command += ["-p", str(server.process.pid)]
        orders, self.order = os.pipe()
        self.answer, answers = os.pipe()
        command += ["--delay=-1", f"--control=fd:{orders},{answers}"]
        ends = (orders, answers)
        self.perf = subprocess.Popen(command, pass_fds=ends, stderr=subprocess.PIPE, text=True)
        for end in ends:  # perf has them; if it ends, that is an answer as well
            os.close(end)
        # It may take seconds to follow all threads where others work.
        with suppress(BrokenPipeError):  # then stop() has what it said
            os.write(self.order, b"enable\n")
        os.read(self.answer, 16)

    def stop(self):
        """What stacks() gives."""
        self.perf.send_signal(signal.SIGINT)
        said = self.perf.communicate(timeout=END_S)[1]
        os.close(self.order)
        os.close(self.answer)
        # Without --no-inline it asks addr2line for each frame.
        command = ["perf", "script", "-i", self.data, "-F", "ip,sym,dso", "--no-inline"]
        command += ["--max-stack", str(FRAMES_MAX)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.data.unlink(missing_ok=True)
        if done.returncode != 0:
            raise Failed(f"perf recorded nothing: {said[-500:]} {done.stderr[-500:]}")
        return list(stacks(plain(done.stdout)))
