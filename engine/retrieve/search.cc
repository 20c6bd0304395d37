#include "engine/retrieve/search.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <utility>

#include "engine/base/limits.h"
#include "engine/base/planted.h"
#include "engine/retrieve/candidates.h"

namespace cordon {
namespace {

std::atomic<uint64_t> guard_rejections{0};

Status CheckWeight(std::string_view field, double weight) {
  if (weight >= 0 && weight <= limits::kFusionWeightMax) return OkStatus();
  return Invalid(field, fmt::format("not 0 to {:.0f}", limits::kFusionWeightMax));
}

Status CheckFusion(const v1::RetrieveRequest& request) {
  const v1::Fusion& fusion = request.fusion();
  if (!v1::FusionMethod_IsValid(fusion.method())) {
    return Invalid("method", "unknown; one of relative, weighted, rrf");
  }
  const double vector = fusion.has_vector_weight() ? fusion.vector_weight() : 1;
  const double lexical = fusion.has_lexical_weight() ? fusion.lexical_weight() : 1;
  RETURN_IF_ERROR(CheckWeight("weights.vector", vector));
  RETURN_IF_ERROR(CheckWeight("weights.lexical", lexical));
  if (vector == 0 && lexical == 0) {
    return Invalid("weights", "both are 0; give at least one ranking a weight");
  }
  const uint32_t k = request.k() == 0 ? limits::kTopKDefault : request.k();
  if (fusion.depth() != 0 && (fusion.depth() < k || fusion.depth() > limits::kFusionDepth)) {
    return Invalid("depth", fmt::format("not k, which is {}, to {}", k, limits::kFusionDepth));
  }
  return OkStatus();
}

// `count` candidates from `first` on, or as many as there are.
std::vector<Guard::Wanted> WantedFrom(const std::vector<Candidate>& candidates, size_t first,
                                      size_t count) {
  std::vector<Guard::Wanted> wanted;
  for (size_t i = first; i < candidates.size() && wanted.size() < count; ++i) {
    wanted.push_back({candidates[i].name.first, candidates[i].name.second});
  }
  return wanted;
}

// True if what the guard computed from the stored record is what the index proposed, and in order.
bool IsAsProposed(const ClearedChunk& chunk, const Candidate& proposed,
                  const ClearedChunks& before) {
  return proposed.score.low <= chunk.score && chunk.score <= proposed.score.high &&
         (before.empty() || chunk.score <= before.back()->score);
}

}  // namespace

uint64_t GuardRejections() { return guard_rejections.load(std::memory_order_relaxed); }

Status CheckRanking(const v1::RetrieveRequest& request) {
  if (request.has_min_score() && !std::isfinite(request.min_score())) {
    return Invalid("min_score", "not a finite number");
  }
  const bool hybrid = request.rank() == v1::RANK_HYBRID;
  if (request.has_fusion() && !hybrid) {
    return Invalid("fusion", "only a hybrid answer is fused; leave it out, or rank hybrid");
  }
  if ((hybrid || request.rank() == v1::RANK_LEXICAL) && request.text().empty()) {
    return Invalid("text", "missing, and the ranking needs one; give the question's words");
  }
  return request.has_fusion() ? CheckFusion(request).Within("fusion") : OkStatus();
}

Status CheckAnswer(size_t bytes) {
  if (bytes <= limits::kAnswerBytes) return OkStatus();
  return Invalid("k", fmt::format("the answer would have more than {} bytes of text; ask for "
                                  "fewer, or leave the text out",
                                  limits::kAnswerBytes));
}

StatusOr<std::shared_ptr<const Predicate>> CheckFilterOf(const Access& access,
                                                         const v1::Filter& filter) {
  const auto sees = [&](const v1::AttributeSpec& spec) {
    return MayKnow(access.view->world(), access.subject, spec) || Planted(Bug::kHiddenAttribute);
  };
  auto checked = CheckFilter(filter, access.collection->config.attributes(),
                             access.view->indexes_of(*access.collection).columns, sees);
  if (!checked.ok()) return checked.status().Within("filter");
  return std::shared_ptr<const Predicate>(*std::move(checked));
}

Proposer::Proposer(const Access& access, AllowedSet allowed, const Question& question,
                   const std::function<bool()>& stop, SearchTrace* trace)
    : access_(access),
      allowed_(std::move(allowed)),
      question_(question),
      stop_(stop),
      trace_(trace),
      mode_(question.mode),
      indexes_(access.view->indexes_of(*access.collection)) {
  for (size_t i = 0; Planted(Bug::kFilterAfterTopK) && i < allowed_.classes.size(); ++i) {
    allowed_.classes.Set(i);
  }
  if (question_.predicate == nullptr) return;
  filter_.emplace(*question_.predicate, indexes_.documents.bound());
  if (!Planted(Bug::kRowFilterAfterTopK)) allowed_.filter = &*filter_;
}

StatusOr<std::vector<Hit>> Proposer::Hits(size_t count) {
  const FoundAhead* const ahead = question_.ahead.get();
  if (ahead != nullptr && ahead->count == count && mode_ == question_.mode) {
    *trace_ = ahead->answer.trace;
    return ahead->answer.hits;
  }
  *trace_ = {};
  // What is fused by scores needs them all.
  const SearchOptions options{.k = count,
                              .mode = mode_,
                              .recall = question_.recall,
                              .stop = stop_,
                              .scored = question_.rank == v1::RANK_HYBRID};
  return indexes_.vectors.Search(allowed_, question_.vector, options, trace_);
}

StatusOr<std::vector<Candidate>> Proposer::ByVector(size_t count) {
  ASSIGN_OR_RETURN(auto hits, Hits(count));
  std::vector<Candidate> candidates;
  candidates.reserve(hits.size());
  for (Hit& hit : hits) candidates.push_back({{std::move(hit.document), hit.ordinal}, hit.score});
  return candidates;
}

StatusOr<std::vector<Candidate>> Proposer::ByText(size_t count) {
  ASSIGN_OR_RETURN(auto found, indexes_.lexical.Search(allowed_, indexes_.documents, question_.text,
                                                       count, stop_));
  scorer_.emplace(std::move(found.scorer));
  std::vector<Candidate> candidates;
  candidates.reserve(found.hits.size());
  for (const LexicalHit& hit : found.hits) {
    candidates.push_back(
        {{std::string(indexes_.documents.id(hit.document)), hit.ordinal}, {hit.score, hit.score}});
  }
  return candidates;
}

Guard Proposer::MakeGuard(Reading reading) const {
  const bool by_text_alone = question_.rank == v1::RANK_LEXICAL;
  Guard guard(*access_.view.view, *access_.collection, access_.subject,
              by_text_alone ? std::span<const float>() : question_.vector, reading);
  if (scorer_) guard.ScoreTexts(*scorer_);
  if (question_.filter != nullptr) guard.Require(*question_.filter);
  return guard;
}

bool Proposer::NoteDefect() {
  guard_rejections.fetch_add(1, std::memory_order_relaxed);
  spdlog::error("defect: the guard rejected a candidate of the index");
  return std::exchange(mode_, SearchMode::kExact) == SearchMode::kFast;
}

// Candidates that the guard rejects are defects of the index, and those that lack a phrase, which
// only the stored text tells, are none: the search goes on until k are cleared or nothing more is
// permitted. After a defect of a fast search all is searched, from the beginning.
StatusOr<ClearedChunks> SearchOne(Proposer& proposer, const Question& question, size_t k,
                                  Reading reading) {
  const bool by_text = question.rank == v1::RANK_LEXICAL;
  const bool phrases = by_text && !question.text.phrases.empty();
  ClearedChunks cleared;
  size_t bytes = 0;
  for (size_t asked = k, seen = 0;; asked += phrases ? 3 * asked : k) {
    ASSIGN_OR_RETURN(const auto candidates,
                     by_text ? proposer.ByText(asked) : proposer.ByVector(asked));
    Guard guard = proposer.MakeGuard(reading);
    cleared.reserve(std::min(k, candidates.size()));
    bool again = false;
    while (seen < candidates.size() && cleared.size() < k && !again) {
      RETURN_IF_ERROR(proposer.CheckStop());
      const size_t missing = std::min(kJudgedAtOnce, k - cleared.size());
      ASSIGN_OR_RETURN(auto judged, guard.Clear(WantedFrom(candidates, seen, missing)));
      for (auto& passed : judged) {
        const Candidate& candidate = candidates[seen++];
        if (passed && phrases && !(*passed)->lexical_score) continue;
        if (!passed || !IsAsProposed(**passed, candidate, cleared)) {
          again = proposer.NoteDefect() && !by_text;
          if (again) break;
          continue;
        }
        if (question.min_score && (*passed)->score < *question.min_score) return cleared;
        bytes += (*passed)->text.size();
        RETURN_IF_ERROR(CheckAnswer(bytes));
        cleared.push_back(*std::move(passed));
      }
    }
    if (again) {
      cleared.clear();
      asked = seen = bytes = 0;
      continue;
    }
    if (cleared.size() == k || candidates.size() < asked || Planted(Bug::kFilterAfterTopK) ||
        Planted(Bug::kRowFilterAfterTopK)) {
      return cleared;
    }
  }
}

StatusOr<Best> Search(const Access& access, AllowedSet allowed, const Question& question,
                      const std::function<bool()>& stop, SearchTrace* trace) {
  Proposer proposer(access, std::move(allowed), question, stop, trace);
  if (question.rank == v1::RANK_HYBRID) return SearchBoth(proposer, question);
  Best best;
  ASSIGN_OR_RETURN(best.chunks, SearchOne(proposer, question, question.k, question.reading));
  best.complete = best.chunks.size() < question.k;
  return best;
}

}  // namespace cordon
