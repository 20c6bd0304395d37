// The way out of the server, for what is stored: the one place where it is noted in a journal
// record what leaves, by which it is metered and a canary raises its alert (journaled.h). To the
// caller or to an endpoint: each text is noted for each place that it leaves for, and counts once
// for the key.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/view/journaled.h"

namespace cordon {

// A stored text that is about to leave.
struct LeavingText {
  uint64_t tokens = 0;   // approximately
  bool canary = false;   // of a canary document
  bool counted = false;  // an earlier record of the same call has counted it
};

// Counts it in the record: passages, tokens, the canary's mark. Its document is named elsewhere.
void CountLeaving(const LeavingText& text, journal::v1::Record* record);

// Names it in the record, and counts it.
void NoteLeaving(const Pseudonyms& pseudonyms, std::string_view document, uint32_t ordinal,
                 const LeavingText& text, journal::v1::Record* record);

// The record of texts that leave for an endpoint in the course of `call`, as far as that is known:
// for whom and why, and the endpoint as their destination.
journal::v1::Record SendingRecord(journal::v1::Record call, std::string_view endpoint);

// Charges what `sending` says is about to leave, has the journal take it down, and raises the alert
// if that is a canary; waits for the journal. Unless it is OK nothing may leave.
Status LeaveForEndpoint(const ReadContext& context, journal::v1::Record sending);

// The same of texts that the caller brings, which are neither charged nor a canary's yet.
Status LeaveForEndpoint(const Tenant& tenant, journal::v1::Record sending);

}  // namespace cordon
