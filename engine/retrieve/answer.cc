#include "engine/retrieve/answer.h"

#include "engine/retrieve/outgoing_words.h"
#include "engine/store/codec.h"

namespace cordon {
namespace {

// Of all that a document brings to a passage, not of its text alone.
uint32_t SeeToHidden(const ContextPlan& plan, ClearedChunk* chunk) {
  OutgoingWords words(plan.strip_hidden_characters);
  words.SeeId(chunk->document);
  if (!plan.omit_text) words.See(&chunk->text);
  for (std::string* part : {&chunk->title, &chunk->uri, &chunk->source, &chunk->trust}) {
    words.See(part);
  }
  for (auto& attribute : chunk->attributes) words.See(&attribute.value);
  return words.hidden();
}

}  // namespace

v1::Passage ToProto(Passage from, const ContextPlan& plan, uint32_t citation) {
  ClearedChunk chunk = std::move(from.cleared).Take();
  v1::Passage passage;
  passage.set_hidden_characters(SeeToHidden(plan, &chunk));
  passage.set_document(std::move(chunk.document));
  passage.set_chunk(chunk.ordinal);
  passage.set_score(chunk.score);
  if (!plan.omit_text) passage.set_text(std::move(chunk.text));
  *passage.mutable_label() = ToProto(chunk.label);
  passage.set_title(std::move(chunk.title));
  passage.set_uri(std::move(chunk.uri));
  if (!chunk.source.empty() || !chunk.trust.empty()) {
    passage.mutable_provenance()->set_source(std::move(chunk.source));
    passage.mutable_provenance()->set_trust(std::move(chunk.trust));
  }
  for (auto& attribute : chunk.attributes) {
    auto* out = passage.add_attributes();
    out->set_name(std::move(attribute.name));
    *out->mutable_value() = std::move(attribute.value);
  }
  passage.set_citation(citation);
  if (from.rerank_score) passage.set_rerank_score(*from.rerank_score);
  passage.set_neighbour(from.neighbour);
  if (!chunk.parts) return passage;
  passage.set_vector_score(chunk.parts->vector_score);
  passage.set_lexical_score(chunk.parts->lexical_score);
  if (chunk.parts->vector_rank) passage.set_vector_rank(*chunk.parts->vector_rank);
  if (chunk.parts->lexical_rank) passage.set_lexical_rank(*chunk.parts->lexical_rank);
  return passage;
}

namespace {

v1::SearchExplain ToProto(const SearchTrace& trace) {
  v1::SearchExplain explain;
  explain.set_plan(trace.plan == SearchPlan::kLists ? "lists" : "flat");
  explain.set_lists_seen(trace.lists_seen);
  explain.set_lists_scanned(trace.lists_scanned);
  explain.set_rows_scanned(trace.rows_scanned);
  explain.set_rows_reranked(trace.rows_reranked);
  explain.set_prepare_us(trace.prepare_us);
  explain.set_order_us(trace.order_us);
  explain.set_scan_us(trace.scan_us);
  explain.set_finish_us(trace.finish_us);
  explain.set_geometry(trace.geometry);
  return explain;
}

}  // namespace

size_t BytesMax(const RetrievedContext& answer) {
  // What is not counted below: numbers, and what protobuf puts before each field.
  constexpr size_t kOfAnswer = 1024, kOfPassage = 256, kOfPart = 16;
  const Context& context = answer.context;
  size_t bytes = kOfAnswer + answer.block.size() + context.token_counter.size();
  if (context.label) bytes += ToProto(*context.label).ByteSizeLong();
  for (const auto& name : context.destinations) bytes += kOfPart + name.size();
  for (const Passage& passage : context.passages) {
    bytes += kOfPassage + ToProto(passage->label).ByteSizeLong() + passage->document.size() +
             passage->title.size() + passage->uri.size() + passage->source.size() +
             passage->trust.size() + (answer.plan.omit_text ? 0 : passage->text.size());
    for (const auto& attribute : passage->attributes) {
      bytes += kOfPart + attribute.name.size() + attribute.value.ByteSizeLong();
    }
  }
  return bytes;
}

v1::RetrieveResponse ToResponse(RetrievedContext answer, const JournalReceipt& receipt) {
  v1::RetrieveResponse response;
  response.set_block(std::move(answer.block));
  for (Passage& passage : answer.context.passages) {
    const auto number = static_cast<uint32_t>(response.passages_size() + 1);
    *response.add_passages() =
        ToProto(std::move(passage), answer.plan, answer.plan.block ? number : 0);
  }
  if (answer.context.label) *response.mutable_context_label() = ToProto(*answer.context.label);
  response.mutable_destinations()->Assign(answer.context.destinations.begin(),
                                          answer.context.destinations.end());
  response.set_limited(answer.context.limited);
  response.set_revision(answer.access.view->revision());
  *response.mutable_as_of() = ToProtoTime(answer.access.view.as_of);
  response.set_journal_id(receipt.id());
  response.set_nonce(answer.nonce);
  response.set_token_counter(answer.context.token_counter);
  response.set_tokens(answer.context.tokens);
  response.set_rerank(answer.rerank);
  if (answer.explain) *response.mutable_explain() = ToProto(*answer.explain);
  response.set_break_glass(answer.access.break_glass());
  return response;
}

}  // namespace cordon
