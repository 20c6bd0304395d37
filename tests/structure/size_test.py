"""Files and lines stay short, and no name says nothing."""

import re

from tree import files, plant, run

LINES_MAX = 500
COLUMNS_MAX = 100
EMPTY_NAMES = {"util", "utils", "common", "helper", "helpers", "manager", "managers", "misc"}


def check_names(path):
    for part in path.parts:
        words = re.split(r"[_.\-]", part.lower())
        for word in sorted(EMPTY_NAMES.intersection(words)):
            yield f"{path}: '{word}' does not say what is inside; name it after its purpose"


def check_size(path, source):
    lines = source.read_text(encoding="utf-8").splitlines()
    if len(lines) > LINES_MAX:
        yield f"{path}: {len(lines)} lines; split it below {LINES_MAX}"
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS_MAX:
            yield f"{path}:{number}: {len(line)} columns; wrap it at {COLUMNS_MAX}"


def check(root):
    problems = []
    for source in files(root):
        path = source.relative_to(root)
        problems += check_names(path)
        if source.suffix in {".cc", ".h", ".py", ".proto"}:
            problems += check_size(path, source)
    return problems


run(
    check,
    {
        "engine/base/planted.cc: 501 lines": lambda root: plant(
            root, "engine/base/planted.cc", "//\n" * 501
        ),
        "tools/planted.py:2: 101 columns": lambda root: plant(
            root, "tools/planted.py", "#\n" + "#" * 101 + "\n"
        ),
        "'utils' does not say": lambda root: plant(root, "engine/base/string_utils.h", "//\n"),
        "'common' does not say": lambda root: plant(root, "engine/common/planted.h", "//\n"),
    },
)
