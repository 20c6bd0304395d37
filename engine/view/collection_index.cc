#include "engine/view/collection_index.h"

#include <algorithm>
#include <deque>
#include <set>
#include <utility>

#include "engine/base/check.h"

namespace cordon {
namespace {

Metric ToMetric(v1::Metric metric) {
  switch (metric) {
    case v1::METRIC_INNER_PRODUCT:
      return Metric::kInnerProduct;
    case v1::METRIC_L2:
      return Metric::kL2;
    default:
      return Metric::kCosine;
  }
}

DocumentChange::Kind ToKind(RowChange::Kind kind) {
  switch (kind) {
    case RowChange::kReclass:
      return DocumentChange::Kind::kReclass;
    case RowChange::kRemove:
      return DocumentChange::Kind::kRemove;
    case RowChange::kErase:
      return DocumentChange::Kind::kErase;
    case RowChange::kSweep:
      return DocumentChange::Kind::kSweep;
    case RowChange::kReplace:
    case RowChange::kEmbed:
      break;
  }
  return DocumentChange::Kind::kReplace;
}

LexicalChange::Kind ToLexicalKind(const RowChange& change) {
  switch (change.kind) {
    case RowChange::kRemove:
      return LexicalChange::Kind::kRemove;
    case RowChange::kErase:
      return LexicalChange::Kind::kErase;
    case RowChange::kSweep:
      return LexicalChange::Kind::kSweep;
    case RowChange::kReclass:
      // With the same words, if they were read.
      if (change.texts.empty()) return LexicalChange::Kind::kReclass;
      break;
    case RowChange::kReplace:
    case RowChange::kEmbed:
      break;
  }
  return LexicalChange::Kind::kReplace;
}

Bm25 ParametersOf(const v1::CollectionConfig& config) {
  Bm25 parameters;
  if (config.bm25().has_k1()) parameters.k1 = config.bm25().k1();
  if (config.bm25().has_b()) parameters.b = config.bm25().b();
  return parameters;
}

// One mutation's changes as each index understands them.
class Changes {
 public:
  Changes(const CollectionIndex& index, const PreparedTexts& prepared)
      : next_(index), prepared_(prepared) {}

  void Add(const RowChange& change) {
    if (change.kind == RowChange::kSweep) return Sweep(change);
    const uint32_t number = next_.documents.Add(change.document);
    AddOther(change, number);
    if (change.kind == RowChange::kEmbed) return;  // nothing that is searched
    vectors_.push_back(ToDocumentChange(change, number));
    lexical_.push_back(ToLexicalChange(change, number));
    if (change.kind == RowChange::kRemove || change.kind == RowChange::kErase) {
      removed_.insert(number);
      next_.columns.Clear(number);
      return;
    }
    removed_.erase(number);
    if (change.attributes != nullptr) next_.columns.Set(number, *change.attributes);
    if (change.stored) next_.documents.SetStored(number, *change.stored);
  }

  // What becomes of the vectors in the space that is not searched.
  const std::vector<DocumentChange>& other() const { return other_; }

  CollectionIndex Apply() {
    next_.vectors = next_.vectors.Apply(vectors_);
    next_.lexical = next_.lexical.Apply(lexical_);
    for (const uint32_t number : removed_) next_.documents.Remove(number);
    return std::move(next_);
  }

 private:
  // Of no document: no number is given to it.
  void Sweep(const RowChange& change) {
    vectors_.push_back(ToDocumentChange(change, 0));
    lexical_.push_back(ToLexicalChange(change, 0));
    other_.push_back(ToDocumentChange(change, 0));
  }

  // New content has no vectors there yet.
  void AddOther(const RowChange& change, uint32_t number) {
    if (change.kind == RowChange::kReclass && !change.in_other) return;
    DocumentChange& out = other_.emplace_back(ToDocumentChange(change, number));
    if (change.kind == RowChange::kReplace) out.kind = DocumentChange::Kind::kRemove;
  }

