"""make demo: a company's handbook, asked by six callers; and every claim it makes is checked.

Drives build/bin/cordond and build/bin/cordon as anybody would, with real keys and rights. Policy,
rules for files and directory are the three files beside this one; model.py reads them too and says
independently what each caller may get.
"""

import argparse
import fcntl
import json
import os
import shutil
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from corpus import NoCorpus, fetch
from model import Model, Reach
from programs import Cordon, Failed, Server
from screen import Screen

HERE = Path(__file__).resolve().parent
COLLECTION = "handbook"
INTERNAL, PUBLIC = "assist-internal", "chat-public"
K = 5

QUESTIONS = [
    # (question, the part of the handbook that answers it: a compartment or a folder)
    ("How do I set up LDAP authentication for database users?", "security"),
    ("How do I recover to a point in time from a base backup?", "recovery"),
    ("How much memory should shared_buffers be given?", "folder:/platform"),
]
SECRET_PAGE = "auth-ldap.html"


@dataclass
class Caller:
    user: str
    application: str
    destination: str
    who: str

    def title(self):
        return f"{self.user} › {self.application}"


CALLERS = [
    Caller("user:ana", "assistant", INTERNAL, "employee of platform"),
    Caller("user:lea", "assistant", INTERNAL, "team lead, restricted"),
    Caller("user:cole", "assistant", INTERNAL, "in platform, but contractor"),
    Caller("user:adam", "assistant", INTERNAL, "administrator, no clearance"),
    Caller("user:lea", "widget", INTERNAL, "application without clearance"),
    Caller("user:lea", "assistant", PUBLIC, "to chat-public, scope 1"),
]

# The operation rights of each key; what is not said, a key does not have.
KEYS = {
    "loader": ["--rights", "ingest,grant,label"],
    "auditor": ["--rights", "audit"],
    "assistant": [
        *("--rights", "query,act-as", "--as-pattern", "user:*"),
        *("--clearance", '{"level":"restricted","compartments":["security","recovery"]}'),
        *("--destinations", f"{INTERNAL},{PUBLIC}"),
    ],
    "widget": [
        *("--rights", "query,act-as", "--as-pattern", "user:*"),
        *("--destinations", f"{INTERNAL},{PUBLIC}"),
    ],
}
APPLICATIONS = {
    "assistant": Reach("restricted", ("security", "recovery")),
    "widget": Reach("public"),
}


def label_of(label):
    """A label in one spelling, for comparison and for people."""
    return label and {
        "level": label["level"],
        "compartments": sorted(label.get("compartments") or []),
        "tags": sorted(label.get("tags") or []),
    }


def spell(label):
    if not label:
        return "nothing"
    extra = label_of(label)["compartments"] + label_of(label)["tags"]
    return label["level"] + (f" + {', '.join(extra)}" if extra else "")


