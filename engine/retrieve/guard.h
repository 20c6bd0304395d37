// The guard: decides again, on the stored record, before a byte leaves (DESIGN §3).
//
// It trusts no candidate: the index may be stale, damaged or wrong. It reads the record at the
// View's snapshot, decides on the record's own class and validity, and computes the score from the
// stored embedding.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "cordon/store/v1/records.pb.h"
#include "cordon/v1/retrieval.pb.h"
#include "engine/columns/filter.h"
#include "engine/index/score.h"
#include "engine/lexical/bm25.h"
#include "engine/retrieve/cleared.h"
#include "engine/store/document_version.h"
#include "engine/view/view.h"

namespace cordon {

// An attribute of a document that the caller may see.
struct ClearedAttribute {
  std::string name;
  v1::AttributeValue value;
  std::optional<Label> label;  // of the attribute itself, which its value has beside the chunk's
};

// What a hybrid answer is made of. A rank is from 1; none if it was beyond the depth.
struct Parts {
  double vector_score = 0;
  double lexical_score = 0;  // 0 if the text does not match
  std::optional<uint32_t> vector_rank;
  std::optional<uint32_t> lexical_rank;
};

// A chunk that the caller may see.
struct ClearedChunk {
  std::string document;
  uint32_t ordinal;
  double score;     // by the vector, else by the text, else 0; what fusion makes of both
  uint64_t number;  // the document's, for the store
  std::string text;
  Label label;
  std::string title;
  std::string uri;
  std::string source;                        // of the document; empty if it does not say
  std::string trust;                         // the same
  DocumentVersion version = {};              // of the document; none if its writer stated none
  bool canary = false;                       // an alert, of which the caller learns nothing
  std::vector<float> embedding;              // if asked for
  std::vector<ClearedAttribute> attributes;  // if asked for, by name
  std::optional<double> lexical_score = {};  // if texts are scored and this one matches
  std::optional<Parts> parts = {};           // only of a hybrid answer
};

// What of a chunk is wanted beside what describes it.
struct Reading {
  bool text = true;
  bool embedding = false;
  bool attributes = false;
};

// The part of a document that a destination may be trained on: as it is ingested.
struct ExportedDocument {
  v1::Document document;
  std::set<Label> labels;      // of all that it holds: its chunks and attributes
  std::vector<size_t> tokens;  // of each of its texts, approximately
  bool canary = false;         // an alert, which is not exported
};

// What of a document is exported besides the texts that the subject may see.
struct ExportedParts {
  bool vectors = false;
  bool lists_and_subjects = false;  // what auditors see
};

// Whether the subject may know of an attribute: the one place that says so.
bool MayKnow(const World& world, const Subject& subject, const v1::AttributeSpec& spec);

// For one request and one thread; borrows everything.
class Guard {
 public:
  // `query` may be empty: then nothing is scored. What is not wanted is left out as soon as it is
  // read.
  Guard(const View& view, const Collection& collection, const Subject& subject,
        std::span<const float> query, Reading reading = {});

  // Scores texts as well; borrowed. What the text itself says counts, not what an index says.
  void ScoreTexts(const TextScorer& scorer) { scorer_ = &scorer; }
  // Lets only documents pass that this filter passes, which has been checked.
  void Require(const v1::Filter& filter) {
    filter_.emplace(filter, collection_.config.attributes());
  }

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

  // Gives a cleared chunk its place in an answer: `parts` if that is a hybrid one.
  static void Place(Cleared<ClearedChunk>* chunk, double score, const std::optional<Parts>& parts);

  // All chunks of a document that the subject may see, by ordinal; empty if it is hidden or absent.
  StatusOr<std::vector<Cleared<ClearedChunk>>> ClearDocument(std::string_view document);

  // For each of `ordinals`, of the chunks of their document that the subject may see, in their
  // order, up to `reach` before and after it; the same whatever stands between them that is hidden.
  // Without those at `ordinals`, and each chunk once, with the first that it is near to. Reads the
  // document's record once.
  using Surroundings = std::vector<std::vector<Cleared<ClearedChunk>>>;
  StatusOr<Surroundings> ClearAround(std::string_view document, std::span<const uint32_t> ordinals,
                                     size_t reach);

  // The part of a document that the subject may see, for a model to be trained on; nothing if it is
  // hidden or absent. Attributes that the subject may not have are left out.
  using Exported = std::optional<Cleared<ExportedDocument>>;
  StatusOr<Exported> ClearForExport(std::string_view document, const ExportedParts& parts);

  // Whether the subject may see any chunk of the document; reads no content.
  StatusOr<bool> Sees(std::string_view document);

  // How many decisions were made.
  size_t decided() const { return decisions_.size(); }

 private:
  using Record = store::v1::DocumentRecord;

  bool Permits(const Record& document, const store::v1::ChunkEntry& entry);
  std::optional<ClearedChunk> Judge(const Record& document, uint32_t ordinal);
  ClearedChunk Describe(const Record& document, const store::v1::ChunkEntry& entry) const;
  std::vector<ClearedAttribute> Attributes(const Record& document) const;
  // Adds to chunks that the subject may see what their own records hold; takes away those that were
  // erased since the View was pinned.
  Status Load(std::span<std::optional<ClearedChunk>> chunks);
  Status Fill(const store::v1::ChunkRecord& record, ClearedChunk* chunk);
  void ScoreText(const store::v1::ChunkRecord& record, ClearedChunk* chunk) const;
  // Copies what holds for the whole document.
  void DescribeForExport(const Record& record, const ExportedParts& parts,
                         ExportedDocument* out) const;
  void ExportChunk(const store::v1::ChunkEntry& entry, const store::v1::ChunkRecord& stored,
                   const ExportedParts& parts, ExportedDocument* out) const;
  StatusOr<Exported> Export(const Record& record, const ExportedParts& parts);

  const View& view_;
  const Collection& collection_;
  const Subject& subject_;
  const std::span<const float> query_;
  const Reading reading_;
  const TextScorer* scorer_ = nullptr;
  std::optional<DocumentTest> filter_;
  std::vector<float> embedding_;  // aligned, of the chunk read last
  // What Decide said, by class and validity: all else that it reads is the same for the guard's
  // life. Chunks share classes, so that a hidden document of many costs little more than one of
  // few.
  std::map<std::tuple<ClassId, Micros, Micros>, bool> decisions_;
};

}  // namespace cordon
