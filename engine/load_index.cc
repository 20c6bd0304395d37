#include "engine/load_index.h"

#include <cstring>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "engine/document_facts.h"
#include "engine/store/embedding_spaces.h"

namespace cordon {
namespace {

// Fewer rows than this part are read where they are, else in one walk past all.
constexpr size_t kWalkedPart = 8;
// So many documents that lack nothing are walked past, rather than another place looked for.
constexpr size_t kGap = 8;

class IndexLoad {
 public:
  IndexLoad(const Documents& documents, const TenantState& state, const Collection& collection,
            uint32_t space)
      : documents_(documents),
        state_(state),
        collection_(collection),
        space_(space),
        searched_(space == collection.space),
        builder_(searched_ ? EmptyIndex(collection.config) : OtherIndex(collection)) {}

  Status ReadDocuments() {
    std::vector<DocumentFacts> parts(Documents::kPartsMax);
    const FactsFor its{state_, collection_, space_};
    RETURN_IF_ERROR(documents_.ScanParts(
        collection_.id,
        [&](size_t part, const store::v1::DocumentRecord& record) {
          return parts[part].Add(its, record);
        },
        [&](size_t part) {
          const DocumentFacts facts = std::exchange(parts[part], {});
          facts.ForEach([&](const DocumentFacts::Document& document) { Add(document); });
          return OkStatus();
        }));
    builder_.SetDocuments(numbers_.Finish());
    return OkStatus();
  }

  Status ReadRows(IndexFiles* files, const Geometry* geometry) {
    LoadedRows loaded = files->Load(state_.id, space_, builder_.index(), stored_, geometry);
    size_t missing = 0;
    for (size_t row = 0; row < stored_.rows.size(); ++row) missing += Lacks(loaded, row) ? 1 : 0;
    if (missing * kWalkedPart < stored_.rows.size()) {
      RETURN_IF_ERROR(ReadSome(loaded));
    } else {
      RETURN_IF_ERROR(Walk(loaded));
    }
    Flush();
    for (Segment& segment : loaded.vectors) builder_.AddSegment(std::move(segment));
    if (!searched_) return OkStatus();  // files of when it was
    for (LexicalSegment& segment : loaded.words) builder_.AddSegment(std::move(segment));
    return OkStatus();
  }

  void TellFigures(Collection* collection) const {
    collection->documents = stored_.documents.size();
    collection->chunks = stored_.rows.size();
    if (collection->other) collection->other->documents = in_other_;
    collection->stale = stale_;
  }
  CollectionIndex Finish() { return builder_.Finish(); }

 private:
  // A row of the store that some file lacks, as it is read.
  struct Read {
    size_t row;
    std::vector<float> embedding;  // empty: a file has it
    std::optional<std::string> text;
  };

  bool Lacks(const LoadedRows& loaded, size_t row) const {
    return !loaded.Has(row, LoadedRows::kVector) || LacksWords(loaded, row);
  }

  bool LacksWords(const LoadedRows& loaded, size_t row) const {
    return searched_ && !loaded.Has(row, LoadedRows::kWords);
  }

  void Add(const DocumentFacts::Document& document) {
    const uint32_t number = numbers_.Add(document.id, document.stored);
    if (document.attributes != nullptr) builder_.SetAttributes(number, *document.attributes);
    in_other_ += document.in_other ? 1 : 0;
    stale_ += document.stale ? 1 : 0;
    stored_.documents.push_back({document.stored, number, document.valid.from, document.valid.until,
                                 stored_.rows.size(), document.rows.size()});
    stored_.rows.insert(stored_.rows.end(), document.rows.begin(), document.rows.end());
  }

  // Whether a row of the document is to be read.
  bool LacksAny(const LoadedRows& loaded, const StoredRows::Document& document) const {
    for (size_t row = document.first; row < document.first + document.rows; ++row) {
      if (Lacks(loaded, row)) return true;
    }
    return false;
  }

  // What no file has: most often what was written last, so documents in a row.
  Status ReadSome(const LoadedRows& loaded) {
    const auto& all = stored_.documents;
    for (size_t first = 0; first < all.size(); ++first) {
      if (!LacksAny(loaded, all[first])) continue;
      size_t last = first;
      for (size_t d = first; d < all.size() && d - last <= kGap; ++d) {
        if (LacksAny(loaded, all[d])) last = d;
      }
      RETURN_IF_ERROR(ReadRange(loaded, first, last));
      first = last;
    }
    return OkStatus();
  }

