// The guard: decides again, on the stored record, before a byte leaves (DESIGN §3).
//
// It trusts no candidate: the index may be stale, damaged or wrong. It reads the record at the
// View's snapshot, decides on the record's own class and validity, and computes the score from the
// stored embedding.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

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
  // Reads the records of these at once, for Clear() to find. What it read before is forgotten.
  Status Prefetch(std::span<const Wanted> wanted);

  // The chunk, if the subject may see it. Nothing if it is hidden or absent; DATA_LOSS if the
  // record is damaged.
  StatusOr<std::optional<Cleared<ClearedChunk>>> Clear(std::string_view document, uint32_t ordinal);

  // All chunks of a document that the subject may see, by ordinal; empty if it is hidden or absent.
  StatusOr<std::vector<Cleared<ClearedChunk>>> ClearDocument(std::string_view document);

  // Whether the subject may see any chunk of the document; reads no content.
  StatusOr<bool> Sees(std::string_view document);

 private:
  // The stored document, or null; remembered for the request.
  StatusOr<const store::v1::DocumentRecord*> Read(std::string_view document);
  bool Permits(const store::v1::DocumentRecord& record, const store::v1::ChunkEntry& entry) const;
  StatusOr<Cleared<ClearedChunk>> Load(const store::v1::DocumentRecord& record,
                                       const store::v1::ChunkEntry& entry);
  Status PrefetchDocuments(std::span<const Wanted> wanted);

  const View& view_;
  const Collection& collection_;
  const Subject& subject_;
  const std::span<const float> query_;
  const bool with_text_;
  std::map<std::string, std::optional<store::v1::DocumentRecord>, std::less<>> documents_;
  std::map<std::string, store::v1::ChunkRecord, std::less<>> chunks_;  // by key, not yet cleared
  std::vector<float> embedding_;                                       // aligned, of one chunk
};

}  // namespace cordon
