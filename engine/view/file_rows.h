// Rows of index files among those of the store. Internal to view/.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "engine/base/byte_stream.h"
#include "engine/view/index_files.h"

namespace cordon {

// The numbers in order, each once.
std::vector<uint64_t> SortedOnce(std::vector<uint64_t> numbers);

// Takes what counts from the files of one collection. Thread-safe.
class FileRows {
 public:
  // True if one of these versions of documents was erased.
  using AnyErased = std::function<bool(std::span<const uint64_t> documents)>;

  // Everything is borrowed; `geometry` may be null.
  FileRows(const CollectionIndex& index, const StoredRows& stored, const Geometry* geometry,
           AnyErased any_erased, LoadedRows* loaded);

  // What is known of a file from now on.
  struct Facts {
    std::shared_ptr<const void> rows;  // of the segment that it became
    uint64_t geometry = 0;
    size_t count = 0;
    std::vector<uint64_t> documents;  // sorted
  };
  // Nothing if the file is of no use any more: no row of it counts, or one was erased. DATA_LOSS if
  // it is damaged.
  StatusOr<std::optional<Facts>> TakeVectors(ByteSource* source);
  StatusOr<std::optional<Facts>> TakeWords(ByteSource* source);

 private:
  // What the store says of a row of a file.
  struct Match {
    const StoredRows::Document* document = nullptr;  // null: the version is no document's newest
    bool counts = false;                             // or a dead row
    size_t row = 0;                                  // of those of the store, if it counts
  };
  // By row of the file. Nothing if one of the documents was erased.
  std::optional<std::vector<Match>> Claim(std::span<const uint64_t> documents,
                                          std::span<const FiledRow> rows, LoadedRows::Part part);
  const StoredRows::Document* Find(uint64_t stored) const;
  Match Find(const StoredRows::Document* document, const FiledRow& row) const;

  // So that a document is found by a look, and not by a search among a million.
  void AddPlaces();

  const CollectionIndex& index_;
  const StoredRows& stored_;
  uint64_t first_ = 0;  // of the stored numbers
  int shift_ = 0;
  // Where documents begin in stored_.documents whose (number - first_) >> shift_ is at least the
  // place here: about one for each.
  std::vector<uint32_t> places_;
  const Geometry* const geometry_;
  const AnyErased any_erased_;
  LoadedRows& loaded_;
  std::mutex mutex_;  // of loaded_'s segments
};

}  // namespace cordon
