// The guard: decides again, on the stored record, before a byte leaves (DESIGN §3).
//
// It trusts no candidate: the index may be stale, damaged or wrong. It reads the record at the
// View's snapshot, decides on the record's own class and validity, and computes the score from the
// stored embedding.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cordon/store/v1/records.pb.h"
#include "engine/index/score.h"
#include "engine/retrieve/cleared.h"
#include "engine/view/view.h"

namespace cordon {

// A chunk that the caller may see.
struct ClearedChunk {
  std::string document;
  uint32_t ordinal;
  double score;  // 0 if no query was given
  std::string text;
  Label label;
  std::string title;
  std::string uri;
};

// The part of a document that a destination may be trained on: as it is ingested.
struct ExportedDocument {
  v1::Document document;
  std::vector<Label> labels;  // of all that it holds: its chunks and attributes
  size_t tokens = 0;          // of its texts, approximately
};

// What of a document is exported besides the texts that the subject may see.
struct ExportedParts {
  bool vectors = false;
  bool lists_and_subjects = false;  // what auditors see
};

// For one request and one thread; borrows everything.
class Guard {
 public:
  // `query` may be empty: then nothing is scored. Without `with_text` the chunks' texts are left
  // out as soon as they are read.
  Guard(const View& view, const Collection& collection, const Subject& subject,
        std::span<const float> query, bool with_text = true);

  // A chunk that is about to be cleared.
  struct Wanted {
    std::string_view document;
    uint32_t ordinal;
  };
  using Passed = std::optional<Cleared<ClearedChunk>>;
  // For each, the chunk if the subject may see it; nothing if it is hidden or absent. DATA_LOSS if
  // a record is damaged. Reads all documents at once, then all chunks that may be seen.
  StatusOr<std::vector<Passed>> Clear(std::span<const Wanted> wanted);

  // All chunks of a document that the subject may see, by ordinal; empty if it is hidden or absent.
  StatusOr<std::vector<Cleared<ClearedChunk>>> ClearDocument(std::string_view document);

  // The part of a document that the subject may see, for a model to be trained on; nothing if it is
  // hidden or absent. Attributes that the subject may not have are left out.
  StatusOr<std::optional<Cleared<ExportedDocument>>> ClearForExport(std::string_view document,
                                                                    const ExportedParts& parts);

  // Whether the subject may see any chunk of the document; reads no content.
  StatusOr<bool> Sees(std::string_view document);

 private:
  // Reads a document into document_; false if there is none.
  StatusOr<bool> Read(std::string_view document);
  // These judge by document_.
  bool Permits(const store::v1::ChunkEntry& entry) const;
  std::optional<ClearedChunk> Judge(uint32_t ordinal) const;
  ClearedChunk Describe(const store::v1::ChunkEntry& entry) const;
  // Copies what holds for the whole document, by document_.
  void DescribeForExport(const ExportedParts& parts, ExportedDocument* out) const;
  void ExportChunk(const store::v1::ChunkEntry& entry, const store::v1::ChunkRecord& stored,
                   const ExportedParts& parts, ExportedDocument* out) const;
  // Adds to chunks that the subject may see what their own records hold.
  Status Load(std::span<ClearedChunk* const> permitted);
  Status Fill(std::string_view payload, ClearedChunk* chunk);

  const View& view_;
  const Collection& collection_;
  const Subject& subject_;
  const std::span<const float> query_;
  const bool with_text_;
  // The record read last; the next one is parsed into the memory of the one before.
  store::v1::DocumentRecord document_;
  store::v1::ChunkRecord chunk_;
  std::vector<float> embedding_;  // aligned, of chunk_
};

}  // namespace cordon
