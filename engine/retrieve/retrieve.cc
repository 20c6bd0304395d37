#include "engine/retrieve/retrieve.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/planted.h"
#include "engine/base/text_check.h"
#include "engine/crypto/encoding.h"
#include "engine/crypto/random_bytes.h"
#include "engine/embed/builtin.h"
#include "engine/retrieve/access.h"
#include "engine/retrieve/guard.h"
#include "engine/retrieve/pack.h"
#include "engine/store/codec.h"

namespace cordon {
namespace {

constexpr size_t kNonceBytes = 16;
constexpr size_t kJudgedAtOnce = 64;  // candidates: the reads of their records share the way down

struct Answer {
  Access access;
  Context context;
  std::string nonce;
  std::optional<SearchTrace> explain;
};

Status CheckRequest(const v1::RetrieveRequest& request) {
  if (request.k() > limits::kTopK) {
    return Invalid("k", fmt::format("more than {}; ask for fewer", limits::kTopK));
  }
  if (!v1::Mode_IsValid(request.mode())) return Invalid("mode", "unknown; one of fast, exact");
  const double recall = request.recall_target();
  if (recall != 0 && !(limits::kRecallMin <= recall && recall <= limits::kRecallMax)) {
    return Invalid("recall_target",
                   fmt::format("must lie in [{}, {}], or be 0 for the default {}",
                               limits::kRecallMin, limits::kRecallMax, kRecallDefault));
  }
  if (!v1::Rank_IsValid(request.rank())) {
    return Invalid("rank", "unknown; one of vector, lexical, hybrid");
  }
  if (request.rank() == v1::RANK_LEXICAL || request.rank() == v1::RANK_HYBRID) {
    return Status(StatusCode::kUnimplemented, "rank", "not served yet; use vector");
  }
  return CheckText("text", request.text(), limits::kQueryTextBytes);
}

// The query's embedding: the caller's own, or what the collection's embedder makes of the text.
StatusOr<std::vector<float>> QueryVector(const v1::RetrieveRequest& request,
                                         const v1::CollectionConfig& config) {
  if (request.vector_size() == 0 && request.text().empty()) {
    return Invalid("vector", "neither a vector nor a text is given; give one");
  }
  const bool builtin = config.embedder() == v1::EMBEDDER_BUILTIN;
  if (request.vector_size() == 0) {
    if (!builtin) {
      return Invalid("vector", "the collection has no embedder; give the query's vector");
    }
    return BuiltinEmbedder(config.dimension()).Embed(request.text());
  }
  if (builtin) return Invalid("vector", "the collection embeds by itself; give a text instead");
  if (static_cast<uint32_t>(request.vector_size()) != config.dimension()) {
    return Invalid("vector", fmt::format("has {} numbers, the collection {}", request.vector_size(),
                                         config.dimension()));
  }
  for (const float number : request.vector()) {
    if (!std::isfinite(number)) return Invalid("vector", "holds NaN or infinity");
  }
  return std::vector<float>(request.vector().begin(), request.vector().end());
}

std::string QueryDigest(const v1::RetrieveRequest& request, const Pseudonyms& pseudonyms) {
  std::string query = request.text();
  query.push_back('\0');
  query.append(reinterpret_cast<const char*>(request.vector().data()),
               static_cast<size_t>(request.vector_size()) * sizeof(float));
  return pseudonyms.Digest(query);
}

// Refuses more text than one answer may hold; it is never cut.
Status CheckAnswer(size_t bytes) {
  if (bytes <= limits::kAnswerBytes) return OkStatus();
  return Invalid("k", fmt::format("the answer would have more than {} bytes of text; ask for "
                                  "fewer, or leave the text out",
                                  limits::kAnswerBytes));
}

// `count` candidates from `first` on, or as many as there are.
std::vector<Guard::Wanted> WantedFrom(const std::vector<Hit>& candidates, size_t first,
                                      size_t count) {
  std::vector<Guard::Wanted> wanted;
  for (size_t i = first; i < candidates.size() && wanted.size() < count; ++i) {
    wanted.push_back({candidates[i].document, candidates[i].ordinal});
  }
  return wanted;
}

// True if what the guard computed from the stored record is what the index proposed, and in order.
bool IsAsProposed(const ClearedChunk& chunk, const Hit& proposed,
                  const std::vector<Cleared<ClearedChunk>>& before) {
  return proposed.score.low <= chunk.score && chunk.score <= proposed.score.high &&
         (before.empty() || chunk.score <= before.back()->score);
}

SearchOptions OptionsOf(const v1::RetrieveRequest& request, const std::function<bool()>& stop) {
  SearchOptions options;
  options.k = request.k() == 0 ? limits::kTopKDefault : request.k();
  options.mode = request.mode() == v1::MODE_EXACT ? SearchMode::kExact : SearchMode::kFast;
  options.recall = request.recall_target() == 0 ? kRecallDefault : request.recall_target();
  options.stop = stop;
  return options;
}

// Search proposes, the guard disposes: candidates that it rejects are defects of the index, and the
// search goes on until k are cleared or nothing more is permitted. A fast search does not find more
// of the same list when it is asked for more, so after a defect all is searched.
StatusOr<std::vector<Cleared<ClearedChunk>>> SearchAndGuard(const Access& access,
                                                            const std::vector<float>& query,
                                                            bool with_text, SearchOptions options,
                                                            SearchTrace* trace) {
  const VectorIndex& index = access.view->index(*access.collection);
  AllowedSet allowed = access.Allowed();
  for (size_t i = 0; Planted(Bug::kFilterAfterTopK) && i < allowed.classes.size(); ++i) {
    allowed.classes.Set(i);
  }
  Guard guard(*access.view.view, *access.collection, access.subject(), query, with_text);
  const size_t k = options.k;
  std::vector<Cleared<ClearedChunk>> cleared;
  size_t bytes = 0;
  for (size_t seen = 0;; options.k += k) {
    ASSIGN_OR_RETURN(const auto candidates, index.Search(allowed, query, options, trace));
    bool rejected = false;
    while (seen < candidates.size() && cleared.size() < k) {
      const size_t missing = std::min(kJudgedAtOnce, k - cleared.size());
      ASSIGN_OR_RETURN(auto judged, guard.Clear(WantedFrom(candidates, seen, missing)));
      for (auto& passed : judged) {
        if (passed && IsAsProposed(**passed, candidates[seen], cleared)) {
          bytes += (*passed)->text.size();
          RETURN_IF_ERROR(CheckAnswer(bytes));
          cleared.push_back(*std::move(passed));
        } else {
          rejected = true;
          spdlog::error("defect: the guard rejected a candidate of the index");
        }
        ++seen;
      }
    }
    if (cleared.size() == k || candidates.size() < options.k || Planted(Bug::kFilterAfterTopK)) {
      if (!rejected || options.mode == SearchMode::kExact) return cleared;
    }
    if (std::exchange(options.mode, SearchMode::kExact) == SearchMode::kExact) continue;
    cleared.clear();
    seen = bytes = 0;
    options.k = 0;  // k, when the loop goes on
  }
}

StatusOr<Answer> Find(const ReadContext& context, const v1::RetrieveRequest& request,
                      journal::v1::Record* record) {
  RETURN_IF_ERROR(context.caller.Require(Right::kQuery));
  RETURN_IF_ERROR(CheckRequest(request));
  if (request.explain()) RETURN_IF_ERROR(context.caller.Require(Right::kAudit));
  record->set_query_digest(QueryDigest(request, context.tenant->pseudonyms));
  Answer answer;
  ASSIGN_OR_RETURN(answer.access, Enter(context, &request.collection(), request.scope(), record));
  ASSIGN_OR_RETURN(const std::vector<float> query,
                   QueryVector(request, answer.access.collection->config));
  const bool with_text = !request.omit_text() || request.token_budget() > 0;
  SearchTrace trace;
  ASSIGN_OR_RETURN(auto cleared, SearchAndGuard(answer.access, query, with_text,
                                                OptionsOf(request, context.stop), &trace));
  if (request.explain()) answer.explain = trace;
  answer.context = Pack(answer.access, context.caller, std::move(cleared), request.token_budget());
  if (request.want_nonce()) {
    ASSIGN_OR_RETURN(const std::string random, RandomBytes(kNonceBytes));
    answer.nonce = HexEncode(random);
  }
  NoteContext(answer.context, context.tenant->pseudonyms, record);
  return answer;
}

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

v1::RetrieveResponse ToResponse(Answer answer, bool omit_text, const JournalReceipt& receipt) {
  v1::RetrieveResponse response;
  for (Cleared<ClearedChunk>& cleared : answer.context.passages) {
    ClearedChunk chunk = std::move(cleared).Take();
    v1::Passage* passage = response.add_passages();
    passage->set_document(std::move(chunk.document));
    passage->set_chunk(chunk.ordinal);
    passage->set_score(chunk.score);
    if (!omit_text) passage->set_text(std::move(chunk.text));
    *passage->mutable_label() = ToProto(chunk.label);
    passage->set_title(std::move(chunk.title));
    passage->set_uri(std::move(chunk.uri));
  }
  if (answer.context.label) *response.mutable_context_label() = ToProto(*answer.context.label);
  response.mutable_destinations()->Assign(answer.context.destinations.begin(),
                                          answer.context.destinations.end());
  response.set_limited(answer.context.limited);
  response.set_revision(answer.access.view->revision());
  *response.mutable_as_of() = ToProtoTime(answer.access.view.as_of);
  response.set_journal_id(receipt.id());
  response.set_nonce(answer.nonce);
  if (answer.explain) *response.mutable_explain() = ToProto(*answer.explain);
  return response;
}

}  // namespace

void Retrieve(const ReadContext& context, const v1::RetrieveRequest& request,
              Respond<v1::RetrieveResponse> done) {
  Journaled(
      context, "Retrieve",
      [&](journal::v1::Record* record) { return Find(context, request, record); },
      [omit_text = request.omit_text()](Answer answer, const JournalReceipt& receipt) {
        return ToResponse(std::move(answer), omit_text, receipt);
      },
      std::move(done));
}

}  // namespace cordon
