// All indexes of one collection: they name its documents by the same numbers and change together.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cordon/store/v1/mutation.pb.h"
#include "engine/columns/columns.h"
#include "engine/index/document_numbers.h"
#include "engine/index/vector_index.h"
#include "engine/lexical/lexical_index.h"
#include "engine/store/state.h"

namespace cordon {

// An immutable value; cheap to copy. Every const call is thread-safe.
struct CollectionIndex {
  VectorIndex vectors;
  DocumentNumbers documents;
  LexicalIndex lexical;
  Columns columns;
};

// The indexes of each collection, by the number of the embedding space. That of a space which is
// not searched has vectors alone, and the documents' numbers, which it shares with the other one.
using Indexes = std::map<uint32_t, CollectionIndex>;

// The language of a collection's texts.
Language LanguageOf(const v1::CollectionConfig& config);

// The index of a new collection.
CollectionIndex EmptyIndex(const v1::CollectionConfig& config);

// The texts of an Ingest, taken apart before the one writer's turn comes. Borrows the mutation.
class PreparedTexts {
 public:
  PreparedTexts() = default;
  PreparedTexts(Language language, const store::v1::IngestBatch& batch);

  // Null if the text was not prepared, or not in this language.
  const TermCounts* Find(Language language, std::string_view document, uint32_t ordinal) const;

 private:
  using Chunks = std::vector<std::pair<uint32_t, TermCounts>>;

  Language language_ = Language::kNone;
  std::unordered_map<std::string_view, Chunks> documents_;  // none of an id given twice
};

// The index after the changes of one mutation.
CollectionIndex ApplyRows(const CollectionIndex& index, const std::vector<RowChange>& changes,
                          const PreparedTexts& prepared = {});

// The same with the indexes of all spaces of a collection.
void ApplyRows(const Collection& collection, const std::vector<RowChange>& changes,
               const PreparedTexts& prepared, Indexes* indexes);

// The index of a collection's space that is not searched, as it begins.
CollectionIndex OtherIndex(const Collection& collection);

// Gives the indexes that are missing to collections, and takes those away that belong to none; the
// numbers of these.
std::vector<uint32_t> FollowSpaces(const TenantState::Collections& collections, Indexes* indexes);

// Makes the index of another space of the collection, `after`, the one that is searched.
void SwitchIndexes(const Collection& before, const Collection& after, Indexes* indexes);

// A change as the vectors' index understands it; borrows from `change` and what that borrows from.
DocumentChange ToDocumentChange(const RowChange& change, uint32_t number);

// Marks the classes of an index's live rows in `in_use`.
void MarkClassesInUse(const CollectionIndex& index, std::vector<bool>* in_use);

// Fills the indexes of a collection from its stored documents. For one thread.
class CollectionIndexBuilder {
 public:
  explicit CollectionIndexBuilder(const v1::CollectionConfig& config);
  // Of this index, which is empty.
  explicit CollectionIndexBuilder(CollectionIndex empty);

  // All documents at once, before anything of one is added.
  void SetDocuments(DocumentNumbers documents);
  void SetAttributes(uint32_t document, const Attributes& attributes) {
    index_.columns.Set(document, attributes);
  }

  // A row of a document that was added. Borrowed during AddRows().
  struct Row {
    uint32_t ordinal;
    ClassId class_id;
    const float* embedding;   // null: the row's vector is in a segment that is added
    const std::string* text;  // null: likewise
  };
  // Adds rows of a document, all at once those of which anything is not in a segment. Copies.
  void AddRows(uint32_t document, Micros valid_from, Micros valid_until, std::span<const Row> rows);
  // Adds a document, by an id that was not added before, with all its rows: a kReplace.
  void Add(const RowChange& change);
  // Segments that were made elsewhere.
  void AddSegment(Segment segment) { vectors_.AddSegment(std::move(segment)); }
  void AddSegment(LexicalSegment segment) { lexical_.AddSegment(std::move(segment)); }

  // What was added so far, for whoever makes segments of it.
  const CollectionIndex& index() const { return index_; }

  // The index of all that was added. Ends the builder.
  CollectionIndex Finish();

 private:
  CollectionIndex index_;
  VectorIndexBuilder vectors_;
  LexicalIndexBuilder lexical_;
};

}  // namespace cordon
