#include "engine/retrieve/guard.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "engine/base/planted.h"
#include "engine/store/codec.h"
#include "engine/store/embedding_spaces.h"

namespace cordon {
namespace {

Status ChunkIsDamaged() {
  return Corrupt("a stored chunk is missing or damaged; restore from a backup");
}

using ChunkEntries = std::vector<const store::v1::ChunkEntry*>;  // by ordinal, as they are stored

// Where the one at `ordinal` stands; their number if it is not among them.
size_t PlaceOf(uint32_t ordinal, const ChunkEntries& entries) {
  const auto at = std::lower_bound(
      entries.begin(), entries.end(), ordinal,
      [](const auto* entry, uint32_t sought) { return entry->ordinal() < sought; });
  const bool found = at != entries.end() && (*at)->ordinal() == ordinal;
  return found ? static_cast<size_t>(at - entries.begin()) : entries.size();
}

}  // namespace

bool MayKnow(const World& world, const Subject& subject, const v1::AttributeSpec& spec) {
  return !spec.has_label() || SubjectMayHave(world, subject, FromProto(spec.label()));
}

Guard::Guard(const View& view, const Collection& collection, const Subject& subject,
             std::span<const float> query, Reading reading)
    : view_(view), collection_(collection), subject_(subject), query_(query), reading_(reading) {}

bool Guard::Permits(const Record& document, const store::v1::ChunkEntry& entry) {
  if (Planted(Bug::kSkipFinalCheck)) return true;
  const auto validity = ValidityOf(document.document());
  if (!validity.ok()) return false;
  const auto [decision, is_new] =
      decisions_.try_emplace({entry.class_id(), validity->from, validity->until}, false);
  if (is_new) {
    decision->second =
        Decide(view_.world(), subject_, {entry.class_id(), validity->from, validity->until});
  }
  return decision->second;
}

std::optional<ClearedChunk> Guard::Judge(const Record& document, uint32_t ordinal) {
  for (const auto& entry : document.chunks()) {
    if (entry.ordinal() != ordinal) continue;
    if (!Permits(document, entry)) return std::nullopt;
    return Describe(document, entry);
  }
  return std::nullopt;
}

ClearedChunk Guard::Describe(const Record& document, const store::v1::ChunkEntry& entry) const {
  const ClassTable& classes = view_.policy().classes;
  ClearedChunk chunk;
  chunk.document = document.document().id();
  chunk.ordinal = entry.ordinal();
  chunk.score = 0;
  chunk.number = document.number();
  chunk.label = classes.labels[classes.classes[entry.class_id()].label];
  chunk.title = document.document().title();
  chunk.uri = document.document().uri();
  chunk.source = document.document().provenance().source();
  chunk.trust = document.document().provenance().trust();
  chunk.version = VersionOf(document.document());
  chunk.canary = document.document().canary();
  if (reading_.attributes) chunk.attributes = Attributes(document);
  return chunk;
}

// A hidden attribute is left out like one that the document does not have.
std::vector<ClearedAttribute> Guard::Attributes(const Record& document) const {
  std::vector<ClearedAttribute> attributes;
  const auto& carried = document.document().attributes();
  for (const auto& spec : collection_.config.attributes()) {
    const auto found = carried.find(spec.name());
    if (found == carried.end()) continue;
    if (!MayKnow(view_.world(), subject_, spec) && !Planted(Bug::kHiddenAttributes)) continue;
    std::optional<Label> label;
    if (spec.has_label()) label = FromProto(spec.label());
    attributes.push_back({spec.name(), found->second, std::move(label)});
  }
  std::sort(attributes.begin(), attributes.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return attributes;
}

Status Guard::Load(std::span<std::optional<ClearedChunk>> chunks) {
  std::vector<Documents::ChunkPlace> places;
  std::vector<std::optional<ClearedChunk>*> wanted;
  for (auto& chunk : chunks) {
    if (!chunk) continue;
    places.push_back({chunk->number, chunk->ordinal});
    wanted.push_back(&chunk);
  }
  return view_.documents().ReadChunksOften(
      collection_.id, places, [&](size_t i, const store::v1::ChunkRecord* record) -> Status {
        if (record != nullptr) return Fill(*record, &**wanted[i]);
        wanted[i]->reset();
        return OkStatus();
      });
}

Status Guard::Fill(const store::v1::ChunkRecord& record, ClearedChunk* chunk) {
  const size_t dimension = collection_.config.dimension();
  const std::string_view vector = SearchedVector(record, collection_);
  if (vector.size() != dimension * sizeof(float)) return ChunkIsDamaged();
  if (!query_.empty() || reading_.embedding) {
    embedding_.resize(dimension);
    std::memcpy(embedding_.data(), vector.data(), vector.size());
  }
  if (reading_.embedding) chunk->embedding = embedding_;
  if (!query_.empty()) {
    chunk->score =
        Score(view_.index(collection_).metric(), query_.data(), embedding_.data(), dimension);
  }
  if (scorer_ != nullptr) ScoreText(record, chunk);
  if (reading_.text) chunk->text = record.text();
  return OkStatus();
}

void Guard::ScoreText(const store::v1::ChunkRecord& record, ClearedChunk* chunk) const {
  chunk->lexical_score = scorer_->Score(LanguageOf(collection_.config), record.text());
  if (query_.empty() && chunk->lexical_score) chunk->score = *chunk->lexical_score;
}

void Guard::Place(Cleared<ClearedChunk>* chunk, double score, const std::optional<Parts>& parts) {
  chunk->value_.score = score;
  chunk->value_.parts = parts;
}

StatusOr<std::vector<Guard::Passed>> Guard::Clear(std::span<const Wanted> wanted) {
  std::map<std::string_view, std::vector<size_t>> places;  // in `wanted`, by document
  for (size_t i = 0; i < wanted.size(); ++i) places[wanted[i].document].push_back(i);
  std::vector<std::string_view> ids;
  std::vector<const std::vector<size_t>*> places_of;
  for (const auto& [document, its_places] : places) {
    ids.push_back(document);
    places_of.push_back(&its_places);
  }
  std::vector<std::optional<ClearedChunk>> chunks(wanted.size());
  RETURN_IF_ERROR(
      view_.documents().ReadOften(collection_.id, ids, [&](size_t i, const Record& document) {
        if (filter_ && !filter_->Passes(document.document().attributes())) return OkStatus();
        for (const size_t place : *places_of[i]) {
          chunks[place] = Judge(document, wanted[place].ordinal);
        }
        return OkStatus();
      }));
  RETURN_IF_ERROR(Load(chunks));
  std::vector<Passed> passed(wanted.size());
  for (size_t i = 0; i < chunks.size(); ++i) {
    if (chunks[i]) passed[i] = Cleared<ClearedChunk>(*std::move(chunks[i]));
  }
  return passed;
}

StatusOr<std::vector<Cleared<ClearedChunk>>> Guard::ClearDocument(std::string_view document) {
  Record record;
  ASSIGN_OR_RETURN(const bool found, view_.documents().Read(collection_.id, document, &record));
  if (!found) return std::vector<Cleared<ClearedChunk>>();
  std::vector<std::optional<ClearedChunk>> permitted;
  for (const auto& entry : record.chunks()) {
    if (Permits(record, entry)) permitted.push_back(Describe(record, entry));
  }
  RETURN_IF_ERROR(Load(permitted));
  std::vector<Cleared<ClearedChunk>> cleared;
  for (auto& chunk : permitted) {
    if (chunk) cleared.push_back(Cleared<ClearedChunk>(*std::move(chunk)));
  }
  if (cleared.empty() && Planted(Bug::kHiddenIsDenied)) return Denied("document", "hidden");
  return cleared;
}

StatusOr<Guard::Surroundings> Guard::ClearAround(std::string_view document,
                                                 std::span<const uint32_t> ordinals, size_t reach) {
  Surroundings around(ordinals.size());
  Record record;
  ASSIGN_OR_RETURN(const bool found, view_.documents().Read(collection_.id, document, &record));
  if (!found) return around;
  ChunkEntries seen;
  for (const auto& entry : record.chunks()) {
    if (Permits(record, entry) || Planted(Bug::kNeighboursUnguarded)) seen.push_back(&entry);
  }
  std::vector<bool> taken(seen.size());
  std::vector<size_t> centers;
  for (const uint32_t ordinal : ordinals) {
    const size_t center = centers.emplace_back(PlaceOf(ordinal, seen));
    if (center < seen.size()) taken[center] = true;
  }
  size_t left = static_cast<size_t>(std::count(taken.begin(), taken.end(), false));
  std::vector<std::optional<ClearedChunk>> permitted;
  std::vector<size_t> places;  // in `around`, of those
  for (size_t i = 0; i < centers.size(); ++i) {
    if (centers[i] == seen.size()) continue;
    const size_t last = centers[i] + std::min(seen.size() - 1 - centers[i], reach);
    for (size_t at = centers[i] - std::min(centers[i], reach); at <= last && left > 0; ++at) {
      if (taken[at]) continue;
      taken[at] = true;
      --left;
      permitted.push_back(Describe(record, *seen[at]));
      places.push_back(i);
    }
  }
  RETURN_IF_ERROR(Load(permitted));
  for (size_t i = 0; i < permitted.size(); ++i) {
    if (!permitted[i]) continue;
    around[places[i]].push_back(Cleared<ClearedChunk>(*std::move(permitted[i])));
  }
  return around;
}

StatusOr<bool> Guard::Sees(std::string_view document) {
  Record record;
  ASSIGN_OR_RETURN(const bool found, view_.documents().Read(collection_.id, document, &record));
  if (!found) return false;
  for (const auto& entry : record.chunks()) {
    if (Permits(record, entry)) return true;
  }
  return false;
}

}  // namespace cordon
