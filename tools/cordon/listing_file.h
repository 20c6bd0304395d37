// The lines of a source's listing: documents as for `cordon ingest`, or ids of unchanged ones.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "cordon/v1/types.pb.h"
#include "engine/base/status.h"
#include "tools/cordon/gzip.h"
#include "tools/cordon/json_reader.h"

namespace cordon {

// One line. Of a refused one only the id, as far as it can be told.
struct ListedLine {
  uint64_t line = 0;
  v1::Document document;
  bool unchanged = false;  // only its id is given
  Status refused;
};

// Not thread-safe.
class ListingFile {
 public:
  // "-" is standard input; packed files are read as well.
  static StatusOr<ListingFile> Open(const std::string& path);

  // Fills `line`; false at the end. Empty lines are passed over. An error breaks the listing off.
  StatusOr<bool> Next(ListedLine& line);

  // As of LineReader.
  double Fraction() const { return reader_.Fraction(); }

 private:
  explicit ListingFile(LineReader reader) : reader_(std::move(reader)) {}

  Status Read(ListedLine& line);

  LineReader reader_;
  std::unique_ptr<JsonParser> parser_ = std::make_unique<JsonParser>();
  Line text_;
};

}  // namespace cordon
