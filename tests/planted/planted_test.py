"""Gives each planted bug to the test that must catch it: a test that cannot fail proves nothing.

  planted_test.py SOURCE TESTS [--both | --find BUG]

SOURCE is the project, TESTS the folder of the test binaries of the checked build. Every bug of
engine/base/planted.cc needs a row in caught_by.txt, or several; each one's test must fail with the
bug and pass without it. A random one is run again without it, by the same seed. That the others
pass is what the suite beside this shows, though not alone and under this load: --both runs each row
again, for whoever adds one. As many run at once as there are processors. --find lists all tests
that fail with a bug: for choosing a row.
"""

import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

TIMEOUT_S = 300
FAILED = 1  # GoogleTest's exit status; a crash is no catch, since it may be by chance
REPORTED = 86  # a sanitizer's, which is a crash: else it would exit as GoogleTest does
SANITIZERS = ("ASAN_OPTIONS", "UBSAN_OPTIONS")


def bugs(source):
    text = (source / "engine/base/planted.cc").read_text(encoding="utf-8")
    return re.findall(r'\{"([a-z-]+)", Bug::', text)


def rows(source):
    table = {}
    for line in (source / "tests/planted/caught_by.txt").read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            bug, binary, test = line.split()
            table.setdefault(bug, []).append((binary, test))
    return table


def run(tests, binary, test, bug):
    """The exit status of a test and what it printed."""
    environment = dict(os.environ, CORDON_PLANT=bug)
    environment.setdefault("CORDON_SEED", "1")
    for options in SANITIZERS:
        said = environment.get(options)
        environment[options] = ":".join(filter(None, (said, f"exitcode={REPORTED}")))
    done = subprocess.run(
        [tests / binary, f"--gtest_filter={test}"],
        env=environment, capture_output=True, text=True, errors="replace", timeout=TIMEOUT_S,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def without(tests, binary, test):
    """What is wrong with a test already without a bug."""
    status, output = run(tests, binary, test, "")
    return None if status == 0 else f"{binary} {test} fails without any bug:\n{output[-2000:]}"


def judge(tests, bug, binary, test):
    """What is wrong with a row if its test is well, and whether the test is a random one."""
    status, output = run(tests, binary, test, bug)
    seeded = "CORDON_SEED=" in output
    if status == 0:
        there = "[  PASSED  ] 0 tests" not in output  # which failing ones print as well
        return f"{binary} {test} does not notice it" if there else f"{binary} has no {test}", seeded
    if status != FAILED:
        return f"{binary} {test} ended with status {status}, no failure:\n{output[-2000:]}", seeded
    return None, seeded


def missed_by(tests, table, both):
    """bug -> what is wrong with its rows; without a bug random tests are run, or `both`: all."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        pending = {(bug, row): pool.submit(judge, tests, bug, *row)
                   for bug in table for row in table[bug]}
        judged = {key: future.result() for key, future in pending.items()}
        again = list(dict.fromkeys(row for (_, row), (_, random) in judged.items()
                                   if both or random))
        faults = dict(zip(again, pool.map(lambda row: without(tests, *row), again)))
        return {bug: [fault for row in table[bug]
                      if (fault := faults.get(row) or judged[bug, row][0])] for bug in table}


def check(source, tests, both):
    table = rows(source)
    known = bugs(source)
    problems = [f"{bug}: no row in caught_by.txt" for bug in known if bug not in table]
    problems += [f"{bug}: in caught_by.txt, and no such bug" for bug in table if bug not in known]
    caught = 0
    for bug, missed in missed_by(tests, table, both).items():
        problems += [f"{bug}: {problem}" for problem in missed]
        if missed or bug not in known:
            continue
        caught += 1
        print(f"{bug:24} caught by {' and '.join(' '.join(row) for row in table[bug])}")
    print(f"SUMMARY S8 bugs={len(known)} caught={caught}")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def find(tests, bug):
    for binary in sorted(path.name for path in tests.glob("*_test")):
        try:
            status, output = run(tests, binary, "*", bug)
        except subprocess.TimeoutExpired:
            print(f"{binary}: no end within {TIMEOUT_S} s")
            continue
        failed = sorted(set(re.findall(r"\[  FAILED  \] (\S+?)(?:,| \()", output)))
        if status != 0:
            print(f"{binary}: status {status}: {' '.join(failed)}", flush=True)


def main():
    source, tests = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    if len(sys.argv) > 4 and sys.argv[3] == "--find":
        find(tests, sys.argv[4])
        return 0
    return check(source, tests, both="--both" in sys.argv[3:])


sys.exit(main())
