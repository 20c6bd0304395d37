#include "engine/retrieve/guard.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "engine/base/planted.h"
#include "engine/columns/filter.h"
#include "engine/store/codec.h"

namespace cordon {
namespace {

constexpr size_t kReadAtOnce = 64;  // chunks: the reads share their way down

Status ChunkIsDamaged() {
  return Corrupt("a stored chunk is missing or damaged; restore from a backup");
}

}  // namespace

Guard::Guard(const View& view, const Collection& collection, const Subject& subject,
             std::span<const float> query, Reading reading)
    : view_(view), collection_(collection), subject_(subject), query_(query), reading_(reading) {}

StatusOr<bool> Guard::Read(std::string_view document) {
  return view_.Get(Family::kDocuments, DocumentKey(view_.state().id, collection_.id, document),
                   &document_);
}

bool Guard::Permits(const store::v1::ChunkEntry& entry) const {
  if (Planted(Bug::kSkipFinalCheck)) return true;
  const auto validity = ValidityOf(document_.document());
  if (!validity.ok()) return false;
  return Decide(view_.world(), subject_, {entry.class_id(), validity->from, validity->until});
}

std::optional<ClearedChunk> Guard::Judge(uint32_t ordinal) const {
  for (const auto& entry : document_.chunks()) {
    if (entry.ordinal() != ordinal) continue;
    if (!Permits(entry)) return std::nullopt;
    const bool passes = filter_ == nullptr || Passes(*filter_, collection_.config.attributes(),
                                                     document_.document().attributes());
    if (!passes) return std::nullopt;
    return Describe(entry);
  }
  return std::nullopt;
}

ClearedChunk Guard::Describe(const store::v1::ChunkEntry& entry) const {
  const ClassTable& classes = view_.policy().classes;
  ClearedChunk chunk;
  chunk.document = document_.document().id();
  chunk.ordinal = entry.ordinal();
  chunk.score = 0;
  chunk.label = classes.labels[classes.classes[entry.class_id()].label];
  chunk.title = document_.document().title();
  chunk.uri = document_.document().uri();
  chunk.source = document_.document().provenance().source();
  chunk.trust = document_.document().provenance().trust();
  chunk.canary = document_.document().canary();
  if (reading_.attributes) chunk.attributes = Attributes();
  return chunk;
}

// A hidden attribute is left out like one that the document does not have.
std::vector<ClearedAttribute> Guard::Attributes() const {
  std::vector<ClearedAttribute> attributes;
  for (const auto& spec : collection_.config.attributes()) {
    const auto found = document_.document().attributes().find(spec.name());
    if (found == document_.document().attributes().end()) continue;
    std::optional<Label> label;
    if (spec.has_label()) label = FromProto(spec.label());
    if (label && !SubjectMayHave(view_.world(), subject_, *label) &&
        !Planted(Bug::kHiddenAttributes)) {
      continue;
    }
    attributes.push_back({spec.name(), found->second, std::move(label)});
  }
  std::sort(attributes.begin(), attributes.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return attributes;
}

Status Guard::Load(std::span<ClearedChunk* const> permitted) {
  std::vector<std::string> keys;
  for (size_t from = 0; from < permitted.size(); from += keys.size()) {
    const auto some = permitted.subspan(from, std::min(kReadAtOnce, permitted.size() - from));
    keys.clear();
    for (const ClearedChunk* chunk : some) {
      keys.push_back(ChunkKey(view_.state().id, collection_.id, chunk->document, chunk->ordinal));
    }
    size_t loaded = 0;
    RETURN_IF_ERROR(view_.GetMany(Family::kChunks, keys, [&](size_t i, std::string_view payload) {
      ++loaded;
      return Fill(payload, some[i]);
    }));
    if (loaded < keys.size()) return ChunkIsDamaged();
  }
  return OkStatus();
}

Status Guard::Fill(std::string_view payload, ClearedChunk* chunk) {
  RETURN_IF_ERROR(ParseRecord(payload, &chunk_));
  const size_t dimension = collection_.config.dimension();
  if (chunk_.embedding().size() != dimension * sizeof(float)) return ChunkIsDamaged();
  if (!query_.empty() || reading_.embedding) {
    embedding_.resize(dimension);
    std::memcpy(embedding_.data(), chunk_.embedding().data(), chunk_.embedding().size());
  }
  if (reading_.embedding) chunk->embedding = embedding_;
  if (!query_.empty()) {
    chunk->score =
        Score(view_.index(collection_).metric(), query_.data(), embedding_.data(), dimension);
  }
  if (scorer_ != nullptr) ScoreText(chunk);
  if (reading_.text) chunk->text = chunk_.text();
  return OkStatus();
}

void Guard::ScoreText(ClearedChunk* chunk) {
  const TermCounts terms = CountTerms(LanguageOf(collection_.config), chunk_.text());
  if (!scorer_->Matches(terms) || !HoldsPhrases(scorer_->query(), chunk_.text())) return;
  chunk->lexical_score = scorer_->Score(terms);
  if (query_.empty()) chunk->score = *chunk->lexical_score;
}

void Guard::Place(Cleared<ClearedChunk>* chunk, double score, const Parts& parts) {
  chunk->value_.score = score;
  chunk->value_.parts = parts;
}

StatusOr<std::vector<Guard::Passed>> Guard::Clear(std::span<const Wanted> wanted) {
  std::map<std::string_view, std::vector<size_t>> places;  // in `wanted`, by document
  for (size_t i = 0; i < wanted.size(); ++i) places[wanted[i].document].push_back(i);
  std::vector<std::string> keys;
  std::vector<const std::vector<size_t>*> places_of;
  for (const auto& [document, its_places] : places) {
    keys.push_back(DocumentKey(view_.state().id, collection_.id, document));
    places_of.push_back(&its_places);
  }
  std::vector<std::optional<ClearedChunk>> chunks(wanted.size());
  RETURN_IF_ERROR(view_.GetMany(Family::kDocuments, keys, [&](size_t i, std::string_view payload) {
    RETURN_IF_ERROR(ParseRecord(payload, &document_));
    for (const size_t place : *places_of[i]) chunks[place] = Judge(wanted[place].ordinal);
    return OkStatus();
  }));
  std::vector<ClearedChunk*> permitted;
  for (auto& chunk : chunks) {
    if (chunk) permitted.push_back(&*chunk);
  }
  RETURN_IF_ERROR(Load(permitted));
  std::vector<Passed> passed(wanted.size());
  for (size_t i = 0; i < chunks.size(); ++i) {
    if (chunks[i]) passed[i] = Cleared<ClearedChunk>(*std::move(chunks[i]));
  }
  return passed;
}

StatusOr<std::vector<Cleared<ClearedChunk>>> Guard::ClearDocument(std::string_view document) {
  ASSIGN_OR_RETURN(const bool found, Read(document));
  if (!found) return std::vector<Cleared<ClearedChunk>>();
  std::vector<ClearedChunk> permitted;
  for (const auto& entry : document_.chunks()) {
    if (Permits(entry)) permitted.push_back(Describe(entry));
  }
  ASSIGN_OR_RETURN(auto cleared, LoadAll(std::move(permitted)));
  if (cleared.empty() && Planted(Bug::kHiddenIsDenied)) return Denied("document", "hidden");
  return cleared;
}

StatusOr<std::vector<Cleared<ClearedChunk>>> Guard::LoadAll(std::vector<ClearedChunk> permitted) {
  std::vector<ClearedChunk*> places;
  for (ClearedChunk& chunk : permitted) places.push_back(&chunk);
  RETURN_IF_ERROR(Load(places));
  std::vector<Cleared<ClearedChunk>> cleared;
  for (ClearedChunk& chunk : permitted) cleared.push_back(Cleared<ClearedChunk>(std::move(chunk)));
  return cleared;
}

StatusOr<std::vector<Cleared<ClearedChunk>>> Guard::ClearAround(
    std::string_view document, uint32_t ordinal, size_t reach,
    const std::function<bool(uint32_t ordinal)>& wanted) {
  ASSIGN_OR_RETURN(const bool found, Read(document));
  if (!found) return std::vector<Cleared<ClearedChunk>>();
  std::vector<const store::v1::ChunkEntry*> seen;  // by ordinal, as they are stored
  size_t center = 0;
  for (const auto& entry : document_.chunks()) {
    if (!Permits(entry) && !Planted(Bug::kNeighboursUnguarded)) continue;
    if (entry.ordinal() < ordinal) ++center;
    seen.push_back(&entry);
  }
  if (center == seen.size() || seen[center]->ordinal() != ordinal) {
    return std::vector<Cleared<ClearedChunk>>();
  }
  std::vector<ClearedChunk> permitted;
  const size_t first = center - std::min(center, reach);
  const size_t last = center + std::min(seen.size() - 1 - center, reach);
  for (size_t i = first; i <= last; ++i) {
    if (i != center && wanted(seen[i]->ordinal())) permitted.push_back(Describe(*seen[i]));
  }
  return LoadAll(std::move(permitted));
}

StatusOr<bool> Guard::Sees(std::string_view document) {
  ASSIGN_OR_RETURN(const bool found, Read(document));
  if (!found) return false;
  for (const auto& entry : document_.chunks()) {
    if (Permits(entry)) return true;
  }
  return false;
}

}  // namespace cordon
