// Files of the index, beside the store: what a start would else have to make from all documents.
//
//   DIR/TENANT-COLLECTION-NUMBER.vectors    the rows of one segment of vectors
//   DIR/TENANT-COLLECTION-NUMBER.words      those of a lexical one
//
// They are derived, and any subset of them will do. The stored documents say which rows count, and
// of which class they are; a file only says what a row's vector or words are, which never changes.
// A file is sealed with a key of its own (crypto/file_keys.h), which goes before a file of which a
// row was erased. docs/decisions/index-files.md says why it is so.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/crypto/key_store.h"
#include "engine/index/segment_file.h"
#include "engine/lexical/segment_file.h"
#include "engine/store/sealed_file.h"
#include "engine/view/collection_index.h"

namespace cordon {

// Smaller segments are merged soon, and are read anew in a moment.
inline constexpr size_t kFiledRowsMin = 2048;

// Which file it is.
struct IndexFileName {
  enum class Kind : uint8_t { kVectors, kWords };

  uint32_t tenant;
  uint32_t collection;
  uint64_t number;  // of its key
  Kind kind;

  std::string text() const;
  // Nothing if it is not the name of one.
  static std::optional<IndexFileName> Parse(std::string_view text);
};

// The files of `dir`, by name, without what a crash has left of others.
std::vector<IndexFileName> ListIndexFiles(const std::filesystem::path& dir);

// Everything that a file says, opened. NOT_FOUND if its key is gone, DATA_LOSS if it is damaged.
StatusOr<std::string> ReadIndexFile(const std::filesystem::path& dir, const IndexFileName& name,
                                    const FileKeys& keys);

// What the store says of a collection's rows.
struct StoredRows {
  struct Document {
    uint64_t stored;  // its number in the store
    uint32_t number;  // in the index
    Micros valid_from;
    Micros valid_until;
    size_t first;  // of its rows
    size_t rows;
  };
  struct Row {
    uint32_t ordinal;
    ClassId class_id;
  };
  std::vector<Document> documents;  // by stored number
  std::vector<Row> rows;            // by document, and by ordinal
};

// What files had of them.
struct LoadedRows {
  enum Part : uint8_t { kVector = 1, kWords = 2 };

  explicit LoadedRows(size_t rows) : parts(rows) {}
  bool Has(size_t row, Part part) const { return (parts[row] & part) != 0; }

  std::vector<std::atomic<uint8_t>> parts;  // by row
  std::vector<Segment> vectors;
  std::vector<LexicalSegment> words;
};

class FileRows;

// Thread-safe.
class IndexFiles {
 public:
  // Takes stock of `dir`, which may not be there yet. `keys` outlives it. Only tests choose another
  // `rows_min`.
  IndexFiles(std::filesystem::path dir, KeyStore* keys, size_t rows_min = kFiledRowsMin);

  // Reads the files of a collection, on all processors. Files that are of no use any more go.
  // `index` has the documents; `geometry` may be null.
  LoadedRows Load(uint32_t tenant, uint32_t collection, const CollectionIndex& index,
                  const StoredRows& stored, const Geometry* geometry);
  // Files of collections that were not loaded go: there are none such.
  void DropOthers();

  // How many rows files had at the start, of vectors and of words together.
  uint64_t rows_loaded() const { return rows_loaded_; }

  // Whether Keep() has anything to do. Fast.
  bool Stale(uint32_t tenant, uint32_t collection, const CollectionIndex& index) const;
  // Writes what the files lack of an index, then takes away what they have too much. Not all of it
  // if `stop` said true. After an error the old files are as they were.
  Status Keep(uint32_t tenant, uint32_t collection, const CollectionIndex& index,
              const std::function<bool()>& stop);

  // Returns once no file of this tenant opens any more that has rows of these versions of
  // documents. The keys of the documents must be destroyed before.
  Status Erase(uint32_t tenant, std::span<const uint64_t> numbers);
  // Whether a file that opens has rows of one of them, or may have: one that was of no use and
  // could not be dropped.
  bool Hold(uint32_t tenant, std::span<const uint64_t> numbers) const;
  // The collection is gone.
  void Forget(uint32_t tenant, uint32_t collection);

 private:
  using Kind = IndexFileName::Kind;
  struct File {
    IndexFileName name;
    std::weak_ptr<const void> rows;   // of the segment that it is of; none until it is written
    uint64_t geometry = 0;            // print of that of its lists; 0: none
    size_t count = 0;                 // of rows in it
    std::vector<uint64_t> documents;  // sorted
    bool used = false;                // loaded or made since the start; else nobody knows its rows
    bool MayHave(std::span<const uint64_t> numbers) const;
  };
  // What is to be done for one segment.
  struct Task {
    Kind kind;
    size_t segment;
  };
  struct Plan {
    std::vector<Task> write;
    std::vector<uint64_t> drop;
  };

  Plan PlanOf(uint32_t tenant, uint32_t collection, const CollectionIndex& index) const;
  Status WriteVectorsOf(IndexFileName name, size_t s, const CollectionIndex& index);
  Status WriteWordsOf(IndexFileName name, const LexicalSegment& segment,
                      const CollectionIndex& index);
  // Registers and writes one.
  Status WriteOne(File file, const std::function<Status(ByteSink*)>& write);
  bool LoadOne(const IndexFileName& name, FileRows* rows);
  // Their keys, then the files. Requires mutex_.
  Status DropLocked(std::span<const uint64_t> numbers);
  void Drop(std::span<const uint64_t> numbers);
  // A document of a file, dead or alive, was erased.
  bool AnyErased(uint32_t tenant, std::span<const uint64_t> documents) const;

  const std::filesystem::path dir_;
  KeyStore* const keys_;
  const size_t rows_min_;
  std::atomic<uint64_t> rows_loaded_ = 0;
  mutable std::mutex mutex_;
  std::map<uint64_t, File> files_;                     // guarded by mutex_; by number
  std::set<std::pair<uint32_t, uint32_t>> forgotten_;  // guarded by mutex_: collections
};

}  // namespace cordon
