"""The contract names every command, option and JSON key; no list of tests, or of a story's verbs,
lacks one.

A verb that several families of commands share is looked for once, not in each of them. Of an index
file of another format only the first bytes are read: to fuzz from one tries nothing.
"""

import re

from tree import files, plant, replace, run

OPTION = re.compile(
    r'add_(?:option|flag)(?:_function|_callback)?(?:<[^>]*>)?\(\s*"(-[^"]+)"'
)
COMMAND = re.compile(r'(?:AddCommand\(\s*\*?\w+,|\bchange\()\s*"([a-z-]+)"')
KEY = re.compile(r'(?:Field\(|\{)"(\w+)",')
MAGIC = re.compile(r"Magic\[8\] = \{([^}]*)\}")
READERS = ("document_json.cc", "query_json.cc", "context_options.cc")


def contract(root):
    """The code, not the prose, of DESIGN's chapter on input and answers, which scripts rely on."""
    text = (root / "docs/DESIGN.md").read_text(encoding="utf-8")
    chapter = text[text.index("\n## 6.") : text.index("\n## 7.")]
    return " ".join(re.findall(r"```.*?```|`[^`]*`", chapter, re.S))


def holds(text, word):
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text) is not None


def check_contract(root):
    text = contract(root)
    server = root / "engine/server/cordond_main.cc"
    for source in [*files(root / "tools/cordon", ".cc"), server]:
        code = source.read_text(encoding="utf-8")
        words = COMMAND.findall(code)
        if source.name in READERS:
            words += KEY.findall(code)
        for names in OPTION.findall(code):
            if not any(holds(text, name) for name in names.split(",")):
                yield f"docs/DESIGN.md §6 lacks {names}, of {source.name}"
        for word in words:
            if not holds(text, word):
                yield f"docs/DESIGN.md §6 lacks {word}, of {source.name}"


def check_lists(root):
    soak = (root / "tests/soak/soak.py").read_text(encoding="utf-8")
    fuzz = (root / "tests/fuzz/CMakeLists.txt").read_text(encoding="utf-8")
    for name in re.findall(r"^cordon_fuzz\((\w+)", fuzz, re.MULTILINE):
        if f'fuzz("{name}")' not in soak:
            yield f"tests/soak/soak.py lacks the fuzz target {name}"
    for folder in ("blackbox", "structure"):
        listed = (root / f"tests/{folder}/CMakeLists.txt").read_text(encoding="utf-8")
        names = re.search(r"foreach\(name ([^)]*)\)", listed).group(1).split()
        for source in files(root / "tests" / folder, "_test.py"):
            if source.name.removesuffix("_test.py") not in names:
                yield f"tests/{folder}/CMakeLists.txt lacks {source.name}"


def check_corpus(root):
    sources = [path.read_text(encoding="utf-8") for path in files(root / "engine", "_file.cc")]
    found = [magic for text in sources for magic in MAGIC.findall(text)]
    magics = {re.sub("[', ]", "", magic).encode() for magic in found}
    for source in files(root / "tests/fuzz/corpus/index_file"):
        if source.read_bytes()[:8] not in magics:
            yield f"{source.relative_to(root)} is of no format that the engine has"


def check_stories(root):
    runner = (root / "tests/scenarios/runner.cc").read_text(encoding="utf-8")
    told = (root / "tests/scenarios/README.md").read_text(encoding="utf-8")
    for verb in re.findall(r'^      \{"(\w+)",', runner, re.MULTILINE):
        if f"`{verb}`" not in told:
            yield f"tests/scenarios/README.md lacks the verb {verb}"


def check(root):
    lists = [*check_lists(root), *check_corpus(root), *check_stories(root)]
    return [*check_contract(root), *lists]


run(
    check,
    {
        "§6 lacks --planted": lambda root: plant(
            root, "tools/cordon/planted.cc", 'add_option("--planted",\n'
        ),
        "§6 lacks --typed": lambda root: plant(
            root, "tools/cordon/planted.cc", 'add_option_function<uint32_t>(\n"--typed",\n'
        ),
        "§6 lacks --called": lambda root: plant(
            root, "tools/cordon/planted.cc", 'add_flag_callback("--called",\n'
        ),
        "§6 lacks planted-one": lambda root: plant(
            root, "tools/cordon/planted.cc", 'AddCommand(*app, "planted-one", ""'
        ),
        "§6 lacks planted_key": lambda root: replace(
            root, "tools/cordon/query_json.cc", '{StringField("id",', '{StringField("planted_key",'
        ),
        "soak.py lacks the fuzz target": lambda root: replace(
            root, "tests/soak/soak.py", 'fuzz("token")', 'fuzz("other")'
        ),
        "corpus/index_file/planted is of no format": lambda root: plant(
            root, "tests/fuzz/corpus/index_file/planted", "CDNGEO01"
        ),
        "lacks planted_test.py": lambda root: plant(root, "tests/blackbox/planted_test.py", ""),
        "lacks the verb close_break_glass": lambda root: replace(
            root, "tests/scenarios/README.md", "`close_break_glass`", "that"
        ),
        "lacks docs_test.py": lambda root: replace(
            root, "tests/structure/CMakeLists.txt", " docs soak)", " soak)"
        ),
    },
)
