"""Nothing in the tree knows the machine that it was written on."""

import re

from tree import files, plant, run

# Spelled in pieces so that this file passes its own test.
FOLDERS = ["work", "home", "root", "Users"]
MACHINE = re.compile(
    r"(?<![\w.$}~-])/(?:" + "|".join(FOLDERS) + r")/\w|" + re.escape("../" + "shared") + r"\b"
)


def check(root):
    problems = []
    for source in files(root):
        try:
            text = source.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a binary file
        for number, line in enumerate(text.splitlines(), 1):
            match = MACHINE.search(line)
            if match:
                path = source.relative_to(root)
                problems.append(f"{path}:{number}: names a path of one machine: {match.group()}…")
    return problems


def violation(path, text):
    return lambda root: plant(root, path, text)


run(
    check,
    {
        "docs/planted1.md:1": violation("docs/planted1.md", "see /" + "work/main\n"),
        "engine/base/planted2.cc:2": violation(
            "engine/base/planted2.cc", '//\nauto p = "/' + 'home/me/x";\n'
        ),
        "tests/planted3.py:1": violation("tests/planted3.py", "DATA = '../" + "shared/data'\n"),
    },
)
