"""Every limit says its reason, and a test goes to it and one beyond.

What no test names is listed here with a reason: at its real size it takes too long, or it turns
nobody away.
"""

import re

from tree import files, plant, replace, run

LIMITS = "engine/base/limits.h"
CONSTANT = re.compile(r"inline\s+constexpr\s+\w+\s+(k\w+)\s*=[^;]*;[ \t]*(//[^\n]*\w)?")
COMMENT = re.compile(r"//[^\n]*")

# What is taken if nothing is asked for.
DEFAULT = re.compile(r"Default(_\w+)?$")

SLOW = "takes too long, or too much memory, at its real size"
GIVEN = "a test gives its object a smaller one"
PACE = "when something is done, not how much is accepted"
PART = "where work is cut in parts, none of which is refused"
ROOM = "what is beyond it leaves memory and is worked out again"

UNTESTED = {
    "kCallersBytes": ROOM,
    "kDiversityFactor": PART,
    "kEmbeddedPage": GIVEN,
    "kEmbeddedPageBytes": PART,
    "kEndpointAnswerBytes": SLOW,
    "kEndpointBackoff_ms": PACE,
    "kEndpointPause_ms": PACE,
    "kEndpointTries": PACE,
    "kExportDocumentBytes": SLOW,
    "kExportPartBytes": PART,
    "kJournalFileBytes": PART,
    "kJournalQueueBytes": GIVEN,
    "kKeyFilePause_ms": PACE,
    "kKeySetFetch_ms": PACE,
    "kKeySetPause_ms": PACE,
    "kKeySetRefresh_s": PACE,
    "kKeySetStale_s": PACE,
    "kKeySetWait_ms": PACE,
    "kListedDocuments": SLOW,
    "kListedRefusals": PART,
    "kMaskCacheBytes": ROOM,
    "kRevisionWaiters": GIVEN,
    "kSelectedPageBytes": PART,
    "kSelectedPerCall": GIVEN,
    "kStreamPassages": PART,
    "kSyncNames": PART,
    "kSyncToldBytes": PART,
    "kVocabularyBytes": SLOW,
    "kVocabularyTokens": SLOW,
    "kWriteGroupBytes": PART,
    "kWriteQueueBytes": SLOW,
}


def check(root):
    found = CONSTANT.findall((root / LIMITS).read_text(encoding="utf-8"))
    names = {name for name, _ in found}
    for name, reason in found:
        if not reason:
            yield f"{LIMITS}: {name} has no reason beside it"
    tested = set()
    for source in files(root / "tests", ".cc", ".h"):
        code = COMMENT.sub("", source.read_text(encoding="utf-8"))
        tested.update(re.findall(r"\blimits::(k[A-Z]\w*)", code))
    for name in sorted(names - tested):
        if name not in UNTESTED and not DEFAULT.search(name):
            yield f"{LIMITS}: no test names {name}; go to it and one beyond, or say why not"
    for name in sorted(set(UNTESTED) - (names - tested)):
        yield f"tests/structure/limits_test.py: {name} is tested, or gone; take it off the list"


run(
    lambda root: [*check(root)],
    {
        "no test names kPlanted": lambda root: replace(
            root, LIMITS, "// Names.", "inline constexpr size_t kPlanted = 1;  // a reason\n"
        ),
        "no test names kRemarked": lambda root: (
            replace(
                root, LIMITS, "// Names.", "inline constexpr size_t kRemarked = 1;  // a reason\n"
            ),
            plant(root, "tests/planted.cc", "// limits::kRemarked\nkRemarked\n"),
        ),
        "kPlanted has no reason": lambda root: replace(
            root, LIMITS, "// Names.", "inline constexpr size_t kPlanted = 1;\n"
        ),
        "kSyncNames is tested": lambda root: plant(
            root, "tests/planted.cc", "limits::kSyncNames\n"
        ),
    },
)
