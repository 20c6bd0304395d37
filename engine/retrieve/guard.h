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
  double score;     // 0 if no query was given
  uint64_t number;  // the document's, for the store
  std::string text;
  Label label;
  std::string title;
  std::string uri;
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
  // For each, the chunk if the subject may see it; nothing if it is hidden, absent or erased.
  // DATA_LOSS if a record is damaged. Reads all documents at once, then all chunks that may be
  // seen.
  StatusOr<std::vector<Passed>> Clear(std::span<const Wanted> wanted);

  // All chunks of a document that the subject may see, by ordinal; empty if it is hidden or absent.
  StatusOr<std::vector<Cleared<ClearedChunk>>> ClearDocument(std::string_view document);

  // Whether the subject may see any chunk of the document; reads no content.
  StatusOr<bool> Sees(std::string_view document);

 private:
  using Record = store::v1::DocumentRecord;

  bool Permits(const Record& document, const store::v1::ChunkEntry& entry) const;
  std::optional<ClearedChunk> Judge(const Record& document, uint32_t ordinal) const;
  ClearedChunk Describe(const Record& document, const store::v1::ChunkEntry& entry) const;
  // Adds to chunks that the subject may see what their own records hold; takes away those that were
  // erased since the View was pinned.
  Status Load(std::span<std::optional<ClearedChunk>> chunks);
  Status Fill(const store::v1::ChunkRecord& record, ClearedChunk* chunk);

  const View& view_;
  const Collection& collection_;
  const Subject& subject_;
  const std::span<const float> query_;
  const bool with_text_;
  std::vector<float> embedding_;  // aligned, of the chunk read last
};

}  // namespace cordon
