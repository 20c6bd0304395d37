"""The request of every RPC is fuzzed (tests/fuzz/request.cc), or is listed here with a reason."""

import re

from tree import files, replace, run

TARGET = "tests/fuzz/request.cc"
RPC = re.compile(r"^\s*rpc (\w+)\(\s*(?:stream )?(\w+)\s*\)", re.MULTILINE)
COMMENT = re.compile(r"//[^\n]*")

NOTHING = "its request says nothing, or from which revision on"
NUMBER = "its request is a number or a flag that the engine takes as it is"

UNTRIED = {
    "Capabilities": NOTHING,
    "CreateBackup": NUMBER,
    "GetPolicy": NOTHING,
    "ListBackups": NUMBER,
    "ListBreakGlass": NOTHING,
    "ListCollections": NOTHING,
    "ListKeys": NOTHING,
    "VerifyJournal": NOTHING,
}


def rpcs(root):
    """{RPC: its request} of all services."""
    protos = files(root / "proto/cordon/v1", ".proto")
    return dict(pair for proto in protos for pair in RPC.findall(proto.read_text(encoding="utf-8")))


def check(root):
    code = COMMENT.sub("", (root / TARGET).read_text(encoding="utf-8"))
    tried = set(re.findall(r"\bv1::(\w+Request)\b", code))
    requests = rpcs(root)
    for rpc, request in sorted(requests.items()):
        if request not in tried and rpc not in UNTRIED:
            yield f"{TARGET}: no entry for {rpc}; add one, or say why not"
    for rpc in sorted(UNTRIED):
        if requests.get(rpc) in tried | {None}:
            yield f"tests/structure/fuzz_test.py: {rpc} is fuzzed, or gone; take it off the list"


run(
    lambda root: [*check(root)],
    {
        "no entry for Planted": lambda root: replace(
            root,
            "proto/cordon/v1/policy.proto",
            "service Policy {",
            "service Policy {\n  rpc Planted(stream PlantedRequest) returns (NameList);",
        ),
        "no entry for RotateKey": lambda root: replace(
            root, TARGET, "v1::RotateKeyRequest", "v1::RotatedKey"
        ),
        "ListKeys is fuzzed": lambda root: replace(
            root, TARGET, "v1::RotateKeyRequest", "v1::ListKeysRequest"
        ),
        "GetPolicy is fuzzed, or gone": lambda root: replace(
            root, "proto/cordon/v1/policy.proto", "rpc GetPolicy(", "rpc AskPolicy("
        ),
    },
)
