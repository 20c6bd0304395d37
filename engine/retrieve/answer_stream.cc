#include "engine/retrieve/answer_stream.h"

#include <algorithm>

#include "engine/base/limits.h"
#include "engine/store/codec.h"

namespace cordon {

AnswerStream::AnswerStream(const ReadContext& context, RetrievedContext answer,
                           journal::v1::Record record)
    : context_(context), answer_(std::move(answer)), record_(std::move(record)) {
  passages_ = std::exchange(answer_.context.passages, {});
  std::reverse(passages_.begin(), passages_.end());
}

void AnswerStream::Open(const ReadContext& context, const v1::RetrieveStreamRequest& request,
                        Respond<std::shared_ptr<AnswerStream>> opened) {
  auto record = RecordOf("RetrieveStream", context.caller, *context.tenant);
  auto answer = [&]() -> StatusOr<RetrievedContext> {
    if (request.query().context().want_block()) {
      return Invalid("query.context.want_block", "a block is one piece; use Retrieve for it");
    }
    return FindAnswer(context, request.query(), &record);
  }();
  record.set_outcome(std::string(CodeName(answer.status().code())));
  if (answer.ok()) {
    return opened(std::shared_ptr<AnswerStream>(
        new AnswerStream(context, *std::move(answer), std::move(record))));
  }
  record.set_refused_field(std::string(answer.status().field()));
  context.tenant->journal->Append(
      std::move(record), context.durability,
      [status = answer.status(), opened = std::move(opened)](const auto& receipt) {
        opened(receipt.ok() ? status : receipt.status());
      });
}

void AnswerStream::Next(Respond<v1::RetrieveStreamResponse> done) {
  std::vector<Passage> part;
  while (!passages_.empty() && part.size() < limits::kStreamPassages) {
    part.push_back(std::move(passages_.back()));
    passages_.pop_back();
  }
  const bool last = part.empty();
  const Scheme& scheme = answer_.access.view->policy().rules->scheme;
  Journaled(
      context_, record_,
      [&](journal::v1::Record* record) -> StatusOr<std::vector<Passage>> {
        NotePassages(part, last ? answer_.context.label : LabelOf(scheme, part),
                     context_.tenant->pseudonyms, record);
        return std::move(part);
      },
      [self = shared_from_this(), last](std::vector<Passage> passages,
                                        const JournalReceipt& receipt) {
        self->ended_ = last;
        return last ? self->Last(receipt) : self->Part(std::move(passages), receipt);
      },
      std::move(done));
}

v1::RetrieveStreamResponse AnswerStream::Part(std::vector<Passage> passages,
                                              const JournalReceipt& receipt) {
  v1::RetrieveStreamResponse response;
  const auto label = LabelOf(answer_.access.view->policy().rules->scheme, passages);
  if (label) *response.mutable_context_label() = ToProto(*label);
  for (Passage& passage : passages) {
    *response.add_passages() = ToProto(std::move(passage), answer_.plan, /*citation=*/0);
  }
  response.set_journal_id(receipt.id());
  return response;
}

v1::RetrieveStreamResponse AnswerStream::Last(const JournalReceipt& receipt) {
  v1::RetrieveStreamResponse response;
  *response.mutable_summary() = ToResponse(std::move(answer_), receipt);
  if (response.summary().has_context_label()) {
    *response.mutable_context_label() = response.summary().context_label();
  }
  response.set_journal_id(receipt.id());
  return response;
}

}  // namespace cordon
