#include "engine/retrieve/answer_stream.h"

#include <algorithm>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/planted.h"
#include "engine/store/codec.h"

namespace cordon {
namespace {

v1::RetrieveStreamResponse PartOf(RetrievedContext message, const JournalReceipt& receipt) {
  v1::RetrieveStreamResponse response;
  if (message.context.label) *response.mutable_context_label() = ToProto(*message.context.label);
  for (Passage& passage : message.context.passages) {
    *response.add_passages() = ToProto(std::move(passage), message.plan, /*citation=*/0);
  }
  response.set_journal_id(receipt.id());
  return response;
}

v1::RetrieveStreamResponse LastOf(RetrievedContext message, const JournalReceipt& receipt) {
  v1::RetrieveStreamResponse response;
  *response.mutable_summary() = ToResponse(std::move(message), receipt);
  if (response.summary().has_context_label()) {
    *response.mutable_context_label() = response.summary().context_label();
  }
  response.set_journal_id(receipt.id());
  return response;
}

}  // namespace

AnswerStream::Found AnswerStream::Keep(const Passage& passage) {
  return {passage->document, passage->ordinal,     passage->number,   passage->score,
          passage->parts,    passage.rerank_score, passage.neighbour, passage.counted};
}

void AnswerStream::Next(const ReadContext& context, Respond<v1::RetrieveStreamResponse> done) {
  Journaled(
      context, "RetrieveStream",
      [&](journal::v1::Record* record) {
        return begun_ ? GoOn(context, record) : Begin(context, record);
      },
      [self = shared_from_this()](RetrievedContext message, const JournalReceipt& receipt) {
        return self->ended_ ? LastOf(std::move(message), receipt)
                            : PartOf(std::move(message), receipt);
      },
      std::move(done));
}

StatusOr<RetrievedContext> AnswerStream::Begin(const ReadContext& context,
                                               journal::v1::Record* record) {
  if (question_.context().want_block()) {
    return Invalid("query.context.want_block", "a block is one piece; use Retrieve for it");
  }
  ASSIGN_OR_RETURN(answer_, FindAnswer(context, question_, record));
  begun_ = true;
  ended_ = answer_.context.passages.empty();
  query_digest_ = record->query_digest();
  Access access = std::exchange(answer_.access, {});
  if (Planted(Bug::kStreamOfOneView)) answer_.access = access;
  std::vector<Passage> passages = std::exchange(answer_.context.passages, {});
  while (passages.size() > size_t{limits::kStreamPassages}) {
    found_.push_back(Keep(passages.back()));
    passages.pop_back();
  }
  return ToMessage(context, std::move(access), std::move(passages), record);
}

StatusOr<RetrievedContext> AnswerStream::GoOn(const ReadContext& context,
                                              journal::v1::Record* record) {
  record->set_query_digest(query_digest_);
  ASSIGN_OR_RETURN(Access access,
                   Enter(context, &question_.collection(), question_.scope(), record));
  if (Planted(Bug::kStreamOfOneView)) access = answer_.access;
  ended_ = found_.empty();
  ASSIGN_OR_RETURN(auto passages, ClearAgain(access, TakeFound()));
  return ToMessage(context, std::move(access), std::move(passages), record);
}

std::vector<AnswerStream::Found> AnswerStream::TakeFound() {
  const size_t count = std::min<size_t>(found_.size(), limits::kStreamPassages);
  std::vector<Found> found(std::make_move_iterator(found_.rbegin()),
                           std::make_move_iterator(found_.rbegin() + static_cast<int>(count)));
  found_.resize(found_.size() - count);
  return found;
}

// A document that was replaced has another number; what is there now was never found.
StatusOr<std::vector<Passage>> AnswerStream::ClearAgain(const Access& access,
                                                        const std::vector<Found>& found) const {
  std::vector<Guard::Wanted> wanted;
  for (const Found& each : found) wanted.push_back({each.document, each.ordinal});
  Guard guard(*access.view.view, *access.collection, access.subject, {}, answer_.plan.ToRead());
  ASSIGN_OR_RETURN(auto cleared, guard.Clear(wanted));
  std::vector<Passage> passages;
  for (size_t i = 0; i < found.size(); ++i) {
    if (!cleared[i] || (*cleared[i])->number != found[i].number) continue;
    Guard::Place(&*cleared[i], found[i].score, found[i].parts);
    Passage& passage = passages.emplace_back(*std::move(cleared[i]));
    passage.rerank_score = found[i].rerank_score;
    passage.neighbour = found[i].neighbour;
    passage.counted = found[i].counted;
  }
  return passages;
}

RetrievedContext AnswerStream::ToMessage(const ReadContext& context, Access access,
                                         std::vector<Passage> passages,
                                         journal::v1::Record* record) {
  labels_.merge(LabelsOf(passages));
  RetrievedContext message;
  if (ended_) {
    message = std::move(answer_);
    Classify(access, context.caller, labels_, &message.context);
    message.access = std::move(access);
  } else {
    message.plan = answer_.plan;
    message.context.label = LabelOf(access.view->policy().rules->scheme, passages);
    message.context.passages = std::move(passages);
  }
  NoteContext(message.context, context.tenant->pseudonyms, record);
  return message;
}

}  // namespace cordon
