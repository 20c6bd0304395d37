"""Permissions at work: real ones, where CORDON_SHARED_DATA names a folder that has them, and made
ones always. `permissions` measures what they cost, `revocation` what it takes to change them, in an
engine where each list is that of a document.

    permissions.py --build build --out FILE.json [--quick]

Real ones are the role-mining matrices rbac-hplabs (a permission is a document: whoever has it may
read; the matrix is real, that it is a read list is ours), rbac-k8s-org (teams, nested ones too,
are groups; a repository's grants are its list), rbac-moj-k8s (a namespace is a container that
allows the groups bound to it, and has one document that inherits it), k8s-keps (documents with
their readers).
"""

import argparse
import csv
import gzip
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import permissions_report
from report import figure, interval, table

MATRICES = ["americas_small", "apj", "fire1", "hc", "domino"]


def rows(path):
    with open(path, encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)


def name(kind, *parts):
    """A principal; what it is called must hold no space in the text of a world."""
    return f"{kind}:" + "/".join(part.replace(" ", "_") for part in parts)


class World:
    """Lines of bench/permission_world.h."""

    def __init__(self, title):
        self.lines = [f"world {title}"]
        self.users = {}

    def member(self, group, member):
        self.lines.append(f"member {group} {member}")
        self.user(member)

    def user(self, principal):
        if principal.startswith("user:"):
            self.users[principal] = True

    def container(self, title, allow):
        self.lines.append(" ".join(["container", title, *sorted(allow)]))
        for principal in allow:
            self.user(principal)

    def allowed(self, allow, inherit=()):
        words = ["class", *sorted(allow)]
        if inherit:
            words += ["inherit", *sorted(inherit)]
        self.lines.append(" ".join(words))
        for principal in allow:
            self.user(principal)

    def write(self, folder, number):
        path = folder / f"world-{number}.txt"
        text = [*self.lines, *(f"user {user}" for user in self.users)]
        path.write_text("\n".join(text) + "\n", encoding="utf-8")
        return path


def matrix(data, title):
    world = World(f"hplabs-{title}")
    allow = defaultdict(set)
    with gzip.open(data / "rbac-hplabs" / f"{title}.txt.gz", "rt", encoding="utf-8") as file:
        for line in file:
            user, permission = line.split()
            allow[permission].add(name("user", user))
    for permission in sorted(allow):
        world.allowed(allow[permission])
    return world


def teams(data):
    folder = data / "rbac-k8s-org"
    world = World("k8s-org")
    for row in rows(folder / "team_members.tsv"):
        world.member(name("group", row["org"], row["team"]), name("user", row["user"]))
    for row in rows(folder / "teams.tsv"):
        if row["parent_team"]:  # members of a team belong to its parent
            parent = name("group", row["org"], row["parent_team"])
            world.member(parent, name("group", row["org"], row["team"]))
    allow = defaultdict(set)
    for row in rows(folder / "team_repos.tsv"):
        allow[row["org"], row["repo"]].add(name("group", row["org"], row["team"]))
    for repository in sorted(allow):
        world.allowed(allow[repository])
    return world


def namespaces(data):
    folder = data / "rbac-moj-k8s"
    world = World("moj-k8s")
    allow = defaultdict(set)
    groups = set()
    for row in rows(folder / "role_bindings.tsv"):
        kind = {"Group": "group", "User": "user", "ServiceAccount": "service"}[row["subject_kind"]]
        subject = name(kind, row["subject"])
        if kind == "group":
            groups.add(subject)
        allow[name("folder", row["cluster"], row["namespace"])].add(subject)
    for container in sorted(allow):
        world.container(container, allow[container])
        world.allowed([], [container])
    for number, group in enumerate(sorted(groups)):  # who is in them is not published: one each
        world.member(group, name("user", f"of-{number}"))
    return world


def proposals(data):
    folder = data / "k8s-keps"
    world = World("k8s-keps")
    for row in rows(folder / "group_members.tsv"):
        world.member(name("group", row["group"]), name("user", row["user"]))
    with gzip.open(folder / "docs.jsonl.gz", "rt", encoding="utf-8") as file:
        for line in file:
            world.allowed(set(json.loads(line)["acl_readers"]))
    return world


def worlds(data):
    """What there is of the real ones, and what is missing."""
    found, missing = [], []
    makers = [(f"rbac-hplabs/{title}", lambda t=title: matrix(data, t)) for title in MATRICES]
    makers += [
        ("rbac-k8s-org", lambda: teams(data)),
        ("rbac-moj-k8s", lambda: namespaces(data)),
        ("k8s-keps", lambda: proposals(data)),
    ]
    for title, make in makers:
        try:
            found.append(make())
        except FileNotFoundError:
            missing.append(title)
    return found, missing


def run(words):
    done = subprocess.run([str(word) for word in words], check=False, stdout=sys.stderr)
    if done.returncode:
        sys.exit(f"{words[0]} failed")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    programs = options.build / "bench/bin"
    quick = ["--quick"] if options.quick else []
    data = os.environ.get("CORDON_SHARED_DATA")
    found, missing = worlds(Path(data)) if data else ([], ["all: CORDON_SHARED_DATA is not set"])
    for one in missing:
        print(f"real permissions are left out: {one}", file=sys.stderr)
    result = {"left_out": missing}
    with tempfile.TemporaryDirectory(dir=options.out.parent) as folder:
        folder = Path(folder)
        files = [world.write(folder, number) for number, world in enumerate(found)]
        if (programs / "permissions").exists():
            run([programs / "permissions", "--out", folder / "costs.json", *quick, *files])
            result |= json.loads((folder / "costs.json").read_text())
        else:
            print("what permissions cost is left out: libroaring is missing", file=sys.stderr)
        (folder / "data").mkdir()
        changed = folder / "changed.json"
        words = ["--dir", folder / "data", "--out", changed, *quick, *files]
        run([programs / "revocation", *words])
        result |= json.loads(changed.read_text())
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    for title, head, lines in permissions_report.sections(
        permissions_report.merge(result), figure, interval
    ):
        table(title, head, lines)


if __name__ == "__main__":
    main()
