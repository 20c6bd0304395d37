#include "engine/base/planted.h"

#ifdef CORDON_PLANTED_BUGS
#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <string_view>

#include "engine/base/check.h"

namespace cordon {
namespace {

struct Name {
  std::string_view name;
  Bug bug;
};

constexpr Name kNames[] = {
    {"label-off-by-one", Bug::kLabelOffByOne},
    {"tags-ignored", Bug::kTagsIgnored},
    {"deny-of-app-ignored", Bug::kDenyOfAppIgnored},
    {"ends-ignored", Bug::kEndsIgnored},
    {"starts-ignored", Bug::kStartsIgnored},
    {"destination-ignored", Bug::kDestinationIgnored},
    {"app-clearance-ignored", Bug::kAppClearanceIgnored},
    {"containers-above", Bug::kContainersAbove},
    {"regions-united", Bug::kRegionsUnited},
    {"wall-believed", Bug::kWallBelieved},
    {"wall-awaited", Bug::kWallAwaited},
    {"raise-unchecked", Bug::kRaiseUnchecked},
    {"scope-region-ignored", Bug::kScopeRegionIgnored},
    {"terms-ignored", Bug::kTermsIgnored},
    {"training-ignored", Bug::kTrainingIgnored},
    {"break-glass-without-end", Bug::kBreakGlassWithoutEnd},
    {"postings-unlabelled", Bug::kPostingsUnlabelled},
    {"heirs-forgotten", Bug::kHeirsForgotten},
    {"alias-kept", Bug::kAliasKept},
    {"issuer-ceiling-ignored", Bug::kIssuerCeilingIgnored},
    {"groups-of-both", Bug::kGroupsOfBoth},
    {"token-kept", Bug::kTokenKept},
    {"skip-final-check", Bug::kSkipFinalCheck},
    {"filter-after-top-k", Bug::kFilterAfterTopK},
    {"stale-entitlements", Bug::kStaleEntitlements},
    {"cache-without-caller", Bug::kCacheWithoutCaller},
    {"masks-without-caller", Bug::kMasksWithoutCaller},
    {"rows-of-another", Bug::kRowsOfAnother},
    {"scan-of-another", Bug::kScanOfAnother},
    {"stream-of-one-view", Bug::kStreamOfOneView},
    {"hidden-expected", Bug::kHiddenExpected},
    {"tombstone-not-in-lists", Bug::kTombstoneNotInLists},
    {"erased-in-lists", Bug::kErasedInLists},
    {"counts-hidden", Bug::kCountsHidden},
    {"journal-unscoped", Bug::kJournalUnscoped},
    {"hidden-is-denied", Bug::kHiddenIsDenied},
    {"neighbours-unguarded", Bug::kNeighboursUnguarded},
    {"hidden-attributes", Bug::kHiddenAttributes},
    {"context-label-without-added", Bug::kContextLabelWithoutAdded},
    {"unknown-trust-passes", Bug::kUnknownTrustPasses},
    {"quarantine-ignored", Bug::kQuarantineIgnored},
    {"endpoint-unasked", Bug::kEndpointUnasked},
    {"source-looks-alike", Bug::kSourceLooksAlike},
    {"hidden-kept", Bug::kHiddenKept},
    {"sent-uncounted", Bug::kSentUncounted},
    {"canary-silent", Bug::kCanarySilent},
    {"busy-is-well", Bug::kBusyIsWell},
    {"frequencies-of-all", Bug::kFrequenciesOfAll},
    {"lengths-of-all", Bug::kLengthsOfAll},
    {"row-filter-after-top-k", Bug::kRowFilterAfterTopK},
    {"hidden-attribute", Bug::kHiddenAttribute},
    {"class-id-reuse", Bug::kClassIdReuse},
    {"chunk-acl-widens", Bug::kChunkAclWidens},
    {"stale-document-accepted", Bug::kStaleDocument},
    {"old-chunks-kept", Bug::kOldChunksKept},
    {"reclass-not-indexed", Bug::kReclassNotIndexed},
    {"file-class-trusted", Bug::kFileClassTrusted},
    {"id-prefix-ignored", Bug::kIdPrefixIgnored},
    {"hidden-attribute-known", Bug::kHiddenAttributeKnown},
    {"export-without-raise", Bug::kExportWithoutRaise},
    {"model-label-falls", Bug::kModelLabelFalls},
    {"quota-not-charged", Bug::kQuotaNotCharged},
    {"usage-forgotten", Bug::kUsageForgotten},
    {"stale-accepted", Bug::kStaleAccepted},
    {"sync-early", Bug::kSyncEarly},
    {"removed-kept", Bug::kRemovedKept},
    {"switch-unfinished", Bug::kSwitchUnfinished},
    {"ack-before-publish", Bug::kAckBeforePublish},
    {"revision-too-early", Bug::kRevisionTooEarly},
    {"batch-applied-twice", Bug::kBatchAppliedTwice},
    {"store-unsynced", Bug::kStoreUnsynced},
    {"journal-unsynced", Bug::kJournalUnsynced},
    {"journal-errors-ignored", Bug::kJournalErrorsIgnored},
    {"store-behind-accepted", Bug::kStoreBehindAccepted},
    {"seal-unchecked", Bug::kSealUnchecked},
    {"chain-unchecked", Bug::kChainUnchecked},
    {"anchor-unchecked", Bug::kAnchorUnchecked},
    {"record-lost", Bug::kRecordLost},
    {"keys-unsynced", Bug::kKeysUnsynced},
    {"key-kept", Bug::kKeyKept},
    {"place-unbound", Bug::kPlaceUnbound},
    {"early-receipt", Bug::kEarlyReceipt},
    {"no-replay", Bug::kNoReplay},
    {"restored-in-place", Bug::kRestoredInPlace},
    {"damaged-passed-over", Bug::kDamagedPassedOver},
    {"hold-ignored", Bug::kHoldIgnored},
    {"subjects-in-place", Bug::kSubjectsInPlace},
    {"vectors-kept", Bug::kVectorsKept},
    {"words-kept", Bug::kWordsKept},
    {"erased-in-files", Bug::kErasedInFiles},
};

std::optional<Bug> Chosen() {
  const char* name = std::getenv("CORDON_PLANT");
  if (name == nullptr || *name == '\0') return std::nullopt;
  const auto* const it = std::ranges::find(kNames, std::string_view(name), &Name::name);
  CORDON_CHECK(it != std::end(kNames));
  return it->bug;
}

}  // namespace

bool Planted(Bug bug) {
  static const std::optional<Bug> kChosen = Chosen();
  return kChosen == bug;
}

}  // namespace cordon
#endif
