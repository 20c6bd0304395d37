// Planted bugs: the safety tests must catch each of them (FoundationDB's SimBugInjector).
//
// In the checked build (-DCORDON_PLANTED_BUGS=ON) the environment's CORDON_PLANT names one bug that
// the process then has. In every other build Planted() is a constant false, and no code is left of
// it. tests/planted/ says which test catches which bug.
#pragma once

namespace cordon {

enum class Bug {
  // The decision.
  kLabelOffByOne,        // a clearance dominates one level more
  kTagsIgnored,          // forbidden tags are not looked at
  kDenyOfAppIgnored,     // deny tests see the user's principals only
  kEndsIgnored,          // ended entries and memberships still count
  kDestinationIgnored,   // the destination's ceiling, tags and region are not asked
  kAppClearanceIgnored,  // the application's clearance is no ceiling
  kContainersAbove,      // containers above a container are not asked
  kRegionsUnited,        // a join may go wherever one of its parts may
  kRaiseUnchecked,       // a caller may raise itself
  // Search and guard.
  kSkipFinalCheck,      // the guard permits whatever the search proposes
  kFilterAfterTopK,     // the k best of all rows, then those permitted of them
  kStaleEntitlements,   // computed once for a subject, and never again
  kCacheWithoutCaller,  // entitlements cached by revision, whoever asks
  kCountsHidden,        // stats --as counts all rows
  kHiddenIsDenied,      // a hidden document is told from an absent one
  // Writing.
  kClassIdReuse,       // classes of equal lists share an id, whatever their labels
  kChunkAclWidens,     // a chunk's own list replaces the document's
  kOldChunksKept,      // a replaced document's chunks stay in the store
  kReclassNotIndexed,  // SetAccess changes the record and not the index
  kIdPrefixIgnored,    // a key writes any id
  // Durability.
  kStoreUnsynced,         // acknowledged before RocksDB has synced
  kJournalUnsynced,       // acknowledged before the journal has synced
  kJournalErrorsIgnored,  // acknowledged although the journal failed
  kStoreBehindAccepted,   // a store that lost changes is served
  kSealUnchecked,         // damaged records are parsed
  kChainUnchecked,        // the journal's chain is not verified
  kAnchorUnchecked,       // a journal that was cut off is opened
  kRecordLost,            // an answer leaves without its record
  // Erasure.
  kKeysUnsynced,  // documents are written before their keys are on the disk
  kKeyKept,       // erased documents keep their keys
  kPlaceUnbound,  // a record opens in another's place
  kEarlyReceipt,  // the receipt does not wait for the search
  kNoReplay,      // a restored store is not told what was revoked since
  kHoldIgnored,   // what is held is erased nevertheless
  kVectorsKept,   // vectors of erased documents stay in memory
};

#ifdef CORDON_PLANTED_BUGS
// True if this process is to have the bug. Thread-safe. An unknown name in CORDON_PLANT aborts.
bool Planted(Bug bug);
#else
constexpr bool Planted(Bug) { return false; }
#endif

}  // namespace cordon
