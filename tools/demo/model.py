"""The demo's own idea of who may see what, read from the same three files and nothing else.

It shares no code with the engine: what the engine returns is compared with it.
"""

import fnmatch
import json
import re
from dataclasses import dataclass
from pathlib import Path

# A quoted string, or a bare word of YAML such as `public` or `region:eu`.
TOKEN = re.compile(r'"[^"]*"|[A-Za-z][\w./*-]*(?::[\w./*-]+)?')


def flow(text):
    """One line of YAML in flow style, as these files are written, by way of JSON."""
    quoted = TOKEN.sub(lambda m: m[0] if m[0].startswith('"') else f'"{m[0]}"', text)
    return json.loads(quoted)


def flow_entries(path, key):
    """All `- {key: …}` lines of a file."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return [flow(line.strip()[2:]) for line in lines if line.strip().startswith(f"- {{{key}:")]


@dataclass
class Reach:
    """How far a person, an application or a destination goes."""

    level: str
    compartments: tuple = ()
    forbidden_tags: tuple = ()


class Model:
    def __init__(self, folder):
        policy = Path(folder) / "policy.yaml"
        text = policy.read_text(encoding="utf-8")
        self.levels = flow(re.search(r"^levels: (.*)$", text, re.M)[1])
        self.default = Reach(flow(re.search(r"^default_clearance: (.*)$", text, re.M)[1])["level"])
        self.containers = {entry["name"]: entry for entry in flow_entries(policy, "name: \"folder")}
        self.destinations = {
            entry["name"]: Reach(
                entry["ceiling"]["level"],
                tuple(entry["ceiling"]["compartments"]),
                tuple(entry["forbidden_tags"]),
            )
            for entry in flow_entries(policy, "name")
            if "ceiling" in entry
        }
        self.rules = flow_entries(Path(folder) / "rules.yaml", "glob")
        self.members, self.clearances = {}, {}
        for line in (Path(folder) / "directory.jsonl").read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            if "members" in record:
                self.members[record["principal"]] = record["members"]
            else:
                clearance = record["clearance"]
                self.clearances[record["principal"]] = Reach(
                    clearance["level"], tuple(clearance["compartments"])
                )

    def principals(self, user):
        """The user, `everyone`, and all groups and roles that hold one of these."""
        found = {user, "everyone"}
        while True:
            more = {name for name, members in self.members.items() if found & set(members)} - found
            if not more:
                return found
            found |= more

    def rule(self, document):
        return next(rule for rule in self.rules if fnmatch.fnmatchcase(document, rule["glob"]))

    def label(self, document):
        rule = self.rule(document)
        return {key: rule[key] for key in ("level", "compartments", "tags")}

    def clauses_permit(self, rule, principals):
        if principals & set(rule["deny"]) or rule["allow"] and not principals & set(rule["allow"]):
            return False
        inherited = [self.containers[name] for name in rule["inherit"]]
        return all(self.clauses_permit(container, principals) for container in inherited)

    def dominates(self, reach, label):
        return (
            self.levels.index(reach.level) >= self.levels.index(label["level"])
            and set(label["compartments"]) <= set(reach.compartments)
            and not set(label["tags"]) & set(reach.forbidden_tags)
        )

    def permits(self, document, user, *ceilings):
        """Whether `user` may see `document` where all `ceilings` apply as well."""
        reaches = (self.clearances.get(user, self.default), *ceilings)
        return self.clauses_permit(self.rule(document), self.principals(user)) and all(
            self.dominates(reach, self.label(document)) for reach in reaches
        )

    def join(self, labels):
        """The label of a whole context; None of an empty one."""
        if not labels:
            return None
        return {
            "level": max((label["level"] for label in labels), key=self.levels.index),
            "compartments": sorted({name for label in labels for name in label["compartments"]}),
            "tags": sorted({name for label in labels for name in label["tags"]}),
        }
