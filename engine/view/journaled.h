// The end of every read: no answer, and no refusal, leaves before its journal record.
#pragma once

#include <memory>
#include <utility>

#include "engine/policy/grant.h"
#include "engine/view/tenant.h"

namespace cordon {

class TokenCounter;
class Endpoints;

// What a read call needs. `stop` says true when the caller is gone or the deadline has passed.
struct ReadContext {
  std::shared_ptr<Tenant> tenant;
  Clock* clock;
  Durability durability;
  Authenticated caller;
  std::function<bool()> stop;
  // What the server was given; each may be null.
  const TokenCounter* tokens = nullptr;
  Endpoints* endpoints = nullptr;
};

// The record of a call as far as the credentials tell it.
inline journal::v1::Record RecordOf(std::string_view call, const Authenticated& caller,
                                    const Tenant& tenant) {
  journal::v1::Record record;
  record.set_call(std::string(call));
  record.set_key_id(caller.key_id());
  record.set_actor(tenant.pseudonyms.Of("principal", caller.grant().principal));
  // Of a call that acts for nobody, the caller; Enter() knows for whom the others act.
  record.set_verified_user(caller.user() != nullptr && !caller.forwards());
  return record;
}

// A refusal: its record first, then `done(status)`. `record` says what was done until then.
template <typename Done>
void RefuseJournaled(const std::shared_ptr<Tenant>& tenant, journal::v1::Record record,
                     const Status& status, Done done) {
  record.set_outcome(std::string(CodeName(status.code())));
  record.set_refused_field(std::string(status.field()));
  tenant->journal->Append(std::move(record), Durability::kRequired,
                          [status, done = std::move(done)](const auto& receipt) mutable {
                            done(receipt.ok() ? status : receipt.status());
                          });
}

// A refusal before there was anything to do.
template <typename Done>
void RefuseJournaled(const std::shared_ptr<Tenant>& tenant, const Authenticated& caller,
                     std::string_view call, const Status& status, Done done) {
  RefuseJournaled(tenant, RecordOf(call, caller, *tenant), status, std::move(done));
}

// Whether what the record says is leaving is a canary, and nobody has been told yet.
inline bool RaisesAlert(const journal::v1::Record& record) {
  return record.canary() && !record.canary_told();
}

// Counts what the record says is about to leave. If that is beyond a quota, the record says that
// nothing left.
inline Status Charge(const ReadContext& context, journal::v1::Record* record) {
  if (record->passages() == 0) return OkStatus();
  Status charged = context.tenant->meters.Charge(
      context.caller, record->destination(), {record->passages(), record->tokens()},
      context.clock->Now(), {record->counted_passages(), record->counted_tokens()});
  if (charged.ok()) return charged;
  record->clear_documents();
  record->clear_chunks();
  record->clear_context_label();
  record->clear_canary();
  record->clear_canary_told();
  record->clear_passages();
  record->clear_tokens();
  record->clear_counted_passages();
  record->clear_counted_tokens();
  return charged;
}

// Runs `work(&record)`, which gives StatusOr<Result> and adds to the record, charges what it says
// is about to leave, raises the alert if that is a canary, appends it with its outcome, and then
// calls `done` with `respond(result, receipt)`, which may take the result apart, or the refusal. If
// the record cannot be written, `done` gets that error: without a record there is no answer.
template <typename Work, typename Respond, typename Done>
void Journaled(const ReadContext& context, journal::v1::Record record, Work work, Respond respond,
               Done done) {
  auto result = std::make_shared<decltype(work(&record))>(work(&record));
  if (result->ok()) {
    if (const Status charged = Charge(context, &record); !charged.ok()) *result = charged;
  }
  const bool alert = RaisesAlert(record) && result->ok();
  record.set_outcome(std::string(CodeName(result->status().code())));
  if (!result->ok()) record.set_refused_field(std::string(result->status().field()));
  context.tenant->journal->Append(
      std::move(record), context.durability,
      [result, alert, alerts = context.tenant->canary_alerts, respond = std::move(respond),
       done = std::move(done)](const StatusOr<JournalReceipt>& receipt) {
        if (!receipt.ok()) return done(receipt.status());
        if (!result->ok()) return done(result->status());
        if (alert) alerts->Raise(receipt->id());
        done(respond(std::move(**result), *receipt));
      });
}

// The same, with a new record of `call`.
template <typename Work, typename Respond, typename Done>
void Journaled(const ReadContext& context, std::string_view call, Work work, Respond respond,
               Done done) {
  Journaled(context, RecordOf(call, context.caller, *context.tenant), std::move(work),
            std::move(respond), std::move(done));
}

}  // namespace cordon
