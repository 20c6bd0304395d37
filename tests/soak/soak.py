"""Runs the random tests for longer than CI does, and sums up what they saw.

  soak.py TESTS --minutes 20 [--only S1,R3] [--out soak.md]

TESTS is the folder of the test binaries, such as build/tests. Each test of the table below gets the
same share of the time, as many at once as there are processors; CORDON_SEED repeats a run. Prints,
and writes to --out, one line a test.
"""

import argparse
import concurrent.futures
import dataclasses
import os
import pathlib
import re
import subprocess
import sys
import time

CORPUS = pathlib.Path(__file__).resolve().parent.parent / "fuzz/corpus"
SLACK_S = 600  # for a round that is long, and for what a test does beside its rounds


@dataclasses.dataclass
class Soak:
    name: str
    binary: str
    arguments: list
    loops: int = 1  # that each take the time given


def gtest(name, binary, test="*", loops=1):
    return Soak(name, binary, [f"--gtest_filter={test}"], loops)


def fuzz(name):
    binary = "fuzz_token" if name == "token" else "fuzz_replay"
    return Soak(f"S7 {name}", binary, [name, str(CORPUS / name)])


# Every test with an Effort (tests/effort.h) has a row: tests/structure/soak_test.py asks for it.
TESTS = [
    gtest("A1", "engine_test", "Matrix.AnAnswerDisagrees*"),
    gtest("S1", "security_test", "Model.*"),
    gtest("S1 remembered", "policy_test", "EntitlementCacheTest.ARememberedCallerIsTold*", loops=2),
    gtest("S2", "security_test", "Twins.*"),
    gtest("S2 lists", "index_test", "*/TwinsTest.*", loops=3),
    gtest("S2 fast", "engine_test", "FastTwins.*"),
    gtest("S2 lexical", "lexical_test", "History.AnAnswerDepends*"),
    gtest("S3", "security_served_test", "Calls.LetsInWhomItShouldNot"),
    gtest("S4", "security_served_test", "HiddenDocuments.*"),
    gtest("S4 names", "security_served_test", "HiddenNames.*", loops=2),
    gtest("S5", "revoke_race_test"),
    gtest("S5 engine", "security_test", "RaceInEngine.*"),
    gtest("S6", "identity_test", "Tokens.AChangedCharacter*:KeyFileTest.ARotation*", loops=2),
    gtest("S6 certificates", "server_test", "Rotations.*"),
    gtest("S6 refused", "server_test", "BadCertificates.*"),
    fuzz("request"),
    fuzz("policy_text"),
    fuzz("ingest_line"),
    fuzz("store_record"),
    fuzz("index_file"),
    fuzz("journal_record"),
    fuzz("token"),
    gtest("S10", "crash_disk_test", "JournalDamage.*"),
    gtest("R1", "crash_served_test", "Kill.*"),
    gtest("R1 listing", "crash_served_test", "ListedServer.ADeadServer*"),
    gtest("R1 sync", "crash_served_test", "SnapshotServer.ADeadServer*"),
    gtest("R2", "crash_points_test", "-*IsOpenedForEver", loops=4),
    gtest("R3", "crash_disk_test", "PowerLoss.*"),
    gtest("R4", "crash_disk_test", "DamagedLog.*"),
    gtest("R5", "crash_disk_test", "IoErrors.*"),
    gtest("R6", "crash_disk_test", "FullDisk.*", loops=4),
    gtest("R7", "crash_disk_test", "BitFlip.*"),
    gtest("R7 geometry", "index_test", "GeometryFileTest.AnyFlippedBitIsFound"),
    gtest("R2 files", "filed_crash_test", loops=6),
    gtest("R2 backups", "backup_crash_test", loops=9),
    gtest("R9", "index_test", "InstructionSetsTest.*"),
    gtest("R12", "crash_served_test", "Sigterm.*"),
    gtest("re-embedding", "engine_test", "Reembedding.AnswersAreNot*"),
    gtest("filters", "columns_test", "RandomFilter.*"),
    gtest("byte-pairs", "text_test", "BytePairs.TheCountIsNot*:BytePairs.AnyBytes*", loops=2),
]


def run(test, folder, seconds):
    """(test, its summary lines, its status, the end of what it printed)."""
    environment = dict(os.environ, CORDON_SOAK_S=str(max(1, seconds // test.loops)))
    try:
        done = subprocess.run(
            [folder / test.binary, *test.arguments], env=environment, capture_output=True,
            text=True, errors="replace", timeout=seconds * 4 + SLACK_S, check=False,
        )
    except subprocess.TimeoutExpired:
        return test, [], "no end", ""
    output = done.stdout + done.stderr
    lines = re.findall(r"^SUMMARY (.*)$", output, re.MULTILINE)
    return test, lines, done.returncode, output


def verdict_on(lines, status):
    """A test that ran nothing, as one that its filter does not find, ends well and has no line."""
    if status != 0:
        return f"FAILED ({status})"
    return "ok" if lines else "FAILED (no summary)"


def row(test, lines, verdict):
    cells = []
    for line in lines or [test.name]:
        _, _, figures = line.partition(" ")
        cells.append(f"| {line.split(' ')[0]} | {test.binary} | {verdict} | {figures} |")
    return "\n".join(cells)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tests", type=pathlib.Path)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--only", help="ids of the table, such as S1,R3")
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    chosen = [test for test in TESTS
              if not options.only or test.name.split(" ")[0] in options.only.split(",")]
    at_once = os.cpu_count() or 1
    seconds = max(1, int(options.minutes * 60 * at_once / len(chosen)))
    print(f"{len(chosen)} tests, {seconds} s each, {at_once} at once", flush=True)

    began = time.monotonic()
    rows, failed = {}, 0
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        runs = [pool.submit(run, test, options.tests.resolve(), seconds) for test in chosen]
        for finished in concurrent.futures.as_completed(runs):
            test, lines, status, output = finished.result()
            verdict = verdict_on(lines, status)
            rows[test.name] = row(test, lines, verdict)
            print(rows[test.name], flush=True)
            if verdict != "ok":
                failed += 1
                print(output[-5000:], file=sys.stderr, flush=True)
    table = "\n".join(["| test | binary | verdict | figures |", "|---|---|---|---|"]
                      + [rows[test.name] for test in chosen])
    if options.out:
        options.out.write_text(table + "\n", encoding="utf-8")
    print(f"{time.monotonic() - began:.0f} s, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
