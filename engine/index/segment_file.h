// A segment's rows as a file: what they hold that a start would else have to read and open one by
// one. docs/storage-format.md has the format; whoever stores the bytes seals them.
//
// Rows are named by the stored number of their document's version and their ordinal: what such a
// name stands for never changes. Whether it still counts, of which document it is, and of which
// class, a file does not say with any effect: the stored documents do.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "engine/base/byte_stream.h"
#include "engine/index/float_rows.h"
#include "engine/index/geometry.h"
#include "engine/index/segment.h"
#include "engine/index/vector_index.h"

namespace cordon {

// A row as a file names it.
struct FiledRow {
  uint32_t document;  // its place among the file's documents
  uint32_t ordinal;
  uint32_t class_id;  // when the file was written
};

// What a file holds of a segment.
struct FiledVectors {
  uint64_t geometry = 0;            // the print of that which `pairs` are of; 0: there are none
  std::vector<uint64_t> documents;  // stored numbers
  std::vector<FiledRow> rows;       // in the order of the segment
  std::vector<ListPair> pairs;      // by row, each below `lists`; or empty
  std::vector<uint8_t> codes;       // CodeBlocks::Take(): by row, one for each of its lists
  uint32_t lists = 0;               // of the geometry
  FloatRows floats;                 // by row
  std::vector<double> norms;        // of them
  CodeRows quantised;               // of them
  std::vector<CodeScale> scales;    // of `quantised`
};

// The stored number of a document's newest version, by its number in the index; nothing if it is
// not known.
using StoredNumber = std::function<std::optional<uint64_t>(uint32_t number)>;

// What a file of this segment would name: its live rows. Nothing if a document's stored number is
// not known.
std::optional<FiledVectors> NameVectors(const Segment& segment, const StoredNumber& stored);

// Writes the live rows of segment s, as named. Their lists and codes come along if they are of the
// geometry that the index has.
Status WriteVectors(const VectorIndex& index, size_t s, const FiledVectors& named, ByteSink* sink);

// DATA_LOSS for anything but what WriteVectors() made for this dimension, whatever the bytes.
StatusOr<FiledVectors> ReadVectors(size_t dimension, ByteSource* source);

// The rows for which `sources` has something, which is what they are from now on; their embeddings,
// norms, codes and lists are not looked at. Lists and codes that are of `geometry`, which may be
// null, come along. Ends `filed`. Nothing if no row is left, or if they do not lie in the order of
// a segment.
std::optional<Segment> SegmentOf(size_t dimension, FiledVectors filed,
                                 std::span<const std::optional<RowSource>> sources,
                                 const Geometry* geometry);

}  // namespace cordon
