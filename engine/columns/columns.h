// The attributes of documents, in columns: what filters are worked out from.
//
// A column holds the values of one declared attribute, by the documents' numbers
// (engine/index/document_numbers.h), 64 documents in a block. A document need not carry an
// attribute: it then has none of its values, which is no value of its own.
#pragma once

#include <google/protobuf/map.h>
#include <google/protobuf/repeated_ptr_field.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cordon/v1/types.pb.h"
#include "engine/base/persistent_map.h"

namespace cordon {

using Attributes = google::protobuf::Map<std::string, v1::AttributeValue>;
using AttributeSpecs = google::protobuf::RepeatedPtrField<v1::AttributeSpec>;

// The values of one attribute of 64 documents.
struct ColumnBlock {
  uint64_t carried = 0;              // bit i: document i has a value
  std::vector<int64_t> whole;        // of integers, truth values, and times in microseconds
  std::vector<double> real;          // of floats
  std::vector<std::string> strings;  // of strings
};

struct Column {
  std::string name;
  v1::AttributeType type;
  PersistentMap<ColumnBlock> blocks;  // by number / 64
};

// An immutable value once it is copied: versions share blocks. One writer changes its own copy;
// const calls are thread-safe.
class Columns {
 public:
  Columns() = default;
  explicit Columns(const AttributeSpecs& specs);

  // The document's attributes from now on. They must be of the declared types, and times such as
  // MicrosOf() takes; others than declared ones are passed over.
  void Set(uint32_t number, const Attributes& attributes);
  void Clear(uint32_t number);

  // Null if there is no such attribute.
  const Column* Find(std::string_view name) const;

 private:
  std::vector<Column> columns_;
};

}  // namespace cordon
