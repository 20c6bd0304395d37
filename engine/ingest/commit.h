// How a change goes to the writer and back, and how one is refused before it. Internal to ingest/.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "engine/ingest/ingest.h"
#include "engine/view/journaled.h"

namespace cordon {

template <typename Done>
void RefuseJournaled(const WriteContext& context, std::string_view call, const Status& status,
                     Done done) {
  RefuseJournaled(context.tenant, context.caller, call, status, std::move(done));
}

// Answers a batch of which nothing is to be committed: its refusals are the answer, and it has its
// record like any other.
inline void AnswerRefused(const WriteContext& context, journal::v1::Record record,
                          IngestedBatch ingested, Acknowledge<IngestedBatch> done) {
  RefuseJournaled(context.tenant, std::move(record), Invalid("documents", "none was accepted"),
                  [ingested = std::move(ingested), done = std::move(done)](const Status& status) {
                    if (status.code() != StatusCode::kInvalidArgument) return done(status);
                    done(ingested);
                  });
}

// Answers a call that changes nothing, once the journal has `record`, which is complete but for its
// outcome.
template <typename Response>
void AnswerJournaled(const WriteContext& context, journal::v1::Record record, Response response,
                     Acknowledge<Response> done) {
  record.set_outcome(std::string(CodeName(StatusCode::kOk)));
  context.tenant->journal->Append(
      std::move(record), Durability::kRequired,
      [response = std::move(response), done = std::move(done)](const auto& receipt) {
        if (!receipt.ok()) return done(receipt.status());
        done(response);
      });
}

// Sends a mutation through the writer; `respond` makes the response of what was committed.
// `endpoint`: to which its texts were sent, or empty.
template <typename Response, typename Respond>
void Commit(const WriteContext& context, store::v1::Mutation mutation, Acknowledge<Response> done,
            Respond respond, const std::string& purpose = {}, const std::string& endpoint = {}) {
  mutation.set_key_id(context.caller.key_id());
  mutation.set_actor(context.caller.grant().principal);
  auto record = RecordOf(CallOf(mutation), context.caller, *context.tenant);
  record.set_reason(mutation.reason());
  record.set_purpose(purpose);
  if (!endpoint.empty()) record.add_endpoints(endpoint);
  context.writer->Submit(
      context.tenant, context.caller, std::move(mutation), std::move(record),
      [done = std::move(done), respond = std::move(respond)](auto committed) mutable {
        if (!committed.ok()) return done(committed.status());
        done(respond(*committed));
      });
}

// For calls that answer with a revision only.
template <typename Response>
auto RevisionOnly() {
  return [](const Committed& committed) {
    Response response;
    response.set_revision(committed.revision);
    return response;
  };
}

// For calls about one document: only auditors learn whether it existed.
template <typename Response>
auto RevisionAndExisted(const WriteContext& context) {
  return [audit = context.caller.grant().rights.Has(Right::kAudit)](const Committed& committed) {
    Response response;
    response.set_revision(committed.revision);
    if (audit) response.set_existed(committed.existed);
    return response;
  };
}

}  // namespace cordon
