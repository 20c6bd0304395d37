#include "engine/retrieve/answer_stream.h"

#include <algorithm>

#include "engine/base/limits.h"
#include "engine/store/codec.h"

namespace cordon {

AnswerStream::AnswerStream(RetrievedContext answer, const v1::RetrieveStreamRequest& request,
                           journal::v1::Record record)
    : collection_(request.query().collection()),
      scope_(request.query().scope()),
      record_(std::move(record)),
      answer_(std::move(answer)),
      found_(std::exchange(answer_.context.passages, {})) {
  std::reverse(found_.begin(), found_.end());
  answer_.access = {};  // an old View is not kept for a client that reads slowly
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
        new AnswerStream(*std::move(answer), request, std::move(record))));
  }
  record.set_refused_field(std::string(answer.status().field()));
  context.tenant->journal->Append(
      std::move(record), context.durability,
      [status = answer.status(), opened = std::move(opened)](const auto& receipt) {
        opened(receipt.ok() ? status : receipt.status());
      });
}

void AnswerStream::Next(const ReadContext& context, Respond<v1::RetrieveStreamResponse> done) {
  const std::vector<Passage> found = TakeFound();
  const bool last = found.empty();
  auto record = RecordOf("RetrieveStream", context.caller, *context.tenant);
  record.set_query_digest(record_.query_digest());
  Journaled(
      context, std::move(record),
      [&](journal::v1::Record* noted) -> StatusOr<std::vector<Passage>> {
        ASSIGN_OR_RETURN(auto part, ClearAgain(context, found, noted));
        labels_.merge(LabelsOf(part));
        if (last) Classify(answer_.access, context.caller, labels_, &answer_.context);
        const Scheme& scheme = answer_.access.view->policy().rules->scheme;
        NotePassages(part, last ? answer_.context.label : LabelOf(scheme, part),
                     context.tenant->pseudonyms, noted);
        return part;
      },
      [self = shared_from_this(), last](std::vector<Passage> passages,
                                        const JournalReceipt& receipt) {
        self->ended_ = last;
        return last ? self->Last(receipt) : self->Part(std::move(passages), receipt);
      },
      std::move(done));
}

std::vector<Passage> AnswerStream::TakeFound() {
  std::vector<Passage> found;
  while (!found_.empty() && found.size() < limits::kStreamPassages) {
    found.push_back(std::move(found_.back()));
    found_.pop_back();
  }
  return found;
}

// A document that was replaced has another number; what is there now was never found.
StatusOr<std::vector<Passage>> AnswerStream::ClearAgain(const ReadContext& context,
                                                        const std::vector<Passage>& found,
                                                        journal::v1::Record* record) {
  ASSIGN_OR_RETURN(answer_.access, Enter(context, &collection_, scope_, record));
  std::vector<Guard::Wanted> wanted;
  for (const Passage& passage : found) wanted.push_back({passage->document, passage->ordinal});
  Guard guard(*answer_.access.view.view, *answer_.access.collection, answer_.access.subject, {},
              answer_.plan.ToRead());
  ASSIGN_OR_RETURN(auto cleared, guard.Clear(wanted));
  std::vector<Passage> passages;
  for (size_t i = 0; i < found.size(); ++i) {
    if (!cleared[i] || (*cleared[i])->number != found[i]->number) continue;
    Guard::Rank(&*cleared[i], *found[i]);
    Passage& passage = passages.emplace_back(*std::move(cleared[i]));
    passage.rerank_score = found[i].rerank_score;
    passage.neighbour = found[i].neighbour;
    passage.group = found[i].group;
  }
  return passages;
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
