"""CORDON_SEED repeats every random test: none draws a seed of its own."""

import re

from tree import files, plant, run

SOURCE = "tests/seed.h"
DRAWN = re.compile(r"\brandom_device\b")
RANDOM = re.compile(r"^import random$", re.MULTILINE)


def check(root):
    for source in files(root / "tests", ".cc", ".h"):
        path = str(source.relative_to(root))
        if path != SOURCE and DRAWN.search(source.read_text(encoding="utf-8")):
            yield f"{path} draws its seed; take TestSeed() of {SOURCE}, or an Effort's"
    for source in files(root / "tests", "_test.py"):
        text = source.read_text(encoding="utf-8")
        if RANDOM.search(text) and "CORDON_SEED" not in text:
            yield f"{source.relative_to(root)} is random and reads no CORDON_SEED"


run(
    lambda root: list(check(root)),
    {
        "planted_test.cc draws its seed": lambda root: plant(
            root, "tests/policy/planted_test.cc", "Random random(std::random_device{}());\n"
        ),
        "planted_test.py is random": lambda root: plant(
            root, "tests/blackbox/planted_test.py", "import random\n"
        ),
    },
)
