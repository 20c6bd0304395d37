// A history of a store whose indexes have files: runs, metadata, listings, erasures and drops,
// between them the keeping of files, and a naive model of what there is after each step.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cordon/v1/ingest.pb.h"
#include "engine/base/random.h"
#include "engine/engine.h"
#include "tests/crash/crash_scripts.h"

namespace cordon {

// Segments of as few rows have files.
inline constexpr size_t kFewRows = 4;

// What there is, by the rules written down naively.
struct FiledState {
  struct Document {
    std::string text, title, subject, source;
    std::string allow;  // everyone, or a user
  };
  std::map<std::string, Document> documents;           // of `docs`
  std::map<std::string, std::set<std::string>> texts;  // by id: of every version that was written
  std::set<std::string> erased;                        // texts that nobody can read any more
  uint64_t batch = 0, accepted = 0, refused = 0;       // of the run
  bool ended = false;
  bool other = true;  // the collection that is dropped

  // What everybody sees, a line a passage, and where the run stands.
  std::string Seen() const;
};

struct FiledStep {
  enum Kind {
    kBatch,    // of the run, one of its documents refused
    kTitle,    // UpdateMetadata under the number that the document has
    kSubject,  // UpdateMetadata that gives it another
    kListing,  // SyncSource: one is gone, one has another text, one is new
    kAccess,
    kErase,
    kDelete,
    kEndRun,
    kDropOther,
    kKeep,  // writes the files that are missing and drops those that are too many
  } kind;
  v1::IngestRequest batch = {};
  v1::UpdateMetadataRequest metadata = {};
  v1::SyncSourceRequest listing = {};
  std::string document = {};  // of kAccess, kErase, kDelete
  FiledState after = {};
};

class FiledHistory {
 public:
  // Each kind in an order that leaves much to files; or `count` at random.
  explicit FiledHistory(uint64_t seed);
  FiledHistory(uint64_t seed, size_t count);

  const std::vector<FiledStep>& steps() const { return steps_; }
  // What there is once so many steps are done.
  const FiledState& After(size_t steps) const;
  // The last batch of the run until then; null if there is none.
  const v1::IngestRequest* LastBatch(size_t steps) const;

 private:
  void Draw(FiledStep::Kind kind);
  void DrawBatch(FiledStep* step, FiledState* state);
  void DrawMetadata(FiledStep* step, FiledState* state);
  void DrawListing(FiledStep* step, FiledState* state);
  v1::Document Made(const std::string& id, const std::string& source, FiledState* state);
  std::string Some(const FiledState& state);

  Random random_;
  uint64_t version_ = 0;
  const FiledState begin_;
  std::vector<FiledStep> steps_;
};

// A store with the collections `docs`, which is empty, and `other`, which is not.
Status SetUpFiled(const DataPaths& paths);
StatusOr<std::unique_ptr<Engine>> OpenFiled(const DataPaths& paths, size_t rows_min = kFewRows,
                                            Durability reads = Durability::kBuffered);

Status Do(Engine* engine, const FiledStep& step);
StatusOr<v1::IngestResponse> SendBatch(Engine* engine, const v1::IngestRequest& batch);

// What an engine tells.
struct FiledAnswers {
  std::string seen;    // as FiledState has it
  std::string scored;  // all answers, scores to the bit, by vector and by text
};
StatusOr<FiledAnswers> AskFiled(Engine* engine);

// Does the steps; each that is done is a line in `expected`. After a mishap that is a failure it
// ends with the first change that failed. Returns what went wrong.
std::string FiledScript(const CrashPaths& paths, uint64_t seed);

}  // namespace cordon
