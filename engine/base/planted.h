// Planted bugs: the safety tests must catch each of them (FoundationDB's SimBugInjector).
//
// In the checked build (-DCORDON_PLANTED_BUGS=ON) the environment's CORDON_PLANT names one bug that
// the process then has. In every other build Planted() is a constant false, and no code is left of
// it. tests/planted/ says which test catches which bug.
#pragma once

namespace cordon {

enum class Bug {
  // The decision.
  kLabelOffByOne,         // a clearance dominates one level more
  kTagsIgnored,           // forbidden tags are not looked at
  kDenyOfAppIgnored,      // deny tests see the user's principals only
  kEndsIgnored,           // ended entries and memberships still count
  kStartsIgnored,         // entries and memberships that have not begun count already
  kDestinationIgnored,    // the destination's ceiling, tags and region are not asked
  kAppClearanceIgnored,   // the application's clearance is no ceiling
  kContainersAbove,       // containers above a container are not asked
  kRegionsUnited,         // a join may go wherever one of its parts may
  kWallBelieved,          // the wall clock is followed however far it leaps
  kWallAwaited,           // a start stands still until the wall is there again
  kRaiseUnchecked,        // a caller may raise itself
  kScopeRegionIgnored,    // the regions that a scope asks for are not looked at
  kTermsIgnored,          // terms count for ever
  kTrainingIgnored,       // providers that train on input are not told from others
  kBreakGlassWithoutEnd,  // a break-glass access never ends
  kPostingsUnlabelled,    // what is read from postings is not asked for its labels
  kHeirsForgotten,        // what a container permits moves, and what inherits from it stays
  kAliasKept,             // an alias stands for whom it stood first, whoever it was given to since
  // Tokens.
  kIssuerCeilingIgnored,  // an issuer's users have what their tokens say, however much
  kGroupsOfBoth,          // the groups of a token beside those of the directory
  kTokenKept,             // a token that counted once counts for ever
  // Search and guard.
  kSkipFinalCheck,       // the guard permits whatever the search proposes
  kFilterAfterTopK,      // the k best of all rows, then those permitted of them
  kStaleEntitlements,    // computed once for a subject, and never again
  kCacheWithoutCaller,   // entitlements cached by revision, whoever asks
  kMasksWithoutCaller,   // masks of lists cached for everybody
  kRowsOfAnother,        // how many rows lie beside the lists, kept for all who share masks
  kScanOfAnother,        // questions of one batch share a scan, whoever they are asked for
  kStreamOfOneView,      // all messages of a stream are of the View of the first
  kHiddenExpected,       // rows beside the lists are expected to be answers, whoever may see them
  kTombstoneNotInLists,  // a deleted row stays in the lists
  kErasedInLists,        // erased rows stay in the memory that lists cover
  kCountsHidden,         // stats --as counts all rows
  kJournalUnscoped,      // an auditor of one collection reads the records of all
  kHiddenIsDenied,       // a hidden document is told from an absent one
  kFrequenciesOfAll,     // how rare a word is, counted over all rows
  kLengthsOfAll,         // how long texts are, counted over all rows
  kRowFilterAfterTopK,   // the k best, then those of them that the request's filter admits
  kHiddenAttribute,      // an attribute above the caller can be filtered by
  // From passages to a context.
  kNeighboursUnguarded,       // neighbours are added without the guard's decision
  kHiddenAttributes,          // attributes are not judged by their labels
  kContextLabelWithoutAdded,  // the context's label forgets the neighbours
  kUnknownTrustPasses,        // a passage of no tier is of every tier
  kQuarantineIgnored,         // a source in quarantine is served
  kEndpointUnasked,           // texts are sent to endpoints that may not have them
  kSourceLooksAlike,          // a source may be spelt like one in quarantine
  kHiddenKept,                // hidden characters leave although they are not wanted
  kSentUncounted,             // passages leave for a reranker without being noted
  kCanarySilent,              // a canary leaves like any other
  kBusyIsWell,                // an endpoint that is busy or refuses counts as one that works
  // Writing.
  kClassIdReuse,          // classes of equal lists share an id, whatever their labels
  kChunkAclWidens,        // a chunk's own list replaces the document's
  kStaleDocument,         // a document that is out of date replaces a later one
  kOldChunksKept,         // a replaced document's chunks stay in the store
  kReclassNotIndexed,     // SetAccess changes the record and not the index
  kFileClassTrusted,      // a start takes the class of a row from the file that has it
  kIdPrefixIgnored,       // a key writes any id
  kHiddenAttributeKnown,  // a writer can tell a hidden attribute from an absent one
  kExportWithoutRaise,    // documents leave for a model whose label stays
  kModelLabelFalls,       // a policy lowers a model's label without a word
  kQuotaNotCharged,       // what leaves is not counted
  kUsageForgotten,        // a restart forgets what was used
  kStaleAccepted,         // a record of the directory that comes late replaces a later one
  kSyncEarly,             // the records of a snapshot count before it is whole
  kRemovedKept,           // a record that a snapshot lacks stays in force
  kAckBeforePublish,      // acknowledged before the View is published
  kRevisionTooEarly,      // a View tells a revision whose effect the next one has
  kBatchAppliedTwice,     // a batch of a run that comes again is written again
  kSwitchUnfinished,      // an embedding space is switched to that lacks documents
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
  kKeysUnsynced,       // documents are written before their keys are on the disk
  kKeyKept,            // erased documents keep their keys
  kPlaceUnbound,       // a record opens in another's place
  kEarlyReceipt,       // the receipt does not wait for the search
  kNoReplay,           // a restored store is not told what was revoked since
  kRestoredInPlace,    // a restore works under the store's own name
  kDamagedPassedOver,  // a restore takes an older backup than the newest, which is damaged
  kHoldIgnored,        // what is held is erased nevertheless
  kSubjectsInPlace,    // a document gets other subjects and is found by the new ones alone
  kVectorsKept,        // vectors of erased documents stay in memory
  kWordsKept,          // words of erased documents stay in memory
  kErasedInFiles,      // files of the index keep what was erased
};

#ifdef CORDON_PLANTED_BUGS
// True if this process is to have the bug. Thread-safe. An unknown name in CORDON_PLANT aborts.
bool Planted(Bug bug);
#else
constexpr bool Planted(Bug) { return false; }
#endif

}  // namespace cordon