class Demo:
    def __init__(self, build):
        self.build = Path(build)
        self.folder = self.build / "demo"
        self.programs = {name: str(self.build / "bin" / name) for name in ("cordond", "cordon")}
        self.screen = Screen()
        self.model = Model(HERE)
        self.runs = []
        self.revocation = {}
        self.chunks = 0

    # The store.

    def server(self):
        return Server(self.programs["cordond"], self.folder / "data", self.folder / "cordond.log")

    def key_file(self, name):
        return self.folder / ("data/admin.key" if name == "admin" else f"keys/{name}.key")

    def cordon(self, name):
        return Cordon(self.programs["cordon"], self.address, self.key_file(name))

    def recreate_folder(self):
        for lock in self.folder.rglob("LOCK"):
            with open(lock, "rb+") as file:
                try:
                    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    raise Failed(f"{self.folder} is being served (make serve?); stop that first")
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "keys").mkdir(parents=True)

    def configure(self):
        admin = self.cordon("admin")
        admin.one("policy", "apply", HERE / "policy.yaml")
        shape = ["--dim", "512", "--metric", "cosine", "--embedder", "builtin"]
        admin.one("collection", "create", COLLECTION, *shape)
        admin.one("directory", "apply", HERE / "directory.jsonl")

    def create_keys(self):
        for name, grant in KEYS.items():
            file = self.key_file(name)
            arguments = ["--principal", f"service:{name}", *grant, "--collections", COLLECTION]
            self.cordon("admin").one("key", "create", *arguments, "--out", file)
            if not file.is_file():
                raise Failed(f"cordon key create wrote no {file}")

    def ingest(self, pages):
        show = self.screen.terminal
        rules = HERE / "rules.yaml"
        arguments = ("ingest", COLLECTION, pages, "--rules", rules)
        return self.cordon("loader").one(*arguments, show_progress=show)

    def prepare(self, server, pages):
        """Fills a served store: policy, directory, keys, documents."""
        screen, self.address = self.screen, server.address
        screen.step("policy, collection and directory", self.configure)
        screen.step(f"keys: {', '.join(KEYS)}", self.create_keys)
        count = len(list(pages.iterdir()))
        done = screen.step(f"ingest {count:,} files as rules.yaml says", lambda: self.ingest(pages))
        stats = self.cordon("admin").one("stats", COLLECTION)
        self.chunks = stats["chunks"]
        accepted = (done["accepted"], done["refused"], stats["documents"])
        screen.claim(
            f"all {count:,} files are in: {self.chunks:,} chunks, revision {done['revision']}",
            accepted == (count, 0, count),
            f"accepted, refused, stored: {accepted}",
        )
        (self.folder / "ready").write_text("the store is complete\n")

    # The story.

    def ask(self, caller, question):
        """One question; the answer is kept for the report."""
        answer = self.cordon(caller.application).one(
            *("retrieve", COLLECTION, "--as", caller.user, "--text", question),
            *("--k", K, "--mode", "exact", "--destination", caller.destination),
        )
        run = {
            "caller": caller.user,
            "application": f"service:{caller.application}",
            "destination": caller.destination,
            "question": question,
            "passages": answer["passages"],
            "context_label": answer["context_label"],
            "journal_id": answer["journal_id"],
        }
        self.runs.append(run)
        return answer

    def may(self, caller, document):
        """What the demo's own model of the three files says."""
        ceilings = (APPLICATIONS[caller.application], self.model.destinations[caller.destination])
        return self.model.permits(document, caller.user, *ceilings)

    def ask_all(self):
        self.screen.line()
        self.screen.legend()
        kept_back = []
        for question, part in QUESTIONS:
            self.screen.heading(f"“{question}”")
            answers = [(caller, self.ask(caller, question)) for caller in CALLERS]
            columns = [
                (
                    caller.title(),
                    caller.who,
                    answer["passages"],
                    f"context: {spell(answer['context_label'])}",
                )
                for caller, answer in answers
            ]
            self.screen.table(columns[:3])
            self.screen.table(columns[3:])
            self.screen.line()
            self.check_part(answers, part)
            self.check_answers(answers)
            kept_back += self.check_scopes(answers)
        self.screen.claim(
            f"over all questions, scope 1 was kept from {len(kept_back)} passages of scope 3",
            kept_back,
        )

    def of_part(self, part, document):
        rule = self.model.rule(document)
        return part in rule["compartments"] + rule["inherit"]

    def check_part(self, answers, part):
        """Those who may see a part of the handbook got some of it, and nobody else."""
        pages = [page.name for page in fetch(self.build).iterdir()]
        pages = [page for page in pages if self.of_part(part, page)]
        expected = [c.title() for c, _ in answers if any(self.may(c, page) for page in pages)]
        got = [
            caller.title()
            for caller, answer in answers
            if any(self.of_part(part, passage["document"]) for passage in answer["passages"])
        ]
        found = f"pages of {part} went to {len(got)} of six: {', '.join(got) or 'nobody'}"
        self.screen.claim(found, got == expected, f"the three files say: {', '.join(expected)}")

    def check_scopes(self, answers):
        """What the team lead got for scope 3 and, by its label, must not get for scope 1."""
        wide = next(a for c, a in answers if c == CALLERS[1])
        narrow = {p["document"] for c, a in answers if c == CALLERS[-1] for p in a["passages"]}
        reach = self.model.destinations[PUBLIC]
        return [
            passage["document"]
            for passage in wide["passages"]
            if not self.model.dominates(reach, passage["label"])
            and passage["document"] not in narrow
        ]

    def check_answers(self, answers):
        claim, model = self.screen.claim, self.model
        passages = [(c, p) for c, answer in answers for p in answer["passages"]]
        wrong = [(c.title(), p["document"]) for c, p in passages if not self.may(c, p["document"])]
        claim(f"all {len(passages)} passages are permitted by the three files", not wrong, wrong)
        short = [(c.title(), len(a["passages"])) for c, a in answers if len(a["passages"]) != K]
        claim(f"what is hidden costs nobody an answer: all got {K}", not short, short)
        relabeled = [
            p["document"]
            for _, p in passages
            if label_of(p["label"]) != label_of(model.label(p["document"]))
        ]
        joined = [
            c.title()
            for c, a in answers
            if label_of(a["context_label"]) != model.join([p["label"] for p in a["passages"]])
        ]
        claim(
            "every label is the rules file's; the context's label is their join",
            not relabeled and not joined,
            (relabeled, joined),
        )
        misled = [
            (c.title(), a["destinations"])
            for c, a in answers
            if set(a["destinations"]) != self.receivers(a["context_label"])
        ]
        claim("every answer names the destinations that may receive it", not misled, misled)

    def receivers(self, label):
        """The destinations that may receive a context; nothing may go anywhere."""
        reaches = self.model.destinations.items()
        return {name for name, reach in reaches if not label or self.model.dominates(reach, label)}

    def explain(self):
        page = SECRET_PAGE
        self.screen.heading(f"why {page}?")
        rows, disagree = [], []
        for user in sorted({caller.user for caller in CALLERS}):
            answer = self.cordon("auditor").one("why", COLLECTION, page, "--as", user)
            failing = [c for c in answer["clauses"] if not c["permitted"]]
            telling = failing or answer["clauses"]
            witness = "; ".join(f"{clause['name']}: {clause['because']}" for clause in telling)
            rows.append((f"{user} {'may' if answer['permitted'] else 'may not'}", witness))
            if answer["permitted"] != self.model.permits(page, user):
                disagree.append(user)
        self.screen.pairs(rows)
        self.screen.line()
        self.screen.claim("each verdict is what the three files say", not disagree, disagree)

    def show_reach(self):
        self.screen.heading("how much each may see, and what a refusal tells")
        seen = {}
        for user in sorted({caller.user for caller in CALLERS}):
            stats = self.cordon("auditor").one("stats", COLLECTION, "--as", user)
            seen[user] = stats["visible_chunks"]
        self.screen.pairs([(u, f"{n:>6,} of {self.chunks:,} chunks") for u, n in seen.items()])
        self.screen.line()
        order = [seen[f"user:{name}"] for name in ("adam", "cole", "ana", "lea")]
        rising = order == sorted(set(order)) and order[0] > 0 and order[-1] == self.chunks
        self.screen.claim("administrator < contractor < employee < team lead = all", rising, order)

        question = ("retrieve", COLLECTION, "--text", QUESTIONS[0][0])
        refused = self.cordon("admin").error(*question)
        self.screen.claim(
            f"the administrator's own key runs the store and reads nothing: {refused.get('code')}",
            refused.get("code") == "PERMISSION_DENIED",
            refused,
        )
        hidden, absent = (
            self.cordon("assistant").error(
                *("get", COLLECTION, page, "--as", "user:ana", "--destination", INTERNAL)
            )
            for page in (SECRET_PAGE, "no-such-page.html")
        )
        same = json.dumps(hidden).replace(SECRET_PAGE, "no-such-page.html")
        self.screen.claim(
            f"a hidden page and one that does not exist give the same answer: {hidden.get('code')}",
            hidden.get("code") == "NOT_FOUND" and same == json.dumps(absent),
            (hidden, absent),
        )

    def in_platform(self, passages):
        """Those that stand in platform's folder."""
        rules = [(p["document"], self.model.rule(p["document"])) for p in passages]
        return [name for name, rule in rules if "folder:/platform" in rule["inherit"]]

    def revoke(self):
        self.screen.heading("user:ana leaves group:platform")
        ana, question = CALLERS[0], QUESTIONS[2][0]
        before = self.ask(ana, question)
        members = [name for name in self.model.members["group:platform"] if name != ana.user]
        file = self.folder / "revocation.jsonl"
        file.write_text(json.dumps({"principal": "group:platform", "members": members}) + "\n")
        applied = self.cordon("admin").one("directory", "apply", file)
        after = self.ask(ana, question)
        self.model.members["group:platform"] = members
        self.revocation = {"before": before["passages"], "after": after["passages"]}
        self.screen.table(
            [
                (f"before: revision {before['revision']}", question, before["passages"], ""),
                (f"after: revision {after['revision']}", question, after["passages"], ""),
            ]
        )
        lost = self.in_platform(before["passages"])
        self.screen.claim(
            f"before, {len(lost)} of {K} passages are platform's; the next request has none",
            lost and not self.in_platform(after["passages"]),
            self.in_platform(after["passages"]),
        )
        self.screen.claim(
            f"that request sees the revision of the revocation, {applied['revision']}",
            after["revision"] >= applied["revision"] > before["revision"],
            (before["revision"], applied["revision"], after["revision"]),
        )
        self.check_answers([(ana, after)])

    def show_journal(self):
        self.screen.heading("the journal: keyed pseudonyms instead of people and documents")
        auditor = self.cordon("auditor")
        lines = auditor.one("journal", "show", "--limit", "200")["lines"]
        for line in lines[-6:]:
            label = spell(line.get("context_label"))
            subject = line.get("subject", "")[:10]
            who = line.get("actor", "")[:10] + (f" for {subject}" if subject else "")
            time = line.get("time", "")[:19]
            call = f"{line.get('call', '')} {line.get('outcome', '')}"
            what = f"{len(line.get('documents', []))} documents, {label}"
            self.screen.line(f"  {time}  {call:<27} {who:<24}  {what}"[:100])
        self.screen.line()
        written = {line["journal_id"] for line in lines}
        missing = [run["journal_id"] for run in self.runs if run["journal_id"] not in written]
        self.screen.claim(
            f"all {len(self.runs)} answers have their record", not missing, f"without: {missing}"
        )
        named = [caller.user for caller in CALLERS if caller.user in json.dumps(lines)]
        self.screen.claim("no person is named in it", not named, named)
        verdict = auditor.one("journal", "verify")
        self.screen.claim(
            f"its chain of {verdict['records']} records verifies", verdict["ok"] is True, verdict
        )

    def next_commands(self):
        cordon, folder = self.programs["cordon"], self.folder
        self.screen.heading("go on")
        for line in (
            "make serve                       # the same store on 127.0.0.1:7420; then elsewhere:",
            f"export CORDON_SERVER=127.0.0.1:7420 CORDON_KEY_FILE={folder}/keys/assistant.key",
            f'{cordon} retrieve handbook --as user:lea --text "rotate the logs" --k 3',
            f"export CORDON_KEY_FILE={folder}/keys/auditor.key",
            f"{cordon} why handbook auth-ldap.html --as user:ana",
            f"export CORDON_KEY_FILE={folder}/data/admin.key   # gives ana her group back:",
            f"{cordon} directory apply tools/demo/directory.jsonl",
        ):
            self.screen.line(f"  {line}")

    def run(self):
        screen = self.screen
        screen.heading("a store of its own")
        pages = screen.step("fetch the handbook: the PostgreSQL manual", lambda: fetch(self.build))
        self.recreate_folder()
        server = self.server()
        screen.step("cordond init", server.init)
        screen.step("start cordond", server.__enter__)
        try:
            self.prepare(server, pages)
            self.ask_all()
            self.explain()
            self.show_reach()
            self.revoke()
            self.show_journal()
        finally:
            server.stop()
        self.next_commands()
        held = screen.claimed - screen.failed
        screen.line()
        screen.line(f"  {held} of {screen.claimed} claims hold; {screen.seconds():.1f} s in all")

    def report(self, path):
        content = {"chunks": self.chunks, "runs": self.runs, "revocation": self.revocation}
        Path(path).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")

    def serve(self, address):
        """Replaces this process by a server of the demo's store, filled first if it never was."""
        if not (self.folder / "ready").is_file():
            pages = fetch(self.build)
            self.recreate_folder()
            server = self.server()
            server.init()
            with server:
                self.prepare(server, pages)
        arguments = self.server().arguments()
        self.screen.line("  the demo's store; ask it from another terminal:")
        self.screen.line(f"  export CORDON_SERVER={address}")
        self.screen.line(f"  export CORDON_KEY_FILE={self.key_file('assistant')}")
        self.screen.line(
            f'  {self.programs["cordon"]} retrieve handbook --as user:lea --text "rotate the logs"'
        )
        binary = self.programs["cordond"]
        os.execv(binary, [binary, *arguments, "--listen", address, "--dev"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build", help="folder with bin/cordond and bin/cordon")
    parser.add_argument("--report", metavar="FILE", help="writes what each caller got, as JSON")
    parser.add_argument("--serve", metavar="HOST:PORT", help="serves the demo's store instead")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the server is stopped
    demo = Demo(options.build)
    try:
        if options.serve:
            demo.serve(options.serve)
        demo.run()
        if options.report:
            demo.report(options.report)
    except (Failed, NoCorpus) as error:
        demo.screen.line(f"\n{demo.screen.color('✗', '31')} {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 1 if demo.screen.failed else 0


if __name__ == "__main__":
    sys.exit(main())
