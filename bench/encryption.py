"""What encryption costs a server: ingest, and retrieval, of documents that all are encrypted.

    encryption.py --build build --out FILE.json [--quick]

There is no server without it to compare with. So perf samples what the server does, and the part
of its processor time that goes to AES-GCM, keys and pseudonyms is what it costs; the journal's
digests, which are no encryption, stand beside. What waits for the disk is timed alone by
`encryption` (bench/encryption.cc): the keys of 8,192 documents, before the first of them. Not seen
is what sealing takes from others: RocksDB cannot compress what is sealed, and copies 28 bytes more
of each record.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import machine
from perf_samples import Samples, unavailable
from processes import Failed, Tool
from serving import BATCH, DIMENSION, FRACTIONS, connect, serve, settle

HERE = Path(__file__).resolve().parent
SLICE = 20_000  # documents that the load generator holds at once
HERTZ, HERTZ_TRAINING = 499, 49  # training takes a minute, of which nothing but files is sealed
IN_FLIGHT = 16
CALLERS = [1, 3]  # corpus.h's
# Documents written beside retrieval, each a View of its own: what was opened at one is kept for
# calls at the same one, from the 64th on, and few Views see as many.
WRITES_PER_S = 200

SEALED = "records sealed"
OPENED = "records opened"
KEYS = "documents' keys found and made"
INDEX_FILES = "index files sealed and opened"
NAMES = "pseudonyms in the store"
UNPLACED = "libcrypto, for whom is unknown"
ENCRYPTION = [SEALED, OPENED, KEYS, INDEX_FILES, NAMES, UNPLACED]
CHAIN = "the journal's chain"
JOURNAL_NAMES = "pseudonyms in the journal"
DIGESTS = "digests of batches and of API keys"
BESIDE = [CHAIN, JOURNAL_NAMES, DIGESTS]  # as it would be without encryption

# The functions that are all among those that led to a sample of a part; the first part that fits.
PARTS = [
    (KEYS, r"KeyStore::|FileKeys::|Vault::(NewKey|KeyOf)$"),
    (INDEX_FILES, r"SealedFile(Writer|Reader)::", r"::(SealText|OpenSealed)$"),
    (SEALED, r"::(SealText|RandomSealNonce|NonceAfter)$"),
    (OPENED, r"::OpenSealed$"),
    (NAMES, r"Vault::Pseudonym"),
    (JOURNAL_NAMES, r"Pseudonyms::"),
    (CHAIN, r"::(ChainMac|HmacSha256)$"),
    (DIGESTS, r"::Sha256$|HmacKey::"),
]


def part_of(names, file):
    """What a sample's time was for; None: for nothing of this."""
    for part, *patterns in PARTS:
        if all(any(re.search(pattern, name) for name in names) for pattern in patterns):
            return part
    return UNPLACED if "libcrypto" in file else None


def measured(server, folder, hertz, work, *words):
    """What `work` has the server do. It gives how many things were done, and in which time."""
    samples = Samples(server, folder / "perf.data", hertz)
    before = server.times_s()
    done, seconds = work(*words)
    own_s, kernel_s = (after - start for after, start in zip(server.times_s(), before))
    stacks = samples.stop()
    if not stacks and own_s > 1:
        raise Failed("perf took no sample of the server")
    counted = Counter(part_of(*stack) for stack in stacks)
    return {
        "done": done,
        "seconds": seconds,
        "own_s": own_s,
        "kernel_s": kernel_s,
        "samples": len(stacks),
        "parts": {part: counted[part] / max(len(stacks), 1) for part in ENCRYPTION + BESIDE},
    }


class Effort:
    """How much is measured."""

    def __init__(self, quick):
        self.documents = 20_000 if quick else 100_000
        self.seconds = 1.0 if quick else 8.0  # of one measurement of retrieval
        self.writes = int(self.seconds * WRITES_PER_S)
        self.all = self.documents + self.writes * len(CALLERS)
        self.rounds = 20_000 if quick else 200_000  # of `encryption`


def ingest(load, effort):
    seconds = 0
    for start in range(0, effort.documents, SLICE):
        count = min(SLICE, effort.documents - start)
        took = load("ingest", "server", start, count, BATCH)
        if took["chunks"] != count:
            raise Failed(f"only {took['chunks']} of {count} chunks were accepted")
        seconds += took["seconds"]
    return effort.documents, seconds


def train(server, data, effort):
    settle(server, data, effort)
    return effort.documents, None


def retrieve(load, which, seconds, *writes):
    got = load("retrieve", "server", which, IN_FLIGHT, seconds, "exact", *writes)
    if got["passages"] != 10:
        raise Failed(f"{got['passages']} passages came")
    return got["calls"], seconds


