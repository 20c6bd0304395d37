"""Every test that can go on for longer than in CI does so in a soak.

A test with an Effort (tests/effort.h) is in a row of tests/soak/soak.py, every row runs one, and no
more of them than its time is shared by. An Effort before the first test of a file may be any test's
of that file.
"""

import fnmatch
import re

from tree import files, plant, replace, run

SOAK = "tests/soak/soak.py"
EFFORT = re.compile(r"\bEffort effort\(")
TEST = re.compile(r"^(TEST(?:_[FP])?)\(\s*(\w+),\s*(\w+)\)", re.MULTILINE)
BINARY = re.compile(r"\bcordon_tests?\((\w+)([^)]*)\)")
ROW = re.compile(r'gtest\("([^"]+)", "(\w+)"(?:, "([^"]*)")?(?:, loops=(\d+))?\)')


def binaries(root):
    """The binary of each test file that is not in a module's folder."""
    found = {}
    for cmake in files(root / "tests", "CMakeLists.txt"):
        for binary, sources in BINARY.findall(cmake.read_text(encoding="utf-8")):
            for source in sources.split():
                found[(cmake.parent / source).resolve()] = binary
    return found


def efforts_in(text):
    """The tests with an Effort, as GoogleTest names them; nameless instances are x and 0."""
    tests = list(TEST.finditer(text))
    ends = [test.start() for test in tests[1:]] + [len(text)]
    everywhere = tests and EFFORT.search(text, 0, tests[0].start())
    for test, end in zip(tests, ends):
        if everywhere or EFFORT.search(text, test.end(), end):
            macro, suite, name = test.groups()
            yield f"x/{suite}.{name}/0" if macro == "TEST_P" else f"{suite}.{name}"


def efforts(root):
    """(binary, test) of all."""
    known = binaries(root)
    for source in files(root / "tests", "_test.cc"):
        binary = known.get(source.resolve(), f"{source.parent.name}_test")
        for test in efforts_in(source.read_text(encoding="utf-8")):
            yield binary, test


def matches(patterns, test):
    return any(fnmatch.fnmatchcase(test, pattern) for pattern in patterns.split(":"))


def runs(given, test):
    """Whether a --gtest_filter lets a test through."""
    chosen, _, left_out = given.partition("-")
    return matches(chosen or "*", test) and not matches(left_out, test)


def check(root):
    text = (root / SOAK).read_text(encoding="utf-8")
    rows = [(name, binary, given or "*", int(loops or 1))
            for name, binary, given, loops in ROW.findall(text)]
    left = set(efforts(root))
    for name, binary, given, loops in rows:
        its = {(of, test) for of, test in left if of == binary and runs(given, test)}
        left -= its
        if not its:
            yield f"{SOAK}: {name} runs no test with an Effort, or none that no other row runs"
        if len(its) > loops:
            yield f"{SOAK}: {len(its)} tests share the time of {name}: loops={len(its)}"
    for binary, test in sorted(left):
        yield f"{SOAK} has no row for {test} of {binary}"


LONG = "TEST(Long, One) {\n  Effort effort(\"S1\", 1);\n}\n"

run(
    lambda root: list(check(root)),
    {
        "no row for Long.One of policy_test": lambda root: plant(
            root, "tests/policy/long_test.cc", LONG
        ),
        "no row for Kill.": lambda root: replace(root, SOAK, '"Kill.*"', '"Killed.*"'),
        "no row for RevokeRace.": lambda root: replace(root, SOAK, "revoke_race_test", "race_test"),
        "S5 runs no test": lambda root: replace(root, SOAK, "revoke_race_test", "race_test"),
        "no row for FiledCrash.": lambda root: replace(
            root, SOAK, '"filed_crash_test", loops', '"filed_crash_test", "*Flips", loops'
        ),
        "no row for x/TwinsTest.": lambda root: replace(root, SOAK, "*/TwinsTest.*", "TwinsTest.*"),
        "4 tests share the time of R2": lambda root: replace(root, SOAK, "loops=4", "loops=3"),
    },
)