  Status ReadRange(const LoadedRows& loaded, size_t first, size_t last) {
    std::vector<std::pair<size_t, size_t>> wanted;  // document and row, in order
    for (size_t d = first; d <= last; ++d) {
      const auto& document = stored_.documents[d];
      for (size_t row = document.first; row < document.first + document.rows; ++row) {
        if (Lacks(loaded, row)) wanted.emplace_back(d, row);
      }
    }
    const auto is = [&](const std::pair<size_t, size_t>& row, const Documents::ChunkPlace& place) {
      return stored_.documents[row.first].stored == place.document &&
             stored_.rows[row.second].ordinal == place.ordinal;
    };
    size_t seen = 0, taken = 0;
    RETURN_IF_ERROR(documents_.ScanChunks(
        collection_.id, stored_.documents[first].stored, stored_.documents[last].stored,
        [&](const Documents::ChunkPlace& place) -> StatusOr<bool> {
          if (seen == wanted.size() || !is(wanted[seen], place)) return false;
          ++seen;
          return true;
        },
        [&](const Documents::ChunkPlace&, const store::v1::ChunkRecord* chunk) {
          const auto [document, row] = wanted[taken++];
          return Add(loaded, document, row, chunk);
        }));
    return taken == wanted.size() ? OkStatus() : Inconsistent("a missing chunk");
  }

  // The same of all chunks in their order; each must be one that its document lists, and none may
  // be missing.
  Status Walk(const LoadedRows& loaded) {
    size_t at = 0, row = 0;  // the document that is walked through, and its next row
    std::vector<std::pair<size_t, size_t>> wanted;  // document and row, in order
    const auto complete = [&](uint64_t next) -> Status {
      for (; at < stored_.documents.size() && stored_.documents[at].stored < next; ++at) {
        const auto& document = stored_.documents[at];
        if (row != document.first + document.rows) return Inconsistent("a missing chunk");
      }
      return OkStatus();
    };
    size_t taken = 0;
    RETURN_IF_ERROR(documents_.ScanChunks(
        collection_.id, 0, UINT64_MAX,
        [&](const Documents::ChunkPlace& place) -> StatusOr<bool> {
          RETURN_IF_ERROR(complete(place.document));
          if (at == stored_.documents.size() || stored_.documents[at].stored != place.document) {
            return false;  // of a document that was erased
          }
          const auto& document = stored_.documents[at];
          if (document.rows == 0) return false;  // none of its chunks has a vector in the space
          if (row == document.first + document.rows || stored_.rows[row].ordinal != place.ordinal) {
            return Inconsistent("a document's chunks");
          }
          const bool lacks = Lacks(loaded, row);
          if (lacks) wanted.emplace_back(at, row);
          ++row;
          return lacks;
        },
        [&](const Documents::ChunkPlace&, const store::v1::ChunkRecord* chunk) {
          const auto [document, its] = wanted[taken++];
          return Add(loaded, document, its, chunk);
        }));
    return complete(UINT64_MAX);
  }

  Status Add(const LoadedRows& loaded, size_t document, size_t row,
             const store::v1::ChunkRecord* chunk) {
    if (chunk == nullptr) return Inconsistent("the key of a document's chunk");
    const std::string_view vector = VectorIn(*chunk, collection_, space_);
    const size_t dimension = builder_.index().vectors.dimension();
    if (vector.size() != dimension * sizeof(float)) return Inconsistent("a chunk's embedding");
    if (document != document_) Flush();
    document_ = document;
    Read& read = read_.emplace_back();
    read.row = row;
    if (!loaded.Has(row, LoadedRows::kVector)) {
      read.embedding.resize(dimension);
      std::memcpy(read.embedding.data(), vector.data(), vector.size());
    }
    if (LacksWords(loaded, row)) read.text = chunk->text();
    return OkStatus();
  }

  // Puts what was read of a document into the index.
  void Flush() {
    if (read_.empty()) return;
    std::vector<CollectionIndexBuilder::Row> rows;
    for (const Read& read : read_) {
      const auto& [ordinal, class_id] = stored_.rows[read.row];
      rows.push_back({ordinal, class_id, read.embedding.empty() ? nullptr : read.embedding.data(),
                      read.text ? &*read.text : nullptr});
    }
    const auto& document = stored_.documents[document_];
    builder_.AddRows(document.number, document.valid_from, document.valid_until, rows);
    read_.clear();
  }

  const Documents& documents_;
  const TenantState& state_;
  const Collection& collection_;
  const uint32_t space_;
  const bool searched_;
  CollectionIndexBuilder builder_;
  DocumentNumbersBuilder numbers_;
  StoredRows stored_;
  uint64_t in_other_ = 0;  // documents, as of Collection
  uint64_t stale_ = 0;
  std::vector<Read> read_;  // of one document
  size_t document_ = 0;     // which
};

}  // namespace

StatusOr<CollectionIndex> LoadIndex(const Documents& documents, const TenantState& state,
                                    IndexFiles* files, const Geometry* geometry,
                                    Collection* collection) {
  IndexLoad load(documents, state, *collection, collection->space);
  RETURN_IF_ERROR(load.ReadDocuments());
  RETURN_IF_ERROR(load.ReadRows(files, geometry));
  load.TellFigures(collection);
  return load.Finish();
}

StatusOr<CollectionIndex> LoadOtherIndex(const Documents& documents, const TenantState& state,
                                         IndexFiles* files, const Geometry* geometry,
                                         const Collection& collection) {
  IndexLoad load(documents, state, collection, collection.other->number);
  RETURN_IF_ERROR(load.ReadDocuments());
  RETURN_IF_ERROR(load.ReadRows(files, geometry));
  return load.Finish();
}

}  // namespace cordon
