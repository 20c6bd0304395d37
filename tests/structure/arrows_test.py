"""Modules include only what engine/modules.txt allows; library headers stay in their modules.

The command line knows what a client needs of the engine; the engine knows no tools, but for the
main() of cordond. Examples are what strangers would write: they know the API's protos and nothing
else of the tree.
"""

import re
from pathlib import Path

from tree import files, plant, replace, run

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')
IMPORT = re.compile(r"^\s*(?:from|import)\s+((?:cordon|engine|tools|bench)(?:\.[\w.]+)?)\b")
ENGINE_INCLUDE = re.compile(r"^engine/(?:([a-z_]+)/)?[^/]+$")

# Headers of a library, by how their names begin, and the modules that may know it.
HOMES = {
    "rocksdb/": {"store"},
    "openssl/": {"crypto"},
    "hwy/": {"index", "text"},
    "rhonabwy.h": {"identity"},
    "jansson.h": {"identity"},
    "curl/": {"http"},
    "grpc/": {"server", "tools"},
    "grpcpp/": {"server", "tools"},
    "absl/": {"server", "tools"},
    "yaml-cpp/": {"server", "tools"},
    "prometheus/": {"server"},
    "microhttpd.h": {"server"},
    "unicode/": {"base", "text", "tools"},
    "libstemmer.h": {"text"},
    "xapian": set(),
    "gumbo": {"tools"},
    "simdjson": {"tools"},
    "gtest/": {"tests"},
    "gmock/": {"tests"},
}

# The command line, and what it knows of the engine: no libraries but those that a client has. What
# takes more is in its folder offline/, which the main() of cordond has.
CORDON = Path("tools/cordon")
COMPOSED = Path("engine/server/cordond_main.cc")
CLIENT = {"base", "crypto"}


def read_modules(root):
    """(module → what it may include, problems): a module only names modules above its line."""
    allowed, problems = {}, []
    for line in (root / "engine/modules.txt").read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        module, _, targets = line.partition(":")
        for target in targets.split():
            if target not in allowed:
                problem = f"{module} names {target}, which is not above it: a cycle, or unknown"
                problems.append(f"engine/modules.txt: {problem}")
        allowed[module] = set(targets.split())
    return allowed, problems


def module_of(path):
    """The module of a path such as engine/store/keys.h; outside engine/, the top folder."""
    parts = path.parts
    if parts[0] == "engine":
        return parts[1] if len(parts) > 2 else "engine"
    return parts[0]


def check_library(allowed, path, module, header):
    # Benchmarks are about libraries, and tests of the whole reach below it.
    if module == "bench" or (module == "tests" and path.parts[1] not in allowed):
        return None
    for prefix, homes in HOMES.items():
        if not header.startswith(prefix):
            continue
        # A module's tests may use what the module uses.
        if module not in homes and not (module == "tests" and path.parts[1] in homes):
            return f"<{header}> belongs to {', '.join(sorted(homes))} only"
    if header.endswith(".grpc.pb.h") and module not in {"server", "tools", "tests"}:
        return f"<{header}>: the RPC stubs belong to server, tools only"
    return None


def check_include(allowed, path, module, quote, header):
    """What is wrong with one #include; None if nothing."""
    if path.parts[0] == "engine" and header.startswith("tools/") and path != COMPOSED:
        return f"{header}: tools are above the engine"
    if not header.startswith("engine/"):
        if quote == '"' and path.parts[0] == "engine" and "/" not in header:
            return f'"{header}": write the path from the top of the tree'
        return check_library(allowed, path, module, header)
    if module == "include":
        return f"{header}: public headers stand alone"
    match = ENGINE_INCLUDE.match(header)
    target = match and (match.group(1) or "engine")
    if target not in allowed:
        return f"{header}: unknown module"
    if path.parent == CORDON and target not in CLIENT:
        return f"{header}: a client has {', '.join(sorted(CLIENT))} of the engine only"
    if path.parts[0] == "engine" and target != module and target not in allowed.get(module, ()):
        return f"{header}: {module} may not include {target}"
    return None


