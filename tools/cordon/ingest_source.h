// Where documents come from: the lines of a file, or the files of a directory.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cordon/v1/types.pb.h"
#include "engine/base/status.h"
#include "tools/cordon/batch_stream.h"
#include "tools/cordon/gzip.h"
#include "tools/cordon/walk.h"

namespace cordon {

// One line or file.
struct SourceItem {
  Origin origin;
  v1::Document document;  // of a refused one only the id, as far as it can be told
  Status refused;         // not OK if it cannot be sent
};

// Documents one after the other. Not thread-safe.
class DocumentSource {
 public:
  virtual ~DocumentSource() = default;

  // Fills `item`; false at the end. An error breaks the run off: nothing more can be read.
  virtual StatusOr<bool> Next(SourceItem& item) = 0;

  // How much of the whole has been read, 0 to 1; 0 if the whole is not known.
  virtual double Fraction() const = 0;

  // From now on gives each line's text, and its vector, with its origin.
  virtual void KeepLines() {}

  // From now on calls `wait` before it reads what may be long in coming.
  virtual void WaitWith(WaitForInput /*wait*/) {}
};

// The lines of `path`, plain or packed; "-" is standard input. Empty lines are passed over.
StatusOr<std::unique_ptr<DocumentSource>> OpenLines(const std::string& path);

// The same lines, and to each the row of `vectors_path` (vector_file.h) that has its place among
// the lines that are not empty, as the embedding of its one chunk or of its text, which is not cut
// then. INVALID_ARGUMENT for "vectors", from here if both can be counted beforehand, else from
// Next(), if there are more of one than of the other.
StatusOr<std::unique_ptr<DocumentSource>> OpenLinesWithVectors(const std::string& path,
                                                               const std::string& vectors_path);

// The same documents with nothing but their ids and their chunks' ordinals, texts and embeddings:
// what another model made of what is stored.
std::unique_ptr<DocumentSource> VectorsOf(std::unique_ptr<DocumentSource> documents);

// The files below `directory`, in bytewise order of their paths, under the rules of `rules_path`. A
// document's id is its path in the directory; a file that no rule matches is refused. What is left
// out is added to `skipped`.
StatusOr<std::unique_ptr<DocumentSource>> OpenDirectory(const std::string& directory,
                                                        const std::string& rules_path,
                                                        std::vector<SkippedFile>* skipped);

}  // namespace cordon