def phases(load, server, data, folder, effort):
    """(name, of what, figures) of each thing that the server is made to do."""

    def sampled(work, *words, hertz=HERTZ):
        return measured(server, folder, hertz, work, *words)

    load("prepare", "server")
    yield "ingest", "chunk", sampled(ingest, load, effort)
    trained = sampled(train, server, data, effort, hertz=HERTZ_TRAINING)
    yield "then, until at rest", "chunk", trained
    written = effort.documents
    for which in CALLERS:
        name = f"retrieval, {FRACTIONS[which]:.1%} permitted"
        retrieve(load, which, effort.seconds / 4)  # what it opens is kept
        yield f"{name}, the same again", "call", sampled(retrieve, load, which, effort.seconds)
        writes = [written, effort.writes, 1]
        beside = sampled(retrieve, load, which, effort.seconds, *writes)
        yield f"{name}, beside {WRITES_PER_S} writes a second", "call", beside
        written += effort.writes


def alone(program, folder, rounds):
    """Each of these by itself, on this disk."""
    done = subprocess.run(
        [program, str(rounds)],
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        check=True,
    )
    return json.loads(done.stdout)


def measure(build, folder, effort, started):
    result = {"alone": alone(build / "bench/bin/encryption", folder, effort.rounds), "phases": []}
    load = Tool([build / "bench/bin/load", effort.all, "lifelike"])
    started.append(load)
    data = folder / "data"
    server = serve(build / "bin", folder, "required", data)
    started.append(server)
    connect(load, "server", server, data)
    for name, of, figures in phases(load, server, data, folder, effort):
        result["phases"].append({"name": name, "of": of, **figures})
        show_phase(result["phases"][-1])
    files = len(list((data / "keys").glob("*.keys")))
    result["key_files"] = {"files": files, "wait_s": files * result["alone"]["segment_ms"] / 1000}
    return result


def show_phase(phase):
    of, done, seconds = phase["of"], phase["done"], phase["seconds"]
    all_s = max(phase["own_s"] + phase["kernel_s"], 1e-3)

    def line(name, share):
        used_s = share * phase["own_s"]
        print(f"  {name:46}{used_s / all_s:8.1%}{used_s / done * 1e6:10.2f} µs a {of}")

    rate = f", {done / seconds:,.0f} a second" if seconds else ""
    print(f"{phase['name']}: {done:,} {of}s{rate}; {all_s:.1f} s of the server's processor time,")
    print(f"  {phase['kernel_s']:.1f} of them in the kernel; {phase['samples']:,} samples. Of all:")
    for part in ENCRYPTION:
        if phase["parts"][part] > 0:
            line(part, phase["parts"][part])
    encryption = sum(phase["parts"][part] for part in ENCRYPTION)
    line("encryption in all", encryption)
    for part in BESIDE:
        if phase["parts"][part] > 0:
            line(f"beside it: {part}", phase["parts"][part])
    if seconds:
        spared_s = encryption * phase["own_s"]
        least_s = seconds / 1000  # threads may have had more between them than passed by the clock
        shared, most = (
            done / max(seconds - spared_s / n, least_s) for n in (os.cpu_count(), 1)
        )
        print(f"  without it {shared:,.0f} a second if all processors were busy all the time;")
        print(f"  at most {most:,.0f}, if one thread did all of it and everything waited for it\n")


def show_rest(result):
    files, one = result["key_files"], result["alone"]
    print(f"keys of documents: {files['files']} files of {one['keys_in_segment']:,}, each written")
    print(f"  and synced in {one['segment_ms']:.1f} ms: ingest waited {files['wait_s']:.2f} s")
    print("alone, in µs, of 400 and of 4,096 bytes:")
    for what in ("seal", "open", "copy"):
        print(f"  {what} {one[f'{what}_400_us']:.2f}, {one[f'{what}_4096_us']:.2f}")
    print(f"  a pseudonym {one['pseudonym_us']:.2f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--quick", action="store_true", help="20,000 documents; to see it work")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="encryption-", dir=options.build / "bench"))
    effort, started = Effort(options.quick), []
    try:
        reason = unavailable(folder)
        if reason:
            sys.exit(f"encryption.py: what encryption costs the server is not measured: {reason}")
        described = machine.describe(HERE.parent)
        result = measure(options.build, folder, effort, started)
        show_rest(result)
        result |= {"machine": described, "documents": effort.documents, "dimension": DIMENSION}
        options.out.write_text(json.dumps(result))
    finally:
        for one in started:
            one.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