def check_example(line):
    """What of the tree a line of an example takes beside the API; None if nothing."""
    match = INCLUDE.match(line)
    header = match.group(2) if match else ""
    ours = header.split("/")[0] in {"engine", "tools", "tests", "bench", "cordon"}
    if ours and not (header.startswith("cordon/v1/") and header.endswith(".pb.h")):
        return f"{header}: examples know the protos of cordon/v1 alone"
    match = IMPORT.match(line)
    if match and match.group(1) != "cordon.v1":
        return f"{match.group(1)}: examples know the protos of cordon.v1 alone"
    return None


def check_examples(root):
    problems = []
    for source in files(root / "examples", ".h", ".cc", ".py"):
        for number, line in enumerate(source.read_text(encoding="utf-8").splitlines(), 1):
            if problem := check_example(line):
                problems.append(f"{source.relative_to(root)}:{number}: {problem}")
    return problems


def check(root):
    allowed, problems = read_modules(root)
    problems += check_examples(root)
    for folder in ("engine", "include", "tools", "tests", "bench"):
        for source in files(root / folder, ".h", ".cc", ".inc"):
            path = source.relative_to(root)
            module = module_of(path)
            if path.parts[0] == "engine" and module not in allowed:
                problems.append(f"{path}: module {module} is not in engine/modules.txt")
                continue
            for number, line in enumerate(source.read_text(encoding="utf-8").splitlines(), 1):
                match = INCLUDE.match(line)
                problem = match and check_include(allowed, path, module, *match.groups())
                if problem:
                    problems.append(f"{path}:{number}: {problem}")
    return problems


def violation(path, include):
    return lambda root: plant(root, path, f"#pragma once\n#include {include}\n")


run(
    check,
    {
        "base may not include store": violation(
            "engine/base/planted.h", '"engine/store/planted.h"'
        ),
        "policy may not include engine": violation("engine/policy/planted.h", '"engine/engine.h"'),
        "module gossip is not in": violation("engine/gossip/planted.h", "<string>"),
        "engine/gossip/planted.h: unknown module": violation(
            "engine/server/planted.h", '"engine/gossip/planted.h"'
        ),
        "view names server, which is not above it": lambda root: replace(
            root, "engine/modules.txt", "\nview: ", "\nview: server "
        ),
        "<rocksdb/db.h> belongs to store": violation("engine/view/planted.h", "<rocksdb/db.h>"),
        "<openssl/evp.h> belongs to crypto": violation("engine/store/planted.h", "<openssl/evp.h>"),
        "<curl/curl.h> belongs to http": violation("engine/embed/planted.h", "<curl/curl.h>"),
        "<hwy/highway.h> belongs to index, text": violation(
            "engine/view/planted.h", '"hwy/highway.h"'
        ),
        "<grpcpp/grpcpp.h> belongs to": violation("engine/ingest/planted.h", "<grpcpp/grpcpp.h>"),
        "<yaml-cpp/yaml.h> belongs to": violation("engine/policy/planted.h", "<yaml-cpp/yaml.h>"),
        "<prometheus/counter.h> belongs to server": violation(
            "engine/engine_planted.h", "<prometheus/counter.h>"
        ),
        "<unicode/uchar.h> belongs to": violation("engine/policy/planted.h", "<unicode/uchar.h>"),
        "the RPC stubs belong to": violation(
            "engine/view/planted.h", '"cordon/v1/admin.grpc.pb.h"'
        ),
        "engine/store/codec.h: a client has base, crypto": violation(
            "tools/cordon/planted.h", '"engine/store/codec.h"'
        ),
        "tools/cordon/output.h: tools are above": violation(
            "engine/server/planted.h", '"tools/cordon/output.h"'
        ),
        "engine/base/status.h: examples know": violation(
            "examples/planted.cc", '"engine/base/status.h"'
        ),
        "records.pb.h: examples know": violation(
            "examples/planted.cc", '"cordon/store/v1/records.pb.h"'
        ),
        "cordon.store.v1: examples know": lambda root: plant(
            root, "examples/planted.py", "from cordon.store.v1 import records_pb2\n"
        ),
        "write the path from the top": violation("engine/base/planted.h", '"status.h"'),
        "public headers stand alone": violation(
            "include/cordon/planted.h", '"engine/base/status.h"'
        ),
    },
)