  LexicalChange ToLexicalChange(const RowChange& change, uint32_t number) {
    LexicalChange out;
    out.document = number;
    out.kind = ToLexicalKind(change);
    out.may_exist = change.may_exist;
    out.renumbered = change.older;
    out.valid_from = change.valid_from;
    out.valid_until = change.valid_until;
    const Language language = next_.lexical.language();
    const bool keeps = out.kind == LexicalChange::Kind::kReclass;
    for (const auto& row : change.rows) {
      const TermCounts* terms = change.kind == RowChange::kReplace
                                    ? prepared_.Find(language, change.document, row.ordinal)
                                    : nullptr;
      if (terms == nullptr && !keeps) {
        terms = &counted_.emplace_back(CountTerms(language, row.text));
      }
      out.rows.push_back({row.ordinal, row.class_id, terms});
    }
    return out;
  }

  CollectionIndex next_;
  const PreparedTexts& prepared_;
  std::vector<DocumentChange> vectors_;
  std::vector<DocumentChange> other_;
  std::vector<LexicalChange> lexical_;
  std::deque<TermCounts> counted_;  // of texts that were not prepared
  std::set<uint32_t> removed_;
};

}  // namespace

Language LanguageOf(const v1::CollectionConfig& config) {
  const auto language = LanguageOf(config.language());
  return language.ok() ? *language : Language::kNone;  // never stored: it was checked
}

CollectionIndex EmptyIndex(const v1::CollectionConfig& config) {
  return {VectorIndex(config.dimension(), ToMetric(config.metric())), DocumentNumbers(),
          LexicalIndex(LanguageOf(config), ParametersOf(config)), Columns(config.attributes())};
}

PreparedTexts::PreparedTexts(Language language, const store::v1::IngestBatch& batch)
    : language_(language) {
  for (const auto& document : batch.documents()) {
    const auto [place, first] = documents_.try_emplace(document.id());
    Chunks& chunks = place->second;
    if (!first) {
      chunks.clear();  // which of them is written depends on what is stored
      continue;
    }
    for (const auto& chunk : document.chunks()) {
      chunks.emplace_back(chunk.ordinal(), CountTerms(language, chunk.text()));
    }
    std::sort(chunks.begin(), chunks.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
  }
}

const TermCounts* PreparedTexts::Find(Language language, std::string_view document,
                                      uint32_t ordinal) const {
  const auto found = documents_.find(document);
  if (found == documents_.end() || language != language_) return nullptr;
  const auto chunk =
      std::lower_bound(found->second.begin(), found->second.end(), ordinal,
                       [](const auto& entry, uint32_t wanted) { return entry.first < wanted; });
  return chunk != found->second.end() && chunk->first == ordinal ? &chunk->second : nullptr;
}

CollectionIndex ApplyRows(const CollectionIndex& index, const std::vector<RowChange>& changes,
                          const PreparedTexts& prepared) {
  Changes out(index, prepared);
  for (const RowChange& change : changes) out.Add(change);
  return out.Apply();
}

void ApplyRows(const Collection& collection, const std::vector<RowChange>& changes,
               const PreparedTexts& prepared, Indexes* indexes) {
  CollectionIndex& searched = indexes->at(collection.space);
  Changes out(searched, prepared);
  for (const RowChange& change : changes) out.Add(change);
  searched = out.Apply();
  if (!collection.other) return;
  CollectionIndex& other = indexes->at(collection.other->number);
  other.vectors = other.vectors.Apply(out.other());
  other.documents = searched.documents;
}

CollectionIndex OtherIndex(const Collection& collection) {
  CollectionIndex index = EmptyIndex(collection.config);
  index.vectors = VectorIndex(collection.other->space.dimension(), index.vectors.metric());
  return index;
}

std::vector<uint32_t> FollowSpaces(const TenantState::Collections& collections, Indexes* indexes) {
  std::set<uint32_t> there;
  for (const auto& [name, collection] : collections) {
    there.insert(collection->space);
    if (!indexes->contains(collection->space)) {
      indexes->emplace(collection->space, EmptyIndex(collection->config));
    }
    if (!collection->other) continue;
    there.insert(collection->other->number);
    if (indexes->contains(collection->other->number)) continue;
    CollectionIndex other = OtherIndex(*collection);
    other.documents = indexes->at(collection->space).documents;
    indexes->emplace(collection->other->number, std::move(other));
  }
  std::vector<uint32_t> gone;
  std::erase_if(*indexes, [&](const auto& entry) {
    if (there.contains(entry.first)) return false;
    gone.push_back(entry.first);
    return true;
  });
  return gone;
}

void SwitchIndexes(const Collection& before, const Collection& after, Indexes* indexes) {
  CollectionIndex& old = indexes->at(before.space);
  CollectionIndex& searched = indexes->at(after.space);
  const CollectionIndex empty = OtherIndex(after);
  searched.documents = old.documents;
  searched.lexical = std::exchange(old.lexical, empty.lexical);
  searched.columns = std::exchange(old.columns, empty.columns);
}

DocumentChange ToDocumentChange(const RowChange& change, uint32_t number) {
  DocumentChange out;
  out.document = change.document;
  out.kind = ToKind(change.kind);
  out.may_exist = change.may_exist;
  out.valid_from = change.valid_from;
  out.valid_until = change.valid_until;
  out.number = number;
  out.rows.reserve(change.rows.size());
  for (const auto& row : change.rows) {
    out.rows.push_back({row.ordinal, row.class_id, row.embedding});
  }
  return out;
}

void MarkClassesInUse(const CollectionIndex& index, std::vector<bool>* in_use) {
  for (const Segment& segment : index.vectors.segments()) {
    for (const ClassRun& run : segment.rows().runs()) {
      for (uint32_t row = run.begin; row < run.end && !(*in_use)[run.class_id]; ++row) {
        if (!segment.Dead(row)) (*in_use)[run.class_id] = true;
      }
    }
  }
}

CollectionIndexBuilder::CollectionIndexBuilder(const v1::CollectionConfig& config)
    : CollectionIndexBuilder(EmptyIndex(config)) {}

CollectionIndexBuilder::CollectionIndexBuilder(CollectionIndex empty)
    : index_(std::move(empty)), vectors_(index_.vectors), lexical_(index_.lexical) {}

void CollectionIndexBuilder::SetDocuments(DocumentNumbers documents) {
  CORDON_CHECK(index_.documents.size() == 0);
  index_.documents = std::move(documents);
}

void CollectionIndexBuilder::Add(const RowChange& change) {
  CORDON_CHECK(change.kind == RowChange::kReplace);
  std::vector<std::string> texts;
  for (const auto& row : change.rows) texts.emplace_back(row.text);
  std::vector<Row> rows;
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto& row = change.rows[i];
    rows.push_back({row.ordinal, row.class_id, row.embedding, &texts[i]});
  }
  const size_t before = index_.documents.size();
  const uint32_t number = index_.documents.Add(change.document);
  CORDON_CHECK(index_.documents.size() > before);
  if (change.stored) index_.documents.SetStored(number, *change.stored);
  if (change.attributes != nullptr) SetAttributes(number, *change.attributes);
  AddRows(number, change.valid_from, change.valid_until, rows);
}

void CollectionIndexBuilder::AddRows(uint32_t document, Micros valid_from, Micros valid_until,
                                     std::span<const Row> rows) {
  DocumentChange vectors;
  vectors.document = index_.documents.id(document);
  vectors.may_exist = false;
  vectors.valid_from = valid_from;
  vectors.valid_until = valid_until;
  vectors.number = document;
  for (const Row& row : rows) {
    if (row.embedding != nullptr) {
      vectors.rows.push_back({row.ordinal, row.class_id, row.embedding});
    }
    if (row.text == nullptr) continue;
    lexical_.Add({document, row.ordinal, row.class_id, valid_from, valid_until, *row.text});
  }
  vectors_.Add(vectors);
}

CollectionIndex CollectionIndexBuilder::Finish() {
  index_.vectors = vectors_.Finish();
  index_.lexical = lexical_.Finish();
  return std::move(index_);
}

}  // namespace cordon
