#include "engine/load_index.h"

#include <spdlog/spdlog.h>

#include <cstring>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "engine/store/codec.h"

namespace cordon {
namespace {

// Fewer rows than this part are read one by one, else in one walk past all.
constexpr size_t kWalkedPart = 16;

Status Inconsistent(std::string_view what) {
  spdlog::error("the store is inconsistent: {}", what);
  return Corrupt("the store is inconsistent; restore from a backup");
}

class IndexLoad {
 public:
  IndexLoad(const Documents& documents, const TenantState& state, const Collection& collection)
      : documents_(documents),
        state_(state),
        collection_(collection),
        builder_(collection.config) {}

  Status ReadDocuments() {
    return documents_.ScanAhead(
        collection_.id, [&](store::v1::DocumentRecord& record) { return AddDocument(record); });
  }

  Status ReadRows(IndexFiles* files, const Geometry* geometry) {
    LoadedRows loaded = files->Load(state_.id, collection_.id, builder_.index(), stored_, geometry);
    size_t missing = 0;
    for (size_t row = 0; row < stored_.rows.size(); ++row) missing += Lacks(loaded, row) ? 1 : 0;
    if (missing * kWalkedPart < stored_.rows.size()) {
      RETURN_IF_ERROR(ReadSome(loaded));
    } else {
      RETURN_IF_ERROR(Walk(loaded));
    }
    Flush();
    for (Segment& segment : loaded.vectors) builder_.AddSegment(std::move(segment));
    for (LexicalSegment& segment : loaded.words) builder_.AddSegment(std::move(segment));
    return OkStatus();
  }

  uint64_t documents() const { return stored_.documents.size(); }
  uint64_t rows() const { return stored_.rows.size(); }
  CollectionIndex Finish() { return builder_.Finish(); }

 private:
  // A row of the store that some file lacks, as it is read.
  struct Read {
    size_t row;
    std::vector<float> embedding;  // empty: a file has it
    std::optional<std::string> text;
  };

  static bool Lacks(const LoadedRows& loaded, size_t row) {
    return !loaded.Has(row, LoadedRows::kVector) || !loaded.Has(row, LoadedRows::kWords);
  }

  Status AddDocument(const store::v1::DocumentRecord& record) {
    ASSIGN_OR_RETURN(const Validity validity, ValidityOf(record.document()));
    const uint32_t number = builder_.AddDocument(record.document().id(), record.number(),
                                                 &record.document().attributes());
    stored_.documents.push_back({record.number(), number, validity.from, validity.until,
                                 stored_.rows.size(), static_cast<size_t>(record.chunks_size())});
    for (int i = 0; i < record.chunks_size(); ++i) {
      const auto& entry = record.chunks(i);
      if (entry.class_id() >= state_.policy.classes.classes.size()) {
        return Inconsistent("a chunk's class");
      }
      if (i > 0 && entry.ordinal() <= record.chunks(i - 1).ordinal()) {
        return Inconsistent("a document's chunks");
      }
      stored_.rows.push_back({entry.ordinal(), entry.class_id()});
    }
    return OkStatus();
  }

  // What no file has, looked up.
  Status ReadSome(const LoadedRows& loaded) {
    std::vector<Documents::ChunkPlace> places;
    std::vector<std::pair<size_t, size_t>> of;  // by place: its document and row
    for (size_t d = 0; d < stored_.documents.size(); ++d) {
      const auto& document = stored_.documents[d];
      for (size_t row = document.first; row < document.first + document.rows; ++row) {
        if (!Lacks(loaded, row)) continue;
        places.push_back({document.stored, stored_.rows[row].ordinal});
        of.emplace_back(d, row);
      }
    }
    return documents_.ReadChunks(collection_.id, places,
                                 [&](size_t i, const store::v1::ChunkRecord* chunk) {
                                   return Add(loaded, of[i].first, of[i].second, chunk);
                                 });
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
        collection_.id,
        [&](const Documents::ChunkPlace& place) -> StatusOr<bool> {
          RETURN_IF_ERROR(complete(place.document));
          if (at == stored_.documents.size() || stored_.documents[at].stored != place.document) {
            return false;  // of a document that was erased
          }
          const auto& document = stored_.documents[at];
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
    const size_t bytes = collection_.config.dimension() * sizeof(float);
    if (chunk->embedding().size() != bytes) return Inconsistent("a chunk's embedding");
    if (document != document_) Flush();
    document_ = document;
    Read& read = read_.emplace_back();
    read.row = row;
    if (!loaded.Has(row, LoadedRows::kVector)) {
      read.embedding.resize(collection_.config.dimension());
      std::memcpy(read.embedding.data(), chunk->embedding().data(), bytes);
    }
    if (!loaded.Has(row, LoadedRows::kWords)) read.text = chunk->text();
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
  CollectionIndexBuilder builder_;
  StoredRows stored_;
  std::vector<Read> read_;  // of one document
  size_t document_ = 0;     // which
};

}  // namespace

StatusOr<CollectionIndex> LoadIndex(const Documents& documents, const TenantState& state,
                                    IndexFiles* files, const Geometry* geometry,
                                    Collection* collection) {
  IndexLoad load(documents, state, *collection);
  RETURN_IF_ERROR(load.ReadDocuments());
  RETURN_IF_ERROR(load.ReadRows(files, geometry));
  collection->documents = load.documents();
  collection->chunks = load.rows();
  return load.Finish();
}

}  // namespace cordon
