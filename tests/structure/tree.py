"""The source tree as the structure tests see it, and the proof that a test can fail.

Each test is a function check(root) that returns a list of problems, one line each. It is run on the
tree, which must have none, and then on copies of the tree with one planted violation each, which it
must find: a test that cannot fail guards nothing.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

SKIPPED = {".git", "build", "__pycache__", ".cache", ".vscode", ".idea"}


def files(root, *suffixes):
    """The files below `root` that end in one of `suffixes` (none given: all), sorted."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in SKIPPED]
        found += [Path(folder) / name for name in names if not suffixes or name.endswith(suffixes)]
    return sorted(path for path in found if path.is_file())


def plant(root, path, text):
    """Writes a file with a violation into a copy of the tree."""
    target = Path(root) / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")


def replace(root, path, old, new):
    """Breaks a file in a copy of the tree."""
    target = Path(root) / path
    text = target.read_text(encoding="utf-8")
    if old not in text:
        raise SystemExit(f"the self-check is stale: {path} no longer holds {old!r}")
    target.write_text(text.replace(old, new, 1), encoding="utf-8")


def run(check, violations):
    """Runs `check` on the tree given as argv[1], then on one copy for each violation.

    `violations` maps a text that the problem found must contain to a function that plants it.
    """
    if len(sys.argv) != 2:
        raise SystemExit(f"usage: {sys.argv[0]} SOURCE_FOLDER")
    root = Path(sys.argv[1])
    problems = check(root)
    for expected, violate in violations.items():
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "tree"
            shutil.copytree(root, copy, ignore=shutil.ignore_patterns(*SKIPPED))
            violate(copy)
            if not any(expected in problem for problem in check(copy)):
                problems.append(f"self-check: a planted violation was not found: {expected}")
    for problem in problems:
        print(problem)
    if not problems:
        print(f"ok; {len(violations)} planted violations were found")
    raise SystemExit(1 if problems else 0)
