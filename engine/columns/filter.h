// Filters on attributes: from the words of a request to a row bitmap.
//
// Two-valued logic: a document that does not carry an attribute fails every test of it but `exists:
// false`, and `not` turns any answer round. So {"not":{"attr":"year","eq":2020}} admits documents
// without a year.
#pragma once

#include <functional>
#include <memory>

#include "cordon/v1/retrieval.pb.h"
#include "engine/base/status.h"
#include "engine/columns/columns.h"
#include "engine/index/document_filter.h"

namespace cordon {

// Whether the caller may know of an attribute.
using SeesAttribute = std::function<bool(const v1::AttributeSpec&)>;

// A filter that has been checked. Immutable; thread-safe. Borrows the columns.
class Predicate {
 public:
  virtual ~Predicate() = default;
  // Bit i: whether document 64 · w + i passes.
  virtual uint64_t Word(uint32_t w) const = 0;
};

// INVALID_ARGUMENT, with the path below the filter as it is written in JSON: an attribute that is
// not among `specs`, or that the caller may not see, in the same words; a value of another type; a
// test that its type does not have; more than limits allow. `columns` are of these specs.
StatusOr<std::unique_ptr<Predicate>> CheckFilter(const v1::Filter& filter,
                                                 const AttributeSpecs& specs,
                                                 const Columns& columns, const SeesAttribute& sees);

// The documents of a version that pass; borrows the predicate.
class ColumnFilter : public DocumentFilter {
 public:
  ColumnFilter(const Predicate& predicate, size_t bound)
      : DocumentFilter(bound), predicate_(predicate) {}

 private:
  uint64_t Word(uint32_t w) const override { return predicate_.Word(w); }
  const Predicate& predicate_;
};

// Tests documents by their own attributes, whatever an index says. For one thread.
class DocumentTest {
 public:
  // The filter has been checked with `specs`; one that has not, and is wrong, lets nothing pass.
  DocumentTest(const v1::Filter& filter, const AttributeSpecs& specs);

  bool Passes(const Attributes& attributes);

 private:
  std::unique_ptr<Columns> columns_;  // of the document at hand alone; the predicate borrows them
  std::unique_ptr<Predicate> predicate_;
};

}  // namespace cordon
