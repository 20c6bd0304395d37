// A lexical segment as a file: postings that a start would else have to make from all texts.
// docs/storage-format.md has the format; whoever stores the bytes seals them. As with vectors
// (index/segment_file.h), rows are named by what never changes, and the stored documents say which
// of them still count.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/base/byte_stream.h"
#include "engine/index/segment_file.h"
#include "engine/lexical/segment.h"

namespace cordon {

// What a file of this segment names: all its rows. Nothing if a document's stored number is not
// known. Requires that no row is dead.
struct NamedWords {
  std::vector<uint64_t> documents;
  std::vector<FiledRow> rows;
};
std::optional<NamedWords> NameWords(const LexicalRows& rows, const StoredNumber& stored);

Status WriteWords(Language language, const LexicalRows& rows, const NamedWords& named,
                  ByteSink* sink);

// What a row is from now on; its words are the file's. Words of a dead row stay in memory until
// segments are merged: an erasure finds them by the document's number.
struct KeptWords {
  uint32_t document;  // its number in the index
  Micros valid_from;
  Micros valid_until;
  bool dead = false;
};

// A file that was read.
class FiledWords {
 public:
  FiledWords(std::shared_ptr<LexicalRows> rows, NamedWords named)
      : rows_(std::move(rows)), named_(std::move(named)) {}

  const NamedWords& named() const { return named_; }

  // The segment; rows without `kept` are dead, and of no document. Ends the file. Nothing if no row
  // is alive.
  std::optional<LexicalSegment> Take(std::span<const std::optional<KeptWords>> kept);

 private:
  std::shared_ptr<LexicalRows> rows_;
  NamedWords named_;
};

// DATA_LOSS for anything but what WriteWords() made for this language, by terms as they are today,
// whatever the bytes.
StatusOr<FiledWords> ReadWords(Language language, ByteSource* source);

}  // namespace cordon
