"""All of proto/cordon/ has comments, enums begin with _UNSPECIFIED, RPCs share no messages, and
what tells the revision that it read can be told which to wait for.
"""

import re
import subprocess

from tree import files, replace, run


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def parse(data):
    """A protobuf message as {field number: [values]}; nested messages stay bytes."""
    fields, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        elif key & 7 == 2:
            size, at = varint(data, at)
            value, at = data[at : at + size], at + size
        else:
            size = {1: 8, 5: 4}[key & 7]
            value, at = data[at : at + size], at + size
        fields.setdefault(key >> 3, []).append(value)
    return fields


def name_of(message):
    return message[1][0].decode()


def comments_of(file):
    """{path of numbers: comment} from FileDescriptorProto.source_code_info."""
    found = {}
    for location in parse(file.get(9, [b""])[0]).get(1, []):
        fields = parse(location)
        path, at, packed = [], 0, fields.get(1, [b""])[0]
        while at < len(packed):
            number, at = varint(packed, at)
            path.append(number)
        found[tuple(path)] = b"".join(fields.get(3, []) + fields.get(4, [])).decode().strip()
    return found


def children(parent, number, path):
    """The parts of a descriptor in field `number`, each with its own path."""
    for index, data in enumerate(parent.get(number, [])):
        yield parse(data), path + (number, index)


def walk_enum(enum, path, scope):
    """(kind, full name, path, what) of an enum and its values."""
    full = f"{scope}.{name_of(enum)}"
    yield "enum", full, path, enum
    for value, value_path in children(enum, 2, path):
        yield "value", f"{full}.{name_of(value)}", value_path, value


def walk_message(message, path, scope):
    """The same for a message and all it holds, but for the generated entries of maps."""
    if 7 in parse(message.get(7, [b""])[0]):
        return
    full = f"{scope}.{name_of(message)}"
    yield "message", full, path, message
    for kind, number in (("field", 2), ("oneof", 8)):
        for part, part_path in children(message, number, path):
            if not name_of(part).startswith("_"):  # the oneof that `optional` generates
                yield kind, f"{full}.{name_of(part)}", part_path, part
    for nested, nested_path in children(message, 3, path):
        yield from walk_message(nested, nested_path, full)
    for enum, enum_path in children(message, 4, path):
        yield from walk_enum(enum, enum_path, full)


def walk_file(file):
    scope = file[2][0].decode()
    for message, path in children(file, 4, ()):
        yield from walk_message(message, path, scope)
    for enum, path in children(file, 5, ()):
        yield from walk_enum(enum, path, scope)
    for service, path in children(file, 6, ()):
        full = f"{scope}.{name_of(service)}"
        yield "service", full, path, service
        for method, method_path in children(service, 2, path):
            yield "rpc", f"{full}.{name_of(method)}", method_path, method


READ = re.compile("The revision that was (read|searched)")


def check_read(full, request, response):
    """`request` and `response`: their fields, each with its comment."""
    told = READ.match(response.get("revision", ""))
    if told and not {"at_least_revision", "scope"} & request.keys():
        yield f"{full}: reads a revision, and its request has no at_least_revision"


def check_enum(full, enum):
    zero = [name_of(parse(value)) for value in enum[2] if parse(value).get(2, [0])[0] == 0]
    if not zero or not zero[0].endswith("_UNSPECIFIED"):
        yield f"{full}: its zero value does not end in _UNSPECIFIED"


def descriptors(root):
    """The FileDescriptorProtos of proto/cordon/, with their comments."""
    folder = root / "proto"
    protos = [str(path.relative_to(folder)) for path in files(folder / "cordon", ".proto")]
    if not protos:
        raise SystemExit("proto/cordon holds no .proto file")
    command = ["protoc", "-I", ".", "--include_source_info", "--descriptor_set_out=/dev/stdout"]
    output = subprocess.run(command + protos, cwd=folder, check=True, capture_output=True)
    return [parse(file) for file in parse(output.stdout)[1]]


def check(root):
    problems, users, fields, calls = [], {}, {}, []
    for file in descriptors(root):
        comments = comments_of(file)
        for kind, full, path, part in walk_file(file):
            if not comments.get(path):
                problems.append(f"{full}: this {kind} has no comment")
            if kind == "enum":
                problems += check_enum(full, part)
            if kind == "field":
                message, _, name = full.rpartition(".")
                fields.setdefault(message, {})[name] = comments.get(path, "")
            if kind == "rpc":
                types = [part[number][0].decode().lstrip(".") for number in (2, 3)]
                calls.append((full, *types))
                for type_name in types:
                    users.setdefault(type_name, []).append(full)
    for full, request, response in calls:
        problems += check_read(full, fields.get(request, {}), fields.get(response, {}))
    for type_name, rpcs in sorted(users.items()):
        if len(rpcs) > 1:
            problems.append(f"{type_name}: shared by {', '.join(rpcs)}; each call has its own")
    return problems


def violation(file, old, new):
    return lambda root: replace(root, f"proto/cordon/v1/{file}.proto", old, new)


def after(file, line, planted):
    """Plants a declaration without a comment behind `line`."""
    return violation(file, line + "\n", f"{line}\n{planted}\n\n")


run(
    check,
    {
        "Entry.planted: this field has no comment": after(
            "types", "message Entry {", "  string planted = 99;"
        ),
        "Planted: this message has no comment": after(
            "types", "package cordon.v1;", "message Planted {}"
        ),
        "METRIC_PLANTED: this value has no comment": after(
            "types", "  METRIC_UNSPECIFIED = 0;", "  METRIC_PLANTED = 99;"
        ),
        "Metric: its zero value does not end": violation(
            "types", "METRIC_UNSPECIFIED = 0", "METRIC_COSINE_DEFAULT = 0"
        ),
        "Symbol: its zero value does not end": violation(
            "types", "SYMBOL_UNSPECIFIED = 0", "SYMBOL_NONE = 0"
        ),
        "Policy.Planted: this rpc has no comment": after(
            "policy", "service Policy {", "  rpc Planted(NameList) returns (ScopeRules);"
        ),
        "Ingest.EraseStatus: reads a revision": violation(
            "ingest", "uint64 at_least_revision = 120;", "uint64 planted = 120;"
        ),
        "DeleteRequest: shared by": violation(
            "ingest", "rpc SetAccess(SetAccessRequest)", "rpc SetAccess(DeleteRequest)"
        ),
        "DeleteResponse: shared by": violation(
            "ingest", "returns (SetAccessResponse)", "returns (DeleteResponse)"
        ),
    },
)
