#include "engine/view/leaving.h"

#include <future>
#include <memory>
#include <string>
#include <utility>

#include "engine/base/planted.h"

namespace cordon {
namespace {

StatusOr<JournalReceipt> AwaitRecord(const Tenant& tenant, journal::v1::Record record,
                                     Durability durability) {
  // Shared: the journal's thread may still be in set_value() when this one goes on.
  const auto written = std::make_shared<std::promise<StatusOr<JournalReceipt>>>();
  auto receipt = written->get_future();
  tenant.journal->Append(std::move(record), durability,
                         [written](auto result) { written->set_value(std::move(result)); });
  return receipt.get();
}

}  // namespace

void CountLeaving(const LeavingText& text, journal::v1::Record* record) {
  record->set_passages(record->passages() + 1);
  record->set_tokens(record->tokens() + text.tokens);
  if (text.counted) {
    record->set_counted_passages(record->counted_passages() + 1);
    record->set_counted_tokens(record->counted_tokens() + text.tokens);
  }
  if (!text.canary || Planted(Bug::kCanarySilent)) return;
  // Told are all of them, or there is something to tell.
  record->set_canary_told(text.counted && (!record->canary() || record->canary_told()));
  record->set_canary(true);
}

void NoteLeaving(const Pseudonyms& pseudonyms, std::string_view document, uint32_t ordinal,
                 const LeavingText& text, journal::v1::Record* record) {
  record->add_documents(pseudonyms.Of("document", document));
  record->add_chunks(ordinal);
  CountLeaving(text, record);
}

journal::v1::Record SendingRecord(journal::v1::Record call, std::string_view endpoint) {
  call.set_call("SendToEndpoint");
  call.set_outcome(std::string(CodeName(StatusCode::kOk)));
  call.set_destination(std::string(endpoint));
  call.clear_endpoints();
  call.add_endpoints(std::string(endpoint));
  return call;
}

Status LeaveForEndpoint(const ReadContext& context, journal::v1::Record sending) {
  RETURN_IF_ERROR(Charge(context, &sending));
  const bool alert = RaisesAlert(sending);
  ASSIGN_OR_RETURN(const JournalReceipt receipt,
                   AwaitRecord(*context.tenant, std::move(sending), context.durability));
  if (alert) context.tenant->canary_alerts->Raise(receipt.id());
  return OkStatus();
}

Status LeaveForEndpoint(const Tenant& tenant, journal::v1::Record sending) {
  return AwaitRecord(tenant, std::move(sending), Durability::kRequired).status();
}

}  // namespace cordon
