// What of the journal an auditor gets: the records that its right covers, newest ones or one by its
// name. The chain as a whole is verified for whoever has the right: nothing of a record is told.
#include <fmt/format.h>

#include <algorithm>

#include "engine/base/limits.h"
#include "engine/base/stop.h"
#include "engine/inspect/collections.h"
#include "engine/inspect/inspect.h"
#include "engine/journal/verify.h"
#include "engine/store/codec.h"

namespace cordon {
namespace {

// Looked through at once for a record that the auditor's right covers.
constexpr size_t kLookedAtOnce = 256;

v1::JournalLine ToLine(const journal::v1::Record& record, const std::string& tenant) {
  v1::JournalLine line;
  line.set_journal_id(fmt::format("{}-{}", tenant, record.sequence()));
  *line.mutable_time() = ToProtoTime(record.time_us());
  line.set_call(record.call());
  line.set_outcome(record.outcome());
  line.set_key_id(record.key_id());
  line.set_actor(record.actor());
  line.set_subject(record.subject());
  line.set_collection(record.collection());
  line.set_destination(record.destination());
  line.set_purpose(record.purpose());
  line.set_revision(record.revision());
  *line.mutable_documents() = record.documents();
  if (record.has_context_label()) *line.mutable_context_label() = record.context_label();
  line.set_recovered(record.recovered());
  line.set_verified_user(record.verified_user());
  line.set_dropped_collection(record.dropped_collection());
  line.set_break_glass(record.break_glass());
  line.set_passages(record.passages());
  line.set_tokens(record.tokens());
  line.set_reason(record.reason());
  line.set_canary(record.canary());
  *line.mutable_endpoints() = record.endpoints();
  line.set_counted_passages(record.counted_passages());
  line.set_counted_tokens(record.counted_tokens());
  *line.mutable_receivers() = record.erasure().destinations();
  return line;
}

// The number in "TENANT-NUMBER"; 0 if it is no record of this tenant.
uint64_t SequenceOf(const std::string& journal_id, const std::string& tenant) {
  const std::string prefix = tenant + "-";
  if (!journal_id.starts_with(prefix) || journal_id.size() > prefix.size() + 19) return 0;
  uint64_t number = 0;
  for (const char c : journal_id.substr(prefix.size())) {
    if (c < '0' || c > '9') return 0;
    number = number * 10 + static_cast<uint64_t>(c - '0');
  }
  return number;
}

// Hidden and absent are the same.
Status NoSuchRecord() { return NotFound("journal_id", "no such record in this tenant's journal"); }

StatusOr<journal::v1::Record> OneRecord(const ReadContext& context, const std::string& journal_id) {
  const uint64_t sequence = SequenceOf(journal_id, context.tenant->name);
  if (sequence == 0) return NoSuchRecord();
  auto record = context.tenant->journal->Find(sequence);
  if (record.status().code() == StatusCode::kNotFound) return NoSuchRecord();
  RETURN_IF_ERROR(record.status());
  if (!CoversRecord(context, *record)) return NoSuchRecord();
  return record;
}

// The newest `limit` of those that the caller's right covers, oldest first.
StatusOr<std::vector<journal::v1::Record>> NewestRecords(const ReadContext& context, size_t limit) {
  std::vector<journal::v1::Record> newest;
  uint64_t before = UINT64_MAX;
  size_t count = limit;  // who may see everything has read no more than that
  while (newest.size() < limit) {
    RETURN_IF_ERROR(CheckGoesOn(context.stop));
    ASSIGN_OR_RETURN(auto records, context.tenant->journal->Tail(count, before));
    if (records.empty()) break;
    before = records.front().sequence();
    count = kLookedAtOnce;
    for (auto record = records.rbegin(); record != records.rend(); ++record) {
      if (newest.size() == limit) break;
      if (CoversRecord(context, *record)) newest.push_back(std::move(*record));
    }
  }
  std::reverse(newest.begin(), newest.end());
  return newest;
}

StatusOr<v1::QueryJournalResponse> Lines(const ReadContext& context,
                                         const v1::QueryJournalRequest& request) {
  RETURN_IF_ERROR(context.caller.Require(Right::kAudit));
  if (request.limit() > limits::kJournalLines) {
    return Invalid("limit", fmt::format("more than {}; ask for fewer", limits::kJournalLines));
  }
  std::vector<journal::v1::Record> records;
  if (request.journal_id().empty()) {
    const uint32_t limit = request.limit() == 0 ? limits::kJournalLinesDefault : request.limit();
    ASSIGN_OR_RETURN(records, NewestRecords(context, limit));
  } else {
    ASSIGN_OR_RETURN(records.emplace_back(), OneRecord(context, request.journal_id()));
  }
  v1::QueryJournalResponse response;
  for (const auto& record : records) {
    *response.add_lines() = ToLine(record, context.tenant->name);
  }
  return response;
}

}  // namespace

void QueryJournal(const ReadContext& context, const v1::QueryJournalRequest& request,
                  Answer<v1::QueryJournalResponse> done) {
  Journaled(
      context, "QueryJournal", [&](journal::v1::Record*) { return Lines(context, request); },
      Named<v1::QueryJournalResponse>, std::move(done));
}

void VerifyJournal(const ReadContext& context, const JournalPlace& place,
                   Answer<v1::VerifyJournalResponse> done) {
  const auto verify = [&](journal::v1::Record*) -> StatusOr<v1::VerifyJournalResponse> {
    RETURN_IF_ERROR(context.caller.Require(Right::kAudit));
    // Up to where it is synced now: what is written after that may be half there.
    const JournalAnchor synced = context.tenant->journal->synced();
    const Verification found =
        Verify(place.directory, context.tenant->name, place.key, synced, synced.sequence);
    v1::VerifyJournalResponse response;
    response.set_records(found.records);
    response.set_ok(found.ok);
    if (found.first_bad) response.set_first_bad(*found.first_bad);
    response.set_problem(found.problem);
    return response;
  };
  Journaled(context, "VerifyJournal", verify, Named<v1::VerifyJournalResponse>, std::move(done));
}

}  // namespace cordon
