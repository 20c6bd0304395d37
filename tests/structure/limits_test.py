"""Every limit says its reason, and a test goes to it and one beyond.

That a test does is seen where one file has both `limits::kX` and `limits::kX + 1` (or `- 1`, of
what is a least), or gives it to Expect(), which goes to both. One that does so in other words says
it in a line above it, `// At kX and beyond.`

What no test names, or none goes to and beyond, is listed here with a reason: at its real size it
takes too long, or it turns nobody away.
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
WAITS = "what is beyond it waits, and is not refused"

UNTESTED = {
    "kCallersBytes": ROOM,
    "kConnectionAge_ms": GIVEN,
    "kDiversityFactor": PART,
    "kEmbeddedPage": GIVEN,
    "kEndpointAnswerBytes": SLOW,
    "kEndpointBackoff_ms": PACE,
    "kEndpointPause_ms": PACE,
    "kEndpointTries": PACE,
    "kExportDocumentBytes": SLOW,
    "kExportPartBytes": PART,
    "kJournalFileBytes": PART,
    "kJournalQueueBytes": GIVEN,
    "kKeyCommand_ms": GIVEN,
    "kKeyFilePause_ms": PACE,
    "kKeySetFetch_ms": PACE,
    "kKeySetPause_ms": PACE,
    "kKeySetRefresh_s": PACE,
    "kKeySetStale_s": PACE,
    "kKeySetWait_ms": PACE,
    "kListedDocuments": SLOW,
    "kListedRefusals": PART,
    "kMaskCacheBytes": ROOM,
    "kMetricsBytes": "a library takes its own part of it first",
    "kMetricsConnections": WAITS,
    "kMetricsSilence_s": PACE,
    "kPingEvery_ms": GIVEN,
    "kPingPause_ms": PACE,
    "kPingTimeout_ms": GIVEN,
    "kRevisionWaiters": GIVEN,
    "kSelectedPageBytes": PART,
    "kSelectedPerCall": GIVEN,
    "kStreamPassages": PART,
    "kStreamsPerConnection": WAITS,
    "kSyncNames": PART,
    "kSyncToldBytes": PART,
    "kTransportBytes": SLOW,
    "kVocabularyBytes": SLOW,
    "kVocabularyTokens": SLOW,
    "kWriteGroup": PART,
    "kWriteGroupBytes": PART,
    "kWriteQueueBytes": SLOW,
}

# Tests name them, and there is no one beyond.
INEXACT = {
    "kAnswerBytes": "passages are whole: a test comes as near as they do",
    "kDeadlineCap_ms": PACE,
    "kListedRefusalBytes": "what is beyond it is counted, and not told",
    "kRevisionWait_ms": PACE,
    "kSyncBytes": GIVEN,
    "kWriteQueue": "the writer takes from it while a test fills it",
}

MARK = re.compile(r"// At (k\w+(?:, k\w+)*) and beyond\.")


def goes_beyond(code, name):
    """Whether the code shows that it goes to the limit and one beyond."""
    at = re.search(rf"\blimits::{name}\b(?!\s*[+-])", code)
    beyond = re.search(rf"\blimits::{name}\s*[+-]\s*\d", code)
    both = re.search(rf"\bExpect\(\s*limits::{name}\b", code)
    return (at and beyond) or both


def check(root):
    found = CONSTANT.findall((root / LIMITS).read_text(encoding="utf-8"))
    names = {name for name, _ in found}
    for name, reason in found:
        if not reason:
            yield f"{LIMITS}: {name} has no reason beside it"
    tested, beyond = set(), set()
    for source in files(root / "tests", ".cc", ".h"):
        text = source.read_text(encoding="utf-8")
        code = COMMENT.sub("", text)
        named = set(re.findall(r"\blimits::(k[A-Z]\w*)", code))
        tested.update(named)
        beyond.update(name for name in named if goes_beyond(code, name))
        for marked in MARK.findall(text):
            for name in marked.split(", "):
                if name not in named or name not in names:
                    path = source.relative_to(root)
                    yield f"{path}: says that it goes beyond {name} and does not name it"
                beyond.add(name)
    for name in sorted(names - tested):
        if name not in UNTESTED and not DEFAULT.search(name):
            yield f"{LIMITS}: no test names {name}; go to it and one beyond, or say why not"
    for name in sorted((names & tested) - beyond):
        if name not in INEXACT and not DEFAULT.search(name):
            yield f"{LIMITS}: no test goes to {name} and beyond; add one, or mark the one that does"
    for name in sorted(set(UNTESTED) - (names - tested)):
        yield f"tests/structure/limits_test.py: {name} is tested, or gone; take it off the list"
    for name in sorted(set(INEXACT) - ((names & tested) - beyond)):
        yield f"tests/structure/limits_test.py: {name} is no longer inexact; take it off the list"


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
        "no test goes to kOnce": lambda root: (
            replace(
                root, LIMITS, "// Names.", "inline constexpr size_t kOnce = 1;  // a reason\n"
            ),
            plant(root, "tests/planted.cc", "f(limits::kOnce);\n"),
        ),
        "goes beyond kElsewhere": lambda root: plant(
            root, "tests/planted.cc", "// At kElsewhere and beyond.\n"
        ),
        "kPlanted has no reason": lambda root: replace(
            root, LIMITS, "// Names.", "inline constexpr size_t kPlanted = 1;\n"
        ),
        "kSyncNames is tested": lambda root: plant(
            root, "tests/planted.cc", "limits::kSyncNames\n"
        ),
    },
)
